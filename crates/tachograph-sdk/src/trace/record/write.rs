use opentelemetry::trace::{TraceFlags, TraceState};

use super::attributes::RecordAttributes;
use super::layout::{EVENT_HEAD, LINK_HEAD, at, rest};
use super::set::{Attributes, KEPT, Room};
use super::short::{AttributeKey, SHORT, ShortLimits, copy_short};
use crate::attributes::ValueRef;
use crate::trace::limits::SpanLimits;

/// What a record's header holds of its own.
///
/// What is beside each other in the record is not here: fields are written one by one, and reading two of them at once soon after,
/// as is done where that is possible, would wait for the writes.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Head {
    trace_low: u64,
    pub(crate) parent_id: u64,
    trace_high: u64,
    pub(crate) start: u64,
    pub(crate) span_id: u64,
    pub(crate) end: u64,
    pub(crate) scope: u32,
    pub(crate) flags: u8,
    pub(crate) parent_is_remote: bool,
    /// As [`SpanRecord::kind`](super::SpanRecord::kind) reads it.
    pub(crate) kind: u8,
    /// 0 unset, 1 ok, 2 error.
    pub(crate) status: u8,
}

impl Head {
    #[inline(always)]
    pub(crate) fn trace_id(&self) -> u128 {
        u128::from(self.trace_high) << 64 | u128::from(self.trace_low)
    }

    #[inline(always)]
    pub(crate) fn set_trace_id(&mut self, trace_id: u128) {
        (self.trace_low, self.trace_high) = (trace_id as u64, (trace_id >> 64) as u64);
    }

    /// Whether the span is to be exported.
    #[inline(always)]
    pub(crate) fn is_sampled(&self) -> bool {
        TraceFlags::new(self.flags).is_sampled()
    }
}

/// The parts of a span that grow while it lives, already in the form of the record.
///
/// It is emptied and used again, with its capacity, so that a span allocates nothing once the first few have.
#[derive(Debug, Default)]
pub(crate) struct Body {
    status: String,
    state: String,
    /// The span's own, behind its name.
    attributes: Attributes,
    events: Vec<u8>,
    links: Vec<u8>,
    /// Those of the event or link that is being written.
    inner: Attributes,
    event_count: u32,
    link_count: u32,
    dropped_events: u32,
    dropped_links: u32,
    room: Room,
}

impl Body {
    /// Empties it for a span.
    #[inline(always)]
    pub(crate) fn start(&mut self, name: &str, limits: &SpanLimits) {
        let had_rest = self.room.has_rest;
        self.room = Room { left: limits.bytes, truncated: 0, has_rest: false };
        if had_rest {
            self.clear_rest();
        }
        self.attributes.clear();
        self.attributes.begin(self.room.take_text(name));
    }

    #[cold]
    fn clear_rest(&mut self) {
        self.status.clear();
        self.state.clear();
        for part in [&mut self.events, &mut self.links] {
            part.clear();
            part.shrink_to(KEPT);
        }
        self.inner.clear();
        (self.event_count, self.link_count, self.dropped_events, self.dropped_links) = (0, 0, 0, 0);
    }

    pub(crate) fn name(&self) -> &str {
        self.attributes.text()
    }

