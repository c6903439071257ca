//! Traces by code and by the environment, from a span to an exporter.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::time::{Duration, Instant};

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span, SpanKind, TraceContextExt, Tracer};
use opentelemetry::{Context, global};
use support::{page, reports_of, sample};
use tachograph::pipeline::Deadline;
use tachograph::propagation::Format;
use tachograph::testing::InMemorySpanExporter;
use tachograph::trace::{AlwaysOff, AlwaysOn};
use tachograph::{Environment, Propagator, Telemetry, TelemetryBuilder};

/// With an exporter in memory, and variables.
fn builder(exporter: &InMemorySpanExporter, variables: &[(&str, &str)]) -> TelemetryBuilder {
    Telemetry::builder()
        .with_environment(Environment::from_iter(variables.iter().copied()))
        .with_span_exporter(exporter.clone())
}

fn record(telemetry: &Telemetry, spans: usize) -> usize {
    let tracer = telemetry.tracer("shop");
    (0..spans)
        .filter(|_| {
            let mut span = tracer.start("order");
            span.end();
            span.span_context().is_sampled()
        })
        .count()
}

#[test]
fn spans_are_exported_at_the_end_at_the_latest_and_are_in_the_account() {
    let exporter = InMemorySpanExporter::new();
    let telemetry = builder(&exporter, &[("OTEL_SERVICE_NAME", "shop")]).build().unwrap();
    record(&telemetry, 3);
    let report = telemetry.shutdown_blocking();
    assert_eq!(exporter.spans().len(), 3);
    let traces = &report.traces;
    assert_eq!((traces.started, traces.sampled, traces.ended), (3, 3, 3));
    assert!(
        traces.exports.iter().all(|(_, ledger)| ledger.exported == 3 && ledger.is_balanced()),
        "{traces}"
    );
    assert!(report.to_string().contains("3 created, 3 exported, 0 dropped"), "{report}");
    assert_eq!(record(&telemetry, 1), 0, "nothing is recorded any more");
}

#[test]
fn what_becomes_of_spans_is_on_the_page() {
    let telemetry = builder(&InMemorySpanExporter::new(), &[]).build().unwrap();
    record(&telemetry, 3);
    telemetry.flush_blocking(Duration::from_secs(5)).unwrap();
    let page = page(&telemetry);
    assert_eq!(sample(&page, "otel_sdk_span_started_total", &["RECORD_AND_SAMPLE"]), Some(3.0), "{page}");
    assert_eq!(sample(&page, "otel_sdk_exporter_span_exported_total", &[]), Some(3.0), "{page}");
}

#[test]
fn dropping_the_value_exports_as_well() {
    let exporter = InMemorySpanExporter::new();
    record(&builder(&exporter, &[]).build().unwrap(), 2);
    assert_eq!(exporter.spans().len(), 2);
}

#[test]
fn awaiting_the_shutdown_exports_in_a_runtime_of_one_thread() {
    let exporter = InMemorySpanExporter::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let telemetry = builder(&exporter, &[]).build().unwrap();
        record(&telemetry, 2);
        let report = tokio::time::timeout(Duration::from_secs(5), telemetry.shutdown()).await.unwrap();
        assert_eq!(report.traces.sampled, 2);
    });
    assert_eq!(exporter.spans().len(), 2);
}

#[test]
fn the_sampler_is_that_of_code_that_insists_else_the_environments_else_the_default() {
    const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
    let sampled = |variables: &[(&str, &str)], set: fn(TelemetryBuilder) -> TelemetryBuilder| {
        record(&set(builder(&InMemorySpanExporter::new(), variables)).build().unwrap(), 400)
    };
    assert_eq!(sampled(&[], |builder| builder), 400);
    assert_eq!(sampled(&[], |builder| builder.default_sampler(AlwaysOff)), 0);
    assert_eq!(sampled(&[(SAMPLER, "always_off")], |builder| builder), 0);
    assert_eq!(sampled(&[(SAMPLER, "Always_On")], |builder| builder.default_sampler(AlwaysOff)), 400);
    assert_eq!(sampled(&[(SAMPLER, "always_off")], |builder| builder.with_sampler(AlwaysOn)), 400);
    assert_eq!(sampled(&[(SAMPLER, "parentbased_always_off")], |builder| builder), 0);
    let half = sampled(&[(SAMPLER, "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.5")], |builder| builder);
    assert!((100..300).contains(&half), "{half}");
}

