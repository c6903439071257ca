use tachograph_sdk::diag;

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
    pub(crate) fn send(self) {
        diag::report(self.kind, &self.subject, self.message);
    }
}
