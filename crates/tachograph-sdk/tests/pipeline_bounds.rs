//! What is held is bounded, in items and in bytes, and what does not fit is counted.
//!
//! One test, so that nothing else allocates meanwhile.

#![allow(clippy::unwrap_used, reason = "the parts of a test are tests")]

#[path = "support/allocator.rs"]
mod allocator;
#[path = "support/exporters.rs"]
mod exporters;

use allocator::live_bytes;
use exporters::{Gate, batched, ledger, noting, record, soon, unscheduled};
use tachograph_sdk::ValueRef;
use tachograph_sdk::pipeline::reason;
use tachograph_sdk::trace::{LiveSpan, SpanStart, TracerProvider};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Records spans that carry so many bytes of text each.
fn record_large(provider: &TracerProvider, spans: usize, bytes: usize) {
    let tracer = provider.tracer("test");
    let text = "x".repeat(bytes);
    let mut live = LiveSpan::new();
    for _ in 0..spans {
        tracer.start_span(&mut live, SpanStart::new("large"));
        live.set_attribute("text", ValueRef::Str(&text));
        tracer.end_span(&mut live, None);
    }
}

#[test]
fn memory_stays_within_its_bounds_while_the_exporter_hangs_and_what_does_not_fit_is_counted() {
    a_queue_holds_its_items();
    a_hanging_exporter_costs_no_more_than_the_bound();
    spans_larger_than_a_buffer_are_exported_within_the_bound();
    buffers_are_let_go_when_they_are_not_needed();
}

fn a_queue_holds_its_items() {
    let gate = Gate::default();
    let config = unscheduled().with_max_queue_size(100).with_max_export_batch_size(10);
    let provider = batched(gate.exporter(), config);
    // A quarter of the queue wakes the worker, which hangs with the first ten. Then a hundred wait in the queue, and ten
    // in this thread's buffer.
    record(&provider, 31);
    gate.wait_for_exporter();
    record(&provider, 10_000);
    let account = provider.account();
    assert_eq!(ledger(&account).queued, 120, "{account}");
    assert_eq!(ledger(&account).dropped.of(reason::QUEUE_FULL), 10_031 - 120);
    gate.open();
    let account = provider.shutdown(soon());
    assert_eq!(ledger(&account).exported, 120, "{account}");
}

fn a_hanging_exporter_costs_no_more_than_the_bound() {
    let gate = Gate::default();
    let bound = 4 * MIB;
    let config = unscheduled().with_max_queue_size(1_000_000).with_max_bytes(bound);
    let before = live_bytes();
    let provider = batched(gate.exporter(), config);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| record_large(&provider, 20_000, 100));
        }
    });
    let held = live_bytes().saturating_sub(before);
    assert!(held < bound + 256 * KIB, "{held} bytes, where {bound} are allowed");
    let state = &provider.states()[0];
    assert!(
        state.buffer_bytes <= bound as u64 && state.buffer_bytes > (bound - 64 * KIB) as u64,
        "{state:?}"
    );
    let account = provider.account();
    assert!(ledger(&account).dropped.of(reason::QUEUE_FULL) > 50_000, "{account}");
    gate.open();
    let account = provider.shutdown(soon());
    assert_eq!((ledger(&account).created, ledger(&account).queued), (80_000, 0));
}

fn spans_larger_than_a_buffer_are_exported_within_the_bound() {
    let (sizes, exporter) = noting();
    let provider = batched(exporter, unscheduled().with_max_bytes(2 * MIB));
    record(&provider, 1);
    record_large(&provider, 4, 200 * KIB);
    record(&provider, 1);
    provider.flush(soon()).unwrap();
    assert_eq!(sizes.lock().unwrap().iter().sum::<usize>(), 6);
    record_large(&provider, 30, 200 * KIB);
    let account = provider.shutdown(soon());
    assert!(ledger(&account).exported >= 10, "{account}");
    assert!(provider.states()[0].buffer_bytes <= 2 * MIB as u64);
}

fn buffers_are_let_go_when_they_are_not_needed() {
    let (_, exporter) = noting();
    let provider = batched(exporter, unscheduled().with_max_queue_size(100_000));
    record(&provider, 50_000);
    let busy = provider.states()[0].buffer_bytes;
    for _ in 0..30 {
        provider.flush(soon()).unwrap();
    }
    let idle = provider.states()[0].buffer_bytes;
    assert!(idle <= 64 * KIB as u64 && busy > 10 * idle, "{busy} bytes, and {idle} later");
}
