//! `Span`, with its `Event`s, `Link`s and `Status`.

use opentelemetry::trace::{SpanId, SpanKind, TraceId};
use tachograph_sdk::trace::{EventRecord, LinkRecord, SpanRecord, SpanStatus};

use super::value::record_attributes;
use super::wire::{bytes, close, len_tag, number, open, tag, text};

mod field {
    pub(super) mod span {
        pub(crate) const TRACE_ID: u32 = 1;
        pub(crate) const SPAN_ID: u32 = 2;
        pub(crate) const TRACE_STATE: u32 = 3;
        pub(crate) const PARENT_SPAN_ID: u32 = 4;
        pub(crate) const NAME: u32 = 5;
        pub(crate) const KIND: u32 = 6;
        pub(crate) const START: u32 = 7;
        pub(crate) const END: u32 = 8;
        pub(crate) const ATTRIBUTES: u32 = 9;
        pub(crate) const DROPPED_ATTRIBUTES: u32 = 10;
        pub(crate) const EVENTS: u32 = 11;
        pub(crate) const DROPPED_EVENTS: u32 = 12;
        pub(crate) const LINKS: u32 = 13;
        pub(crate) const DROPPED_LINKS: u32 = 14;
        pub(crate) const STATUS: u32 = 15;
    }
    pub(super) mod event {
        pub(crate) const TIME: u32 = 1;
        pub(crate) const NAME: u32 = 2;
        pub(crate) const ATTRIBUTES: u32 = 3;
        pub(crate) const DROPPED_ATTRIBUTES: u32 = 4;
    }
    pub(super) mod link {
        pub(crate) const TRACE_ID: u32 = 1;
        pub(crate) const SPAN_ID: u32 = 2;
        pub(crate) const TRACE_STATE: u32 = 3;
        pub(crate) const ATTRIBUTES: u32 = 4;
        pub(crate) const DROPPED_ATTRIBUTES: u32 = 5;
        pub(crate) const FLAGS: u32 = 6;
    }
    pub(super) mod status {
        pub(crate) const MESSAGE: u32 = 2;
        pub(crate) const CODE: u32 = 3;
    }
}

/// The tag of `Span.flags`, field 16, fixed 32 bits: a number above 15 has a tag of two bytes.
const FLAGS_TAG: [u8; 2] = [0x85, 0x01];

const FIXED_64: u32 = 1;
const FIXED_32: u32 = 5;

/// What most spans take, as the length of the length: 128 to 16,383 bytes.
const EXPECTED_SPAN: usize = 0x80;
const EXPECTED_PART: usize = 1;

/// Appends a span as a message of a field.
#[inline]
pub(super) fn span(out: &mut Vec<u8>, number_of_field: u32, span: &SpanRecord<'_>) {
    use field::span as at;
    let message = open(out, number_of_field, EXPECTED_SPAN);
    ids(out, at::TRACE_ID, at::SPAN_ID, span.trace_id(), span.span_id());
    text(out, at::TRACE_STATE, span.trace_state());
    if let Some(parent) = span.parent_span_id() {
        let [a, b, c, d, e, f, g, h] = parent.to_bytes();
        out.extend_from_slice(&[len_tag(at::PARENT_SPAN_ID), 8, a, b, c, d, e, f, g, h]);
    }
    text(out, at::NAME, span.name());
    kind_and_times(out, span);
    record_attributes(out, at::ATTRIBUTES, span.attributes());
    number(out, at::DROPPED_ATTRIBUTES, span.dropped_attributes().into());
    for part in span.events() {
        event(out, at::EVENTS, &part);
    }
    number(out, at::DROPPED_EVENTS, span.dropped_events().into());
    for part in span.links() {
        link(out, at::LINKS, &part);
    }
    number(out, at::DROPPED_LINKS, span.dropped_links().into());
    status(out, at::STATUS, span.status());
    let ([t, u], [a, b, c, d]) = (FLAGS_TAG, span.otlp_flags().to_le_bytes());
    out.extend_from_slice(&[t, u, a, b, c, d]);
    close(out, message);
}

/// A trace id and a span id, in fields of numbers that follow each other.
#[inline]
fn ids(out: &mut Vec<u8>, trace_field: u32, span_field: u32, trace: TraceId, span: SpanId) {
    let mut both = [0; 28];
    let (head, tail) = both.split_at_mut(18);
    if let [trace_tag, trace_len, trace_id @ ..] = head {
        (*trace_tag, *trace_len) = (len_tag(trace_field), 16);
        trace_id.copy_from_slice(&trace.to_bytes());
    }
    if let [span_tag, span_len, span_id @ ..] = tail {
        (*span_tag, *span_len) = (len_tag(span_field), 8);
        span_id.copy_from_slice(&span.to_bytes());
    }
    out.extend_from_slice(&both);
}

#[inline]
fn kind_and_times(out: &mut Vec<u8>, span: &SpanRecord<'_>) {
    use field::span as at;
    let kind = match span.kind() {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    };
    out.extend_from_slice(&[tag(at::KIND, 0), kind]);
    fixed_64(out, at::START, span.start_unix_nanos());
    fixed_64(out, at::END, span.end_unix_nanos());
}

#[inline(always)]
fn fixed_64(out: &mut Vec<u8>, field: u32, value: u64) {
    let [a, b, c, d, e, f, g, h] = value.to_le_bytes();
    out.extend_from_slice(&[tag(field, FIXED_64), a, b, c, d, e, f, g, h]);
}

fn event(out: &mut Vec<u8>, number_of_field: u32, event: &EventRecord<'_>) {
    use field::event as at;
    let message = open(out, number_of_field, EXPECTED_PART);
    fixed_64(out, at::TIME, event.unix_nanos());
    text(out, at::NAME, event.name());
    record_attributes(out, at::ATTRIBUTES, event.attributes());
    number(out, at::DROPPED_ATTRIBUTES, event.dropped_attributes().into());
    close(out, message);
}

fn link(out: &mut Vec<u8>, number_of_field: u32, link: &LinkRecord<'_>) {
    use field::link as at;
    let message = open(out, number_of_field, EXPECTED_PART);
    ids(out, at::TRACE_ID, at::SPAN_ID, link.trace_id(), link.span_id());
    text(out, at::TRACE_STATE, link.trace_state());
    record_attributes(out, at::ATTRIBUTES, link.attributes());
    number(out, at::DROPPED_ATTRIBUTES, link.dropped_attributes().into());
    let [a, b, c, d] = link.otlp_flags().to_le_bytes();
    out.extend_from_slice(&[tag(at::FLAGS, FIXED_32), a, b, c, d]);
    close(out, message);
}

/// An unset status is left out.
fn status(out: &mut Vec<u8>, number_of_field: u32, status: SpanStatus<'_>) {
    use field::status as at;
    let (code, message) = match status {
        SpanStatus::Ok => (1, ""),
        SpanStatus::Error(message) => (2, message),
        _ => return,
    };
    let status = open(out, number_of_field, EXPECTED_PART);
    if !message.is_empty() {
        bytes(out, at::MESSAGE, message.as_bytes());
    }
    out.extend_from_slice(&[tag(at::CODE, 0), code]);
    close(out, status);
}
