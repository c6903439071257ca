//! Reading the header.

use std::borrow::Cow;

use opentelemetry::baggage::Baggage;

use super::write::length;
use super::{BYTES, MEMBERS, properties};
use crate::carrier::trimmed;
use crate::coding::{Equals, decode, encoded_length, is_token};

/// So many bytes of all headers are looked at. What may be passed on has at most 8,192, and three times as many
/// if all of it is percent-encoded without need; the rest is for white space. It bounds the work that a header
/// can ask for.
pub(crate) const READ_AT_MOST: usize = 32 * 1024;

/// Reads headers, one after the other, into one baggage.
pub(super) struct Reader {
    baggage: Baggage,
    /// How many bytes the baggage has as a header, each member with the comma after it.
    bytes: usize,
    /// How many bytes may still be looked at.
    left: usize,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { baggage: Baggage::new(), bytes: 0, left: READ_AT_MOST }
    }

    /// Reads one header. Members that are malformed or do not fit are left out, whole.
    pub(super) fn header(&mut self, header: &[u8]) {
        for member in header.split(|byte| *byte == b',') {
            let Some(left) = self.left.checked_sub(member.len() + 1) else {
                self.left = 0;
                return;
            };
            self.left = left;
            self.member(member);
        }
    }

    /// The baggage, if there is any.
    pub(super) fn finish(self) -> Option<Baggage> {
        (!self.baggage.is_empty()).then_some(self.baggage)
    }

    /// Reads `key = value *( ; property )`. What is not that is no member.
    fn member(&mut self, member: &[u8]) -> Option<()> {
        let (key, rest) = split_at(member, b'=')?;
        let (value, properties) = split_at(rest, b';').unwrap_or((rest, b""));
        let key = trimmed(key);
        if !is_token(key) {
            return None;
        }
        let key = str::from_utf8(key).ok()?;
        let value = decode(trimmed(value));
        let metadata = properties::read(properties);
        let value_bytes = match &value {
            Cow::Borrowed(value) => value.len(),
            Cow::Owned(value) => encoded_length(value, Equals::Kept),
        };
        let bytes = self.bytes
            + key.len()
            + 1
            + value_bytes
            + properties::written_length(&metadata, Equals::Kept)
            + 1;
        let freed =
            if bytes <= BYTES && self.baggage.len() < MEMBERS { 0 } else { self.freed_for(key, bytes)? };
        let old = self.baggage.insert_with_metadata(key.to_owned(), value.into_owned(), metadata);
        let replaced = old
            .map_or(0, |(value, metadata)| 1 + length(key, value.as_str(), metadata.as_str(), Equals::Kept));
        self.bytes = bytes - replaced.max(freed);
        Some(())
    }

    /// How many bytes a member frees that a new one of the same key replaces; nothing if the new one, which
    /// would make it `bytes` in all, does not fit even so.
    fn freed_for(&self, key: &str, bytes: usize) -> Option<usize> {
        let old = self.baggage.get_with_metadata(key);
        let freed = old
            .map_or(0, |(value, metadata)| 1 + length(key, value.as_str(), metadata.as_str(), Equals::Kept));
        // The last member has no comma after it.
        (bytes - freed - 1 <= BYTES && (old.is_some() || self.baggage.len() < MEMBERS)).then_some(freed)
    }
}

/// What stands before and after the first `separator`.
pub(super) fn split_at(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}
