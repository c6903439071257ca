//! A type for each format, for those who compose propagators with the API's own types.

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};

use crate::format::Format;
use crate::propagator::Propagator;

/// W3C Trace Context alone: [`Format::TraceContext`].
#[derive(Debug, Clone)]
pub struct TraceContextPropagator(Propagator);

/// W3C Baggage alone: [`Format::Baggage`].
#[derive(Debug, Clone)]
pub struct BaggagePropagator(Propagator);

/// B3 alone: [`Format::B3`] or [`Format::B3Multi`].
#[derive(Debug, Clone)]
pub struct B3Propagator(Propagator);

/// Jaeger's headers alone: [`Format::Jaeger`].
#[derive(Debug, Clone)]
pub struct JaegerPropagator(Propagator);

impl TraceContextPropagator {
    /// A propagator of `traceparent` and `tracestate`.
    pub fn new() -> Self {
        Self(Format::TraceContext.into())
    }
}

impl BaggagePropagator {
    /// A propagator of `baggage`.
    pub fn new() -> Self {
        Self(Format::Baggage.into())
    }
}

impl B3Propagator {
    /// A propagator that writes the header `b3`.
    pub fn single() -> Self {
        Self(Format::B3.into())
    }

    /// A propagator that writes `X-B3-TraceId` and the others.
    pub fn multi() -> Self {
        Self(Format::B3Multi.into())
    }
}

impl JaegerPropagator {
    /// A propagator of `uber-trace-id` and `uberctx-{key}`.
    pub fn new() -> Self {
        Self(Format::Jaeger.into())
    }
}

impl Default for TraceContextPropagator {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for BaggagePropagator {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for JaegerPropagator {
    fn default() -> Self {
        Self::new()
    }
}

/// The trait is the API's, so no generic implementation can stand here.
macro_rules! delegate {
    ($($name:ty),*) => {$(
        impl TextMapPropagator for $name {
            fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
                self.0.inject_context(cx, injector);
            }

            fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
                self.0.extract_with_context(cx, extractor)
            }

            fn fields(&self) -> FieldIter<'_> {
                self.0.fields()
            }
        }

        impl From<$name> for Propagator {
            fn from(single: $name) -> Self {
                single.0
            }
        }
    )*};
}

delegate!(TraceContextPropagator, BaggagePropagator, B3Propagator, JaegerPropagator);
