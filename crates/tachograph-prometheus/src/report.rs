use tachograph_sdk::diag;
use tachograph_sdk::metrics::Metric;

/// Something the user should know of, to be said once no lock is held.
#[derive(Debug)]
pub(crate) struct Report {
    /// What kind of report it is: `prometheus.` and a word.
    pub(crate) kind: &'static str,
    /// The metric or family that it is about.
    pub(crate) subject: String,
    pub(crate) message: String,
}

impl Report {
    /// Of one of the engine's metrics.
    pub(crate) fn of(metric: &Metric<'_>, kind: &'static str, what: &str) -> Self {
        let (name, scope) = (metric.name(), metric.scope().name());
        Report {
            kind,
            subject: name.to_owned(),
            message: format!("metric {name:?} of scope {scope:?} {what}"),
        }
    }

    pub(crate) fn send(self) {
        diag::report(self.kind, &self.subject, self.message);
    }
}
