//! What code and `RUST_LOG` set of traces has its effect through `Telemetry`.
#![cfg(feature = "tracing")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{Span, Tracer};
use tachograph::pipeline::{BatchConfig, Deadline};
use tachograph::testing::{InMemorySpanExporter, TraceTree};
use tachograph::trace::{FinishedSpan, LiveSpan, SpanLimits, SpanProcessor};
use tachograph::{
    Carry, Environment, Filter, KeyValue, SpanExt, SpanOptions, Telemetry, TelemetryBuilder,
    TelemetrySubscriber, in_current, in_span,
};
use tracing_subscriber::layer::SubscriberExt;

const SOON: Duration = Duration::from_secs(10);

/// With an exporter in memory, and without variables.
fn builder(exporter: &InMemorySpanExporter) -> TelemetryBuilder {
    Telemetry::builder().without_environment().with_span_exporter(exporter.clone())
}

/// The spans that are exported of what runs under the layer of a `Telemetry`.
fn layered(set: impl FnOnce(TelemetryBuilder) -> TelemetryBuilder, run: impl FnOnce()) -> TraceTree {
    let exporter = InMemorySpanExporter::new();
    let telemetry = set(builder(&exporter)).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer());
    tracing::subscriber::with_default(subscriber, run);
    telemetry.flush_blocking(SOON).unwrap();
    TraceTree::only(exporter.spans())
}

/// What a test below prints that only runs in a process of its own, where it may install a value.
fn printed_by(test: &str, variables: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env_remove("RUST_LOG")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// Installs, records, and prints what was exported.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn install_and_record(set: impl FnOnce(TelemetryBuilder) -> TelemetryBuilder) {
    let exporter = InMemorySpanExporter::new();
    // Of the process' variables only the console's: no test should look for a collector.
    let environment = Environment::from_fn(|name| std::env::var(name).ok().filter(|_| name == "RUST_LOG"));
    let builder = Telemetry::builder().with_environment(environment).with_span_exporter(exporter.clone());
    let telemetry = set(builder).install().unwrap();
    tracing::info_span!("order").in_scope(|| {
        tracing::info!("taken by the shop");
        tracing::warn!("short of stock");
        tracing::debug_span!("detail").in_scope(|| ());
    });
    drop(telemetry);
    for span in exporter.spans() {
        let events: Vec<_> = span.events.iter().map(|event| &*event.name).collect();
        println!("exported {} with {events:?}", span.name);
    }
}

#[test]
fn rust_log_quiets_the_console_and_leaves_traces_as_they_are() {
    let exported = r#"exported order with ["taken by the shop", "short of stock"]"#;
    for (variables, shows_info) in [(&[][..], true), (&[("RUST_LOG", "warn")], false)] {
        let said = printed_by("child_with_a_console", variables);
        let console: Vec<_> = said.lines().filter(|line| !line.starts_with("exported")).collect();
        let shows = |text: &str| console.iter().any(|line| line.contains(text));
        assert_eq!(shows("taken by the shop"), shows_info, "{said}");
        assert!(shows("short of stock"), "{said}");
        assert!(said.lines().any(|line| line == exported), "{said}");
    }
}

#[test]
#[ignore = "run by the test above, in a process whose subscriber it sets"]
fn child_with_a_console() {
    install_and_record(|builder| builder);
}

#[test]
fn a_trace_filter_says_what_is_recorded_and_not_what_the_console_shows() {
    for (filter, exported) in [("debug", &["detail", "order"][..]), ("info", &["order"]), ("warn", &[])] {
        let said = printed_by("child_with_a_trace_filter", &[("FILTER", filter)]);
        let names = said.lines().filter_map(|line| line.strip_prefix("exported ")?.split(' ').next());
        assert_eq!(names.collect::<Vec<_>>(), exported, "{filter}: {said}");
        let console = said.lines().filter(|line| !line.starts_with("exported"));
        assert_eq!(console.filter(|line| line.contains("taken by the shop")).count(), 1, "{filter}: {said}");
    }
}

#[test]
#[ignore = "run by the test above, in a process whose subscriber it sets"]
fn child_with_a_trace_filter() {
    // Without the variable it is run by whoever runs all tests that are ignored.
    let filter = Filter::parse(&std::env::var("FILTER").unwrap_or("info".to_owned())).unwrap();
    install_and_record(|builder| builder.with_trace_filter(filter));
}

#[test]
fn span_options_have_effect() {
    let run = || tracing::info_span!("order").in_scope(|| tracing::info!("taken"));
    let plain = layered(|builder| builder, run);
    assert_eq!(plain.span("order").attribute("code.line.number"), None);
    let located = SpanOptions::new().with_location(true);
    let located = layered(|builder| builder.with_span_options(located), run);
    let line = located.span("order").attribute("code.line.number");
    assert!(matches!(line, Some(opentelemetry::Value::I64(1..))), "{line:?}");
}

