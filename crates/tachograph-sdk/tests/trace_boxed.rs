//! Through the API's boxes and contexts, which forward only some methods, nothing is lost and nothing mistimed.

#[path = "support/exporters.rs"]
mod exporters;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exporters::{bare, ledger, soon};
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use tachograph_sdk::testing::{InMemorySpanExporter, SpanSnapshot, StatusSnapshot};

/// The span that `change` made, through a tracer that the API has boxed.
fn boxed(change: impl FnOnce(&BoxedTracer)) -> SpanSnapshot {
    let exporter = InMemorySpanExporter::new();
    let provider = bare().with_simple_exporter(exporter.clone()).build();
    change(&BoxedTracer::new(Box::new(provider.tracer("test"))));
    assert_eq!(ledger(&provider.shutdown(soon())).exported, 1);
    exporter.spans().remove(0)
}

fn linked() -> SpanContext {
    SpanContext::new(TraceId::from(1), SpanId::from(2), TraceFlags::SAMPLED, false, TraceState::NONE)
}

fn check(span: &SpanSnapshot, before: SystemTime) {
    assert_eq!(span.name, "renamed");
    let expected = [KeyValue::new("a", 1), KeyValue::new("b", 2), KeyValue::new("c", 3)];
    assert_eq!(span.attributes, expected);
    assert_eq!(span.status, StatusSnapshot::Error("bad".to_owned()));
    let names: Vec<_> = span.events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["event", "exception", "long ago"]);
    assert_eq!(span.events[1].attributes, [KeyValue::new("exception.message", "out of paper")]);
    assert_eq!(span.events[2].unix_nanos, 5_000_000_000);
    assert_eq!(span.links[0].span_id, SpanId::from(2));
    let nanos = |time: SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let (before, after) = (nanos(before) - 1_000_000, nanos(SystemTime::now()) + 1_000_000);
    let times = [
        before,
        span.start_unix_nanos,
        span.events[0].unix_nanos,
        span.events[1].unix_nanos,
        span.end_unix_nanos,
        after,
    ];
    assert!(times.is_sorted(), "{times:?}");
    assert!(span.end_unix_nanos - span.start_unix_nanos >= 5_000_000, "it took five milliseconds");
}

#[test]
fn a_boxed_span_keeps_everything() {
    let before = SystemTime::now();
    let span = boxed(|tracer| {
        let mut span = tracer.start("span");
        assert!(span.is_recording());
        span.set_attribute(KeyValue::new("a", 0));
        span.set_attributes([KeyValue::new("a", 1), KeyValue::new("b", 2), KeyValue::new("c", 3)]);
        span.add_event("event", vec![]);
        span.record_error(&std::io::Error::other("out of paper"));
        span.add_event_with_timestamp("long ago", UNIX_EPOCH + Duration::from_secs(5), vec![]);
        span.add_link(linked(), vec![]);
        span.set_status(Status::error("bad"));
        span.update_name("renamed");
        std::thread::sleep(Duration::from_millis(5));
        span.end();
        assert!(!span.is_recording());
        std::thread::sleep(Duration::from_millis(5));
        span.end();
    });
    check(&span, before);
}

#[test]
fn a_span_in_a_context_keeps_everything() {
    let before = SystemTime::now();
    let span = boxed(|tracer| {
        let context = Context::current_with_span(tracer.start("span"));
        let span = context.span();
        assert!(span.is_recording());
        span.set_attributes([KeyValue::new("a", 1), KeyValue::new("b", 2), KeyValue::new("c", 3)]);
        span.add_event("event", vec![]);
        span.record_error(&std::io::Error::other("out of paper"));
        span.add_event_with_timestamp("long ago", UNIX_EPOCH + Duration::from_secs(5), vec![]);
        span.add_link(linked(), vec![]);
        span.set_status(Status::error("bad"));
        span.update_name("renamed");
        std::thread::sleep(Duration::from_millis(5));
        // Never ended: the last context does that when it goes.
    });
    check(&span, before);
}

#[test]
fn times_that_the_caller_chose_are_kept_whatever_they_are() {
    for (start, end) in [(5, 9), (9, 5), (0, 4_000_000_000)] {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let span = boxed(|tracer| {
            let mut span = tracer.span_builder("span").with_start_time(at(start)).start(tracer);
            span.end_with_timestamp(at(end));
        });
        assert_eq!(
            (span.start_unix_nanos, span.end_unix_nanos),
            (start * 1_000_000_000, end * 1_000_000_000)
        );
    }
}

#[test]
fn a_status_follows_the_apis_order() {
    let last = |statuses: &[Status]| {
        boxed(|tracer| {
            let mut span = tracer.start("span");
            statuses.iter().for_each(|status| span.set_status(status.clone()));
        })
        .status
    };
    let bad = Status::error("bad");
    assert_eq!(last(&[Status::Ok, bad.clone(), Status::Unset]), StatusSnapshot::Ok);
    assert_eq!(last(&[bad.clone(), Status::Ok]), StatusSnapshot::Ok);
    assert_eq!(last(&[bad.clone(), Status::Unset]), StatusSnapshot::Error("bad".to_owned()));
    assert_eq!(last(&[bad, Status::error("worse")]), StatusSnapshot::Error("worse".to_owned()));
    assert_eq!(last(&[Status::Unset]), StatusSnapshot::Unset);
}

#[test]
fn a_parent_that_is_older_than_the_process_and_a_clock_of_ones_own_are_taken_as_they_are() {
    use tachograph_sdk::testing::ManualClock;
    let clock = ManualClock::new(100);
    let exporter = InMemorySpanExporter::new();
    let provider = bare().with_clock(clock.clone()).with_simple_exporter(exporter.clone()).build();
    let remote =
        SpanContext::new(TraceId::from(9), SpanId::from(8), TraceFlags::SAMPLED, true, TraceState::NONE);
    let tracer = provider.tracer("test");
    let context = Context::new().with_remote_span_context(remote);
    let mut span = tracer.start_with_context("span", &context);
    clock.advance(Duration::from_nanos(50));
    span.add_event("event", vec![]);
    clock.set(40);
    span.end();
    let span = &exporter.spans()[0];
    assert_eq!((span.trace_id, span.parent_span_id), (TraceId::from(9), Some(SpanId::from(8))));
    assert_eq!((span.start_unix_nanos, span.events[0].unix_nanos, span.end_unix_nanos), (100, 150, 40));
}

#[test]
fn suppressed_contexts_start_nothing() {
    let exporter = InMemorySpanExporter::new();
    let provider = bare().with_simple_exporter(exporter.clone()).build();
    let tracer = provider.tracer("test");
    {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        drop(tracer.start("suppressed"));
    }
    drop(tracer.start("not"));
    assert_eq!(exporter.spans().len(), 1);
    assert_eq!(provider.account().started, 1);
}

#[test]
fn after_the_shutdown_a_span_passes_its_parents_context_on() {
    let provider = bare().build();
    let tracer = provider.tracer("test");
    provider.shutdown(soon());
    let parent = linked();
    let span = tracer.start_with_context("span", &Context::new().with_remote_span_context(parent.clone()));
    assert!(!span.is_recording());
    assert_eq!(*span.span_context(), parent);
}
