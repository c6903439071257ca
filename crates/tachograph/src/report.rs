use std::fmt;

use tachograph_sdk::metrics::MetricsAccount;

/// The account that a [`Telemetry`](crate::Telemetry) gives at its shutdown: what was recorded, what was
/// refused, and how often it was read.
///
/// Its `Display` is one line for a log or a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The service's name.
    pub service: String,
    /// Whether `OTEL_SDK_DISABLED` was set, and so nothing was recorded.
    pub disabled: bool,
    /// What the instruments recorded and refused.
    pub metrics: MetricsAccount,
    /// How many times `/metrics` was answered, by whichever way it can be reached.
    pub scrapes: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { service, disabled, metrics, scrapes } = self;
        if *disabled {
            return write!(f, "{service}: nothing was recorded, because OTEL_SDK_DISABLED is true");
        }
        let times = if *scrapes == 1 { "time" } else { "times" };
        write!(f, "{service}: {metrics}; /metrics was read {scrapes} {times}")
    }
}
