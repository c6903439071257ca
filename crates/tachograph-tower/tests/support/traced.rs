//! Layers whose spans go to our SDK, and what they leave there.

use opentelemetry::Value;
use tachograph_propagation::Propagator;
use tachograph_sdk::pipeline::{BatchConfig, Deadline};
use tachograph_sdk::testing::{InMemorySpanExporter, SpanSnapshot, StatusSnapshot};
use tachograph_sdk::trace::{Sampler, Tracer, TracerProvider};
use tachograph_tower::HttpServerLayer;

use super::Recorder;

/// A process's worth of telemetry.
#[derive(Clone)]
pub(crate) struct Traced {
    pub(crate) metrics: Recorder,
    exporter: InMemorySpanExporter,
    provider: TracerProvider,
}

impl Traced {
    pub(crate) fn new() -> Self {
        Self::sampled(tachograph_sdk::trace::AlwaysOn)
    }

    pub(crate) fn sampled(sampler: impl Sampler + 'static) -> Self {
        let exporter = InMemorySpanExporter::new();
        let provider = TracerProvider::builder()
            .with_sampler(sampler)
            .with_batch_exporter(exporter.clone(), BatchConfig::spans())
            .build();
        Self { metrics: Recorder::default(), exporter, provider }
    }

    pub(crate) fn tracer(&self) -> Tracer {
        self.provider.tracer_with_scope(tachograph_tower::scope())
    }

    /// Spans and all metrics, with the default propagator.
    pub(crate) fn layer(&self) -> HttpServerLayer {
        HttpServerLayer::new(&self.metrics.meter())
            .with_active_requests(true)
            .with_body_sizes(true)
            .with_tracer(self.tracer())
            .with_propagator(Propagator::default())
    }

    /// The spans that have ended, in the order of their ends.
    pub(crate) fn spans(&self) -> Vec<SpanSnapshot> {
        self.provider.flush(Deadline::NEVER).unwrap();
        self.exporter.spans()
    }

    /// The only span, once all is accounted for.
    pub(crate) fn span(&self) -> SpanSnapshot {
        assert_eq!(self.metrics.active(), 0, "nothing is left active");
        self.metrics.request();
        let spans = self.spans();
        assert_eq!(spans.len(), 1, "one span per request: {spans:#?}");
        spans.into_iter().next().unwrap()
    }

    /// The only span of that name.
    pub(crate) fn named(&self, name: &str) -> SpanSnapshot {
        let spans = self.spans();
        let mut found = spans.iter().filter(|span| span.name == name);
        let span = found.next().unwrap_or_else(|| panic!("no span {name:?} in {spans:#?}"));
        assert!(found.next().is_none(), "two spans {name:?} in {spans:#?}");
        span.clone()
    }
}

/// The metrics are asked for more often than the spans.
impl std::ops::Deref for Traced {
    type Target = Recorder;

    fn deref(&self) -> &Recorder {
        &self.metrics
    }
}

/// The text of an attribute, if it is there.
pub(crate) fn text(span: &SpanSnapshot, key: &str) -> Option<String> {
    span.attribute(key).map(|value| value.as_str().into_owned())
}

pub(crate) fn number(span: &SpanSnapshot, key: &str) -> Option<i64> {
    match span.attribute(key)? {
        Value::I64(number) => Some(*number),
        other => panic!("{key} is no integer: {other:?}"),
    }
}

pub(crate) fn keys(span: &SpanSnapshot) -> Vec<&str> {
    let mut keys: Vec<_> = span.attributes.iter().map(|pair| pair.key.as_str()).collect();
    keys.sort_unstable();
    keys
}

pub(crate) fn error() -> StatusSnapshot {
    StatusSnapshot::Error(String::new())
}
