//! Jaeger's own headers: `uber-trace-id`, and `uberctx-{key}` for baggage.

use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};

use crate::carrier::{Field, Sink, Source, trimmed};
use crate::{coding, debug, hex};

/// Starts the name of a header with an item of baggage; the item's key follows.
const ITEM: &str = "uberctx-";

const SAMPLED: u128 = 0x01;
const DEBUG: u128 = 0x02;

/// No valid `uber-trace-id` is longer, not even where its colons are percent-encoded.
const LONGEST: usize = 32 + 16 + 16 + 2 + 3 * 3;

/// So many bytes of items' keys and values are read and written, as of W3C's baggage.
const BYTES: usize = 8192;

/// The context of `cx` with what the headers name: a span, baggage, both; nothing if they name neither.
pub(crate) fn extract(cx: &Context, source: &impl Source) -> Option<Context> {
    let found = source.single(Field::UberTraceId).value().and_then(|header| span(cx, header));
    let baggage = items(found.as_ref().unwrap_or(cx), source);
    baggage.map(|baggage| found.as_ref().unwrap_or(cx).with_baggage(baggage)).or(found)
}

/// Reads `{trace id}:{span id}:{parent span id}:{flags}`, numbers without leading zeros included. The third is
/// out of use: it is 0, or ignored.
fn span(cx: &Context, header: &[u8]) -> Option<Context> {
    if header.len() > LONGEST {
        return None;
    }
    let header = coding::decode(str::from_utf8(header).ok()?);
    let mut parts = header.as_bytes().split(|byte| *byte == b':');
    let trace_id = TraceId::from(hex::number(parts.next()?, 32)?);
    let span_id = SpanId::from(u64::try_from(hex::number(parts.next()?, 16)?).ok()?);
    hex::number(parts.next()?, 16)?;
    let flags = hex::number(parts.next()?, 2)?;
    if parts.next().is_some() {
        return None;
    }
    let debugged = flags & DEBUG != 0;
    // Its second bit is not trace context's second bit, which says that the trace id is random.
    let sampled = TraceFlags::default().with_sampled(debugged || flags & SAMPLED != 0);
    let span = SpanContext::new(trace_id, span_id, sampled, true, TraceState::NONE);
    if !span.is_valid() {
        return None;
    }
    Some(debug::note(cx.with_remote_span_context(span.clone()), &span, debugged))
}

/// The baggage of `cx` and of the headers; nothing if the headers have none.
///
/// An item that `cx` has already is left as it is, so that W3C's `baggage`, which knows letters' case and
/// properties, counts where both were sent. Letters' case does not tell them apart: the same `userId` arrives as
/// `userid` here, and would be two from then on.
fn items(cx: &Context, source: &impl Source) -> Option<Baggage> {
    let mut found: Option<Baggage> = None;
    let mut left = BYTES;
    source.each_with_prefix(ITEM, &mut |key, value| {
        let value = trimmed(value);
        let Some(rest) = left.checked_sub(key.len() + value.len()) else { return };
        if !coding::is_token(key.as_bytes()) {
            return;
        }
        left = rest;
        let baggage = found.get_or_insert_with(|| copy(cx.baggage()));
        let is_known = cx.baggage().iter().any(|(known, _)| known.as_str().eq_ignore_ascii_case(key));
        if !is_known && baggage.get(key).is_none() {
            baggage.insert(key.to_owned(), coding::decode(&String::from_utf8_lossy(value)).into_owned());
        }
    });
    found
}

/// The API's type cannot be cloned. It keeps W3C's limits of members and bytes itself.
fn copy(baggage: &Baggage) -> Baggage {
    let mut copy = Baggage::new();
    for (key, (value, metadata)) in baggage {
        copy.insert_with_metadata(key.clone(), value.clone(), metadata.clone());
    }
    copy
}

const HEADER: usize = 32 + 1 + 16 + 1 + 1 + 1 + 1;

/// Writes the span of `cx`, if it has a valid one, and its baggage.
pub(crate) fn inject(cx: &Context, sink: &mut impl Sink) {
    let span = cx.span();
    let span = span.span_context();
    if span.is_valid() {
        let mut header: [u8; HEADER] = *b"00000000000000000000000000000000:0000000000000000:0:0";
        let (trace_id, span_id) = (span.trace_id().to_bytes(), span.span_id().to_bytes());
        header[..32].copy_from_slice(&hex::write_u128(u128::from_be_bytes(trace_id)));
        header[33..49].copy_from_slice(&hex::write_u64(u64::from_be_bytes(span_id)));
        header[52] = match (debug::is_noted(cx, span), span.is_sampled()) {
            (true, _) => b'3',
            (false, true) => b'1',
            (false, false) => b'0',
        };
        sink.set(Field::UberTraceId, &header);
    }
    inject_items(cx.baggage(), sink);
}

/// Writes each item that fits; where not all do, the smallest, so that they are the same each time.
fn inject_items(baggage: &Baggage, sink: &mut impl Sink) {
    let mut items: Vec<_> = baggage
        .into_iter()
        .map(|(key, (value, _))| {
            let mut encoded = Vec::with_capacity(value.as_str().len());
            coding::encode(&mut encoded, value.as_str(), coding::Equals::Encoded);
            (key.as_str().len() + encoded.len(), key.as_str(), encoded)
        })
        .collect();
    if items.iter().map(|item| item.0).sum::<usize>() > BYTES {
        items.sort_unstable();
    }
    let mut left = BYTES;
    for (size, key, value) in items {
        let Some(rest) = left.checked_sub(size) else { return };
        left = rest;
        sink.set_named(format!("{ITEM}{key}"), value);
    }
}
