//! Attributes as they are set.

use opentelemetry::{Array, StringValue};

use super::layout::{ATTRIBUTE_HEAD, MAX_KEY, cut, kind, u16_at, u32_at};
use super::short::{AttributeKey, PLACE, SHORT, ShortLimits, copy_short, head, put_short};
use crate::attributes::ValueRef;
use crate::trace::limits::SpanLimits;

/// Capacity beyond which a body's buffers are not kept for the next span.
pub(super) const KEPT: usize = 16 << 10;

/// The bytes that are left to a span.
#[derive(Debug, Default)]
pub(super) struct Room {
    pub(super) left: usize,
    pub(super) truncated: u32,
    /// Whether the span has anything but a name and attributes that are whole, as few spans have.
    pub(super) has_rest: bool,
}

impl Room {
    /// Counts values that were cut.
    #[cold]
    pub(super) fn truncate(&mut self, values: u32) {
        self.truncated = self.truncated.saturating_add(values);
        self.has_rest = true;
    }

    #[inline]
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.left;
        if fits {
            self.left -= bytes;
        }
        fits
    }

    /// As much of a text as there is room for, which is taken.
    #[inline(always)]
    pub(super) fn take_text<'a>(&mut self, text: &'a str) -> &'a str {
        if text.len() <= self.left {
            self.left -= text.len();
            return text;
        }
        self.take_part(text)
    }

    #[cold]
    fn take_part<'a>(&mut self, text: &'a str) -> &'a str {
        let fitting = cut(text, self.left);
        if fitting.len() < text.len() {
            self.truncate(1);
        }
        self.left -= fitting.len();
        fitting
    }
}

/// The first characters of a string value.
#[inline(always)]
fn limited<'a>(text: &'a str, limits: &SpanLimits) -> &'a str {
    match limits.value_length {
        // A text of so many bytes has no more characters.
        Some(limit) if text.len() > limit => first(text, limit),
        _ => text,
    }
}

#[cold]
fn first(text: &str, characters: usize) -> &str {
    match text.char_indices().nth(characters) {
        Some((end, _)) => text.get(..end).unwrap_or_default(),
        None => text,
    }
}

/// Attributes, in the form of the record, behind a text.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    /// The text, the attributes, and beyond `used` what was there before: the next one is written over it, without a
    /// capacity to look after.
    buffer: Vec<u8>,
    /// Where the attributes begin.
    from: usize,
    used: usize,
    count: u32,
    pub(super) dropped: u32,
    /// Of the first attributes, or none: made when one is looked for among many.
    marks: Vec<Mark>,
}

/// Where an attribute is, and a few bits to tell its key from most others without reading it.
#[derive(Clone, Copy, Debug)]
struct Mark {
    bits: u32,
    at: u32,
}

/// Among no more attributes than this one is looked for without marks.
const FEW: u32 = 16;

fn bits(key: &[u8]) -> u32 {
    let edge = |edge: Option<&[u8; 4]>| edge.map_or(0, |bytes| u32::from_ne_bytes(*bytes));
    edge(key.first_chunk()) ^ edge(key.last_chunk()).rotate_left(15) ^ (key.len() as u32).rotate_left(24)
}