#[test]
fn what_makes_no_sense_is_reported_and_as_if_unset() {
    for (variable, value, expected) in [
        ("OTEL_TRACES_SAMPLER", "sometimes", "\"sometimes\""),
        ("OTEL_TRACES_EXPORTER", "carrier-pigeon", "\"carrier-pigeon\""),
        ("OTEL_PROPAGATORS", "xray", "\"xray\""),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "1 and above"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "3000", "the queue's 2048"),
        ("OTEL_BSP_SCHEDULE_DELAY", "-1", "milliseconds"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "many", "\"many\""),
        ("RUST_LOG", "a=b=c", "a=b=c"),
    ] {
        let exporter = InMemorySpanExporter::new();
        let (telemetry, reports) = reports_of(|| builder(&exporter, &[(variable, value)]).build().unwrap());
        assert!(
            reports.iter().any(|line| line.contains(variable) && line.contains(expected)),
            "{variable}={value}: {reports:?}"
        );
        assert_eq!(record(&telemetry, 1), 1, "{variable}");
        let strict = builder(&exporter, &[(variable, value)]).strict().build();
        assert!(strict.unwrap_err().to_string().contains(variable));
    }
    let ratio = [("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "1.5")];
    let (telemetry, reports) = reports_of(|| builder(&InMemorySpanExporter::new(), &ratio).build().unwrap());
    assert!(reports.iter().any(|line| line.contains("from 0 to 1")), "{reports:?}");
    assert_eq!(record(&telemetry, 10), 10);
}

#[test]
fn limits_are_those_of_spans_else_those_of_everything() {
    let attributes = |variables: &[(&str, &str)]| {
        let exporter = InMemorySpanExporter::new();
        let telemetry = builder(&exporter, variables).build().unwrap();
        let mut span = telemetry.tracer("shop").start("order");
        for number in 0..5 {
            span.set_attribute(tachograph::KeyValue::new(format!("key{number}"), "value"));
        }
        drop(span);
        telemetry.flush_blocking(Duration::from_secs(5)).unwrap();
        let spans = exporter.spans();
        (spans[0].attributes.len(), spans[0].attributes[0].value.as_str().len())
    };
    assert_eq!(attributes(&[]), (5, 5));
    assert_eq!(attributes(&[("OTEL_ATTRIBUTE_COUNT_LIMIT", "3")]), (3, 5));
    assert_eq!(
        attributes(&[("OTEL_ATTRIBUTE_COUNT_LIMIT", "3"), ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "2")]),
        (2, 5)
    );
    assert_eq!(attributes(&[("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2")]), (5, 2));
}

#[test]
fn propagators_are_those_the_environment_names_even_where_telemetry_is_disabled() {
    let injected = |variables: &[(&str, &str)], set: fn(TelemetryBuilder) -> TelemetryBuilder| {
        let telemetry = set(builder(&InMemorySpanExporter::new(), variables)).build().unwrap();
        let parent = telemetry.propagator().extract_with_context(
            &Context::new(),
            &std::collections::HashMap::from([(
                "traceparent".to_owned(),
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
            )]),
        );
        let known = parent.span().span_context().is_valid();
        (known, telemetry.propagator().fields().map(str::to_owned).collect::<Vec<_>>())
    };
    let (known, fields) = injected(&[], |builder| builder);
    assert!(known && fields.iter().any(|field| field == "baggage"), "{fields:?}");
    let (known, fields) = injected(&[("OTEL_PROPAGATORS", "b3")], |builder| builder);
    assert!(!known && fields.iter().any(|field| field == "b3"), "{fields:?}");
    assert!(injected(&[("OTEL_SDK_DISABLED", "true")], |builder| builder).0);
    let insisted = |builder: TelemetryBuilder| builder.with_propagator(Propagator::new([Format::Jaeger]));
    assert!(!injected(&[("OTEL_PROPAGATORS", "tracecontext")], insisted).0);
}

