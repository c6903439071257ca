//! Attributes as they are set.

use opentelemetry::{Array, StringValue};

use super::layout::{ATTRIBUTE_HEAD, MAX_KEY, cut, kind, u16_at, u32_at};
use crate::attributes::ValueRef;
use crate::trace::limits::SpanLimits;

/// Capacity beyond which a body's buffers are not kept for the next span.
pub(super) const KEPT: usize = 16 << 10;

/// The bytes that are left to a span.
#[derive(Debug, Default)]
pub(super) struct Room {
    pub(super) left: usize,
    pub(super) truncated: u32,
}

impl Room {
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.left;
        if fits {
            self.left -= bytes;
        }
        fits
    }

    /// As much of a text as there is room for, which is taken.
    pub(super) fn take_text<'a>(&mut self, text: &'a str) -> &'a str {
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
pub(super) struct Attributes {
    pub(super) bytes: Vec<u8>,
    marks: Vec<Mark>,
    pub(super) dropped: u32,
}

impl Attributes {
    pub(super) fn len(&self) -> usize {
        self.marks.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.marks.clear();
        self.marks.shrink_to(KEPT / size_of::<Mark>());
        self.dropped = 0;
    }

    #[inline]
    pub(super) fn set(
        &mut self,
        key: &str,
        value: ValueRef<'_>,
        limit: u32,
        limits: &SpanLimits,
        room: &mut Room,
    ) {
        let key = cut(key, MAX_KEY);
        let bits = bits(key);
        for (index, mark) in self.marks.iter().enumerate() {
            if mark.bits == bits && self.key_at(mark.at) == key.as_bytes() {
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

    fn key_at(&self, at: u32) -> &[u8] {
        let at = at as usize;
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
    let scalar;
    let (kind, fixed): (u8, &[u8]) = match value {
        ValueRef::Str(_) => (kind::STR, &[]),
        ValueRef::I64(value) => {
            scalar = value.to_ne_bytes();
            (kind::I64, &scalar)
        }
        ValueRef::F64(value) => {
            scalar = value.to_ne_bytes();
            (kind::F64, &scalar)
        }
        ValueRef::Bool(value) => (kind::BOOL, if value { &[1] } else { &[0] }),
        ValueRef::Array(array) => return append_array(bytes, key, array, limits, room),
    };
    if !room.take(ATTRIBUTE_HEAD + key.len() + fixed.len()) {
        return false;
    }
    let value = match value {
        ValueRef::Str(text) => room.take_text(limited(text, limits)).as_bytes(),
        _ => fixed,
    };
    put(bytes, kind, key, value);
    true
}

/// As [`append`], for arrays, of which as many elements are kept as there is room for.
#[cold]
#[inline(never)]
fn append_array(bytes: &mut Vec<u8>, key: &str, array: &Array, limits: &SpanLimits, room: &mut Room) -> bool {
    let kind = match array {
        Array::Bool(_) => kind::BOOL_ARRAY,
        Array::I64(_) => kind::I64_ARRAY,
        Array::F64(_) => kind::F64_ARRAY,
        // A kind of array that the API gains is kept as an empty one until it is known here.
        _ => kind::STR_ARRAY,
    };
    if !room.take(ATTRIBUTE_HEAD + key.len()) {
        return false;
    }
    let at = bytes.len();
    put(bytes, kind, key, &[]);
    let start = bytes.len();
    append_elements(bytes, array, limits, room);
    let len = (bytes.len() - start) as u32;
    bytes[at + 4..at + 8].copy_from_slice(&len.to_ne_bytes());
    true
}

/// Longest key or value that is copied without a call; most are no longer.
const SHORT: usize = 32;

/// Appends an attribute's head, key and value.
#[inline(always)]
fn put(bytes: &mut Vec<u8>, kind: u8, key: &str, value: &[u8]) {
    let mut head = [kind, 0, 0, 0, 0, 0, 0, 0];
    head[2..4].copy_from_slice(&(key.len() as u16).to_ne_bytes());
    head[4..8].copy_from_slice(&(value.len() as u32).to_ne_bytes());
    let key = key.as_bytes();
    let at = bytes.len();
    if key.len() <= SHORT && value.len() <= SHORT {
        // As much as there can be, of which the rest is cut off again: sizes that are known are copied by a few
        // instructions.
        bytes.extend_from_slice(&[0; ATTRIBUTE_HEAD + 2 * SHORT]);
        if let Some(place) = bytes.last_chunk_mut::<{ ATTRIBUTE_HEAD + 2 * SHORT }>() {
            place[..ATTRIBUTE_HEAD].copy_from_slice(&head);
            copy_short(&mut place[ATTRIBUTE_HEAD..], key);
            copy_short(&mut place[ATTRIBUTE_HEAD + key.len()..], value);
        }
        bytes.truncate(at + ATTRIBUTE_HEAD + key.len() + value.len());
    } else {
        bytes.reserve(ATTRIBUTE_HEAD + key.len() + value.len());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(value);
    }
}

/// Copies up to [`SHORT`] bytes to where there is room for them: the first and the last few, which overlap.
#[inline(always)]
fn copy_short(to: &mut [u8], from: &[u8]) {
    #[inline(always)]
    fn edges<const N: usize>(to: &mut [u8], from: &[u8]) {
        if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>())
            && let Some(to) = to.get_mut(..from.len())
        {
            if let Some(to) = to.first_chunk_mut() {
                *to = *first;
            }
            if let Some(to) = to.last_chunk_mut() {
                *to = *last;
            }
        }
    }
    match from.len() {
        16.. => edges::<16>(to, from),
        8.. => edges::<8>(to, from),
        4.. => edges::<4>(to, from),
        2.. => edges::<2>(to, from),
        _ => edges::<1>(to, from),
    }
}

fn append_elements(bytes: &mut Vec<u8>, array: &Array, limits: &SpanLimits, room: &mut Room) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_of_every_length_are_copied_whole() {
        let text: Vec<u8> = (1..=SHORT as u8).collect();
        for len in 0..=SHORT {
            let mut place = [0; SHORT];
            copy_short(&mut place, &text[..len]);
            assert_eq!(place[..len], text[..len], "{len}");
            assert!(place[len..].iter().all(|byte| *byte == 0), "{len}");
        }
    }
}
