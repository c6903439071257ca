//! The debug flag, which B3 and Jaeger have and the API's span context has no place for.
//!
//! It travels as a value in the context, from extraction to every injection below it. It names its trace, so
//! that it ends where another trace begins.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceId};

struct Debug(TraceId);

/// Notes that the trace is to be debugged.
pub(crate) fn note(cx: &Context, trace: TraceId) -> Context {
    cx.with_value(Debug(trace))
}

/// Whether the span's trace is to be debugged.
pub(crate) fn is_noted(cx: &Context, span: &SpanContext) -> bool {
    cx.get::<Debug>().is_some_and(|noted| noted.0 == span.trace_id())
}
