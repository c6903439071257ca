//! Hexadecimal digits, strictly: lower case only, no signs, no prefixes, exact lengths.
//!
//! The standard library's `from_str_radix` takes `+1`, upper case and any length, none of which the
//! headers' grammars allow. Eight digits are handled at once, as the eight bytes of a `u64`.

/// Eight times the byte.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The number that eight digits say.
fn eight(text: [u8; 8]) -> Option<u32> {
    let text = u64::from_be_bytes(text);
    if text & each(0x80) != 0 {
        return None;
    }
    // In sums of bytes below 0x80 and of these, a byte's top bit says that it is at least the character, and
    // nothing is carried into the next byte.
    let at_least = |character: u8| text + each(0x80 - character);
    let digits = at_least(b'0') & !at_least(b'9' + 1);
    let letters = at_least(b'a') & !at_least(b'f' + 1) & each(0x80);
    if (digits | letters) & each(0x80) != each(0x80) {
        return None;
    }
    // 'a' ends in 1.
    let halves = (text & each(0x0f)) + (letters >> 7) * 9;
    let bytes = (halves | halves >> 4) & 0x00ff_00ff_00ff_00ff;
    let words = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
    Some((words | words >> 16) as u32)
}

/// The eight digits of a number.
fn digits(number: u32) -> [u8; 8] {
    let words = u64::from(number);
    let words = (words | words << 16) & 0x0000_ffff_0000_ffff;
    let bytes = (words | words << 8) & 0x00ff_00ff_00ff_00ff;
    let halves = (bytes | bytes << 4) & each(0x0f);
    let letters = (halves + each(6)) >> 4 & each(1);
    (halves + each(b'0') + letters * u64::from(b'a' - b'0' - 10)).to_be_bytes()
}

/// Reads a `u64` of 16 digits.
pub(crate) fn read_u64(text: &[u8; 16]) -> Option<u64> {
    let ([high, low], []) = text.as_chunks() else { return None };
    Some(u64::from(eight(*high)?) << 32 | u64::from(eight(*low)?))
}

/// Reads a `u128` of 32 digits.
pub(crate) fn read_u128(text: &[u8; 32]) -> Option<u128> {
    let ([high, low], []) = text.as_chunks() else { return None };
    Some(u128::from(read_u64(high)?) << 64 | u128::from(read_u64(low)?))
}

/// Reads a `u8` of two digits.
pub(crate) fn read_u8(text: [u8; 2]) -> Option<u8> {
    Some(digit(text[0])? << 4 | digit(text[1])?)
}

/// The number that 1 to `longest` digits say; at most 32 fit.
pub(crate) fn number(text: &[u8], longest: usize) -> Option<u128> {
    if text.is_empty() || text.len() > longest.min(32) {
        return None;
    }
    text.iter().try_fold(0, |number, character| Some(number << 4 | u128::from(digit(*character)?)))
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

/// The 16 digits of a number.
pub(crate) fn write_u64(number: u64) -> [u8; 16] {
    let mut text = [0; 16];
    let (high, low) = text.split_at_mut(8);
    high.copy_from_slice(&digits((number >> 32) as u32));
    low.copy_from_slice(&digits(number as u32));
    text
}

/// The 32 digits of a number.
pub(crate) fn write_u128(number: u128) -> [u8; 32] {
    let mut text = [0; 32];
    let (high, low) = text.split_at_mut(16);
    high.copy_from_slice(&write_u64((number >> 64) as u64));
    low.copy_from_slice(&write_u64(number as u64));
    text
}

/// The two digits of a number.
pub(crate) fn write_u8(number: u8) -> [u8; 2] {
    let digits = digits(u32::from(number));
    [digits[6], digits[7]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_they_are_written() {
        for byte in 0..=255 {
            let text = format!("{byte:02x}");
            assert_eq!(write_u8(byte), *text.as_bytes());
            assert_eq!(read_u8(write_u8(byte)), Some(byte));
            for place in 0..16 {
                let number = u128::from(byte) << (8 * place);
                let text = write_u128(number);
                assert_eq!(text, *format!("{number:032x}").as_bytes());
                assert_eq!(read_u128(&text), Some(number));
                assert_eq!(super::number(&text, 32), Some(number));
                let number = number as u64;
                assert_eq!(write_u64(number), *format!("{number:016x}").as_bytes());
                assert_eq!(read_u64(&write_u64(number)), Some(number));
            }
        }
    }

    #[test]
    fn every_byte_that_is_no_lower_case_digit_is_refused_in_every_place() {
        for byte in 0..=255 {
            let is_digit = b"0123456789abcdef".contains(&byte);
            for place in 0..32 {
                let mut text = *b"0af90af90af90af90af90af90af90af9";
                text[place] = byte;
                assert_eq!(read_u128(&text).is_some(), is_digit, "{text:?}");
                assert_eq!(number(&text, 32).is_some(), is_digit, "{text:?}");
            }
            assert_eq!(read_u8([b'0', byte]).is_some(), is_digit);
            assert_eq!(read_u8([byte, b'f']).is_some(), is_digit);
        }
    }

    #[test]
    fn two_wrong_neighbours_do_not_make_up_for_each_other() {
        for (high, low) in (0..=255).flat_map(|high| (0..=255).map(move |low| (high, low))) {
            let is_right = digit(high).is_some() && digit(low).is_some();
            let text = [b'0', high, low, b'f', b'0', b'f', b'0', b'f'];
            assert_eq!(eight(text).is_some(), is_right, "{text:?}");
        }
    }

    #[test]
    fn numbers_have_between_one_digit_and_as_many_as_are_allowed() {
        assert_eq!(number(b"", 4), None);
        assert_eq!(number(b"12345", 4), None);
        assert_eq!(number(b"1f", 16), Some(0x1f));
        assert_eq!(number(&[b'f'; 32], 40), Some(u128::MAX));
        assert_eq!(number(&[b'f'; 33], 40), None);
    }
}
