use opentelemetry::trace::TraceState;
use opentelemetry::{Array, StringValue};

use super::layout::{ATTRIBUTE_HEAD, EVENT_HEAD, LINK_HEAD, MAX_KEY, at, cut, kind, u16_at, u32_at};
use crate::attributes::ValueRef;
use crate::trace::limits::SpanLimits;

/// What a record's header holds of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Head {
    pub(crate) scope: u32,
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    pub(crate) parent_id: u64,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) flags: u8,
    pub(crate) parent_is_remote: bool,
    /// As [`SpanRecord::kind`](super::SpanRecord::kind) reads it.
    pub(crate) kind: u8,
    /// 0 unset, 1 ok, 2 error.
    pub(crate) status: u8,
}

/// The parts of a span that grow while it lives, already in the form of the record.
///
/// It is emptied and used again, with its capacity, so that a span allocates nothing once the first few have.
#[derive(Debug, Default)]
pub(crate) struct Body {
    name: String,
    status: String,
    state: String,
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

/// Capacity beyond which a body's buffers are not kept for the next span.
const KEPT: usize = 16 << 10;

/// The bytes that are left to a span.
#[derive(Debug, Default)]
struct Room {
    left: usize,
    truncated: u32,
}

impl Room {
    fn take(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.left;
        if fits {
            self.left -= bytes;
        }
        fits
    }

    /// As much of a text as there is room for, which is taken.
    fn take_text<'a>(&mut self, text: &'a str) -> &'a str {
        let fitting = cut(text, self.left);
        if fitting.len() < text.len() {
            self.truncated = self.truncated.saturating_add(1);
        }
        self.left -= fitting.len();
        fitting
    }
}

/// The first characters of a string value.
fn limited<'a>(text: &'a str, limits: &SpanLimits) -> &'a str {
    match limits.value_length {
        // A text of so many bytes has no more characters.
        Some(limit) if text.len() > limit => match text.char_indices().nth(limit) {
            Some((end, _)) => text.get(..end).unwrap_or_default(),
            None => text,
        },
        _ => text,
    }
}

/// Where an attribute is, and a few bits to tell its key from most others without reading it.
#[derive(Clone, Copy, Debug)]
struct Mark {
    bits: u32,
    at: u32,
}

#[inline(always)]
fn bits(key: &str) -> u32 {
    let bytes = key.as_bytes();
    let edge = |edge: Option<&[u8; 4]>| edge.map_or(0, |bytes| u32::from_ne_bytes(*bytes));
    edge(bytes.first_chunk())
        ^ edge(bytes.last_chunk()).rotate_left(15)
        ^ (bytes.len() as u32).rotate_left(24)
}

#[derive(Debug, Default)]
struct Attributes {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    dropped: u32,
}

