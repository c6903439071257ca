//! The debug flag, which B3 and Jaeger have and the API's span context has no place for.
//!
//! It travels as a value in the context, from extraction to every injection below it. It names its trace, so
//! that it ends where another trace begins.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceId};

/// The trace that is to be debugged.
struct Debug(TraceId);

/// Notes whether the trace of the context's span is to be debugged. Where it is not, that costs nothing.
pub(crate) fn note(cx: Context, span: &SpanContext, debugged: bool) -> Context {
    match (debugged, is_noted(&cx, span)) {
        (true, false) => cx.with_value(Debug(span.trace_id())),
        (false, true) => cx.with_value(Debug(TraceId::INVALID)),
        _ => cx,
    }
}

/// Whether the span's trace is to be debugged.
pub(crate) fn is_noted(cx: &Context, span: &SpanContext) -> bool {
    cx.get::<Debug>().is_some_and(|noted| noted.0 == span.trace_id())
}
