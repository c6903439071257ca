//! TLS, by rustls with ring.

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::failure::{Failure, Kind};
use crate::config::{Endpoint, Pem, TlsConfig};
use crate::error::OtlpError;

pub(super) type TlsStream = tokio_rustls::client::TlsStream<TcpStream>;

/// How connections to one server are secured.
pub(super) struct Tls {
    connector: TlsConnector,
    server: ServerName<'static>,
}

impl Tls {
    /// Reads certificates and keys.
    pub(super) fn new(endpoint: &Endpoint, config: &TlsConfig) -> Result<Self, OtlpError> {
        let server = ServerName::try_from(endpoint.host.clone())
            .map_err(|_| OtlpError::config(format!("the host of {endpoint} can have no certificate")))?;
        // Not the process' default provider: whether there is one is the program's affair.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| OtlpError::tls(format!("TLS cannot be set up: {error}")))?
            .with_root_certificates(roots(endpoint, config)?);
        let mut client = match identity(config)? {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| {
                OtlpError::tls(format!(
                    "the client's certificate and key cannot be used: {error}; make sure that they belong together"
                ))
            })?,
        };
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls { connector: TlsConnector::from(Arc::new(client)), server })
    }

    pub(super) async fn secure(&self, stream: TcpStream) -> Result<TlsStream, Failure> {
        self.connector.connect(self.server.clone(), stream).await.map_err(|error| {
            // What TLS itself objects to does not go away by trying again; a connection that ended may.
            let kind = match error.kind() {
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Kind::Tls,
                _ => Kind::Connect,
            };
            Failure::new(kind, format!("no secure connection ({error})"))
        })
    }
}

/// What the server's certificate is checked against.
fn roots(endpoint: &Endpoint, config: &TlsConfig) -> Result<RootCertStore, OtlpError> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = &config.certificate {
        for certificate in certificates(pem)? {
            roots.add(certificate).map_err(|error| {
                OtlpError::tls(format!("a certificate in {pem} cannot be used to trust a server: {error}"))
            })?;
        }
        return Ok(roots);
    }
    #[cfg(feature = "tls-webpki-roots")]
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    #[cfg(feature = "tls-native-roots")]
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(OtlpError::tls(format!(
            "{endpoint} is https, but no certificates to trust were found on this system: set \
             OTEL_EXPORTER_OTLP_CERTIFICATE to a file of them, install the system's, or build with the feature \
             tls-webpki-roots"
        )));
    }
    Ok(roots)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(config: &TlsConfig) -> Result<Option<Identity>, OtlpError> {
    match (&config.client_certificate, &config.client_key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => {
            let read = read(key)?;
            let key = PrivateKeyDer::from_pem_slice(&read)
                .map_err(|error| OtlpError::tls(format!("{key} holds no private key in PEM ({error})")))?;
            Ok(Some((certificates(certificate)?, key)))
        }
        (certificate, _) => {
            let (there, missing) =
                if certificate.is_some() { ("certificate", "key") } else { ("key", "certificate") };
            Err(OtlpError::tls(format!("the client has a {there} but no {missing}: set both, or neither")))
        }
    }
}

fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, OtlpError> {
    let wrong = |what: String| OtlpError::tls(format!("{pem} {what}: a certificate in PEM is needed"));
    let read = read(pem)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&read)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(format!("cannot be read ({error})")))?;
    if found.is_empty() { Err(wrong("holds none".to_owned())) } else { Ok(found) }
}

fn read(pem: &Pem) -> Result<Vec<u8>, OtlpError> {
    match pem {
        Pem::Text(text) => Ok(text.clone()),
        Pem::File(path) => std::fs::read(path).map_err(|error| {
            OtlpError::tls(format!(
                "the file {} cannot be read: {error}; check its path and rights",
                path.display()
            ))
        }),
    }
}
