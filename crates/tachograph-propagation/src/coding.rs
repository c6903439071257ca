//! Baggage's tokens, and its values: percent-encoded where the grammar does not allow what they have.

use std::borrow::Cow;
use std::string::FromUtf8Error;

use crate::class::Class;

/// Whether `=` is encoded, where it need not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Equals {
    Encoded,
    Kept,
}

impl Equals {
    /// What is not encoded.
    fn kept(self) -> Class {
        match self {
            Equals::Encoded => Class::VALUE_WITHOUT_EQUALS,
            Equals::Kept => Class::VALUE,
        }
    }
}

/// Whether it is a token of RFC 7230, section 3.2.6.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && Class::TOKEN.has_all(text)
}

/// Appends a value.
pub(crate) fn encode(out: &mut Vec<u8>, value: &str, equals: Equals) {
    encode_but(equals.kept(), out, value);
}

/// How many bytes [`encode`] appends.
pub(crate) fn encoded_length(value: &str, equals: Equals) -> usize {
    let kept = equals.kept();
    value.bytes().map(|byte| if kept.has(byte) { 1 } else { 3 }).sum()
}

/// Appends a key that may not be a token, as one. It may have `%` already, so what is encoded once stays so.
pub(crate) fn encode_token(out: &mut Vec<u8>, key: &str) {
    encode_but(Class::TOKEN, out, key);
}

fn encode_but(kept: Class, out: &mut Vec<u8>, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    // What is kept at the start is most often all of it.
    let (before, rest) = text.as_bytes().split_at(kept.run(text.as_bytes()));
    out.extend_from_slice(before);
    for byte in rest {
        if kept.has(*byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0x0f)]]);
        }
    }
}

/// A value as it was before it was encoded. What is no escape stays as it is; what is no UTF-8 is replaced.
pub(crate) fn decode(value: &str) -> Cow<'_, str> {
    if !value.as_bytes().contains(&b'%') {
        return Cow::Borrowed(value);
    }
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let escaped = if *byte == b'%' {
            after.split_first_chunk().and_then(|(pair, after)| Some((byte_of(*pair)?, after)))
        } else {
            None
        };
        match escaped {
            Some((byte, after)) => {
                decoded.push(byte);
                rest = after;
            }
            None => decoded.push(*byte),
        }
    }
    let lossy = |error: FromUtf8Error| String::from_utf8_lossy(error.as_bytes()).into_owned();
    Cow::Owned(String::from_utf8(decoded).unwrap_or_else(lossy))
}

/// As [`decode`], of a value that has escapes, is of `size` bytes when they are decoded, and otherwise as
/// [`Class::VALUE`] allows: what it was, and how many bytes [`encode`] makes of it with `=` kept. Nothing for what
/// is no UTF-8.
///
/// Memory is taken once and in that size, since strings that are kept are cut to their size, by a copy if need be.
pub(crate) fn decode_escapes(value: &str, size: usize) -> Option<(String, usize)> {
    let mut decoded = Vec::with_capacity(size);
    let mut length = 0;
    let mut rest = value.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let (byte, after) = match after.split_first_chunk() {
            Some((pair, after)) if *byte == b'%' => (byte_of(*pair)?, after),
            _ => (*byte, after),
        };
        decoded.push(byte);
        length += if Class::VALUE.has(byte) { 1 } else { 3 };
        rest = after;
    }
    Some((String::from_utf8(decoded).ok()?, length))
}

/// The byte of two digits, in either case.
fn byte_of([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(high)? << 4 | digit(low)?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_token_becomes_one_and_what_is_stays() {
        for byte in 0..128_u8 {
            let text = char::from(byte).to_string();
            let mut out = Vec::new();
            encode_token(&mut out, &text);
            assert!(is_token(&out), "{text:?}");
            assert_eq!(out == text.as_bytes(), is_token(text.as_bytes()), "{text:?}");
        }
        assert!(!is_token(b"") && !is_token("ü".as_bytes()));
    }

    #[test]
    fn the_length_is_that_of_what_is_written_and_it_is_read_as_it_was() {
        for equals in [Equals::Encoded, Equals::Kept] {
            for value in ["a=b 100% ü", "plain", "", "%41", "a=b"] {
                let mut out = Vec::new();
                encode(&mut out, value, equals);
                assert_eq!(out.len(), encoded_length(value, equals));
                assert_eq!(decode(str::from_utf8(&out).expect("ASCII")), value);
            }
        }
    }
}
