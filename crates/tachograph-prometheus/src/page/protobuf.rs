//! The message of a series: `Metric` of `io/prometheus/client/metrics.proto`.

use tachograph_sdk::metrics::NumberValue;

use crate::arithmetic::to_f64;
use crate::exemplar::{latest, write_proto};
use crate::exponential::{Buckets, Exponential, MAX_SCHEMA, MIN_SCHEMA};
use crate::family::{Family, Member};
use crate::merge::{HistogramView, Sample, Value};
use crate::message::{COUNTER, GAUGE, METRIC, labels_of};
use crate::name::FamilyKind;
use crate::naming::Naming;
use crate::timestamp::write_timestamp;
use crate::wire::{varint_len, write_double, write_message, write_sint, write_uint, write_varint, zigzag};

/// The threshold of zero where the histogram has none: OpenTelemetry's `compatibility/prometheus_and_openmetrics.md`.
const ZERO_THRESHOLD: f64 = 1e-128;

/// A field of `Metric`.
const HISTOGRAM: u32 = 7;

/// Whether protobuf has a place for it: a histogram that is too coarse for native ones has none.
pub(super) fn has_place(sample: &Sample<'_>) -> bool {
    !matches!(sample.value, Value::Exponential(view) if view.scale < MIN_SCHEMA)
}

/// What the messages of a metric's series are written from, beside labels and values.
pub(super) struct Message<'a> {
    pub(super) family: &'a Family,
    pub(super) member: &'a Member,
    pub(super) naming: Naming,
}

impl Message<'_> {
    /// Appends a series: `kept` is its message up to the value, of a histogram its labels; `start` is when it began,
    /// by itself.
    pub(super) fn write(&self, out: &mut Vec<u8>, kept: &[u8], start: u64, sample: Sample<'_>) {
        let labels = kept;
        match sample.value {
            Value::Number(value) if sample.exemplars.is_empty() && sample.start_unix_nanos == start => {
                Message::write_kept(out, kept, value);
            }
            Value::Number(value) => write_message(out, METRIC, |out| {
                out.extend_from_slice(labels_of(kept));
                self.write_number(out, value, sample);
            }),
            Value::Histogram(view) => write_message(out, METRIC, |out| {
                out.extend_from_slice(labels);
                write_message(out, HISTOGRAM, |out| self.write_histogram(out, view, sample));
            }),
            Value::Exponential(view) => write_message(out, METRIC, |out| {
                out.extend_from_slice(labels);
                write_message(out, HISTOGRAM, |out| self.write_native(out, view, sample));
            }),
        }
    }

    /// Appends a series that is a number without exemplars, and that began when the kept message says.
    #[inline(always)]
    pub(super) fn write_kept(out: &mut Vec<u8>, kept: &[u8], value: NumberValue) {
        out.extend_from_slice(kept);
        out.extend_from_slice(&to_f64(value).to_le_bytes());
    }

    fn write_number(&self, out: &mut Vec<u8>, value: NumberValue, sample: Sample<'_>) {
        if self.family.kind != FamilyKind::Counter {
            return write_message(out, GAUGE, |out| write_double(out, 1, to_f64(value)));
        }
        write_message(out, COUNTER, |out| {
            write_double(out, 1, to_f64(value));
            if let Some(exemplar) = latest(sample.exemplars) {
                write_proto(out, 2, exemplar, self.naming);
            }
            write_timestamp(out, 3, sample.start_unix_nanos);
        });
    }

    /// Classic buckets. The infinite one, which the count stands for, is there if it has an exemplar.
    fn write_histogram(&self, out: &mut Vec<u8>, view: HistogramView<'_>, sample: Sample<'_>) {
        const BUCKET: u32 = 3;
        let count = view.bucket_counts.iter().fold(0_u64, |sum, count| sum.wrapping_add(*count));
        write_uint(out, 1, count);
        write_double(out, 2, to_f64(view.sum));
        let mut cumulative = 0_u64;
        let bounds = self.member.buckets.bounds().iter().chain([&f64::INFINITY]);
        for (bucket, (count, bound)) in view.bucket_counts.iter().zip(bounds).enumerate() {
            cumulative = cumulative.wrapping_add(*count);
            let exemplar = match sample.exemplars {
                [] => None,
                exemplars => latest(exemplars.iter().filter(|exemplar| exemplar.bucket() == Some(bucket))),
            };
            match exemplar {
                None if bound.is_infinite() => {}
                None => {
                    write_varint(out, u64::from(BUCKET << 3 | 2));
                    write_varint(out, (1 + varint_len(cumulative) + 1 + size_of::<f64>()) as u64);
                    write_uint(out, 1, cumulative);
                    write_double(out, 2, *bound);
                }
                Some(exemplar) => write_message(out, BUCKET, |out| {
                    write_uint(out, 1, cumulative);
                    write_double(out, 2, *bound);
                    write_proto(out, 3, exemplar, self.naming);
                }),
            }
        }
        write_timestamp(out, 15, sample.start_unix_nanos);
    }

    fn write_native(&self, out: &mut Vec<u8>, view: Exponential<'_>, sample: Sample<'_>) {
        let schema = view.scale.min(MAX_SCHEMA);
        let by = view.scale.abs_diff(schema);
        write_uint(out, 1, view.count());
        write_double(out, 2, to_f64(view.sum));
        write_sint(out, 5, i64::from(schema));
        let threshold = if view.zero_threshold > 0.0 { view.zero_threshold } else { ZERO_THRESHOLD };
        write_double(out, 6, threshold);
        write_uint(out, 7, view.zero_count);
        write_buckets(out, view.negative, by, 9, 10);
        write_buckets(out, view.positive, by, 12, 13);
        write_timestamp(out, 15, sample.start_unix_nanos);
        for exemplar in sample.exemplars {
            write_proto(out, 16, exemplar, self.naming);
        }
    }
}

/// Appends spans and deltas, by the numbers of their fields.
fn write_buckets(out: &mut Vec<u8>, buckets: Buckets<'_>, by: u32, spans: u32, deltas: u32) {
    if buckets.counts.is_empty() {
        return;
    }
    buckets.spans(by, |offset, len| {
        write_message(out, spans, |out| {
            write_sint(out, 1, i64::from(offset));
            write_uint(out, 2, u64::from(len));
        });
    });
    write_message(out, deltas, |out| buckets.deltas(by, |delta| write_varint(out, zigzag(delta))));
}
