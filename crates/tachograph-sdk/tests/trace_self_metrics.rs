//! What becomes of spans, as metrics.

#[path = "support/exporters.rs"]
mod exporters;
mod support;

use exporters::{By, Gate, bare, record, soon, unscheduled};
use opentelemetry::trace::Tracer as _;
use support::{provider as meters, snapshot};
use tachograph_sdk::MeterProvider;
use tachograph_sdk::pipeline::{Batch, ExportOutcome};
use tachograph_sdk::self_metrics::observe_traces;
use tachograph_sdk::testing::InMemorySpanExporter;
use tachograph_sdk::trace::{ParentBased, Spans, TraceIdRatio, TracerProvider};

fn observed(traces: &TracerProvider) -> MeterProvider {
    let metrics = meters();
    observe_traces(&metrics.meter("test").as_otel(), traces);
    metrics
}

const EXPORTER: [(&str, &str); 2] =
    [("otel.component.type", "exporter"), ("otel.component.name", "exporter/0")];
const PROCESSOR: [(&str, &str); 2] = [
    ("otel.component.type", "batching_span_processor"),
    ("otel.component.name", "batching_span_processor/0"),
];

fn failed(
    [kind, name]: [(&'static str, &'static str); 2],
    error: &'static str,
) -> [(&'static str, &'static str); 3] {
    [kind, name, ("error.type", error)]
}

#[test]
fn spans_are_counted_by_result_and_parent_and_those_that_live_are_too() {
    let traces = bare().with_sampler(ParentBased::new(TraceIdRatio::new(1.0))).build();
    let metrics = observed(&traces);
    let tracer = traces.tracer("test");
    let held = tracer.in_span("root", |_| tracer.start("child"));
    traces.set_sampler(TraceIdRatio::new(0.0));
    drop(tracer.start("dropped"));
    let now = snapshot(&metrics);
    let started = now.metric("otel.sdk.span.started");
    let of = |result, origin| {
        started.value(&[("otel.span.sampling_result", result), ("otel.span.parent.origin", origin)])
    };
    assert_eq!(of("RECORD_AND_SAMPLE", "none"), 1);
    assert_eq!(of("RECORD_AND_SAMPLE", "local"), 1);
    assert_eq!(of("DROP", "none"), 1);
    let sampled = [("otel.span.sampling_result", "RECORD_AND_SAMPLE")];
    assert_eq!(now.metric("otel.sdk.span.live").value(&sampled), 1_i64);
    drop(held);
    assert_eq!(snapshot(&metrics).metric("otel.sdk.span.live").value(&sampled), 0_i64);
}

#[test]
fn what_is_exported_dropped_and_queued_adds_up_to_what_was_created() {
    let mut calls = 0;
    let exporter = By(move |_: Batch<'_, Spans>, _| {
        calls += 1;
        if calls == 1 { ExportOutcome::rejected(4, "rejected") } else { ExportOutcome::done() }
    });
    let traces = bare().with_batch_exporter(exporter, unscheduled()).build();
    let metrics = observed(&traces);
    record(&traces, 10);
    let before = snapshot(&metrics);
    assert_eq!(before.metric("otel.sdk.processor.span.queue.size").value(&PROCESSOR), 10_i64);
    assert_eq!(before.metric("otel.sdk.processor.span.queue.capacity").value(&PROCESSOR), 2_048_i64);
    assert!(traces.flush(soon()).is_ok());
    record(&traces, 5);
    let late = traces.tracer("test").start("late");
    traces.shutdown(soon());
    drop(late);
    let after = snapshot(&metrics);
    let processed = after.metric("otel.sdk.processor.span.processed");
    assert_eq!(processed.value(&PROCESSOR), 15);
    assert_eq!(processed.value(&failed(PROCESSOR, "already_shutdown")), 1);
    let exported = after.metric("otel.sdk.exporter.span.exported");
    assert_eq!(exported.value(&EXPORTER), 11);
    assert_eq!(exported.value(&failed(EXPORTER, "rejected")), 4);
    assert_eq!(after.metric("otel.sdk.processor.span.queue.size").value(&PROCESSOR), 0_i64);
    assert_eq!(after.metric("otel.sdk.exporter.span.inflight").value(&EXPORTER), 0_i64);
}

#[test]
fn what_the_exporter_has_is_in_flight_and_components_of_one_kind_are_numbered() {
    let gate = Gate::default();
    let traces = bare()
        .with_simple_exporter(InMemorySpanExporter::new())
        .with_batch_exporter(gate.exporter(), unscheduled())
        .with_batch_exporter(gate.exporter(), unscheduled())
        .build();
    let metrics = observed(&traces);
    record(&traces, 600);
    gate.wait_for_exporter();
    let now = snapshot(&metrics);
    let second = [("otel.component.type", "exporter"), ("otel.component.name", "exporter/1")];
    let in_flight = now.metric("otel.sdk.exporter.span.inflight");
    assert!(in_flight.points().len() == 3, "{in_flight:?}");
    gate.open();
    traces.shutdown(soon());
    let exported = snapshot(&metrics);
    let exported = exported.metric("otel.sdk.exporter.span.exported");
    let memory = [
        ("otel.component.type", "in_memory_span_exporter"),
        ("otel.component.name", "in_memory_span_exporter/0"),
    ];
    assert_eq!(exported.value(&memory), 600);
    assert_eq!(exported.value(&EXPORTER), 600);
    assert_eq!(exported.value(&second), 600);
}

#[test]
fn metrics_do_not_keep_the_provider() {
    let exporter = InMemorySpanExporter::new();
    let traces = bare().with_batch_exporter(exporter.clone(), unscheduled()).build();
    let metrics = observed(&traces);
    record(&traces, 1);
    drop(traces);
    assert_eq!(exporter.spans().len(), 1, "it was dropped, and so shut down");
    snapshot(&metrics).assert_absent("otel.sdk.span.started");
}
