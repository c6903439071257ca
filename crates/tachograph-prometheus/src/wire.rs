//! The wire format of protocol buffers, as much of it as pages need.
//!
//! Follows "Encoding" of the protocol buffers documentation. Fields are written in ascending order or in any
//! other; every decoder takes both.

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LEN: u32 = 2;

/// How long a varint is.
#[inline]
pub(crate) const fn varint_len(value: u64) -> usize {
    // Seven bits a byte, and at least one byte.
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// Appends a varint.
#[inline]
pub(crate) fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends an unsigned integer.
#[inline]
pub(crate) fn write_uint(out: &mut Vec<u8>, field: u32, value: u64) {
    write_varint(out, u64::from(field << 3 | VARINT));
    write_varint(out, value);
}

/// Appends a signed integer in zigzag form (`sint32`, `sint64`).
pub(crate) fn write_sint(out: &mut Vec<u8>, field: u32, value: i64) {
    write_uint(out, field, zigzag(value));
}

#[inline]
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Appends a double.
#[inline]
pub(crate) fn write_double(out: &mut Vec<u8>, field: u32, value: f64) {
    write_varint(out, u64::from(field << 3 | FIXED64));
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a string or bytes.
pub(crate) fn write_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    write_varint(out, u64::from(field << 3 | LEN));
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a message, of which only the writer knows how long it is.
///
/// A byte is left for its length; where that is not enough, what was written moves.
pub(crate) fn write_message(out: &mut Vec<u8>, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
    write_varint(out, u64::from(field << 3 | LEN));
    let start = out.len();
    out.push(0);
    write(out);
    let len = out.len() - start - 1;
    let more = varint_len(len as u64) - 1;
    if more > 0 {
        out.extend_from_slice(&[0; 9][..more]);
        out.copy_within(start + 1..start + 1 + len, start + 1 + more);
    }
    put_varint(&mut out[start..], len as u64);
}

/// Leaves room for the length of a message that may become long; returns where.
pub(crate) fn begin_delimited(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0; DELIMITER]);
    out.len()
}

/// As many bytes as the length of a message of four gibibytes takes.
const DELIMITER: usize = 5;

/// Puts the length where room was left for it, before `start`.
pub(crate) fn end_delimited(out: &mut Vec<u8>, start: usize) {
    let len = out.len() - start;
    let unused = DELIMITER - varint_len(len as u64).min(DELIMITER);
    put_varint(&mut out[start - DELIMITER..], len as u64);
    if unused > 0 {
        out.copy_within(start.., start - unused);
        out.truncate(start + len - unused);
    }
}

/// Writes a varint over what is there.
fn put_varint(to: &mut [u8], mut value: u64) {
    for byte in to {
        let last = value < 0x80;
        *byte = value as u8 | if last { 0 } else { 0x80 };
        if last {
            return;
        }
        value >>= 7;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::encoding::{decode_varint, encode_varint};

    use super::*;

    proptest! {
        #[test]
        fn varints_are_those_of_another_implementation(bits in any::<u64>(), shift in 0..64) {
            let value = bits >> shift;
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            write_varint(&mut ours, value);
            encode_varint(value, &mut theirs);
            prop_assert_eq!(&ours, &theirs);
            prop_assert_eq!(ours.len(), varint_len(value));
        }

        #[test]
        fn a_message_has_its_length_before_it_however_long_it_is(before in 0..3_usize, len in 0..40_000_usize) {
            let mut out = vec![7; before];
            write_message(&mut out, 3, |out| out.extend((0..len).map(|n| n as u8)));
            let mut rest = &out[before..];
            prop_assert_eq!(decode_varint(&mut rest).unwrap(), 3 << 3 | 2);
            prop_assert_eq!(decode_varint(&mut rest).unwrap(), len as u64);
            prop_assert!(rest.iter().copied().eq((0..len).map(|n| n as u8)));
            let mut out = vec![7; before];
            let start = begin_delimited(&mut out);
            out.extend((0..len).map(|n| n as u8));
            end_delimited(&mut out, start);
            let mut rest = &out[before..];
            prop_assert_eq!(decode_varint(&mut rest).unwrap(), len as u64);
            prop_assert!(rest.iter().copied().eq((0..len).map(|n| n as u8)));
        }
    }
}
