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

/// How many reasons an outcome tells apart.
const REASONS: usize = 6;

/// What became of a batch: how many of its records were not exported, and why.
///
/// A reason is a word of few: it becomes the `error.type` of `otel.sdk.exporter.span.exported`, and the
/// reason in the account. What exactly went wrong is the exporter's to report ([`crate::diag::report`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "records that are not exported are to be counted"]
pub struct ExportOutcome {
    /// Each reason once, with so many records; those of none are behind the others.
    rejected: [(usize, &'static str); REASONS],
}

impl ExportOutcome {
    /// Every record was exported.
    pub const fn done() -> Self {
        Self::rejected(0, "")
    }

    /// Some records were refused by whoever they were sent to, and the others exported. More than the
    /// batch has count as all of it.
    pub const fn rejected(records: usize, reason: &'static str) -> Self {
        let mut rejected = [(0, ""); REASONS];
        rejected[0] = (records, reason);
        ExportOutcome { rejected }
    }

    /// No record was exported.
    pub const fn failed(reason: &'static str) -> Self {
        Self::rejected(usize::MAX, reason)
    }

    /// This one, and that of other records of the same batch: for exporters that send a batch in several requests. Beyond six
    /// reasons, records count by the last of these.
    pub fn and(mut self, other: ExportOutcome) -> Self {
        for (records, reason) in other.rejected.into_iter().filter(|(records, _)| *records > 0) {
            let place = |(known, of): &(usize, &str)| *known == 0 || *of == reason;
            let index = self.rejected.iter().position(place).unwrap_or(REASONS - 1);
            if let Some((known, of)) = self.rejected.get_mut(index) {
                if *known == 0 {
                    *of = reason;
                }
                *known = known.saturating_add(records);
            }
        }
        self
    }

    /// How many of a batch of `len` records were not exported.
    pub fn rejected_of(&self, len: usize) -> usize {
        self.reasons_of(len).map(|(_, records)| records).sum()
    }

    /// Why records of a batch of `len` were not exported, each reason once, and how many for it. The outcome of a whole batch is
    /// believed no further than that has records.
    pub fn reasons_of(&self, len: usize) -> impl Iterator<Item = (&'static str, usize)> + use<> {
        let mut left = len;
        self.rejected.into_iter().filter_map(move |(records, reason)| {
            let records = records.min(left);
            left -= records;
            (records > 0).then_some((reason, records))
        })
    }

    /// Whether every record was exported.
    pub fn is_done(&self) -> bool {
        self.rejected.iter().all(|(records, _)| *records == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_add_up_by_reason_within_the_batch() {
        let outcome = ExportOutcome::done()
            .and(ExportOutcome::rejected(3, "a"))
            .and(ExportOutcome::rejected(0, "none"))
            .and(ExportOutcome::rejected(2, "b").and(ExportOutcome::rejected(1, "a")));
        let reasons = |outcome: &ExportOutcome, len| outcome.reasons_of(len).collect::<Vec<_>>();
        assert_eq!(reasons(&outcome, 10), [("a", 4), ("b", 2)]);
        assert_eq!(reasons(&outcome, 5), [("a", 4), ("b", 1)]);
        assert_eq!((outcome.rejected_of(10), outcome.is_done()), (6, false));
        let all = outcome.and(ExportOutcome::failed("b"));
        assert_eq!((reasons(&all, 10), all.rejected_of(10)), (vec![("a", 4), ("b", 6)], 10));
        let many = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|reason| ExportOutcome::rejected(1, reason));
        let many = many.into_iter().fold(ExportOutcome::done(), ExportOutcome::and);
        assert_eq!((many.reasons_of(10).last(), many.rejected_of(10)), (Some(("f", 3)), 8));
        assert!(ExportOutcome::done().and(ExportOutcome::done()).is_done());
    }
}
