//! Baggage's tokens, and its values: percent-encoded where the grammar does not allow what they have.

use std::borrow::Cow;
use std::string::FromUtf8Error;

use percent_encoding::percent_decode;

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
    let text = text.as_bytes();
    if kept.has_all(text) {
        out.extend_from_slice(text);
        return;
    }
    for byte in text {
        if kept.has(*byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0x0f)]]);
        }
    }
}

/// A value as it was before it was encoded; borrowed where it has nothing that is, or should have been, encoded.
/// What is no escape stays as it is; what is no UTF-8 is replaced.
pub(crate) fn decode(value: &[u8]) -> Cow<'_, str> {
    if Class::VALUE.has_all(value)
        && let Ok(value) = str::from_utf8(value)
    {
        return Cow::Borrowed(value);
    }
    let mut decoded = Vec::with_capacity(value.len());
    decoded.extend(percent_decode(value));
    let lossy = |error: FromUtf8Error| String::from_utf8_lossy(error.as_bytes()).into_owned();
    Cow::Owned(String::from_utf8(decoded).unwrap_or_else(lossy))
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
                assert_eq!(decode(&out), value);
            }
        }
    }
}
