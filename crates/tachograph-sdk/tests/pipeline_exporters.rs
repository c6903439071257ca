//! Exporters that fail, panic, and make telemetry themselves.

#[path = "support/exporters.rs"]
mod exporters;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use exporters::{By, bare, batched, ledger, noting, record, soon, unscheduled, whose_second_export_panics};
use opentelemetry::trace::{Span as _, Tracer as _, get_active_span};
use tachograph_sdk::pipeline::{
    Batch, Deadline, ExportOutcome, Exporter, ShutdownNotice, is_suppressed, reason,
};
use tachograph_sdk::testing::InMemorySpanExporter;
use tachograph_sdk::trace::{Spans, TracerProvider};

#[test]
fn what_an_exporter_rejects_is_counted_by_its_reason_and_never_more_than_the_batch() {
    let mut outcomes = [
        ExportOutcome::done(),
        ExportOutcome::rejected(3, "invalid"),
        ExportOutcome::rejected(1_000, "invalid"),
        ExportOutcome::failed("unreachable"),
        ExportOutcome::failed(""),
    ]
    .into_iter();
    let exporter = By(move |_: Batch<'_, Spans>, _| outcomes.next().unwrap_or(ExportOutcome::done()));
    let provider = batched(exporter, unscheduled());
    for _ in 0..5 {
        record(&provider, 10);
        provider.flush(soon()).unwrap();
    }
    let account = provider.shutdown(soon());
    let ledger = ledger(&account);
    assert_eq!((ledger.created, ledger.exported, ledger.queued), (50, 17, 0));
    let dropped: Vec<_> = ledger.dropped.iter().collect();
    assert_eq!(dropped, [("invalid", 13), ("unreachable", 10), (reason::UNKNOWN, 10)]);
    assert_eq!(
        ledger.to_string(),
        "50 created, 17 exported, 33 dropped (13 invalid, 10 unreachable, 10 unknown), 0 queued"
    );
}

#[test]
fn an_exporter_that_panics_loses_that_batch_and_no_other() {
    for simple in [false, true] {
        let provider = whose_second_export_panics(simple);
        for _ in 0..3 {
            record(&provider, 1);
            provider.flush(soon()).unwrap();
        }
        let account = provider.shutdown(soon());
        assert_eq!(ledger(&account).exported, 2);
        assert_eq!(ledger(&account).dropped.of(reason::EXPORTER_PANICKED), 1);
    }
}

#[test]
fn an_exporter_may_panic_in_flush_shutdown_and_drop() {
    struct Panics;
    impl Exporter<Spans> for Panics {
        fn export(&mut self, _: Batch<'_, Spans>, _: Deadline) -> ExportOutcome {
            ExportOutcome::done()
        }
        fn flush(&mut self, _: Deadline) {
            panic!("this test's own, in flush");
        }
        fn shutdown(&mut self, _: Deadline) {
            panic!("this test's own, in shutdown");
        }
    }
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("this test's own, in drop");
        }
    }
    for provider in [bare().with_simple_exporter(Panics).build(), batched(Panics, unscheduled())] {
        record(&provider, 1);
        provider.flush(soon()).unwrap();
        assert_eq!(ledger(&provider.shutdown(soon())).exported, 1);
    }
}

#[test]
fn what_an_exporter_does_is_not_traced() {
    for simple in [false, true] {
        let slot = Arc::new(OnceLock::<TracerProvider>::new());
        let exporter = {
            let slot = Arc::clone(&slot);
            By(move |_: Batch<'_, Spans>, _| {
                assert!(is_suppressed());
                let mut span = slot.get().unwrap().tracer("exporter").start("POST");
                assert!(!span.is_recording() && !span.span_context().is_valid());
                span.end();
                ExportOutcome::done()
            })
        };
        let provider = match simple {
            true => bare().with_simple_exporter(exporter).build(),
            false => batched(exporter, unscheduled()),
        };
        slot.set(provider.clone()).unwrap();
        record(&provider, 1);
        provider.flush(soon()).unwrap();
        assert!(!is_suppressed());
        let account = provider.shutdown(soon());
        assert_eq!((account.started, ledger(&account).exported), (1, 1), "{account}");
    }
}

#[test]
fn a_span_that_a_simple_exporter_ends_while_it_exports_is_dropped_and_counted() {
    let held = Arc::new(Mutex::new(None));
    let exporter = {
        let held = Arc::clone(&held);
        By(move |_: Batch<'_, Spans>, _| {
            drop(held.lock().unwrap().take());
            ExportOutcome::done()
        })
    };
    let provider = bare().with_simple_exporter(exporter).build();
    *held.lock().unwrap() = Some(provider.tracer("test").start("started before"));
    record(&provider, 1);
    let account = provider.shutdown(soon());
    assert_eq!((ledger(&account).exported, ledger(&account).dropped.of(reason::REENTRANT)), (1, 1));
}

#[test]
fn a_span_may_end_while_the_api_holds_the_context_borrowed() {
    let exporter = InMemorySpanExporter::new();
    let provider = bare()
        .with_simple_exporter(exporter.clone())
        .with_batch_exporter(exporter.clone(), unscheduled())
        .build();
    provider.tracer("test").in_span("span", |_| get_active_span(|span| span.end()));
    provider.shutdown(soon());
    assert_eq!(exporter.spans().len(), 2);
}

#[test]
fn every_processor_gets_every_span() {
    let (sizes, counting) = noting();
    let (first, second) = (InMemorySpanExporter::new(), InMemorySpanExporter::new());
    let provider = bare()
        .with_simple_exporter(first.clone())
        .with_batch_exporter(second.clone(), unscheduled())
        .with_batch_exporter(counting, unscheduled())
        .build();
    record(&provider, 7);
    let account = provider.shutdown(soon());
    assert_eq!(account.exports.len(), 3);
    assert!(account.exports.iter().all(|(_, ledger)| ledger.exported == 7), "{account}");
    assert_eq!(first.spans(), second.spans());
    assert_eq!(*sizes.lock().unwrap(), [7]);
}

/// Waits in each export until it is told that the end has begun, or for long.
struct Waits {
    begun: Sender<()>,
    told: Receiver<()>,
    notice: Sender<()>,
}

impl Exporter<Spans> for Waits {
    fn export(&mut self, _: Batch<'_, Spans>, _: Deadline) -> ExportOutcome {
        let _ = self.begun.send(());
        match self.told.recv_timeout(Duration::from_secs(20)) {
            Ok(()) => ExportOutcome::done(),
            Err(_) => ExportOutcome::failed("not told"),
        }
    }

    fn shutdown_notice(&self) -> Option<ShutdownNotice> {
        let notice = self.notice.clone();
        Some(Box::new(move || {
            let _ = notice.send(());
            panic!("a test's panic");
        }))
    }
}

#[test]
fn an_exporter_that_waits_is_told_of_the_shutdown_while_it_exports() {
    for simple in [false, true] {
        let ((begin, begun), (notice, told)) = (channel(), channel());
        // Through a box as well.
        let exporter: Box<dyn Exporter<Spans>> = Box::new(Waits { begun: begin, told, notice });
        let provider = match simple {
            true => bare().with_simple_exporter(exporter).build(),
            false => batched(exporter, unscheduled()),
        };
        let exporting = std::thread::spawn({
            let provider = provider.clone();
            move || {
                record(&provider, 1);
                let _ = provider.flush(soon());
            }
        });
        begun.recv_timeout(Duration::from_secs(20)).unwrap();
        let account = provider.shutdown(soon());
        exporting.join().unwrap();
        assert_eq!(ledger(&account).exported, 1, "{account}");
    }
}
