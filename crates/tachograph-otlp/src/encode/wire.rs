//! The parts of the protobuf wire format that OTLP uses.
//!
//! A message inside another one has its length before it. Where that can be told from the lengths of a few
//! texts, it is computed; otherwise as many bytes are left open as the length probably takes, and what was
//! written is moved by a few bytes when that was wrong. Lengths have no more digits than they need either way,
//! so that the bytes are those that any other encoder would write.

/// The wire type of what has a length before it.
const LEN: u32 = 2;

/// A field number and wire type of one byte.
pub(super) const fn tag(field: u32, wire_type: u32) -> u8 {
    assert!(field < 16 && wire_type < 6, "longer tags are spelled out");
    (field << 3 | wire_type) as u8
}

/// The tag of a text, of bytes or of a message.
pub(super) const fn len_tag(field: u32) -> u8 {
    tag(field, LEN)
}

/// How many bytes a number takes.
#[inline(always)]
pub(super) const fn varint_len(value: u64) -> usize {
    // Seven bits to a byte, and one byte for zero.
    ((70 - (value | 1).leading_zeros()) / 7) as usize
}

#[inline(always)]
pub(super) fn varint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
    } else {
        long_varint(out, value);
    }
}

fn long_varint(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 10];
    let mut len = 0;
    for digit in &mut digits {
        len += 1;
        *digit = value as u8 | 0x80;
        value >>= 7;
        if value == 0 {
            *digit &= 0x7f;
            break;
        }
    }
    out.extend_from_slice(digits.get(..len).unwrap_or_default());
}

/// A number that is left out when it is zero.
#[inline]
pub(super) fn number(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        out.push(tag(field, 0));
        varint(out, value);
    }
}

/// Bytes or a text, there even when empty.
#[inline(always)]
pub(super) fn bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    out.push(len_tag(field));
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A text that is left out when it is empty.
#[inline]
pub(super) fn text(out: &mut Vec<u8>, field: u32, text: &str) {
    if !text.is_empty() {
        bytes(out, field, text.as_bytes());
    }
}

/// A message whose length is not known yet: where its content begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    content: usize,
    /// Bytes left open before it.
    width: usize,
}

/// Begins a message whose content probably has so many bytes.
#[inline]
pub(super) fn open(out: &mut Vec<u8>, field: u32, expected: usize) -> Open {
    let width = varint_len(expected as u64).min(5);
    out.push(len_tag(field));
    out.extend_from_slice([0; 5].get(..width).unwrap_or_default());
    Open { content: out.len(), width }
}

/// Ends a message: everything written since [`open`] is its content.
#[inline]
pub(super) fn close(out: &mut Vec<u8>, message: Open) {
    let Open { content, width } = message;
    let len = out.len().saturating_sub(content);
    let needed = varint_len(len as u64);
    if needed != width {
        shift(out, content, width, needed);
    }
    let mut rest = len;
    let digits = out.get_mut(content.saturating_sub(width)..).unwrap_or_default();
    for (index, digit) in digits.iter_mut().take(needed).enumerate() {
        let more = if index + 1 < needed { 0x80 } else { 0 };
        *digit = (rest & 0x7f) as u8 | more;
        rest >>= 7;
    }
}

/// Makes room for a longer length, or takes away the room that a shorter one leaves.
#[cold]
fn shift(out: &mut Vec<u8>, content: usize, width: usize, needed: usize) {
    if needed > width {
        let end = out.len();
        out.resize(end + needed - width, 0);
        out.copy_within(content..end, content + needed - width);
    } else {
        out.drain(content - width + needed..content);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_have_no_more_digits_than_they_need() {
        for (value, expected) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[0x80, 1]),
            (300, &[0xac, 2]),
            (u64::MAX, &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
        ] {
            let mut out = Vec::new();
            varint(&mut out, value);
            assert_eq!(out, expected);
            assert_eq!(varint_len(value), expected.len());
        }
    }

    proptest! {
        #[test]
        fn a_number_reads_back_and_takes_as_many_bytes_as_was_said(value: u64) {
            let mut out = Vec::new();
            varint(&mut out, value);
            prop_assert_eq!(out.len(), varint_len(value));
            prop_assert_eq!(prost::encoding::decode_varint(&mut out.as_slice()), Ok(value));
        }

        #[test]
        fn a_message_has_its_true_length_whatever_was_expected(
            expected in prop_oneof![0_usize..300, Just(20_000), Just(3_000_000)],
            content in prop_oneof![0_usize..300, 16_380_usize..16_390],
            before in 0_usize..5,
        ) {
            let mut out = vec![7; before];
            let message = open(&mut out, 1, expected);
            out.resize(out.len() + content, 9);
            close(&mut out, message);
            let mut plain = vec![7; before];
            bytes(&mut plain, 1, &vec![9; content]);
            prop_assert_eq!(out, plain);
        }
    }
}
