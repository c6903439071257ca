//! The real OpenTelemetry Collector takes what is sent, and prints what was recorded.

mod support;

use std::time::Duration;

use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId,
    TraceState, Tracer as _,
};
use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, Value};
use support::collector::Collector;
use support::{LONG, account, config, make_spans, provider};
use tachograph_otlp::{Compression, OtlpSpanExporter};
use tachograph_sdk::Resource;
use tachograph_sdk::pipeline::{BatchConfig, Deadline};
use tachograph_sdk::trace::TracerProvider;

/// That the lines stand there, in this order, whatever the space at their edges.
fn assert_lines(text: &str, expected: &[&str]) {
    let mut lines = text.lines().map(str::trim);
    for line in expected {
        assert!(lines.any(|found| found == *line), "{line:?} is not there, or not in its place:\n{text}");
    }
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn a_span_with_everything_is_printed_as_it_was_recorded() {
    let collector = Collector::start("everything", "");
    let exporter = OtlpSpanExporter::new(config(&format!("http://{}", collector.address())));
    let resource = Resource::builder_empty()
        .with_service_name("shop")
        .with_attribute(KeyValue::new("n", 7))
        .with_schema_url("https://schema.example/r")
        .build();
    let provider = TracerProvider::builder()
        .with_resource(resource)
        .with_batch_exporter(exporter.expect("the configuration can be used"), BatchConfig::spans())
        .build();
    let scope = InstrumentationScope::builder("orders")
        .with_version("1.2.3")
        .with_schema_url("https://schema.example/s")
        .with_attributes([KeyValue::new("part", "payment")])
        .build();
    let tracer = provider.tracer_with_scope(scope);
    let state = TraceState::from_key_value([("vendor", "value")]).expect("a state");
    let parent = SpanContext::new(
        TraceId::from(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10),
        SpanId::from(0x1112_1314_1516_1718),
        TraceFlags::SAMPLED,
        true,
        state.clone(),
    );
    let linked =
        SpanContext::new(TraceId::from(0xabc), SpanId::from(0xdef), TraceFlags::default(), false, state);
    let at = |nanos| std::time::UNIX_EPOCH + Duration::from_nanos(nanos);
    let mut span = tracer
        .span_builder("pay ü")
        .with_kind(SpanKind::Client)
        .with_start_time(at(1_700_000_000_123_456_789))
        .with_attributes([
            KeyValue::new("text", "two words"),
            KeyValue::new("number", i64::MIN),
            KeyValue::new("float", 0.25),
            KeyValue::new("bool", true),
            KeyValue::new("empty", ""),
            KeyValue::new("texts", Value::Array(Array::String(vec!["a".into(), "b".into()]))),
            KeyValue::new("numbers", Value::Array(Array::I64(vec![1, -2]))),
        ])
        .with_links(vec![Link::new(linked, vec![KeyValue::new("why", "because")], 3)])
        .with_events(vec![Event::new(
            "retried",
            at(1_700_000_001_000_000_000),
            vec![KeyValue::new("try", 2)],
            4,
        )])
        .start_with_context(&tracer, &Context::new().with_remote_span_context(parent));
    {
        use opentelemetry::trace::Span as _;
        span.set_status(Status::error("no money"));
        span.end_with_timestamp(at(1_700_000_002_000_000_001));
    }
    assert_eq!(account(&provider, Deadline::after(LONG)).exported, 1);
    let spans = collector.spans(1);
    let log = collector.log();
    assert_lines(
        &log,
        &[
            "Resource SchemaURL: https://schema.example/r",
            "-> n: Int(7)",
            "-> service.name: Str(shop)",
            "ScopeSpans SchemaURL: https://schema.example/s",
            "InstrumentationScope orders 1.2.3",
            "-> part: Str(payment)",
        ],
    );
    assert_lines(
        &spans[0],
        &[
            "Trace ID       : 0102030405060708090a0b0c0d0e0f10",
            "Parent ID      : 1112131415161718",
            "Name           : pay ü",
            "Kind           : Client",
            "TraceState     : vendor=value",
            "Start time     : 2023-11-14 22:13:20.123456789 +0000 UTC",
            "End time       : 2023-11-14 22:13:22.000000001 +0000 UTC",
            "Status code    : Error",
            "Status message : no money",
            "Attributes:",
            "-> text: Str(two words)",
            "-> number: Int(-9223372036854775808)",
            "-> float: Double(0.25)",
            "-> bool: Bool(true)",
            "-> empty: Str()",
            "-> texts: Slice([\"a\",\"b\"])",
            "-> numbers: Slice([1,-2])",
            "Events:",
            "-> Name: retried",
            "-> Timestamp: 2023-11-14 22:13:21 +0000 UTC",
            "-> DroppedAttributesCount: 4",
            "-> try: Int(2)",
            "Links:",
            "-> Trace ID: 00000000000000000000000000000abc",
            "-> ID: 0000000000000def",
            "-> TraceState: vendor=value",
            "-> DroppedAttributesCount: 3",
            "-> why: Str(because)",
        ],
    );
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn many_requests_packed_or_not_arrive_whole() {
    for (test, compression) in [("plain", Compression::None), ("gzip", Compression::Gzip)] {
        let collector = Collector::start(test, "");
        let config = config(&format!("http://{}", collector.address()))
            .with_compression(compression)
            .with_max_request_bytes(20_000);
        let provider = provider(config);
        make_spans(&provider, 1_500);
        assert_eq!(account(&provider, Deadline::after(LONG)).exported, 1_500);
        let spans = collector.spans(1_500);
        let name = |span: &String| {
            let mut lines = span.lines().map(str::trim);
            lines.find_map(|line| line.strip_prefix("Name           : ").map(str::to_owned))
        };
        let mut names: Vec<String> = spans.iter().filter_map(name).collect();
        names.sort();
        let mut expected: Vec<String> = (0..1_500).map(|n| format!("span {n}")).collect();
        expected.sort();
        assert_eq!(names, expected);
    }
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn what_it_refuses_is_counted() {
    let collector = Collector::start("refused", "");
    let provider = provider(
        tachograph_otlp::OtlpConfig::traces()
            .with_signal_endpoint(&format!("http://{}/v1/nothing", collector.address())),
    );
    make_spans(&provider, 2);
    let ledger = account(&provider, Deadline::after(LONG));
    assert_eq!(ledger.dropped.of("404"), 2, "{ledger}");
}
