//! Beside other layers and other subscribers, each with spans of its own.
#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod support;

use support::{assert_root, assert_under, named};
use tachograph_sdk::pipeline::{BatchConfig, Deadline};
use tachograph_sdk::testing::{InMemorySpanExporter, SpanSnapshot};
use tachograph_sdk::trace::TracerProvider;
use tachograph_tracing::{ContextMode, SpanOptions, TelemetryLayer, TelemetrySubscriber};
use tracing::{Dispatch, info, info_span};
use tracing_subscriber::layer::SubscriberExt as _;

/// A provider, and what it exports.
struct Side {
    provider: TracerProvider,
    exporter: InMemorySpanExporter,
}

impl Side {
    fn new() -> Self {
        let exporter = InMemorySpanExporter::new();
        let provider =
            TracerProvider::builder().with_batch_exporter(exporter.clone(), BatchConfig::spans()).build();
        Side { provider, exporter }
    }

    fn layer(&self, mode: ContextMode) -> TelemetryLayer {
        TelemetryLayer::with_options(self.provider.tracer("test"), SpanOptions::new().with_context_mode(mode))
    }

    fn spans(&self) -> Vec<SpanSnapshot> {
        self.provider.flush(Deadline::NEVER).unwrap();
        self.exporter.spans()
    }
}

/// A trace of three spans with an event.
fn work() {
    let _outer = info_span!("outer").entered();
    let _middle = info_span!("middle").entered();
    info!("event");
    info_span!("inner").in_scope(|| ());
}

/// Asserts that the trace is one, with the event where it was made.
#[track_caller]
fn assert_whole(spans: &[SpanSnapshot]) {
    assert_root(spans, "outer");
    assert_under(spans, "middle", "outer");
    assert_under(spans, "inner", "middle");
    assert_eq!(named(spans, "middle").events.len(), 1);
}

#[test]
fn two_layers_over_one_registry_have_each_a_whole_trace() {
    for modes in [
        [ContextMode::Full, ContextMode::Full],
        [ContextMode::Full, ContextMode::Lazy],
        [ContextMode::Lazy, ContextMode::Full],
        [ContextMode::Lazy, ContextMode::Lazy],
    ] {
        let sides = [Side::new(), Side::new()];
        let [first, second] = [sides[0].layer(modes[0]), sides[1].layer(modes[1])];
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(first).with(second));
        tracing::dispatcher::with_default(&dispatch, work);
        for side in &sides {
            assert_whole(&side.spans());
        }
    }
}

#[test]
fn beside_tracing_opentelemetry_both_have_whole_traces_where_ours_is_lazy_and_stacked_on_theirs() {
    let (ours, theirs) = (Side::new(), Side::new());
    let their_layer = tracing_opentelemetry::layer().with_tracer(theirs.provider.tracer("theirs"));
    let subscriber = tracing_subscriber::registry().with(their_layer).with(ours.layer(ContextMode::Lazy));
    tracing::subscriber::with_default(subscriber, work);
    assert_whole(&ours.spans());
    assert_whole(&theirs.spans());
}

#[test]
fn a_span_of_another_subscriber_is_never_taken_for_one_of_ours() {
    let (ours, theirs) = (Side::new(), Side::new());
    let of = |side: &Side| Dispatch::new(TelemetrySubscriber::builder(side.provider.tracer("test")).build());
    let foreign = tracing::dispatcher::with_default(&of(&theirs), || info_span!("foreign"));
    tracing::dispatcher::with_default(&of(&ours), || {
        // It has the same place among ours as the other has among theirs.
        let own = info_span!("own");
        let child = info_span!(parent: &foreign, "child");
        child.follows_from(&foreign);
        drop((child, own));
    });
    let spans = ours.spans();
    assert_root(&spans, "child");
    assert!(named(&spans, "child").links.is_empty());
}
