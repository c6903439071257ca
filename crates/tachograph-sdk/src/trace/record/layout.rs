//! The form in which spans are recorded and travel to the exporter.
//!
//! A record is bytes: a header of fixed size, the name, the attributes, and, where a span has any of it, a rest: a header of its
//! own, status description, trace state, events, links. Few spans have a rest, and what is said of it takes no place in the
//! others. Integers are in the machine's order; nothing is aligned.
//!
//! ```text
//! attribute   kind u8, last byte of the key u8, key length u16, value length u32, key, value
//! event       total length u32, time u64, name length u32, attributes u32, dropped attributes u32, name, attributes
//! link        total length u32, trace id u128, span id u64, flags u8, remote u8, 0 u16, trace state length u32,
//!             attributes u32, dropped attributes u32, trace state, attributes
//! ```
//!
//! Everything that writes it is in this folder, so that what is read back is what was written. A reader that finds
//! something else, which cannot be, finds nothing: it never panics.

/// Where things are in a record's header.
pub(super) mod at {
    use crate::pipeline::LENGTH;

    pub(crate) const SCOPE: usize = LENGTH;
    pub(crate) const TRACE_ID: usize = SCOPE + 4;
    pub(crate) const SPAN_ID: usize = TRACE_ID + 16;
    pub(crate) const PARENT_ID: usize = SPAN_ID + 8;
    pub(crate) const START: usize = PARENT_ID + 8;
    pub(crate) const END: usize = START + 8;
    pub(crate) const FLAGS: usize = END + 8;
    pub(crate) const PARENT_IS_REMOTE: usize = FLAGS + 1;
    pub(crate) const KIND: usize = PARENT_IS_REMOTE + 1;
    pub(crate) const STATUS: usize = KIND + 1;
    pub(crate) const ATTRIBUTES: usize = STATUS + 1;
    pub(crate) const NAME_LEN: usize = ATTRIBUTES + 4;
    /// The length of everything but the rest: where that begins.
    pub(crate) const REST: usize = NAME_LEN + 4;
    pub(crate) const HEADER: usize = REST + 4;
}

/// Where things are in the header of the rest. The links are what is behind the events.
pub(super) mod rest {
    pub(crate) const EVENTS: usize = 0;
    pub(crate) const LINKS: usize = EVENTS + 4;
    pub(crate) const DROPPED_ATTRIBUTES: usize = LINKS + 4;
    pub(crate) const DROPPED_EVENTS: usize = DROPPED_ATTRIBUTES + 4;
    pub(crate) const DROPPED_LINKS: usize = DROPPED_EVENTS + 4;
    pub(crate) const TRUNCATED: usize = DROPPED_LINKS + 4;
    pub(crate) const STATUS_LEN: usize = TRUNCATED + 4;
    pub(crate) const STATE_LEN: usize = STATUS_LEN + 4;
    pub(crate) const EVENTS_LEN: usize = STATE_LEN + 4;
    pub(crate) const HEADER: usize = EVENTS_LEN + 4;
}

/// Kinds of values.
pub(super) mod kind {
    pub(crate) const STR: u8 = 1;
    pub(crate) const I64: u8 = 2;
    pub(crate) const BOOL: u8 = 3;
    pub(crate) const F64: u8 = 4;
    pub(crate) const STR_ARRAY: u8 = 5;
    pub(crate) const I64_ARRAY: u8 = 6;
    pub(crate) const BOOL_ARRAY: u8 = 7;
    pub(crate) const F64_ARRAY: u8 = 8;
}

/// Bytes of an attribute before its key.
pub(super) const ATTRIBUTE_HEAD: usize = 8;
/// Bytes of an event before its name.
pub(super) const EVENT_HEAD: usize = 24;
/// Bytes of a link before its trace state.
pub(super) const LINK_HEAD: usize = 44;

/// Longest key, in bytes; a longer one is cut.
pub(super) const MAX_KEY: usize = u16::MAX as usize;

/// `N` bytes at a place; zeros beyond the end.
#[inline(always)]
pub(super) fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

#[inline(always)]
pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes(bytes_at(bytes, at))
}

#[inline(always)]
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes_at(bytes, at))
}

#[inline(always)]
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes_at(bytes, at))
}

#[inline(always)]
pub(super) fn u128_at(bytes: &[u8], at: usize) -> u128 {
    u128::from_ne_bytes(bytes_at(bytes, at))
}

/// As much of `text` as fits into `max` bytes without cutting a character.
#[inline]
pub(super) fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    // A character has at most four bytes.
    let end = (max.saturating_sub(3)..=max).rev().find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}
