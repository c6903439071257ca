//! Exporters are others' code: what they throw stays here.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::batch::Batch;
use super::deadline::Deadline;
use super::exporter::{ExportOutcome, Exporter};
use super::ledger::reason;
use super::record::Record;
use crate::diag;

/// Exports a batch. A panic counts as a failure of all of it.
pub(super) fn export<R: Record>(
    exporter: &mut dyn Exporter<R>,
    batch: Batch<'_, R>,
    deadline: Deadline,
) -> ExportOutcome {
    catch_unwind(AssertUnwindSafe(|| exporter.export(batch, deadline))).unwrap_or_else(|panic| {
        report::<R>("export", panic);
        ExportOutcome::failed(reason::EXPORTER_PANICKED)
    })
}

/// Does something else with an exporter.
pub(super) fn call<R: Record>(what: &str, call: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
        report::<R>(what, panic);
    }
}

fn report<R: Record>(what: &str, panic: Box<dyn Any + Send>) {
    diag::report(
        "exporter.panic",
        R::NAME,
        format_args!(
            "the {} exporter panicked in {what}: {}; a batch it had then counts as dropped, and the next is exported \
             as usual",
            R::NAME,
            diag::text_of_panic(&*panic)
        ),
    );
    diag::let_go(panic);
}
