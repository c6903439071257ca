//! In steady state a span allocates nothing on the threads that start and end it.

#[path = "support/allocator.rs"]
mod allocator;
#[path = "support/exporters.rs"]
mod exporters;

use allocator::allocations;
use exporters::{batched, noting, soon, unscheduled};
use opentelemetry::Context;
use opentelemetry::trace::{SpanBuilder, SpanKind, Tracer as _};
use tachograph_sdk::ValueRef;
use tachograph_sdk::trace::{
    AlwaysOff, LiveSpan, SpanStart, SpanStatus, TraceIdRatio, Tracer, TracerProvider,
};

fn provider() -> TracerProvider {
    let (_, exporter) = noting();
    batched(exporter, unscheduled().with_max_queue_size(100_000))
}

fn full_span(tracer: &Tracer, root: &mut LiveSpan, child: &mut LiveSpan) {
    let pairs = [("http.request.method", ValueRef::Str("GET")), ("status", ValueRef::I64(200))];
    tracer.start_span(root, SpanStart::new("root").with_kind(&SpanKind::Server).with_attributes(&pairs));
    tracer.start_span(child, SpanStart::new("child").with_parent(root.as_parent()));
    child.set_attribute(
        "a text that is longer than a short one is",
        "and so is this value, by some characters",
    );
    child.set_attribute("a text that is longer than a short one is", "replaced");
    child.set_name("renamed");
    child.set_status(SpanStatus::Error("bad"));
    let now = tracer.event_time(child);
    child.add_event("event", now).set_attribute("k", 1_i64);
    child.add_link(root.as_parent()).set_attribute("k", true);
    tracer.end_span(child, None);
    tracer.end_span(root, None);
}

/// Runs it often enough that all buffers there will be are there, and then counts; twice, for one flush may
/// need more buffers than the one before.
fn in_steady_state(provider: &TracerProvider, mut run: impl FnMut()) -> usize {
    for _ in 0..3 {
        (0..5_000).for_each(|_| run());
        assert!(provider.flush(soon()).is_ok());
    }
    allocations(|| (0..1_000).for_each(|_| run()))
}

#[test]
fn the_engines_own_spans_allocate_nothing() {
    let provider = provider();
    let tracer = provider.tracer("test");
    let (mut root, mut child) = (LiveSpan::new(), LiveSpan::new());
    assert_eq!(in_steady_state(&provider, || full_span(&tracer, &mut root, &mut child)), 0);
}

#[test]
fn spans_of_the_api_allocate_nothing_but_what_the_caller_makes() {
    let provider = provider();
    let tracer = provider.tracer("test");
    let context = Context::new();
    assert_eq!(in_steady_state(&provider, || drop(tracer.start_with_context("span", &context))), 0);
}

#[test]
fn what_is_not_sampled_allocates_nothing() {
    let (_, exporter) = noting();
    let provider = batched(exporter, unscheduled());
    let tracer = provider.tracer("test");
    let context = Context::new();
    let mut live = LiveSpan::new();
    provider.set_sampler(AlwaysOff);
    for _ in 0..2 {
        let through_api = || drop(tracer.build_with_context(SpanBuilder::from_name("span"), &context));
        assert_eq!(in_steady_state(&provider, through_api), 0);
        let direct = || {
            assert!(!tracer.start_span(&mut live, SpanStart::new("span")));
            live.set_attribute("k", "v");
            tracer.end_span(&mut live, None);
        };
        assert_eq!(in_steady_state(&provider, direct), 0);
        provider.set_sampler(TraceIdRatio::new(0.0));
    }
}