#[test]
fn without_span_events_a_span_keeps_its_fields_and_has_no_event() {
    let run = || tracing::info_span!("order", id = 7).in_scope(|| tracing::info!("taken"));
    let with = layered(|builder| builder, run);
    assert_eq!(with.span("order").events.len(), 1);
    let options = SpanOptions::new().with_span_events(false);
    let without = layered(|builder| builder.with_span_options(options), run);
    assert_eq!(without.span("order").events, []);
    assert_eq!(without.span("order").attribute("id"), Some(&7_i64.into()));
}

#[test]
fn span_limits_have_effect_and_win_over_the_environment() {
    let mut limits = SpanLimits::default();
    limits.attributes = 2;
    limits.value_length = Some(3);
    let exporter = InMemorySpanExporter::new();
    let environment = Environment::from_iter([("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "4")]);
    let telemetry =
        builder(&exporter).with_environment(environment).with_span_limits(limits).build().unwrap();
    let mut span = telemetry.tracer("shop").start("order");
    for number in 0..5 {
        span.set_attribute(KeyValue::new(format!("key{number}"), "value"));
    }
    span.end();
    telemetry.flush_blocking(SOON).unwrap();
    let spans = exporter.spans();
    assert_eq!(spans[0].attributes.len(), 2);
    assert_eq!(spans[0].attribute("key0"), Some(&"val".into()));
    assert_eq!(spans[0].dropped[0], 3);
}

#[test]
fn span_batches_have_effect_and_win_over_the_environment() {
    let exporter = InMemorySpanExporter::new();
    let never = [("OTEL_BSP_SCHEDULE_DELAY", "3600000")];
    let batches = BatchConfig::spans().with_schedule_delay(Duration::from_millis(5));
    let telemetry = builder(&exporter)
        .with_environment(Environment::from_iter(never))
        .with_span_batches(batches)
        .build()
        .unwrap();
    telemetry.tracer("shop").start("order").end();
    let deadline = Deadline::after(SOON);
    // Nobody flushes: it is the schedule that exports.
    while exporter.spans().is_empty() && !deadline.has_passed() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(exporter.spans().len(), 1);
}

#[derive(Debug, Default)]
struct Marks {
    ended: AtomicU64,
}

impl SpanProcessor for Marks {
    fn on_start(&self, span: &mut LiveSpan, _: Option<&Context>) {
        span.set_attribute("marked", true);
    }

    fn on_end(&self, span: &FinishedSpan<'_>) {
        assert!(span.is_sampled());
        self.ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_span_processor_is_told_of_spans_and_what_it_sets_is_exported() {
    let exporter = InMemorySpanExporter::new();
    let marks = Arc::new(Marks::default());
    let telemetry = builder(&exporter).with_span_processor(Arc::clone(&marks)).build().unwrap();
    telemetry.tracer("shop").in_span("order", |_| assert_eq!(marks.ended.load(Ordering::Relaxed), 0));
    assert_eq!(marks.ended.load(Ordering::Relaxed), 1, "on the thread that ends it, at once");
    telemetry.flush_blocking(SOON).unwrap();
    assert_eq!(exporter.spans()[0].attribute("marked"), Some(&true.into()));
}

#[test]
fn a_span_processor_alone_is_enough_for_spans_to_be_recorded() {
    let marks = Arc::new(Marks::default());
    let telemetry =
        Telemetry::builder().without_environment().with_span_processor(Arc::clone(&marks)).build().unwrap();
    telemetry.tracer("shop").in_span("order", |_| ());
    assert_eq!(marks.ended.load(Ordering::Relaxed), 1);
}

#[test]
fn the_facade_alone_carries_spans_and_baggage_into_tasks_and_threads() {
    let exporter = InMemorySpanExporter::new();
    let telemetry = builder(&exporter).build().unwrap();
    let subscriber = TelemetrySubscriber::builder(telemetry.tracer("test")).build();
    let dispatch = tracing::Dispatch::new(subscriber);
    // Each thread of the runtime listens; tests share the process, so that there is no global subscriber.
    let on_start = dispatch.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .on_thread_start(move || {
            std::mem::forget(tracing::dispatcher::set_default(&on_start));
        })
        .build()
        .unwrap();
    let tenant = || Context::current().baggage().get("tenant").map(ToString::to_string);
    tracing::dispatcher::with_default(&dispatch, || {
        let _baggage = Context::current().with_baggage([KeyValue::new("tenant", "acme")]).attach();
        let order = tracing::info_span!("order");
        let _inside = order.enter();
        let task = runtime.spawn(
            async move {
                tracing::info_span!("task").in_scope(|| ());
                tenant()
            }
            .carry(),
        );
        assert_eq!(runtime.block_on(task).unwrap().as_deref(), Some("acme"));
        let blocking = runtime.spawn_blocking(in_current(move || {
            tracing::info_span!("blocking").in_scope(|| ());
            tenant()
        }));
        assert_eq!(runtime.block_on(blocking).unwrap().as_deref(), Some("acme"));
        let hash = tracing::info_span!("hash");
        assert!(hash.ids().is_some());
        let other = runtime.spawn_blocking(in_span(hash, || tracing::info_span!("block").in_scope(|| ())));
        runtime.block_on(other).unwrap();
    });
    drop(runtime);
    telemetry.flush_blocking(SOON).unwrap();
    TraceTree::only(exporter.spans()).assert_shape("order(task blocking hash(block))");
}
