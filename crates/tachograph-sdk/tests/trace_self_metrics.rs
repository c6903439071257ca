//! What becomes of spans, as metrics.

#[path = "support/exporters.rs"]
mod exporters;
mod support;

use std::collections::HashSet;
use std::time::Duration;

use exporters::{By, Gate, bare, record, soon, unscheduled};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Link, Span as _, SpanId, SpanKind, Status, TraceContextExt as _, Tracer as _};
use support::{provider as meters, snapshot};
use tachograph_sdk::MeterProvider;
use tachograph_sdk::pipeline::{Batch, Deadline, ExportOperations, ExportOutcome, Exporter};
use tachograph_sdk::self_metrics::observe_traces;
use tachograph_sdk::testing::InMemorySpanExporter;
use tachograph_sdk::trace::{AlwaysOff, ParentBased, Spans, TailSampling, TraceIdRatio, TracerProvider};

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
fn spans_that_the_sampler_drops_without_being_asked_are_counted_and_have_ids_of_their_own() {
    let traces = bare().with_sampler(ParentBased::new(AlwaysOff)).build();
    let metrics = observed(&traces);
    let tracer = traces.tracer("test");
    let mut ids = HashSet::new();
    for _ in 0..20 {
        tracer.in_span("root", |context| {
            let root = context.span().span_context().clone();
            assert!(root.is_valid() && !root.is_sampled() && !context.span().is_recording());
            assert!(
                ids.insert(root.span_id())
                    && ids.insert(SpanId::from(u128::from_be_bytes(root.trace_id().to_bytes()) as u64))
            );
            for _ in 0..3 {
                // Whatever the builder has, it is dropped with it.
                let builder = tracer
                    .span_builder(String::from("child"))
                    .with_kind(SpanKind::Client)
                    .with_attributes([KeyValue::new("text", String::from("on the heap"))])
                    .with_links(vec![Link::with_context(root.clone())]);
                let child = tracer.build(builder);
                let context = child.span_context();
                assert_eq!(context.trace_id(), root.trace_id());
                assert_eq!(context.trace_flags(), root.trace_flags());
                assert!(ids.insert(context.span_id()));
            }
        });
    }
    let now = snapshot(&metrics);
    let started = now.metric("otel.sdk.span.started");
    let of =
        |origin| started.value(&[("otel.span.sampling_result", "DROP"), ("otel.span.parent.origin", origin)]);
    assert_eq!(of("none"), 20);
    assert_eq!(of("local"), 60);
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
    record(&traces, 1_000);
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
    assert_eq!(exported.value(&memory), 1_000);
    assert_eq!(exported.value(&EXPORTER), 1_000);
    assert_eq!(exported.value(&second), 1_000);
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

/// Takes the first batch, and fails with the others.
#[derive(Default)]
struct Measured {
    operations: ExportOperations,
    exports: usize,
}

impl Exporter<Spans> for Measured {
    fn export(&mut self, _: Batch<'_, Spans>, _: Deadline) -> ExportOutcome {
        self.exports += 1;
        let (error, status) = if self.exports == 1 { (None, 200) } else { (Some("503"), 503) };
        self.operations.record(Duration::from_millis(250), error, Some(status));
        error.map_or(ExportOutcome::done(), ExportOutcome::failed)
    }

    fn operations(&self) -> Option<ExportOperations> {
        Some(self.operations.clone())
    }
}

fn of_exporter(attributes: impl IntoIterator<Item = KeyValue>) -> Vec<KeyValue> {
    EXPORTER.into_iter().map(|(key, value)| KeyValue::new(key, value)).chain(attributes).collect()
}

#[test]
fn operations_that_an_exporter_measures_are_seen_by_everyone_who_observes_its_provider() {
    let operations = ExportOperations::with_server("collector.example", 4318);
    let exporter = Measured { operations, exports: 0 };
    // Through a box as well.
    let exporter: Box<dyn Exporter<Spans>> = Box::new(exporter);
    let traces = bare().with_simple_exporter(exporter).build();
    let metrics = [observed(&traces), observed(&traces)];
    record(&traces, 3);
    let server = [KeyValue::new("server.address", "collector.example"), KeyValue::new("server.port", 4318)];
    let of = |more: &[KeyValue]| of_exporter(server.iter().chain(more).cloned());
    for metrics in &metrics {
        let now = snapshot(metrics);
        let duration = now.metric("otel.sdk.exporter.operation.duration");
        assert_eq!(duration.unit(), "s");
        let status = |status: i64| KeyValue::new("http.response.status_code", status);
        duration.assert_histogram(&of(&[status(200)])[..], 1, 0.25);
        let failed = of(&[status(503), KeyValue::new("error.type", "503")]);
        duration.assert_histogram(&failed[..], 2, 0.5);
        duration.assert_series(2);
    }
}

#[test]
fn operations_are_recorded_on_the_threads_of_pipelines_where_telemetry_is_suppressed() {
    let traces = bare().with_batch_exporter(Measured::default(), unscheduled()).build();
    let metrics = observed(&traces);
    record(&traces, 1);
    traces.shutdown(soon());
    let now = snapshot(&metrics);
    let taken = of_exporter([KeyValue::new("http.response.status_code", 200)]);
    now.metric("otel.sdk.exporter.operation.duration").assert_histogram(&taken[..], 1, 0.25);
}

#[test]
fn exporters_that_measure_nothing_have_no_durations() {
    let traces = bare().with_simple_exporter(InMemorySpanExporter::new()).build();
    let metrics = observed(&traces);
    record(&traces, 1);
    let now = snapshot(&metrics);
    assert_eq!(now.find("otel.sdk.exporter.operation.duration").map_or(0, |metric| metric.points().len()), 0);
}

#[test]
fn decisions_of_tail_sampling_are_counted_by_reason_and_what_is_held_is_seen() {
    let sampling = TailSampling::new(0.0).keep_slow(Duration::from_secs(3_600)).with_max_traces(3);
    let traces =
        bare().with_tail_sampling(sampling).with_simple_exporter(InMemorySpanExporter::new()).build();
    let metrics = observed(&traces);
    let tracer = traces.tracer("test");
    drop(tracer.start("plain"));
    tracer.start("erroneous").set_status(Status::error("bad"));
    tracer.start("marked").set_attribute(KeyValue::new("sampling.keep", true));
    tracer.in_span("held", |_| {
        drop(tracer.start("child"));
        let now = snapshot(&metrics);
        let held = |what: &str| now.metric(&format!("tachograph.tail_sampling.held.{what}")).total();
        assert_eq!(held("traces"), 1_i64);
        assert_eq!(held("spans"), 1_i64);
        assert!(held("bytes").as_f64() > 0.0);
    });
    // The fourth has to go before it is over.
    let open: Vec<_> = (0..4).map(|_| tracer.start("open")).collect();
    let now = snapshot(&metrics);
    let traces_decided = now.metric("tachograph.tail_sampling.traces");
    let of = |decision, reason| {
        traces_decided.value(&[
            ("tachograph.tail_sampling.decision", decision),
            ("tachograph.tail_sampling.reason", reason),
        ])
    };
    assert_eq!(of("kept", "error"), 1);
    assert_eq!(of("kept", "marked"), 1);
    assert_eq!(of("kept", "slow"), 0);
    assert_eq!(of("kept", "ratio"), 0);
    assert_eq!(of("dropped", "ratio"), 3);
    assert_eq!(now.metric("tachograph.tail_sampling.early").total(), 1);
    let spans = now.metric("tachograph.tail_sampling.spans");
    assert_eq!(spans.value(&[("tachograph.tail_sampling.decision", "kept")]), 2);
    assert_eq!(spans.value(&[("tachograph.tail_sampling.decision", "dropped")]), 3);
    assert_eq!(now.metric("tachograph.tail_sampling.held.traces").total(), 3_i64);
    drop(open);
}

#[test]
fn without_tail_sampling_there_are_no_metrics_of_it() {
    let metrics = observed(&bare().build());
    snapshot(&metrics).assert_absent("tachograph.tail_sampling.traces");
}
