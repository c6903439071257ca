use std::fmt;
use std::io;

use crate::environment::Problem;

/// Why a `Telemetry` could not be built.
///
/// Only what was asked for expressly fails: a port named in code, or any problem of the environment
/// where the builder is strict. Everything else is reported, and the default is used.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Environment(Vec<Problem>),
    Port { asked: String, source: io::Error },
}

impl Error {
    pub(crate) fn environment(problems: Vec<Problem>) -> Self {
        Error { kind: Kind::Environment(problems) }
    }

    #[cfg_attr(
        not(feature = "prometheus"),
        expect(dead_code, reason = "without the feature no port is opened")
    )]
    pub(crate) fn port(asked: String, source: io::Error) -> Self {
        Error { kind: Kind::Port { asked, source } }
    }

    /// Whether variables of the environment are wrong, and the builder is strict.
    pub fn is_environment(&self) -> bool {
        matches!(self.kind, Kind::Environment(_))
    }

    /// Whether the port for Prometheus could not be opened, for whatever reason.
    pub fn is_port(&self) -> bool {
        matches!(self.kind, Kind::Port { .. })
    }

    /// Whether the port for Prometheus could not be opened because something listens there already.
    pub fn is_address_in_use(&self) -> bool {
        matches!(&self.kind, Kind::Port { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Environment(problems) => {
                f.write_str("the environment is not as it should be: ")?;
                for (number, problem) in problems.iter().enumerate() {
                    let separator = if number == 0 { "" } else { "; " };
                    write!(f, "{separator}{problem}")?;
                }
                Ok(())
            }
            Kind::Port { asked, source } => {
                write!(f, "no port for Prometheus at {asked}: {source}; ")?;
                match source.kind() {
                    io::ErrorKind::AddrInUse => {
                        f.write_str("stop what listens there, or choose another port")
                    }
                    io::ErrorKind::PermissionDenied => f.write_str("choose a port above 1023"),
                    _ => f.write_str("name an address of this host, or 0.0.0.0 for all of them"),
                }
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Environment(_) => None,
            Kind::Port { source, .. } => Some(source),
        }
    }
}
