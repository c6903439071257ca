use std::error;
use std::fmt;

use crate::environment::Problem;

/// Why a `Telemetry` could not be built.
///
/// Only what was asked for expressly fails: a port or OTLP as it was configured in code, or any problem of the environment
/// where the builder is strict. Everything else is reported, and the default is used.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Environment(Vec<Problem>),
    #[cfg(feature = "otlp")]
    Otlp(tachograph_otlp::OtlpError),
    Port {
        in_use: bool,
        source: Box<dyn error::Error + Send + Sync>,
    },
}

impl Error {
    pub(crate) fn environment(problems: Vec<Problem>) -> Self {
        Error { kind: Kind::Environment(problems) }
    }

    #[cfg_attr(
        not(feature = "prometheus"),
        expect(dead_code, reason = "without the feature no port is opened")
    )]
    pub(crate) fn port(in_use: bool, source: impl error::Error + Send + Sync + 'static) -> Self {
        Error { kind: Kind::Port { in_use, source: Box::new(source) } }
    }

    #[cfg(feature = "otlp")]
    pub(crate) fn otlp(source: tachograph_otlp::OtlpError) -> Self {
        Error { kind: Kind::Otlp(source) }
    }

    /// Whether OTLP cannot be used as it was configured.
    #[cfg(feature = "otlp")]
    pub fn is_otlp(&self) -> bool {
        matches!(self.kind, Kind::Otlp(_))
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
        matches!(self.kind, Kind::Port { in_use: true, .. })
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
            #[cfg(feature = "otlp")]
            Kind::Otlp(source) => source.fmt(f),
            // It says all there is to say.
            Kind::Port { source, .. } => source.fmt(f),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.kind {
            Kind::Environment(_) => None,
            #[cfg(feature = "otlp")]
            Kind::Otlp(source) => source.source(),
            Kind::Port { source, .. } => source.source(),
        }
    }
}
