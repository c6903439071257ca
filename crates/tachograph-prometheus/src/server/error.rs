use std::fmt;
use std::io;

/// Why a [`Server`](crate::Server) could not be opened. Its text names the address that was asked for,
/// what is wrong with it, and what to do.
#[derive(Debug)]
pub struct ServerError {
    asked: String,
    source: io::Error,
    is_of_credentials: bool,
}

impl ServerError {
    pub(super) fn new(asked: String, source: io::Error) -> Self {
        ServerError { asked, source, is_of_credentials: false }
    }

    pub(super) fn of_credentials(asked: String, source: io::Error) -> Self {
        ServerError { asked, source, is_of_credentials: true }
    }

    /// Whether something listens at that address already.
    pub fn is_address_in_use(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrInUse
    }

    /// Whether the credentials that clients should have are none, or such as no client can send. Nothing was
    /// opened.
    pub fn is_invalid_credentials(&self) -> bool {
        self.is_of_credentials
    }

    /// Whether the process may not listen there: on many systems, at ports below 1024.
    pub fn is_permission_denied(&self) -> bool {
        self.source.kind() == io::ErrorKind::PermissionDenied
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no port for Prometheus at {}: {}; ", self.asked, self.source)?;
        f.write_str(if self.is_invalid_credentials() {
            "set a token or a password that clients can send"
        } else if self.is_address_in_use() {
            "stop what listens there, or choose another port"
        } else if self.is_permission_denied() {
            "choose a port above 1023"
        } else {
            "name an address of this host, or 0.0.0.0 for all of them"
        })
    }
}

impl std::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
