//! The message of a counter's or a gauge's series: all of it but the value is kept, for it is always the same.
//!
//! `MetricFamily.metric` with `Metric.label`, then `Metric.counter` or `Metric.gauge`, whose last field is the value.
//! The time at which the series began is part of it: a series that begins anew has another number.

use crate::name::FamilyKind;
use crate::timestamp::{timestamp_len, write_timestamp};
use crate::wire::{varint_len, write_varint};

/// Fields of `MetricFamily` and `Metric`.
pub(crate) const METRIC: u32 = 4;
pub(crate) const GAUGE: u32 = 2;
pub(crate) const COUNTER: u32 = 3;

/// Tags of fields that have a length, and of the value, which is a double.
const fn with_length(field: u32) -> u8 {
    (field << 3 | 2) as u8
}
const LABEL: u8 = with_length(1);
const VALUE: u8 = 1 << 3 | 1;

/// Appends the message up to the value's eight bytes.
pub(crate) fn write_until_value(out: &mut Vec<u8>, labels: &[u8], kind: FamilyKind, start_unix_nanos: u64) {
    let is_counter = kind == FamilyKind::Counter;
    let created = if is_counter { 2 + timestamp_len(start_unix_nanos) } else { 0 };
    let number = created + 1 + size_of::<f64>();
    out.push(with_length(METRIC));
    write_varint(out, (labels.len() + 1 + varint_len(number as u64) + number) as u64);
    out.extend_from_slice(labels);
    out.push(with_length(if is_counter { COUNTER } else { GAUGE }));
    write_varint(out, number as u64);
    if is_counter {
        write_timestamp(out, 3, start_unix_nanos);
    }
    out.push(VALUE);
}

/// The labels of such a message: the fields that it begins with.
pub(crate) fn labels_of(message: &[u8]) -> &[u8] {
    // The tag, and the length.
    let start = 1 + varint(message.get(1..).unwrap_or_default()).1;
    let mut end = start;
    while message.get(end) == Some(&LABEL) {
        let (len, of_len) = varint(message.get(end + 1..).unwrap_or_default());
        end = end.saturating_add(1 + of_len).saturating_add(len);
    }
    message.get(start..end).unwrap_or_default()
}

/// A varint at the front, and how many bytes it takes.
fn varint(bytes: &[u8]) -> (usize, usize) {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(9).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if *byte < 0x80 {
            return (value, at + 1);
        }
    }
    (value, bytes.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::labels::write_pair;

    proptest! {
        #[test]
        fn the_labels_are_found_again(pairs in proptest::collection::vec(("[a-z]{0,200}", "\\PC{0,100}"), 0..5), start: u64) {
            let mut labels = Vec::new();
            for (name, value) in &pairs {
                write_pair(&mut labels, name.as_bytes(), value.as_bytes());
            }
            for kind in [FamilyKind::Counter, FamilyKind::Gauge] {
                let mut message = Vec::new();
                write_until_value(&mut message, &labels, kind, start);
                prop_assert_eq!(labels_of(&message), &labels[..]);
            }
        }

        #[test]
        fn what_is_no_message_has_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            labels_of(&bytes);
        }
    }
}
