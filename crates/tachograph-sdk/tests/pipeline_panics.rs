//! A `tracing` subscriber that panics whenever it hears of the SDK.
//!
//! A file of its own: the subscriber is the process's.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "support/exporters.rs"]
mod exporters;
mod support;

use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use exporters::{ledger, record, soon, whose_second_export_panics};
use tachograph_sdk::diag;
use tachograph_sdk::pipeline::{Deadline, reason};

static HEARD: AtomicUsize = AtomicUsize::new(0);

/// Has every report panic where it is told, on every thread.
fn panicking_subscriber() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        let subscriber = support::Keep(Box::new(|report| {
            HEARD.fetch_add(1, Ordering::Relaxed);
            panic!("this test's own, of {}", report.kind);
        }));
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

#[test]
fn a_subscriber_that_panics_does_not_take_down_who_reports() {
    panicking_subscriber();
    let before = HEARD.load(Ordering::Relaxed);
    diag::report("test.panics", "one", "a problem");
    diag::inform("test.informs", "no problem");
    assert!(HEARD.load(Ordering::Relaxed) >= before + 2);
}

#[test]
fn an_exporter_that_panics_under_a_subscriber_that_panics_costs_its_batch_and_nothing_hangs() {
    panicking_subscriber();
    for simple in [false, true] {
        let provider = whose_second_export_panics(simple);
        for _ in 0..4 {
            record(&provider, 1);
            provider.flush(Deadline::after(std::time::Duration::from_secs(10))).unwrap();
        }
        let account = provider.shutdown(soon());
        let ledger = ledger(&account);
        assert_eq!((ledger.created, ledger.exported, ledger.queued), (4, 3, 0), "{account}");
        assert_eq!(ledger.dropped.of(reason::EXPORTER_PANICKED), 1, "{account}");
    }
}
