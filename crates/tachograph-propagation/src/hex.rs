//! Hexadecimal digits, strictly: lower case only, no signs, no prefixes, exact lengths.
//!
//! The standard library's `from_str_radix` takes `+1`, upper case and any length, none of which the
//! headers' grammars allow.

/// Marks a byte that is no digit: its high half is not empty, as no digit's is.
const NONE: u8 = 0xff;

const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut digit = 0;
    while digit < 16 {
        values[DIGITS[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};

const DIGITS: [u8; 16] = *b"0123456789abcdef";

/// The bytes that `2 * N` lower-case digits say; nothing for any other text.
pub(crate) fn bytes<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    let mut seen = 0;
    for (byte, pair) in bytes.iter_mut().zip(text.as_chunks::<2>().0) {
        let (high, low) = (VALUES[usize::from(pair[0])], VALUES[usize::from(pair[1])]);
        seen |= high | low;
        *byte = high << 4 | low & 0x0f;
    }
    (seen < 16).then_some(bytes)
}

/// The number that 1 to `longest` lower-case digits say; at most 32 fit.
pub(crate) fn number(text: &[u8], longest: usize) -> Option<u128> {
    if text.is_empty() || text.len() > longest.min(32) {
        return None;
    }
    text.iter().try_fold(0, |number, digit| match VALUES[usize::from(*digit)] {
        NONE => None,
        value => Some(number << 4 | u128::from(value)),
    })
}

/// Writes `bytes` as digits; `out` has room for two each.
pub(crate) fn write(out: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in out.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0x0f)]];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_they_are_written() {
        let bytes: Vec<u8> = (0..=255).collect();
        for eight in bytes.as_chunks::<8>().0 {
            let mut text = [0; 16];
            write(&mut text, eight);
            assert_eq!(super::bytes::<8>(&text), Some(*eight));
            assert_eq!(number(&text, 16), Some(u64::from_be_bytes(*eight).into()));
        }
    }

    #[test]
    fn every_byte_that_is_no_lower_case_digit_is_refused_in_every_place() {
        for byte in (0..=255).filter(|byte| !DIGITS.contains(byte)) {
            for place in 0..4 {
                let mut text = *b"0af9";
                text[place] = byte;
                assert_eq!(bytes::<2>(&text), None, "{text:?}");
                assert_eq!(number(&text, 4), None, "{text:?}");
            }
        }
    }

    #[test]
    fn other_lengths_are_refused() {
        assert_eq!(bytes::<2>(b"0af"), None);
        assert_eq!(bytes::<2>(b"0af90"), None);
        assert_eq!(bytes::<2>(b""), None);
        assert_eq!(number(b"", 4), None);
        assert_eq!(number(b"12345", 4), None);
        assert_eq!(number(&[b'f'; 32], 40), Some(u128::MAX));
        assert_eq!(number(&[b'f'; 33], 40), None);
    }

    #[test]
    fn short_numbers_are_padded_on_the_left() {
        assert_eq!(number(b"1f", 16), Some(0x1f));
    }
}
