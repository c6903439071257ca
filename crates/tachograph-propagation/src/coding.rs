//! What baggage's grammar allows: tokens, and values that are percent-encoded where it does not.

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

/// What a value may not have as it is (everything that is not a `baggage-octet`; bytes above ASCII are
/// encoded anyway), and `%`, which starts what is encoded.
const VALUE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%');

/// `=` too, which a value may have, but which some receivers take for the end of it.
const VALUE_WITHOUT_EQUALS: &AsciiSet = &VALUE.add(b'=');

/// What a token may not have as it is. `%` it may, so what is encoded once stays so.
const TOKEN: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'(')
    .add(b')')
    .add(b',')
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'{')
    .add(b'}');

/// Whether `=` is encoded, where it need not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Equals {
    Encoded,
    Kept,
}

impl Equals {
    fn set(self) -> &'static AsciiSet {
        match self {
            Equals::Encoded => VALUE_WITHOUT_EQUALS,
            Equals::Kept => VALUE,
        }
    }
}

/// Whether it is a token of RFC 7230, section 3.2.6.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty()
        && text.iter().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'!' | b'#'
                        | b'$'
                        | b'%'
                        | b'&'
                        | b'\''
                        | b'*'
                        | b'+'
                        | b'-'
                        | b'.'
                        | b'^'
                        | b'_'
                        | b'`'
                        | b'|'
                        | b'~'
                )
        })
}

/// Appends a value.
pub(crate) fn encode(out: &mut Vec<u8>, value: &str, equals: Equals) {
    percent_encode(value.as_bytes(), equals.set()).for_each(|part| out.extend_from_slice(part.as_bytes()));
}

/// How many bytes [`encode`] appends.
pub(crate) fn encoded_length(value: &str, equals: Equals) -> usize {
    percent_encode(value.as_bytes(), equals.set()).map(str::len).sum()
}

/// Appends a key that may not be a token, as one.
pub(crate) fn encode_token(out: &mut Vec<u8>, key: &str) {
    percent_encode(key.as_bytes(), TOKEN).for_each(|part| out.extend_from_slice(part.as_bytes()));
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
    fn only_what_the_grammar_has_is_left_as_it_is() {
        for byte in 0..128_u8 {
            let octet =
                matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e) && byte != b'%';
            let mut out = Vec::new();
            encode(&mut out, &char::from(byte).to_string(), Equals::Kept);
            assert_eq!(out.len() == 1, octet, "{byte:#x}");
        }
    }

    #[test]
    fn the_length_is_that_of_what_is_written() {
        for equals in [Equals::Encoded, Equals::Kept] {
            let mut out = Vec::new();
            encode(&mut out, "a=b 100% ü", equals);
            assert_eq!(out.len(), encoded_length("a=b 100% ü", equals));
        }
    }
}
