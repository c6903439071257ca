//! Times in protobuf: `google.protobuf.Timestamp`.

use crate::wire::{varint_len, write_uint, write_varint};

const SECOND: u64 = 1_000_000_000;

/// Appends a time as a field, from nanoseconds since the Unix epoch.
pub(crate) fn write_timestamp(out: &mut Vec<u8>, field: u32, unix_nanos: u64) {
    write_varint(out, u64::from(field << 3 | 2));
    write_varint(out, timestamp_len(unix_nanos) as u64);
    write_uint(out, 1, unix_nanos / SECOND);
    if !unix_nanos.is_multiple_of(SECOND) {
        write_uint(out, 2, unix_nanos % SECOND);
    }
}

/// How long the message is.
pub(crate) fn timestamp_len(unix_nanos: u64) -> usize {
    let nanos = unix_nanos % SECOND;
    1 + varint_len(unix_nanos / SECOND) + if nanos == 0 { 0 } else { 1 + varint_len(nanos) }
}
