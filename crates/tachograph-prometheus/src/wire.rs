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
    let message = Delimited::begin(out, 0);
    write(out);
    message.end(out);
}

/// A message that is written where its length is to stand before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delimited {
    /// Where it begins.
    start: usize,
    /// How many bytes were left for the length.
    room: usize,
}

impl Delimited {
    /// Leaves room for the length of a message that is expected to be about so long.
    pub(crate) fn begin(out: &mut Vec<u8>, expected: usize) -> Self {
        let room = varint_len(expected as u64);
        out.extend_from_slice(&[0; 10][..room]);
        Delimited { start: out.len(), room }
    }

    /// Puts the length before it; what was written moves if too much or too little room was left. Returns the length.
    pub(crate) fn end(self, out: &mut Vec<u8>) -> usize {
        let Delimited { start, room } = self;
        let len = out.len() - start;
        let needed = varint_len(len as u64);
        if needed != room {
            out.resize(out.len().max(start - room + needed + len), 0);
            out.copy_within(start..start + len, start - room + needed);
            out.truncate(start - room + needed + len);
        }
        put_varint(&mut out[start - room..], len as u64);
        len
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
        fn a_message_has_its_length_before_it_however_long_it_is(before in 0..3_usize, len in 0..40_000_usize, expected in 0..40_000_usize) {
            let mut out = vec![7; before];
            write_message(&mut out, 3, |out| out.extend((0..len).map(|n| n as u8)));
            let mut rest = &out[before..];
            prop_assert_eq!(decode_varint(&mut rest).unwrap(), 3 << 3 | 2);
            prop_assert_eq!(decode_varint(&mut rest).unwrap(), len as u64);
            prop_assert!(rest.iter().copied().eq((0..len).map(|n| n as u8)));
            let mut out = vec![7; before];
            let message = Delimited::begin(&mut out, expected);
            out.extend((0..len).map(|n| n as u8));
            prop_assert_eq!(message.end(&mut out), len);
            let mut rest = &out[before..];
            prop_assert_eq!(decode_varint(&mut rest).unwrap(), len as u64);
            prop_assert!(rest.iter().copied().eq((0..len).map(|n| n as u8)));
        }
    }
}
