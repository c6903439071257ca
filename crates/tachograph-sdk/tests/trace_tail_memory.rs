//! What tail sampling holds is bounded in memory.
//!
//! One test, so that nothing else allocates meanwhile.

#[path = "support/allocator.rs"]
mod allocator;
#[path = "support/exporters.rs"]
mod exporters;

use allocator::live_bytes;
use exporters::bare;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use tachograph_sdk::ValueRef;
use tachograph_sdk::trace::{LiveSpan, Parent, SpanStart, TailSampling};

const MAX_BYTES: usize = 4 << 20;

#[test]
fn held_traces_take_no_more_memory_than_they_may() {
    let provider = bare().with_tail_sampling(TailSampling::new(0.0).with_max_bytes(MAX_BYTES)).build();
    let tracer = provider.tracer("test");
    let text = "x".repeat(8_000);
    let before = live_bytes();
    let mut most = 0;
    for trace in 1..=200_u128 {
        let remote = SpanContext::new(
            TraceId::from(trace),
            SpanId::from(6),
            TraceFlags::SAMPLED,
            true,
            TraceState::NONE,
        );
        // It is never ended, and keeps its trace from being over.
        let mut root = LiveSpan::new();
        let parent = Parent::from(&remote);
        tracer.start_span(&mut root, SpanStart::new("root").with_parent(parent));
        // Five records in a buffer that has grown for eight.
        let mut child = LiveSpan::new();
        for _ in 0..5 {
            tracer.start_span(&mut child, SpanStart::new("child").with_parent(root.as_parent()));
            child.set_attribute("text", ValueRef::Str(&text));
            tracer.end_span(&mut child, None);
        }
        drop((root, child));
        most = most.max(live_bytes().saturating_sub(before));
    }
    let held = provider.account().tail.map_or(0, |tail| tail.held_bytes);
    assert!(held > MAX_BYTES as u64 / 2 && held <= MAX_BYTES as u64, "{held}");
    let allowed = MAX_BYTES + (256 << 10);
    assert!(most <= allowed, "{most} bytes, where {allowed} are allowed");
}
