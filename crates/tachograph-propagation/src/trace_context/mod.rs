//! W3C Trace Context, level 2.

pub(crate) mod parent;
pub(crate) mod state;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceState};

use crate::carrier::{Field, Sink, Source};

/// The context of `cx` with the span that the headers name, if they name one.
pub(crate) fn extract(cx: &Context, source: &impl Source) -> Option<Context> {
    let parent = parent::read(source.single(Field::TraceParent).value()?)?;
    // Only now: without a `traceparent` the list means nothing.
    let state = state::read(source);
    let span = SpanContext::new(parent.trace_id, parent.span_id, parent.flags, true, state);
    Some(cx.with_remote_span_context(span))
}

/// Writes the span of `cx`, if it has a valid one.
pub(crate) fn inject(cx: &Context, sink: &mut impl Sink) {
    let span = cx.span();
    let span = span.span_context();
    if !span.is_valid() {
        return;
    }
    match Some(span.trace_state()).filter(|state| **state != TraceState::NONE).and_then(state::write) {
        Some(header) => sink.set_owned(Field::TraceState, header),
        // One that the carrier has belongs to the span that is overwritten.
        None => sink.remove(Field::TraceState),
    }
    sink.set(Field::TraceParent, &parent::write(span));
}
