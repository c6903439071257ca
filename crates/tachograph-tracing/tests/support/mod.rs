//! What the tests share: spans of both products, in memory.
#![allow(dead_code, reason = "each test takes what it needs")]

use tachograph_sdk::pipeline::{BatchConfig, Deadline};
use tachograph_sdk::testing::{InMemorySpanExporter, SpanSnapshot};
use tachograph_sdk::trace::{Sampler, TracerProvider};
use tachograph_tracing::{ContextMode, SpanOptions, TelemetryLayer, TelemetrySubscriber};
use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt;

/// Which of the two products.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Product {
    Subscriber,
    Layer,
}

/// One of the products, with an exporter that keeps what it is given.
pub(crate) struct Rig {
    pub(crate) product: Product,
    pub(crate) mode: ContextMode,
    pub(crate) provider: TracerProvider,
    pub(crate) exporter: InMemorySpanExporter,
    pub(crate) dispatch: Dispatch,
}

impl Rig {
    pub(crate) fn new(product: Product, options: SpanOptions, sampler: Option<Box<dyn Sampler>>) -> Self {
        let exporter = InMemorySpanExporter::new();
        let mut builder =
            TracerProvider::builder().with_batch_exporter(exporter.clone(), BatchConfig::spans());
        if let Some(sampler) = sampler {
            builder = builder.with_sampler(sampler);
        }
        let provider = builder.build();
        let tracer = provider.tracer("test");
        let dispatch = match product {
            Product::Subscriber => {
                Dispatch::new(TelemetrySubscriber::builder(tracer).with_options(options.clone()).build())
            }
            Product::Layer => Dispatch::new(
                tracing_subscriber::registry().with(TelemetryLayer::with_options(tracer, options.clone())),
            ),
        };
        Rig { product, mode: ContextMode::Full, provider, exporter, dispatch }
    }

    /// Runs something with the product as the default subscriber, and returns what was exported, in the order of ends.
    pub(crate) fn run(&self, work: impl FnOnce()) -> Vec<SpanSnapshot> {
        tracing::dispatcher::with_default(&self.dispatch, work);
        self.spans()
    }

    pub(crate) fn spans(&self) -> Vec<SpanSnapshot> {
        self.provider.flush(Deadline::NEVER).unwrap();
        self.exporter.spans()
    }
}

/// Both products in both modes.
pub(crate) fn all() -> Vec<Rig> {
    all_with(SpanOptions::new())
}

/// As [`all`], with options.
pub(crate) fn all_with(options: SpanOptions) -> Vec<Rig> {
    let mut rigs = Vec::new();
    for product in [Product::Subscriber, Product::Layer] {
        for mode in [ContextMode::Full, ContextMode::Lazy] {
            let mut rig = Rig::new(product, options.clone().with_context_mode(mode), None);
            rig.mode = mode;
            rigs.push(rig);
        }
    }
    rigs
}

/// As [`all`], with a sampler.
pub(crate) fn all_sampled(make: impl Fn() -> Box<dyn Sampler>) -> Vec<Rig> {
    let mut rigs = Vec::new();
    for product in [Product::Subscriber, Product::Layer] {
        for mode in [ContextMode::Full, ContextMode::Lazy] {
            let mut rig = Rig::new(product, SpanOptions::new().with_context_mode(mode), Some(make()));
            rig.mode = mode;
            rigs.push(rig);
        }
    }
    rigs
}

/// The one span of a name.
pub(crate) fn named<'a>(spans: &'a [SpanSnapshot], name: &str) -> &'a SpanSnapshot {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "spans named {name:?} among {:?}", names(spans));
    found[0]
}

pub(crate) fn names(spans: &[SpanSnapshot]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

/// Asserts that one span is the parent of another.
#[track_caller]
pub(crate) fn assert_under(spans: &[SpanSnapshot], child: &str, parent: &str) {
    let (child, parent) = (named(spans, child), named(spans, parent));
    assert_eq!(child.trace_id, parent.trace_id, "{} and {} are of one trace", child.name, parent.name);
    assert_eq!(child.parent_span_id, Some(parent.span_id), "{} is under {}", child.name, parent.name);
}

#[track_caller]
pub(crate) fn assert_root(spans: &[SpanSnapshot], name: &str) {
    assert_eq!(named(spans, name).parent_span_id, None, "{name} is a root");
}
