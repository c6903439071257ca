//! Reading the header.

use opentelemetry::baggage::Baggage;
use percent_encoding::percent_decode;

use super::{BYTES, MEMBERS, properties};
use crate::carrier::trimmed;
use crate::coding::{Equals, encoded_length, is_token};

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
        let (member, properties) = split_at(member, b';').unwrap_or((member, b""));
        let (key, value) = split_at(member, b'=')?;
        let key = str::from_utf8(trimmed(key)).ok().filter(|key| is_token(key.as_bytes()))?;
        let value = percent_decode(trimmed(value)).decode_utf8_lossy();
        let metadata = properties::read(properties);
        let size = |value: &str, metadata: &str| {
            key.len() + 1 + encoded_length(value, Equals::Kept) + properties::written_length(metadata) + 1
        };
        let old = self.baggage.get_with_metadata(key);
        let freed = old.map_or(0, |(value, metadata)| size(value.as_str(), metadata.as_str()));
        let bytes = self.bytes - freed + size(&value, &metadata);
        let is_one_too_many = old.is_none() && self.baggage.len() >= MEMBERS;
        // The last member has no comma after it.
        if bytes - 1 > BYTES || is_one_too_many {
            return None;
        }
        self.bytes = bytes;
        self.baggage.insert_with_metadata(key.to_owned(), value.into_owned(), metadata);
        Some(())
    }
}

/// What stands before and after the first `separator`.
pub(super) fn split_at(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}
