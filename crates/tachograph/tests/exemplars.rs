//! Exemplars, from a span to a page, and how code and environment choose among measurements.
#![cfg(all(feature = "prometheus", feature = "tracing"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::time::Duration;

use opentelemetry::trace::{TraceContextExt, Tracer as _};
use support::reports_of;
use tachograph::metrics::ExemplarFilter;
use tachograph::testing::InMemorySpanExporter;
use tachograph::trace::{AlwaysOff, TailSampling};
use tachograph::{
    ContextMode, Counter, Environment, Histogram, SpanExt, SpanOptions, Telemetry, TelemetryBuilder,
};
use tracing_subscriber::layer::SubscriberExt;

const FILTER: &str = "OTEL_METRICS_EXEMPLAR_FILTER";

fn builder(variables: &[(&str, &str)]) -> TelemetryBuilder {
    Telemetry::builder().with_environment(Environment::from_iter(variables.iter().copied()))
}

/// Records one measurement in a span, and returns the trace's id.
fn record_in_a_span(telemetry: &Telemetry) -> String {
    let durations: Histogram<f64> =
        telemetry.meter("shop").histogram("order.duration").with_unit("s").build();
    telemetry.tracer("shop").in_span("order", |context| {
        durations.record(0.3, &[("channel", "web")]);
        context.span().span_context().trace_id().to_string()
    })
}

fn open_metrics(telemetry: &Telemetry) -> String {
    let request = http::Request::get("/metrics").header("accept", "application/openmetrics-text").body(());
    String::from_utf8(telemetry.metrics_response(&request.unwrap()).body().to_vec()).unwrap()
}

/// The ids of traces on the page.
fn traces(telemetry: &Telemetry) -> Vec<String> {
    let page = open_metrics(telemetry);
    let after = page.split("trace_id=\"").skip(1);
    after.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

#[test]
fn a_measurement_in_a_sampled_span_leads_to_its_trace() {
    let exporter = InMemorySpanExporter::new();
    let telemetry = builder(&[]).with_span_exporter(exporter.clone()).build().unwrap();
    let trace = record_in_a_span(&telemetry);
    assert_eq!(traces(&telemetry), [trace]);
    assert!(!support::page(&telemetry).contains("trace_id"), "text 0.0.4 has no exemplars");
}

#[test]
fn a_span_of_tracing_is_as_good_as_one_of_the_api() {
    let exporter = InMemorySpanExporter::new();
    let telemetry = builder(&[]).with_span_exporter(exporter.clone()).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer());
    tracing::subscriber::with_default(subscriber, || {
        tracing::info_span!("order").in_scope(|| {
            let durations: Histogram<f64> =
                telemetry.meter("shop").histogram("order.duration").with_unit("s").build();
            durations.record(0.3, &());
        });
    });
    telemetry.flush_blocking(Duration::from_secs(10)).unwrap();
    let spans = exporter.spans();
    assert_eq!(traces(&telemetry), [spans[0].trace_id.to_string()]);
}

#[test]
fn in_lazy_mode_a_measurement_leads_to_the_nearest_span_that_is_attached_if_there_is_one() {
    let exporter = InMemorySpanExporter::new();
    let options = SpanOptions::new().with_context_mode(ContextMode::Lazy);
    let telemetry =
        builder(&[]).with_span_exporter(exporter.clone()).with_span_options(options).build().unwrap();
    let counter = |name: &'static str| -> Counter<u64> { telemetry.meter("shop").counter(name).build() };
    let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer());
    tracing::subscriber::with_default(subscriber, || {
        tracing::info_span!("loop").in_scope(|| counter("nowhere").add(1, &()));
        assert_eq!(traces(&telemetry), [""; 0]);
        tracing::info_span!("message", otel.kind = "consumer").in_scope(|| {
            tracing::info_span!("inner").in_scope(|| counter("inside").add(1, &()));
        });
        assert_eq!(traces(&telemetry).len(), 1);
        let asked_for = tracing::info_span!("asked for");
        let _ = asked_for.context();
        asked_for.in_scope(|| counter("asked.for").add(1, &()));
    });
    telemetry.flush_blocking(Duration::from_secs(10)).unwrap();
    let spans = exporter.spans();
    let trace_of = |name: &str| spans.iter().find(|span| span.name == name).unwrap().trace_id.to_string();
    let mut found = traces(&telemetry);
    found.sort();
    let mut expected = [trace_of("inner"), trace_of("asked for")];
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn the_filter_is_the_environments_unless_code_insists() {
    let sampled = |variables: &[(&str, &str)], code: Option<ExemplarFilter>| {
        let builder = builder(variables).with_span_exporter(InMemorySpanExporter::new());
        let telemetry = match code {
            Some(filter) => builder.with_exemplar_filter(filter).build().unwrap(),
            None => builder.build().unwrap(),
        };
        record_in_a_span(&telemetry);
        traces(&telemetry).len()
    };
    assert_eq!(sampled(&[], None), 1);
    assert_eq!(sampled(&[(FILTER, "always_off")], None), 0);
    assert_eq!(sampled(&[(FILTER, "Always_On")], None), 1);
    assert_eq!(sampled(&[(FILTER, "always_off")], Some(ExemplarFilter::TraceBased)), 1);
    assert_eq!(sampled(&[], Some(ExemplarFilter::AlwaysOff)), 0);
}

#[test]
fn spans_that_are_not_sampled_give_no_exemplars_unless_all_are_asked_for() {
    let telemetry = |filter| {
        let exporter = InMemorySpanExporter::new();
        builder(&[(FILTER, filter)]).with_span_exporter(exporter).with_sampler(AlwaysOff).build().unwrap()
    };
    let based = telemetry("trace_based");
    record_in_a_span(&based);
    assert!(!open_metrics(&based).contains(" # {"), "{}", open_metrics(&based));
    let all = telemetry("always_on");
    record_in_a_span(&all);
    assert!(open_metrics(&all).contains(" # {"), "{}", open_metrics(&all));
}

#[test]
fn a_filter_that_is_none_is_reported_and_the_default_is_used() {
    let (telemetry, reports) = reports_of(|| {
        let exporter = InMemorySpanExporter::new();
        builder(&[(FILTER, "sometimes")]).with_span_exporter(exporter).build().unwrap()
    });
    assert!(
        reports.iter().any(|line| line.contains(FILTER) && line.contains("\"sometimes\"")),
        "{reports:?}"
    );
    record_in_a_span(&telemetry);
    assert_eq!(traces(&telemetry).len(), 1);
    assert!(builder(&[(FILTER, "sometimes")]).strict().build().is_err());
}

#[test]
fn the_trace_of_an_exemplar_is_kept_where_tail_sampling_keeps_no_other() {
    let exporter = InMemorySpanExporter::new();
    let telemetry = builder(&[])
        .with_span_exporter(exporter.clone())
        .with_tail_sampling(TailSampling::new(0.0))
        .build()
        .unwrap();
    for _ in 0..20 {
        telemetry.tracer("shop").in_span("nothing of interest", |_| ());
    }
    let trace = record_in_a_span(&telemetry);
    assert_eq!(traces(&telemetry), std::slice::from_ref(&trace));
    telemetry.flush_blocking(Duration::from_secs(10)).unwrap();
    let exported: Vec<String> = exporter.spans().iter().map(|span| span.trace_id.to_string()).collect();
    assert_eq!(exported, [trace]);
}
