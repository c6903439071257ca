use std::fmt;
use std::io;

/// Why a [`Server`](crate::Server) could not be opened. Its text names the address that was asked for,
/// what is wrong with it, and what to do.
#[derive(Debug)]
pub struct ServerError {
    asked: String,
    source: io::Error,
}

impl ServerError {
    pub(super) fn new(asked: String, source: io::Error) -> Self {
        ServerError { asked, source }
    }

    /// Whether something listens at that address already.
    pub fn is_address_in_use(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrInUse
    }

    /// Whether the process may not listen there: on many systems, at ports below 1024.
    pub fn is_permission_denied(&self) -> bool {
        self.source.kind() == io::ErrorKind::PermissionDenied
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no port for Prometheus at {}: {}; ", self.asked, self.source)?;
        f.write_str(if self.is_address_in_use() {
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
