//! tracing-opentelemetry itself runs on our tracer.
#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod support;

use opentelemetry::trace::SpanKind;
use support::{assert_root, assert_under, named};
use tachograph_sdk::pipeline::{BatchConfig, Deadline};
use tachograph_sdk::testing::InMemorySpanExporter;
use tachograph_sdk::trace::TracerProvider;
use tracing::{info, info_span};
use tracing_subscriber::layer::SubscriberExt as _;

#[test]
fn tracing_opentelemetry_records_its_spans_with_our_tracer() {
    let exporter = InMemorySpanExporter::new();
    let provider =
        TracerProvider::builder().with_batch_exporter(exporter.clone(), BatchConfig::spans()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("theirs"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let _outer = info_span!("outer", otel.kind = "server", n = 1).entered();
        info_span!("inner").in_scope(|| info!(count = 2, "an event"));
    });
    provider.flush(Deadline::NEVER).unwrap();
    let spans = exporter.spans();
    assert_root(&spans, "outer");
    assert_under(&spans, "inner", "outer");
    let outer = named(&spans, "outer");
    assert_eq!(outer.kind, SpanKind::Server);
    assert_eq!(outer.attribute("n"), Some(&1.into()));
    assert!(outer.attribute("busy_ns").is_some());
    let event = &named(&spans, "inner").events[0];
    assert_eq!(event.name, "an event");
    assert!(event.attributes.iter().any(|pair| pair.key.as_str() == "count" && pair.value == 2.into()));
    assert_eq!(named(&spans, "inner").scope, "theirs");
}
