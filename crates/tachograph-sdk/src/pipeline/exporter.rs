use super::batch::Batch;
use super::deadline::Deadline;
use super::operations::ExportOperations;
use super::record::Record;

/// Tells an exporter that its pipeline's shutdown has begun.
pub type ShutdownNotice = Box<dyn Fn() + Send + Sync>;

/// Sends records somewhere. Anyone can implement it.
///
/// # Contract
///
/// A pipeline calls its exporter from one thread at a time: the batch pipeline from a thread of its
/// own that runs no async runtime, the simple processor from whichever thread ends a record. An
/// exporter that needs a runtime owns one. While it is called, telemetry is suppressed on that thread
/// ([`is_suppressed`](super::is_suppressed)); an exporter that works on other threads enters a suppressed context there.
///
/// A panic is contained: the batch counts as dropped, the panic is reported, and the next batch is
/// exported as usual.
pub trait Exporter<R: Record>: Send + 'static {
    /// Sends a batch, and returns when it is sent, refused or given up; not later than the deadline if
    /// it can help it. Retries are the exporter's, within the deadline. Nothing is retried afterwards: what the
    /// outcome does not count as exported is dropped, and counted by its reason.
    fn export(&mut self, batch: Batch<'_, R>, deadline: Deadline) -> ExportOutcome;

    /// Sends what the exporter itself still holds. Most hold nothing.
    fn flush(&mut self, deadline: Deadline) {
        let _ = deadline;
    }

    /// The last call.
    fn shutdown(&mut self, deadline: Deadline) {
        let _ = deadline;
    }

    /// The kind of component, as in `otel.component.type`: `otlp_http_span_exporter`.
    fn component_type(&self) -> &'static str {
        "exporter"
    }

    /// What the pipeline calls when its shutdown begins, on the thread that asks for that, perhaps while
    /// [`export`](Self::export) runs on another one: for exporters that wait, which may then wait for less. It must not block, and
    /// may be called again. Most need none.
    fn shutdown_notice(&self) -> Option<ShutdownNotice> {
        None
    }

    /// Where it records how long its operations take, so that it can be observed. Most record nothing.
    fn operations(&self) -> Option<ExportOperations> {
        None
    }
}

impl<R: Record, E: Exporter<R> + ?Sized> Exporter<R> for Box<E> {
    fn export(&mut self, batch: Batch<'_, R>, deadline: Deadline) -> ExportOutcome {
        (**self).export(batch, deadline)
    }

    fn flush(&mut self, deadline: Deadline) {
        (**self).flush(deadline);
    }

    fn shutdown(&mut self, deadline: Deadline) {
        (**self).shutdown(deadline);
    }

    fn component_type(&self) -> &'static str {
        (**self).component_type()
    }

    fn shutdown_notice(&self) -> Option<ShutdownNotice> {
        (**self).shutdown_notice()
    }

    fn operations(&self) -> Option<ExportOperations> {
        (**self).operations()
    }
}

/// What became of a batch: how many of its records were not exported, and why.
///
/// The reason is a word of few: it becomes the `error.type` of `otel.sdk.exporter.span.exported`, and the
/// reason in the account. What exactly went wrong is the exporter's to report ([`crate::diag::report`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "records that are not exported are to be counted"]
pub struct ExportOutcome {
    rejected: usize,
    reason: &'static str,
}

impl ExportOutcome {
    /// Every record was exported.
    pub const fn done() -> Self {
        ExportOutcome { rejected: 0, reason: "" }
    }

    /// Some records were refused by whoever they were sent to, and the others exported. More than the
    /// batch has count as all of it.
    pub const fn rejected(records: usize, reason: &'static str) -> Self {
        ExportOutcome { rejected: records, reason }
    }

    /// No record was exported.
    pub const fn failed(reason: &'static str) -> Self {
        ExportOutcome { rejected: usize::MAX, reason }
    }

    /// How many of a batch of `len` records were not exported.
    pub fn rejected_of(&self, len: usize) -> usize {
        self.rejected.min(len)
    }

    /// Why; empty where everything was exported.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// Whether every record was exported.
    pub fn is_done(&self) -> bool {
        self.rejected == 0
    }
}
