use std::fmt;
use std::path::PathBuf;

/// What a certificate or a key is read from.
#[derive(Clone, PartialEq)]
pub(crate) enum Pem {
    /// Read when the exporter is made.
    File(PathBuf),
    Text(Vec<u8>),
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pem::File(path) => path.fmt(f),
            Pem::Text(_) => f.write_str("(PEM)"),
        }
    }
}

impl fmt::Display for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pem::File(path) => write!(f, "the file {}", path.display()),
            Pem::Text(_) => f.write_str("the PEM that was given"),
        }
    }
}

/// Certificates and keys of an https endpoint, in PEM. Files are read when the exporter is made.
///
/// Without a certificate, the server's must be one that the system or Mozilla trusts, depending on which of the
/// crate's features are on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TlsConfig {
    pub(crate) certificate: Option<Pem>,
    pub(crate) client_key: Option<Pem>,
    pub(crate) client_certificate: Option<Pem>,
}

impl TlsConfig {
    /// Nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    /// A file of certificates, of which one must have signed the server's. No others are trusted then.
    #[must_use]
    pub fn with_certificate_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.certificate = Some(Pem::File(path.into()));
        self
    }

    /// As [`with_certificate_file`](Self::with_certificate_file), with the content.
    #[must_use]
    pub fn with_certificate_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificate = Some(Pem::Text(pem.into()));
        self
    }

    /// Files of the certificate, with those in between, and the private key that this client shows itself with.
    #[must_use]
    pub fn with_client_identity_files(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.client_certificate = Some(Pem::File(certificate.into()));
        self.client_key = Some(Pem::File(key.into()));
        self
    }

    /// As [`with_client_identity_files`](Self::with_client_identity_files), with the contents.
    #[must_use]
    pub fn with_client_identity_pem(
        mut self,
        certificate: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.client_certificate = Some(Pem::Text(certificate.into()));
        self.client_key = Some(Pem::Text(key.into()));
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
