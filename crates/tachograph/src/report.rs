use std::fmt;

use tachograph_sdk::metrics::MetricsAccount;
use tachograph_sdk::trace::TraceAccount;

/// The account that a [`Telemetry`](crate::Telemetry) gives at its shutdown: what was recorded, what was
/// refused, what was exported and dropped, and how often the page was read.
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
    /// What became of the spans: those that started, and for each exporter how many of those that ended it took, and
    /// how many were dropped and why.
    pub traces: TraceAccount,
    /// How many times `/metrics` was answered, by whichever way it can be reached.
    pub scrapes: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { service, disabled, metrics, traces, scrapes } = self;
        if *disabled {
            return write!(f, "{service}: nothing was recorded, because OTEL_SDK_DISABLED is true");
        }
        let times = if *scrapes == 1 { "time" } else { "times" };
        write!(f, "{service}: {metrics}; /metrics was read {scrapes} {times}; {traces}")
    }
}