    /// The attributes that are set by now.
    pub(crate) fn attributes(&self) -> RecordAttributes<'_> {
        RecordAttributes::new(self.attributes.bytes(), self.attributes.len())
    }

    pub(crate) fn set_name(&mut self, name: &str) {
        self.room.left += self.attributes.text_len();
        self.attributes.set_text(self.room.take_text(name));
    }

    pub(crate) fn set_status_description(&mut self, text: &str) {
        self.room.has_rest = true;
        self.room.left += self.status.len();
        self.status.clear();
        self.status.push_str(self.room.take_text(text));
    }

    pub(crate) fn set_trace_state(&mut self, state: &TraceState) {
        self.room.has_rest = true;
        self.room.left += self.state.len();
        self.state.clear();
        write_state(&mut self.state, state);
        // Bounded by the grammar: 32 members of 512 characters.
        self.room.left = self.room.left.saturating_sub(self.state.len());
    }

    /// Whether anything of the span was lost to its limits.
    #[inline]
    pub(crate) fn has_losses(&self) -> bool {
        self.room.has_rest
            && self.attributes.dropped | self.dropped_events | self.dropped_links | self.room.truncated != 0
    }

    /// What was lost: attributes, events, links, and values that were cut, or not set over an older one, for want of
    /// room.
    pub(crate) fn losses(&self) -> [u32; 4] {
        [self.attributes.dropped, self.dropped_events, self.dropped_links, self.room.truncated]
    }

    pub(crate) fn count_truncated(&mut self, values: u32) {
        if values > 0 {
            self.room.truncate(values);
        }
    }

    #[inline]
    pub(crate) fn set_attribute(&mut self, key: &str, value: ValueRef<'_>, limits: &SpanLimits) {
        self.attributes.set(key, value, limits.attributes, limits, &mut self.room);
    }

    /// Sets an attribute whose key is known to be new.
    #[inline(always)]
    pub(crate) fn add_attribute(&mut self, key: &str, value: ValueRef<'_>, limits: &SpanLimits) {
        self.attributes.add(key, value, limits.attributes, limits, &mut self.room);
    }

    /// Sets an attribute whose key is known to be new, if it is short and there is a place for it at once; says whether it did.
    #[inline(always)]
    pub(crate) fn add_short_text(&mut self, key: &AttributeKey, text: &str, short: ShortLimits) -> bool {
        self.attributes.add_short_text(key, text, short, &mut self.room)
    }

    /// As [`add_short_text`](Self::add_short_text).
    #[inline(always)]
    pub(crate) fn add_short_i64(&mut self, key: &AttributeKey, value: i64, short: ShortLimits) -> bool {
        self.attributes.add_short_i64(key, value, short, &mut self.room)
    }

    /// Whether there may be one more event; counts it as dropped if not.
    pub(crate) fn begin_event(&mut self, limits: &SpanLimits) -> bool {
        self.room.has_rest = true;
        self.inner.clear();
        let may = self.event_count < limits.events && self.room.take(EVENT_HEAD);
        self.dropped_events = self.dropped_events.saturating_add(u32::from(!may));
        may
    }

    /// As [`begin_event`](Self::begin_event), for links.
    pub(crate) fn begin_link(&mut self, limits: &SpanLimits) -> bool {
        self.room.has_rest = true;
        self.inner.clear();
        let may = self.link_count < limits.links && self.room.take(LINK_HEAD);
        self.dropped_links = self.dropped_links.saturating_add(u32::from(!may));
        may
    }

    /// Sets an attribute of the event or link that was begun.
    pub(crate) fn set_inner(&mut self, key: &str, value: ValueRef<'_>, limit: u32, limits: &SpanLimits) {
        self.inner.set(key, value, limit, limits, &mut self.room);
    }

    pub(crate) fn drop_inner(&mut self, count: u32) {
        self.inner.dropped = self.inner.dropped.saturating_add(count);
    }

    pub(crate) fn end_event(&mut self, name: &str, unix_nanos: u64) {
        let name = self.room.take_text(name);
        let total = EVENT_HEAD + name.len() + self.inner.bytes().len();
        let mut head = [0; EVENT_HEAD];
        put(&mut head, 0, (total as u32).to_ne_bytes());
        put(&mut head, 4, unix_nanos.to_ne_bytes());
        put(&mut head, 12, (name.len() as u32).to_ne_bytes());
        put(&mut head, 16, self.inner.len().to_ne_bytes());
        put(&mut head, 20, self.inner.dropped.to_ne_bytes());
        self.events.extend_from_slice(&head);
        self.events.extend_from_slice(name.as_bytes());
        self.events.extend_from_slice(self.inner.bytes());
        self.event_count += 1;
    }

    pub(crate) fn end_link(
        &mut self,
        trace_id: u128,
        span_id: u64,
        flags: u8,
        is_remote: bool,
        state: &TraceState,
    ) {
        let mut text = String::new();
        write_state(&mut text, state);
        let text = self.room.take_text(&text);
        let total = LINK_HEAD + text.len() + self.inner.bytes().len();
        let mut head = [0; LINK_HEAD];
        put(&mut head, 0, (total as u32).to_ne_bytes());
        put(&mut head, 4, trace_id.to_ne_bytes());
        put(&mut head, 20, span_id.to_ne_bytes());
        put(&mut head, 28, [flags, u8::from(is_remote)]);
        put(&mut head, 32, (text.len() as u32).to_ne_bytes());
        put(&mut head, 36, self.inner.len().to_ne_bytes());
        put(&mut head, 40, self.inner.dropped.to_ne_bytes());
        self.links.extend_from_slice(&head);
        self.links.extend_from_slice(text.as_bytes());
        self.links.extend_from_slice(self.inner.bytes());
        self.link_count += 1;
    }

    /// The bytes of the whole record.
    #[inline(always)]
    pub(crate) fn record_len(&self) -> usize {
        let front = at::HEADER + self.attributes.text_and_bytes_len();
        if self.room.has_rest { front + self.rest_len() } else { front }
    }

    #[cold]
    fn rest_len(&self) -> usize {
        rest::HEADER + self.rest_sections().iter().map(|section| section.len()).sum::<usize>()
    }

    fn rest_sections(&self) -> [&[u8]; 4] {
        [self.status.as_bytes(), self.state.as_bytes(), &self.events, &self.links]
    }

    /// Writes the whole record, of [`record_len`](Self::record_len) bytes, at the start of a place that has as many or more. What is
    /// behind it there is of no use, and may be written over.
    #[inline(always)]
    pub(crate) fn write(&self, head: &Head, len: usize, place: &mut [u8]) {
        const WHOLE: usize = at::HEADER + SHORT;
        if !self.room.has_rest
            && let Some(front) = self.attributes.short_text_and_bytes()
            && let Some(place) = place.first_chunk_mut::<WHOLE>()
            && let Some(behind) = place.last_chunk_mut::<SHORT>()
        {
            // In the same pieces in which a name was written: larger ones would wait for those.
            copy_short(behind, front);
            self.put_header(place, head, len);
        } else {
            self.write_long(head, len, place);
        }
    }

    #[inline(never)]
    fn write_long(&self, head: &Head, len: usize, place: &mut [u8]) {
        let Some((header, mut place)) = place.split_first_chunk_mut::<{ at::HEADER }>() else {
            return;
        };
        self.put_header(header, head, len);
        append(&mut place, self.attributes.text_and_bytes());
        if self.room.has_rest {
            self.write_rest(&mut place);
        }
    }

    #[inline(always)]
    fn put_header<const N: usize>(&self, header: &mut [u8; N], head: &Head, len: usize) {
        put(header, 0, (len as u32).to_ne_bytes());
        put(header, at::SCOPE, head.scope.to_ne_bytes());
        put(header, at::TRACE_ID, head.trace_id().to_ne_bytes());
        put(header, at::SPAN_ID, head.span_id.to_ne_bytes());
        put(header, at::PARENT_ID, head.parent_id.to_ne_bytes());
        put(header, at::START, head.start.to_ne_bytes());
        put(header, at::END, head.end.to_ne_bytes());
        put(header, at::FLAGS, [head.flags, u8::from(head.parent_is_remote), head.kind, head.status]);
        put(header, at::ATTRIBUTES, self.attributes.len().to_ne_bytes());
        put(header, at::NAME_LEN, (self.attributes.text_len() as u32).to_ne_bytes());
        let front = self.attributes.text_and_bytes_len();
        put(header, at::REST, ((at::HEADER + front) as u32).to_ne_bytes());
    }

    #[cold]
    #[inline(never)]
    fn write_rest(&self, place: &mut &mut [u8]) {
        let mut header = [0; rest::HEADER];
        put(&mut header, rest::EVENTS, self.event_count.to_ne_bytes());
        put(&mut header, rest::LINKS, self.link_count.to_ne_bytes());
        put(&mut header, rest::DROPPED_ATTRIBUTES, self.attributes.dropped.to_ne_bytes());
        put(&mut header, rest::DROPPED_EVENTS, self.dropped_events.to_ne_bytes());
        put(&mut header, rest::DROPPED_LINKS, self.dropped_links.to_ne_bytes());
        put(&mut header, rest::TRUNCATED, self.room.truncated.to_ne_bytes());
        put(&mut header, rest::STATUS_LEN, (self.status.len() as u32).to_ne_bytes());
        put(&mut header, rest::STATE_LEN, (self.state.len() as u32).to_ne_bytes());
        put(&mut header, rest::EVENTS_LEN, (self.events.len() as u32).to_ne_bytes());
        append(place, &header);
        for section in self.rest_sections() {
            append(place, section);
        }
    }
}

/// Bytes at a constant place of a header.
#[inline(always)]
fn put<const N: usize, const M: usize>(header: &mut [u8; N], at: usize, bytes: [u8; M]) {
    header[at..at + M].copy_from_slice(&bytes);
}

/// Bytes at the start of a place, which is what is behind them from then on. Places have the length that was asked for before.
#[inline(always)]
fn append(place: &mut &mut [u8], bytes: &[u8]) {
    if let Some(to) = place.split_off_mut(..bytes.len()) {
        to.copy_from_slice(bytes);
    }
}

fn write_state(out: &mut String, state: &TraceState) {
    for (key, value) in state {
        if !out.is_empty() {
            out.push(',');
        }
        out.push_str(key);
        out.push('=');
        out.push_str(value);
    }
}
