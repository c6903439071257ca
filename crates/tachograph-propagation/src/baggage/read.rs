//! Reading the header.

use std::borrow::Cow;

use opentelemetry::baggage::Baggage;

use super::{BYTES, MEMBERS, properties};
use crate::carrier::{Text, trimmed_text as trimmed};
use crate::class::Class;
use crate::coding::{Equals, decode, decode_escapes, encoded_length, is_token};

/// So many bytes of all headers are looked at. What may be passed on has at most 8,192, and three times as many
/// if all of it is percent-encoded without need; the rest is for white space. It bounds the work that a header
/// can ask for.
const READ_AT_MOST: usize = 32 * 1024;

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
    pub(super) fn header(&mut self, header: Text<'_>) {
        match header {
            Ok(text) if text.len() <= self.left => {
                self.left -= text.len();
                self.members(text);
            }
            Ok(text) => self.bytes(text.as_bytes()),
            Err(bytes) => self.bytes(bytes),
        }
    }

    fn bytes(&mut self, header: &[u8]) {
        // A member that goes on beyond what is looked at is not looked at.
        let (header, cut) = match header.get(..self.left) {
            Some(start) if start.len() < header.len() => (start, true),
            _ => (header, false),
        };
        self.left -= header.len();
        // The check alone is several times as fast as one that replaces.
        let header = str::from_utf8(header).map_or_else(|_| String::from_utf8_lossy(header), Cow::Borrowed);
        match cut {
            true => self.members(header.rsplit_once(',').map_or("", |(whole, _)| whole)),
            false => self.members(&header),
        }
    }

    fn members(&mut self, mut rest: &str) {
        while !rest.is_empty() {
            rest = self.plain(rest).unwrap_or_else(|| self.any(rest));
        }
    }

    /// The baggage, if there is any.
    pub(super) fn finish(self) -> Option<Baggage> {
        (!self.baggage.is_empty()).then_some(self.baggage)
    }

    /// Reads the first member, if it is as most are, `key=value` without properties or anything to leave out, and
    /// returns what follows it.
    fn plain<'a>(&mut self, rest: &'a str) -> Option<&'a str> {
        let (key, value) = rest.split_at_checked(Class::TOKEN.run(rest.as_bytes()))?;
        let value = value.strip_prefix('=').filter(|_| !key.is_empty())?;
        let bytes = value.as_bytes();
        let (mut end, mut escapes) = (0, 0);
        loop {
            end += Class::VALUE.run(bytes.get(end..)?);
            match bytes.get(end..)? {
                [] | [b',', ..] => break,
                [b'%', high, low, ..] if Class::HEX.has(*high) && Class::HEX.has(*low) => {
                    end += 3;
                    escapes += 1;
                }
                _ => return None,
            }
        }
        let (value, rest) = value.split_at_checked(end)?;
        let (value, length) = match escapes {
            0 => (value.to_owned(), end),
            _ => decode_escapes(value, end - 2 * escapes)?,
        };
        self.insert(key, value, length, String::new());
        Some(rest.get(1..).unwrap_or_default())
    }

    /// Reads the first member, if it is one, and returns what follows it.
    fn any<'a>(&mut self, rest: &'a str) -> &'a str {
        let (member, rest) = split_at(rest, b',').unwrap_or((rest, ""));
        if let Some((key, value)) = split_at(member, b'=')
            && is_token(trimmed(key).as_bytes())
        {
            let (value, properties) = split_at(value, b';').unwrap_or((value, ""));
            let value = decode(trimmed(value)).into_owned();
            let length = encoded_length(&value, Equals::Kept);
            self.insert(trimmed(key), value, length, properties::read(properties));
        }
        rest
    }

    /// Inserts a member whose value has `length` bytes when it is encoded, if it fits.
    fn insert(&mut self, key: &str, value: String, length: usize, metadata: String) {
        let bytes = self.bytes + key.len() + 1 + length + properties::written_length(&metadata) + 1;
        // A member of the same key is looked for only where its place is needed.
        let fits = bytes <= BYTES && self.baggage.len() < MEMBERS;
        if fits || self.fits_instead(key, bytes) {
            let replaced = self.baggage.insert_with_metadata(key.to_owned(), value, metadata);
            self.bytes =
                bytes - replaced.map_or(0, |(value, metadata)| size(key, value.as_str(), metadata.as_str()));
        }
    }

    /// Whether a member fits that would make it `bytes` in all, when one of the same key is gone.
    fn fits_instead(&self, key: &str, bytes: usize) -> bool {
        let old = self.baggage.get_with_metadata(key);
        let freed = old.map_or(0, |(value, metadata)| size(key, value.as_str(), metadata.as_str()));
        // The last member has no comma after it.
        bytes - freed - 1 <= BYTES && (old.is_some() || self.baggage.len() < MEMBERS)
    }
}

/// As `split_once`, but for texts that are too short for what that does to find a character fast.
fn split_at(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// How many bytes a member has in a header, with the comma after it.
fn size(key: &str, value: &str, metadata: &str) -> usize {
    key.len() + 1 + encoded_length(value, Equals::Kept) + properties::written_length(metadata) + 1
}
