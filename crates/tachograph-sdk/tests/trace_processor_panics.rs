//! Processors of the user's own that panic.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "support/exporters.rs"]
mod exporters;
mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};

use exporters::{bare, soon};
use opentelemetry::Context;
use opentelemetry::trace::Tracer as _;
use support::reports_of;
use tachograph_sdk::pipeline::{Deadline, FlushError, PipelineState};
use tachograph_sdk::testing::InMemorySpanExporter;
use tachograph_sdk::trace::{FinishedSpan, LiveSpan, SpanProcessor, TailSampling, TracerProvider};

/// Panics wherever it is called. Of each test its own, for a report is made once.
#[derive(Debug)]
struct Panics<const TEST: u8>;

impl<const TEST: u8> SpanProcessor for Panics<TEST> {
    fn on_start(&self, _: &mut LiveSpan, _: Option<&Context>) {
        panic!("this test's own, in on_start");
    }

    fn on_end(&self, _: &FinishedSpan<'_>) {
        panic!("this test's own, in on_end");
    }

    fn flush(&self, _: Deadline) -> Result<(), FlushError> {
        panic!("this test's own, in flush");
    }

    fn shutdown(&self, _: Deadline) {
        panic!("this test's own, in shutdown");
    }

    fn states(&self) -> Vec<PipelineState> {
        panic!("this test's own, in states");
    }
}

/// With a processor that panics before an exporter.
fn providers<const TEST: u8>() -> [(InMemorySpanExporter, TracerProvider); 2] {
    [false, true].map(|tail| {
        let exporter = InMemorySpanExporter::new();
        let builder = bare().with_processor(Panics::<TEST>).with_simple_exporter(exporter.clone());
        let builder = if tail { builder.with_tail_sampling(TailSampling::new(1.0)) } else { builder };
        (exporter, builder.build())
    })
}

#[test]
fn a_processor_that_panics_is_reported_and_harms_nobody_else() {
    let reports = reports_of(|| {
        for (exporter, provider) in providers::<1>() {
            drop(provider.tracer("test").start("span"));
            assert_eq!(exporter.spans().len(), 1);
            assert!(provider.flush(soon()).unwrap_err().is_panic());
            let account = provider.shutdown(soon());
            assert_eq!((account.ended, account.exports.len()), (1, 1), "{account}");
        }
    });
    assert_eq!(reports.first().map(|report| report.kind.as_str()), Some("processor.panic"), "{reports:?}");
    assert!(reports[0].message.contains("Panics<1> panicked in on_start: this test's own"), "{reports:?}");
}

#[test]
fn a_processor_may_panic_while_the_thread_that_ends_the_span_unwinds() {
    for (exporter, provider) in providers::<2>() {
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _span = provider.tracer("test").start("unfinished");
            panic!("this test's own, of the application");
        }));
        assert!(unwound.is_err());
        assert_eq!(exporter.spans().len(), 1);
    }
}