impl Attributes {
    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.marks.clear();
        self.marks.shrink_to(KEPT / size_of::<Mark>());
        self.dropped = 0;
    }

    fn set(&mut self, key: &str, value: ValueRef<'_>, limit: u32, limits: &SpanLimits, room: &mut Room) {
        let key = cut(key, MAX_KEY);
        let bits = bits(key);
        for index in 0..self.marks.len() {
            if self.marks[index].bits == bits && self.key_at(index) == key.as_bytes() {
                return self.replace(index, key, value, limits, room);
            }
        }
        if self.marks.len() >= limit as usize || key.is_empty() {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let at = self.bytes.len();
        if append(&mut self.bytes, key, value, limits, room) {
            self.marks.push(Mark { bits, at: at as u32 });
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    fn key_at(&self, index: usize) -> &[u8] {
        let at = self.marks[index].at as usize;
        let key = at + ATTRIBUTE_HEAD;
        self.bytes.get(key..key + usize::from(u16_at(&self.bytes, at + 2))).unwrap_or_default()
    }

    /// The last value wins, at the place of the first.
    #[cold]
    fn replace(
        &mut self,
        index: usize,
        key: &str,
        value: ValueRef<'_>,
        limits: &SpanLimits,
        room: &mut Room,
    ) {
        let at = self.marks[index].at as usize;
        let old =
            ATTRIBUTE_HEAD + usize::from(u16_at(&self.bytes, at + 2)) + u32_at(&self.bytes, at + 4) as usize;
        let len = self.bytes.len();
        room.left += old;
        if !append(&mut self.bytes, key, value, limits, room) {
            // There was room for the old one, so this does not come up; if it did, the old one would stay.
            room.left -= old;
            return;
        }
        let new = self.bytes.len() - len;
        self.bytes[at..].rotate_right(new);
        self.bytes.drain(at + new..at + new + old);
        for mark in &mut self.marks[index + 1..] {
            mark.at = mark.at + new as u32 - old as u32;
        }
    }
}

/// Appends an attribute; says whether there was room for its key and, but for strings, its value.
#[inline]
fn append(bytes: &mut Vec<u8>, key: &str, value: ValueRef<'_>, limits: &SpanLimits, room: &mut Room) -> bool {
    let (kind, fixed) = match value {
        ValueRef::Str(_) => (kind::STR, 0),
        ValueRef::I64(_) => (kind::I64, 8),
        ValueRef::Bool(_) => (kind::BOOL, 1),
        ValueRef::F64(_) => (kind::F64, 8),
        ValueRef::Array(Array::Bool(_)) => (kind::BOOL_ARRAY, 0),
        ValueRef::Array(Array::I64(_)) => (kind::I64_ARRAY, 0),
        ValueRef::Array(Array::F64(_)) => (kind::F64_ARRAY, 0),
        // A kind of array that the API gains is kept as an empty one until it is known here.
        ValueRef::Array(_) => (kind::STR_ARRAY, 0),
    };
    if !room.take(ATTRIBUTE_HEAD + key.len() + fixed) {
        return false;
    }
    let mut head = [0; ATTRIBUTE_HEAD];
    head[0] = kind;
    head[2..4].copy_from_slice(&(key.len() as u16).to_ne_bytes());
    let mut put = |value: &[u8]| {
        head[4..8].copy_from_slice(&(value.len() as u32).to_ne_bytes());
        bytes.reserve(ATTRIBUTE_HEAD + key.len() + value.len());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(value);
    };
    match value {
        ValueRef::Str(text) => put(room.take_text(limited(text, limits)).as_bytes()),
        ValueRef::I64(value) => put(&value.to_ne_bytes()),
        ValueRef::Bool(value) => put(&[u8::from(value)]),
        ValueRef::F64(value) => put(&value.to_ne_bytes()),
        ValueRef::Array(array) => {
            let at = bytes.len();
            put_array_head(bytes, &head, key);
            let start = bytes.len();
            append_array(bytes, array, limits, room);
            let len = (bytes.len() - start) as u32;
            bytes[at + 4..at + 8].copy_from_slice(&len.to_ne_bytes());
        }
    }
    true
}

fn put_array_head(bytes: &mut Vec<u8>, head: &[u8], key: &str) {
    bytes.extend_from_slice(head);
    bytes.extend_from_slice(key.as_bytes());
}

fn append_array(bytes: &mut Vec<u8>, array: &Array, limits: &SpanLimits, room: &mut Room) {
    fn fixed<T: Copy, const N: usize>(
        bytes: &mut Vec<u8>,
        values: &[T],
        room: &mut Room,
        to_bytes: impl Fn(T) -> [u8; N],
    ) {
        let fitting = values.len().min(room.left / N);
        if fitting < values.len() {
            room.truncated = room.truncated.saturating_add(1);
        }
        room.left -= fitting * N;
        for value in &values[..fitting] {
            bytes.extend_from_slice(&to_bytes(*value));
        }
    }
    fn strings(bytes: &mut Vec<u8>, values: &[StringValue], limits: &SpanLimits, room: &mut Room) {
        for value in values {
            if !room.take(4) {
                room.truncated = room.truncated.saturating_add(1);
                return;
            }
            let text = room.take_text(limited(value.as_str(), limits));
            bytes.extend_from_slice(&(text.len() as u32).to_ne_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    match array {
        Array::Bool(values) => fixed(bytes, values, room, |value| [u8::from(value)]),
        Array::I64(values) => fixed(bytes, values, room, i64::to_ne_bytes),
        Array::F64(values) => fixed(bytes, values, room, f64::to_ne_bytes),
        Array::String(values) => strings(bytes, values, limits, room),
        _ => {}
    }
}

impl Body {
    /// Empties it for a span.
    pub(crate) fn start(&mut self, name: &str, limits: &SpanLimits) {
        self.room = Room { left: limits.bytes, truncated: 0 };
        self.name.clear();
        self.name.push_str(self.room.take_text(name));
        if !self.status.is_empty() || !self.state.is_empty() {
            self.status.clear();
            self.state.clear();
        }
        self.attributes.clear();
        if self.event_count | self.dropped_events | self.link_count | self.dropped_links != 0 {
            self.clear_rest();
        }
    }

    #[cold]
    fn clear_rest(&mut self) {
        for part in [&mut self.events, &mut self.links] {
            part.clear();
            part.shrink_to(KEPT);
        }
        self.inner.clear();
        (self.event_count, self.link_count, self.dropped_events, self.dropped_links) = (0, 0, 0, 0);
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn set_name(&mut self, name: &str) {
        self.room.left += self.name.len();
        self.name.clear();
        self.name.push_str(self.room.take_text(name));
    }

    pub(crate) fn set_status_description(&mut self, text: &str) {
        self.room.left += self.status.len();
        self.status.clear();
        self.status.push_str(self.room.take_text(text));
    }

    pub(crate) fn set_trace_state(&mut self, state: &TraceState) {
        self.room.left += self.state.len();
        self.state.clear();
        write_state(&mut self.state, state);
        // Bounded by the grammar: 32 members of 512 characters.
        self.room.left = self.room.left.saturating_sub(self.state.len());
    }

    #[inline]
    pub(crate) fn set_attribute(&mut self, key: &str, value: ValueRef<'_>, limits: &SpanLimits) {
        self.attributes.set(key, value, limits.attributes, limits, &mut self.room);
    }

    /// Whether there may be one more event; counts it as dropped if not.
    pub(crate) fn begin_event(&mut self, limits: &SpanLimits) -> bool {
        self.inner.clear();
        let may = self.event_count < limits.events && self.room.take(EVENT_HEAD);
        self.dropped_events = self.dropped_events.saturating_add(u32::from(!may));
        may
    }

    /// As [`begin_event`](Self::begin_event), for links.
    pub(crate) fn begin_link(&mut self, limits: &SpanLimits) -> bool {
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
        let total = EVENT_HEAD + name.len() + self.inner.bytes.len();
        let mut head = [0; EVENT_HEAD];
        put(&mut head, 0, (total as u32).to_ne_bytes());
        put(&mut head, 4, unix_nanos.to_ne_bytes());
        put(&mut head, 12, (name.len() as u32).to_ne_bytes());
        put(&mut head, 16, (self.inner.marks.len() as u32).to_ne_bytes());
        put(&mut head, 20, self.inner.dropped.to_ne_bytes());
        self.events.extend_from_slice(&head);
        self.events.extend_from_slice(name.as_bytes());
        self.events.extend_from_slice(&self.inner.bytes);
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
        let total = LINK_HEAD + text.len() + self.inner.bytes.len();
        let mut head = [0; LINK_HEAD];
        put(&mut head, 0, (total as u32).to_ne_bytes());
        put(&mut head, 4, trace_id.to_ne_bytes());
        put(&mut head, 20, span_id.to_ne_bytes());
        put(&mut head, 28, [flags, u8::from(is_remote)]);
        put(&mut head, 32, (text.len() as u32).to_ne_bytes());
        put(&mut head, 36, (self.inner.marks.len() as u32).to_ne_bytes());
        put(&mut head, 40, self.inner.dropped.to_ne_bytes());
        self.links.extend_from_slice(&head);
        self.links.extend_from_slice(text.as_bytes());
        self.links.extend_from_slice(&self.inner.bytes);
        self.link_count += 1;
    }

    /// The bytes of the whole record.
    #[inline]
    pub(crate) fn record_len(&self) -> usize {
        at::HEADER + self.sections().iter().map(|section| section.len()).sum::<usize>()
    }

    #[inline]
    fn sections(&self) -> [&[u8]; 6] {
        [
            self.name.as_bytes(),
            self.status.as_bytes(),
            self.state.as_bytes(),
            &self.attributes.bytes,
            &self.events,
            &self.links,
        ]
    }

    /// Appends the whole record.
    #[inline]
    pub(crate) fn write(&self, head: &Head, out: &mut Vec<u8>) {
        let sections = self.sections();
        let len = self.record_len();
        out.reserve(len);
        let start = out.len();
        // Filled where it is: a header put together elsewhere would be read back before it is written.
        out.extend_from_slice(&[0; at::HEADER]);
        if let Some(header) = out.last_chunk_mut() {
            self.write_header(header, len, head, &sections);
        }
        debug_assert_eq!(out.len() - start, at::HEADER, "a header is written whole");
        for section in sections {
            if !section.is_empty() {
                out.extend_from_slice(section);
            }
        }
    }

    #[inline(always)]
    fn write_header(&self, header: &mut [u8; at::HEADER], len: usize, head: &Head, sections: &[&[u8]; 6]) {
        put(header, 0, (len as u32).to_ne_bytes());
        put(header, at::SCOPE, head.scope.to_ne_bytes());
        put(header, at::TRACE_ID, head.trace_id.to_ne_bytes());
        put(header, at::SPAN_ID, head.span_id.to_ne_bytes());
        put(header, at::PARENT_ID, head.parent_id.to_ne_bytes());
        put(header, at::START, head.start.to_ne_bytes());
        put(header, at::END, head.end.to_ne_bytes());
        let small = [head.flags, u8::from(head.parent_is_remote), head.kind, head.status];
        put(header, at::FLAGS, small);
        let counts = [
            self.attributes.marks.len() as u32,
            self.event_count,
            self.link_count,
            self.attributes.dropped,
            self.dropped_events,
            self.dropped_links,
            self.room.truncated,
        ];
        for (index, count) in counts.into_iter().enumerate() {
            put(header, at::ATTRIBUTES + 4 * index, count.to_ne_bytes());
        }
        for (index, section) in sections.iter().enumerate() {
            put(header, at::NAME_LEN + 4 * index, (section.len() as u32).to_ne_bytes());
        }
    }
}

/// Bytes at a constant place of a header.
#[inline(always)]
fn put<const N: usize, const M: usize>(header: &mut [u8; N], at: usize, bytes: [u8; M]) {
    header[at..at + M].copy_from_slice(&bytes);
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