impl Attributes {
    pub(super) fn len(&self) -> u32 {
        self.count
    }

    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.from..self.used).unwrap_or_default()
    }

    /// The text, and behind it the attributes.
    #[inline]
    pub(super) fn text_and_bytes(&self) -> &[u8] {
        self.buffer.get(..self.used).unwrap_or_default()
    }

    /// How many bytes those are.
    #[inline(always)]
    pub(super) fn text_and_bytes_len(&self) -> usize {
        self.used
    }

    #[inline]
    pub(super) fn text_len(&self) -> usize {
        self.from
    }

    pub(super) fn text(&self) -> &str {
        let text = self.buffer.get(..self.from).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }

    /// Puts a text in front of the attributes that are to come, where there are none yet.
    #[inline(always)]
    pub(super) fn begin(&mut self, text: &str) {
        let bytes = text.as_bytes();
        if let Some(place) = self.buffer.first_chunk_mut::<SHORT>()
            && bytes.len() <= SHORT
        {
            copy_short(place, bytes);
            (self.from, self.used) = (bytes.len(), bytes.len());
        } else {
            self.set_text(text);
        }
    }

    /// Puts a text in the place of another one.
    #[inline(never)]
    pub(super) fn set_text(&mut self, text: &str) {
        let (old, new) = (self.from, text.len());
        self.extend(text.as_bytes());
        self.buffer[..self.used].rotate_right(new);
        self.buffer.copy_within(new + old..self.used, new);
        (self.from, self.used) = (new, self.used - old);
        // All attributes are elsewhere now.
        self.marks.clear();
    }

    #[inline(always)]
    pub(super) fn clear(&mut self) {
        (self.from, self.used, self.count, self.dropped) = (0, 0, 0, 0);
        self.marks.clear();
        if self.buffer.len() > KEPT {
            self.shrink();
        }
    }

    #[cold]
    fn shrink(&mut self) {
        self.buffer.truncate(KEPT);
        self.buffer.shrink_to(KEPT);
        self.marks.shrink_to(KEPT / size_of::<Mark>());
    }

    /// Sets an attribute; of one key the last value wins, at the place of the first.
    pub(super) fn set(
        &mut self,
        key: &str,
        value: ValueRef<'_>,
        limit: u32,
        limits: &SpanLimits,
        room: &mut Room,
    ) {
        match self.find(cut(key, MAX_KEY)) {
            Some(at) => self.replace(at, key, value, limits, room),
            None => self.add(key, value, limit, limits, room),
        }
    }

    /// Sets an attribute whose key is known to be new: it is not looked for.
    #[inline(always)]
    pub(super) fn add(
        &mut self,
        key: &str,
        value: ValueRef<'_>,
        limit: u32,
        limits: &SpanLimits,
        room: &mut Room,
    ) {
        if self.count < limit && !key.is_empty() && self.append(key, value, limits, room) {
            self.count += 1;
        } else {
            self.dropped = self.dropped.saturating_add(1);
            room.has_rest = true;
        }
    }

    /// Adds a number whose key is known to be new, if the key is short and there is a place at once; says whether it did.
    #[inline(always)]
    pub(super) fn add_short_i64(
        &mut self,
        key: &AttributeKey,
        value: i64,
        short: ShortLimits,
        room: &mut Room,
    ) -> bool {
        let value = value.to_ne_bytes();
        let Some(to) = self.begin_short(key, kind::I64, value.len(), short, room) else {
            return false;
        };
        to[..value.len()].copy_from_slice(&value);
        self.end_short(key.end() + value.len(), room);
        true
    }

    /// As [`add_short_i64`](Self::add_short_i64), for a text that is short too.
    #[inline(always)]
    pub(super) fn add_short_text(
        &mut self,
        key: &AttributeKey,
        text: &str,
        short: ShortLimits,
        room: &mut Room,
    ) -> bool {
        if text.len() > short.text {
            return false;
        }
        let Some(to) = self.begin_short(key, kind::STR, text.len(), short, room) else {
            return false;
        };
        copy_short(to, text.as_bytes());
        self.end_short(key.end() + text.len(), room);
        true
    }

    /// Writes head and key of a short attribute, and gives the place of its value; `None` if it is not allowed, not short, or has no
    /// place at once.
    #[inline(always)]
    fn begin_short(
        &mut self,
        key: &AttributeKey,
        kind: u8,
        value_len: usize,
        short: ShortLimits,
        room: &Room,
    ) -> Option<&mut [u8; SHORT]> {
        if self.count >= short.attributes || key.end() + value_len > room.left {
            return None;
        }
        let place = self.buffer.get_mut(self.used..)?.first_chunk_mut()?;
        key.put(place, kind, value_len as u32)
    }

    #[inline(always)]
    fn end_short(&mut self, size: usize, room: &mut Room) {
        self.used += size;
        self.count += 1;
        room.left -= size;
    }

    /// The text and the attributes, where they are no longer than what is copied without a call.
    #[inline(always)]
    pub(super) fn short_text_and_bytes(&self) -> Option<&[u8]> {
        self.buffer.first_chunk::<SHORT>()?.get(..self.used)
    }

    /// Where the attribute of a key begins.
    fn find(&mut self, key: &str) -> Option<usize> {
        if self.count > FEW {
            return self.find_among_many(key);
        }
        // Heads differ where lengths or tags do, so that few keys are compared.
        let wanted = u32_at(&head(0, key.as_bytes(), 0), 0);
        let bytes = self.text_and_bytes();
        let mut at = self.from;
        loop {
            let (head, end) = self.head_at(at)?;
            if (u32_at(&head, 0) ^ wanted) & ALL_BUT_KIND == 0
                && bytes.get(at + ATTRIBUTE_HEAD..at + ATTRIBUTE_HEAD + key.len()) == Some(key.as_bytes())
            {
                return Some(at);
            }
            at = end;
        }
    }

    /// The head of the attribute at a place, and where the next one is.
    #[inline]
    fn head_at(&self, at: usize) -> Option<([u8; ATTRIBUTE_HEAD], usize)> {
        let head = *self.text_and_bytes().get(at..)?.first_chunk()?;
        Some((head, at + ATTRIBUTE_HEAD + usize::from(u16_at(&head, 2)) + u32_at(&head, 4) as usize))
    }

    #[cold]
    fn find_among_many(&mut self, key: &str) -> Option<usize> {
        let mut at = match self.marks.last() {
            Some(last) => self.head_at(last.at as usize)?.1,
            None => self.from,
        };
        while let Some((_, end)) = self.head_at(at) {
            self.marks.push(Mark { bits: bits(self.key_at(at)), at: at as u32 });
            at = end;
        }
        let wanted = bits(key.as_bytes());
        let same = |mark: &&Mark| mark.bits == wanted && self.key_at(mark.at as usize) == key.as_bytes();
        self.marks.iter().find(same).map(|mark| mark.at as usize)
    }

    fn key_at(&self, at: usize) -> &[u8] {
        let key = at + ATTRIBUTE_HEAD;
        self.buffer.get(key..key + usize::from(u16_at(&self.buffer, at + 2))).unwrap_or_default()
    }

    /// Puts a value in the place of another one.
    #[cold]
    fn replace(&mut self, at: usize, key: &str, value: ValueRef<'_>, limits: &SpanLimits, room: &mut Room) {
        let bytes = &self.buffer;
        let old = ATTRIBUTE_HEAD + usize::from(u16_at(bytes, at + 2)) + u32_at(bytes, at + 4) as usize;
        let len = self.used;
        room.left += old;
        if !self.append(key, value, limits, room) {
            // One of another type takes more; the old one stays.
            room.left -= old;
            room.truncate(1);
            return;
        }
        let new = self.used - len;
        self.buffer[at..self.used].rotate_right(new);
        self.buffer.copy_within(at + new + old..self.used, at + new);
        self.used -= old;
        // Those behind it are elsewhere now.
        self.marks.clear();
    }

    /// Appends an attribute; says whether there was room for its key and, but for strings, its value.
    #[inline(always)]
    fn append(&mut self, key: &str, value: ValueRef<'_>, limits: &SpanLimits, room: &mut Room) -> bool {
        let (kind, scalar) = match value {
            ValueRef::Str(text) => return self.append_text(key, text, limits, room),
            ValueRef::I64(value) => (kind::I64, value.to_ne_bytes()),
            ValueRef::F64(value) => (kind::F64, value.to_ne_bytes()),
            ValueRef::Bool(value) => return self.append_long(kind::BOOL, key, &[u8::from(value)], room),
            ValueRef::Array(array) => return self.append_array(key, array, limits, room),
        };
        let key_bytes = key.as_bytes();
        if key_bytes.len() > SHORT {
            return self.append_long(kind, key, &scalar, room);
        }
        let size = ATTRIBUTE_HEAD + key_bytes.len() + scalar.len();
        if !room.take(size) {
            return false;
        }
        let Some(place) = self.place() else {
            return false;
        };
        if let Some(to) = put_short(place, head(kind, key_bytes, scalar.len()), key_bytes) {
            to[..scalar.len()].copy_from_slice(&scalar);
        }
        self.used += size;
        true
    }

    #[inline(always)]
    fn append_text(&mut self, key: &str, text: &str, limits: &SpanLimits, room: &mut Room) -> bool {
        let text = limited(text, limits);
        let (key_bytes, value) = (key.as_bytes(), text.as_bytes());
        let size = ATTRIBUTE_HEAD + key_bytes.len() + value.len();
        if key_bytes.len() > SHORT || value.len() > SHORT || size > room.left {
            return self.append_long_text(key, text, room);
        }
        room.left -= size;
        let Some(place) = self.place() else {
            return false;
        };
        if let Some(to) = put_short(place, head(kind::STR, key_bytes, value.len()), key_bytes) {
            copy_short(to, value);
        }
        self.used += size;
        true
    }

    /// A place for a short key and a short value, whose rest may be written over: sizes that are known are copied by a few
    /// instructions.
    #[inline(always)]
    fn place(&mut self) -> Option<&mut [u8; PLACE]> {
        if self.buffer.len() < self.used + PLACE {
            self.grow(PLACE);
        }
        self.buffer.get_mut(self.used..)?.first_chunk_mut()
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, by: usize) {
        let wanted = (self.used + by).max(2 * self.buffer.len()).max(FIRST);
        self.buffer.resize(wanted, 0);
    }

    #[inline(never)]
    fn append_long_text(&mut self, key: &str, text: &str, room: &mut Room) -> bool {
        let key = cut(key, MAX_KEY);
        if !room.take(ATTRIBUTE_HEAD + key.len()) {
            return false;
        }
        self.put(kind::STR, key, room.take_text(text).as_bytes());
        true
    }

    #[inline(never)]
    fn append_long(&mut self, kind: u8, key: &str, value: &[u8], room: &mut Room) -> bool {
        let key = cut(key, MAX_KEY);
        let fits = room.take(ATTRIBUTE_HEAD + key.len() + value.len());
        if fits {
            self.put(kind, key, value);
        }
        fits
    }

    /// Appends an attribute's head, key and value, whatever their length.
    fn put(&mut self, kind: u8, key: &str, value: &[u8]) {
        self.extend(&head(kind, key.as_bytes(), value.len()));
        self.extend(key.as_bytes());
        self.extend(value);
    }

    fn extend(&mut self, bytes: &[u8]) {
        if self.buffer.len() - self.used < bytes.len() {
            self.grow(bytes.len());
        }
        let end = self.used + bytes.len();
        self.buffer[self.used..end].copy_from_slice(bytes);
        self.used = end;
    }

    /// As [`append`](Self::append), for arrays, of which as many elements are kept as there is room for.
    #[cold]
    #[inline(never)]
    fn append_array(&mut self, key: &str, array: &Array, limits: &SpanLimits, room: &mut Room) -> bool {
        let kind = match array {
            Array::Bool(_) => kind::BOOL_ARRAY,
            Array::I64(_) => kind::I64_ARRAY,
            Array::F64(_) => kind::F64_ARRAY,
            // A kind of array that the API gains is kept as an empty one until it is known here.
            _ => kind::STR_ARRAY,
        };
        let key = cut(key, MAX_KEY);
        if !room.take(ATTRIBUTE_HEAD + key.len()) {
            return false;
        }
        let mut elements = Vec::new();
        append_elements(&mut elements, array, limits, room);
        self.put(kind, key, &elements);
        true
    }
}

/// Bytes that a buffer has at first.
const FIRST: usize = 256;

/// All of the first four bytes of a head but the kind.
const ALL_BUT_KIND: u32 = u32::from_ne_bytes([0, 0xff, 0xff, 0xff]);

fn append_elements(bytes: &mut Vec<u8>, array: &Array, limits: &SpanLimits, room: &mut Room) {
    fn fixed<T: Copy, const N: usize>(
        bytes: &mut Vec<u8>,
        values: &[T],
        room: &mut Room,
        to_bytes: impl Fn(T) -> [u8; N],
    ) {
        let fitting = values.len().min(room.left / N);
        if fitting < values.len() {
            room.truncate(1);
        }
        room.left -= fitting * N;
        for value in &values[..fitting] {
            bytes.extend_from_slice(&to_bytes(*value));
        }
    }
    fn strings(bytes: &mut Vec<u8>, values: &[StringValue], limits: &SpanLimits, room: &mut Room) {
        for value in values {
            if !room.take(4) {
                room.truncate(1);
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
mod tests;