#[test]
fn a_disabled_sdk_records_no_span() {
    let exporter = InMemorySpanExporter::new();
    let telemetry = builder(&exporter, &[("OTEL_SDK_DISABLED", "true")]).build().unwrap();
    assert_eq!(record(&telemetry, 3), 0);
    drop(telemetry);
    assert!(exporter.spans().is_empty());
}

#[test]
fn without_a_collector_the_service_goes_on_and_it_is_reported() {
    // Nothing listens at port 1.
    let variables =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), ("OTEL_BSP_SCHEDULE_DELAY", "10")];
    let telemetry = Telemetry::builder()
        .with_environment(Environment::from_iter(variables))
        .with_shutdown_timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    assert_eq!(record(&telemetry, 10), 10);
    let traces = telemetry.shutdown_blocking().traces;
    let [(_, ledger)] = &traces.exports[..] else { panic!("one exporter: {traces}") };
    assert_eq!((ledger.created, ledger.exported), (10, 0));
    assert!(ledger.is_balanced() && ledger.dropped.total() == 10, "{traces}");
}

#[test]
fn without_a_collector_ending_takes_no_time() {
    // Nothing listens at port 1.
    let variables =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), ("OTEL_BSP_SCHEDULE_DELAY", "10")];
    for pause in [Duration::ZERO, Duration::from_millis(1_200)] {
        let environment = Environment::from_iter(variables);
        let telemetry = Telemetry::builder().with_environment(environment).build().unwrap();
        assert_eq!(record(&telemetry, 10), 10);
        // The exporter is between two tries.
        std::thread::sleep(pause);
        let start = Instant::now();
        let traces = telemetry.shutdown_blocking().traces;
        let took = start.elapsed();
        // Unless set, it may take five seconds.
        assert!(took < Duration::from_secs(3), "{pause:?}: {took:?}");
        assert!(
            traces.exports.iter().all(|(_, ledger)| ledger.dropped.of("connect_failed") == 10),
            "{traces}"
        );
    }
}

#[test]
fn an_endpoint_that_is_none_is_reported_and_an_error_where_code_says_it() {
    let wrong = [("OTEL_EXPORTER_OTLP_ENDPOINT", "not a url")];
    let (telemetry, reports) =
        reports_of(|| Telemetry::builder().with_environment(Environment::from_iter(wrong)).build().unwrap());
    assert!(reports.iter().any(|line| line.contains("ENDPOINT")), "{reports:?}");
    drop(telemetry);
    let config = tachograph::OtlpConfig::traces().with_endpoint("not a url");
    let error = Telemetry::builder().without_environment().with_otlp_traces(config).build().unwrap_err();
    assert!(error.is_otlp() && error.to_string().contains("begin with http://"), "{error}");
}

#[test]
fn code_alone_exports_nowhere_unless_it_says_so() {
    let telemetry = Telemetry::builder().without_environment().build().unwrap();
    assert_eq!(record(&telemetry, 3), 0);
    assert_eq!(telemetry.shutdown_blocking().traces.exports, []);
}

#[test]
fn an_installed_value_is_what_the_api_and_tracing_record_with() {
    let exporter = InMemorySpanExporter::new();
    let telemetry = builder(&exporter, &[]).with_console(None).install().unwrap();
    let outer = tracing::info_span!("outer", answer = 42);
    outer.in_scope(|| {
        assert!(Context::current().span().span_context().is_valid());
        global::tracer("library").in_span("inner", |_| tracing::info_span!("innermost").in_scope(|| ()));
    });
    drop(outer);
    telemetry.tracer_provider().flush(Deadline::after(Duration::from_secs(5))).unwrap();
    let spans = exporter.spans();
    let find = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (outer, inner, innermost) = (find("outer"), find("inner"), find("innermost"));
    assert_eq!(inner.parent_span_id, Some(outer.span_id));
    assert_eq!(innermost.parent_span_id, Some(inner.span_id));
    assert_eq!(outer.attribute("answer"), Some(&42_i64.into()));
    assert_eq!(outer.kind, SpanKind::Internal);
    let mut headers = std::collections::HashMap::<String, String>::new();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&Context::new(), &mut headers));
    assert!(headers.is_empty(), "there is no span to be named");
}
