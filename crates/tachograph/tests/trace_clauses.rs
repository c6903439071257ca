//! Clauses of the specification of traces that no other test is about, through the API.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::time::Duration;

use opentelemetry::trace::{
    Span, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry::{Context, KeyValue};
use support::reports_of;
use tachograph::Telemetry;
use tachograph::testing::InMemorySpanExporter;

fn telemetry() -> (Telemetry, InMemorySpanExporter) {
    let exporter = InMemorySpanExporter::new();
    let builder = Telemetry::builder().without_environment().with_span_exporter(exporter.clone());
    (builder.build().unwrap(), exporter)
}

#[test]
fn a_tracer_without_a_name_works_and_is_reported() {
    let (telemetry, exporter) = telemetry();
    let (tracer, reports) = reports_of(|| telemetry.tracer(""));
    assert!(reports.iter().any(|line| line.contains("without a name")), "{reports:?}");
    tracer.in_span("order", |_| ());
    telemetry.flush_blocking(Duration::from_secs(10)).unwrap();
    assert_eq!((&*exporter.spans()[0].name, &*exporter.spans()[0].scope), ("order", ""));
}

#[test]
fn a_link_without_valid_ids_is_recorded_where_it_says_something() {
    let (telemetry, exporter) = telemetry();
    let why = vec![KeyValue::new("why", "a message without a trace")];
    let mut span = telemetry.tracer("shop").start("order");
    // Afterwards: the API's own builder leaves such links out of those at creation.
    span.add_link(SpanContext::empty_context(), why.clone());
    let state = TraceState::from_key_value([("a", "1")]).unwrap();
    let empty = SpanContext::new(TraceId::INVALID, SpanId::INVALID, TraceFlags::default(), true, state);
    span.add_link(empty, Vec::new());
    span.end();
    telemetry.flush_blocking(Duration::from_secs(10)).unwrap();
    let links = &exporter.spans()[0].links;
    assert_eq!(links.len(), 2);
    assert_eq!(links[0].attributes, why);
    assert_eq!(links[1].trace_state, "a=1");
}

#[test]
fn a_span_under_a_remote_parent_is_not_remote_itself() {
    let (telemetry, _) = telemetry();
    let ids = (TraceId::from(1), SpanId::from(2));
    let parent = SpanContext::new(ids.0, ids.1, TraceFlags::SAMPLED, true, TraceState::default());
    let context = Context::new().with_remote_span_context(parent);
    let span = telemetry.tracer("shop").start_with_context("order", &context);
    assert_eq!(span.span_context().trace_id(), ids.0);
    assert!(!span.span_context().is_remote());
}

#[test]
fn a_span_that_is_started_is_not_current() {
    let (telemetry, _) = telemetry();
    let span = telemetry.tracer("shop").start("order");
    assert!(span.span_context().is_valid());
    assert!(!Context::current().span().span_context().is_valid());
}

#[test]
fn a_span_that_has_ended_keeps_its_context_and_does_not_record() {
    let (telemetry, _) = telemetry();
    let mut span = telemetry.tracer("shop").start("order");
    let context = span.span_context().clone();
    assert!(span.is_recording());
    span.end();
    assert!(!span.is_recording());
    assert_eq!(*span.span_context(), context);
}

#[test]
fn each_root_has_a_trace_of_its_own_whatever_is_current() {
    let (telemetry, _) = telemetry();
    let tracer = telemetry.tracer("shop");
    tracer.in_span("order", |outer| {
        let root = tracer.start_with_context("root", &Context::new());
        let child = tracer.start("child");
        let outer = outer.span().span_context().trace_id();
        assert_ne!(root.span_context().trace_id(), outer);
        assert_eq!(child.span_context().trace_id(), outer);
    });
}
