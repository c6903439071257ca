//! B3, in one header and in several.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};

use crate::carrier::{Field, Single, Sink, Source};
use crate::{debug, hex};

/// What was decided about the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sampling {
    /// Nothing was: the receiver may decide.
    Deferred,
    Denied,
    Accepted,
    /// Accepted, and whoever sees it should keep it.
    Debug,
}

struct Found {
    trace_id: TraceId,
    span_id: SpanId,
    sampling: Sampling,
}

/// The context of `cx` with the span that the headers name, if they name one: the single header first, then
/// the others.
pub(crate) fn extract(cx: &Context, source: &impl Source) -> Option<Context> {
    let found = source.single(Field::B3).value().and_then(single).or_else(|| several(source))?;
    let sampled = matches!(found.sampling, Sampling::Accepted | Sampling::Debug);
    let flags = TraceFlags::default().with_sampled(sampled);
    let span = SpanContext::new(found.trace_id, found.span_id, flags, true, TraceState::NONE);
    let extracted = cx.with_remote_span_context(span.clone());
    Some(debug::note(extracted, &span, found.sampling == Sampling::Debug))
}

/// The length of a single header with all its parts.
const LONGEST: usize = 32 + 1 + 16 + 1 + 1 + 1 + 16;

/// Reads `{trace id}-{span id}`, `…-{sampling}` or `…-{sampling}-{parent span id}`.
///
/// A lone sampling state names no span, and the API has no place for it.
fn single(header: &[u8]) -> Option<Found> {
    if header.len() > LONGEST {
        return None;
    }
    let mut parts = header.split(|byte| *byte == b'-');
    let (trace_id, span_id) = (trace_id(parts.next()?)?, span_id(parts.next()?)?);
    let sampling = match parts.next() {
        None => Sampling::Deferred,
        Some(b"0") => Sampling::Denied,
        Some(b"1") => Sampling::Accepted,
        Some(b"d") => Sampling::Debug,
        Some(_) => return None,
    };
    if let Some(parent) = parts.next() {
        hex::read_u64(parent.try_into().ok()?)?;
    }
    parts.next().is_none().then_some(Found { trace_id, span_id, sampling })
}

/// Reads the headers whose names start with `X-B3-`. That of the parent span's id is not looked at: the API has
/// no place for it.
fn several(source: &impl Source) -> Option<Found> {
    let trace_id = trace_id(source.single(Field::B3TraceId).value()?)?;
    let span_id = span_id(source.single(Field::B3SpanId).value()?)?;
    let sampling = if source.single(Field::B3Flags).value() == Some(b"1") {
        Sampling::Debug
    } else {
        match source.single(Field::B3Sampled) {
            Single::Absent => Sampling::Deferred,
            // The words are of tracers from before there was a specification, which allows to take them.
            Single::Value(b"0" | b"false") => Sampling::Denied,
            Single::Value(b"1" | b"true") => Sampling::Accepted,
            _ => return None,
        }
    };
    Some(Found { trace_id, span_id, sampling })
}

/// Reads an id of 128 bits or, padded with zeros, of 64.
fn trace_id(text: &[u8]) -> Option<TraceId> {
    let id = match text.try_into() {
        Ok(short) => hex::read_u64(short)?.into(),
        Err(_) => hex::read_u128(text.try_into().ok()?)?,
    };
    Some(TraceId::from(id)).filter(|id| *id != TraceId::INVALID)
}

fn span_id(text: &[u8]) -> Option<SpanId> {
    Some(SpanId::from(hex::read_u64(text.try_into().ok()?)?)).filter(|id| *id != SpanId::INVALID)
}

/// The digits of a span's ids.
fn ids(span: &SpanContext) -> ([u8; 32], [u8; 16]) {
    let (trace_id, span_id) = (span.trace_id().to_bytes(), span.span_id().to_bytes());
    (hex::write_u128(u128::from_be_bytes(trace_id)), hex::write_u64(u64::from_be_bytes(span_id)))
}

const SINGLE: usize = 32 + 1 + 16 + 1 + 1;

/// Writes the span of `cx`, if it has a valid one, in one header.
pub(crate) fn inject_single(cx: &Context, sink: &mut impl Sink) {
    let span = cx.span();
    let span = span.span_context();
    if !span.is_valid() {
        return;
    }
    let mut header: [u8; SINGLE] = *b"00000000000000000000000000000000-0000000000000000-0";
    let (trace_id, span_id) = ids(span);
    header[..32].copy_from_slice(&trace_id);
    header[33..49].copy_from_slice(&span_id);
    header[50] = match (debug::is_noted(cx, span), span.is_sampled()) {
        (true, _) => b'd',
        (false, true) => b'1',
        (false, false) => b'0',
    };
    sink.set(Field::B3, &header);
}

/// Writes the span of `cx`, if it has a valid one, in several headers.
pub(crate) fn inject_several(cx: &Context, sink: &mut impl Sink) {
    let span = cx.span();
    let span = span.span_context();
    if !span.is_valid() {
        return;
    }
    let (trace_id, span_id) = ids(span);
    sink.set(Field::B3TraceId, &trace_id);
    sink.set(Field::B3SpanId, &span_id);
    // The other one that the carrier may have from before would contradict.
    if debug::is_noted(cx, span) {
        sink.set(Field::B3Flags, b"1");
        sink.remove(Field::B3Sampled);
    } else {
        sink.set(Field::B3Sampled, if span.is_sampled() { b"1" } else { b"0" });
        sink.remove(Field::B3Flags);
    }
    sink.remove(Field::B3ParentSpanId);
}
