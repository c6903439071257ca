//! What is on the page of a series, and series that are added up because the page cannot tell them apart.

use tachograph_sdk::metrics::{Exemplar, NumberValue, Point, PointValue};

use crate::arithmetic::add;
use crate::exponential::{Exponential, ExponentialTotal};

/// What the lines or the message of a series are written from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample<'a> {
    pub(crate) value: Value<'a>,
    /// When the series began, in nanoseconds since the Unix epoch.
    pub(crate) start_unix_nanos: u64,
    pub(crate) exemplars: &'a [Exemplar],
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Number(NumberValue),
    Histogram(HistogramView<'a>),
    Exponential(Exponential<'a>),
}

/// What is on the page of a histogram with explicit boundaries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistogramView<'a> {
    pub(crate) bucket_counts: &'a [u64],
    pub(crate) sum: NumberValue,
    /// Whether a negative number was recorded, so that the sum may have gone down.
    pub(crate) has_negative: bool,
}

/// The number that a point is, if it is one.
#[inline(always)]
pub(crate) fn number_of(point: &Point<'_>) -> Option<NumberValue> {
    match point.value {
        PointValue::U64(value) => Some(NumberValue::U64(value)),
        PointValue::I64(value) => Some(NumberValue::I64(value)),
        PointValue::F64(value) => Some(NumberValue::F64(value)),
        _ => None,
    }
}

impl<'a> Sample<'a> {
    /// What is on the page of a point; `None` for a kind that the formats have no place for.
    #[inline]
    pub(crate) fn of(point: &Point<'a>) -> Option<Self> {
        let value = match (number_of(point), point.value) {
            (Some(number), _) => Value::Number(number),
            (None, PointValue::Histogram(point)) => Value::Histogram(HistogramView {
                bucket_counts: point.bucket_counts(),
                sum: point.sum(),
                has_negative: point.has_negative(),
            }),
            (None, PointValue::ExponentialHistogram(point)) => Value::Exponential(Exponential::of(point)),
            (None, _) => return None,
        };
        Some(Sample { value, start_unix_nanos: point.start_unix_nanos, exemplars: point.exemplars() })
    }
}

/// A sum of several series of one kind. It began when the first of them did, and has no exemplars.
#[derive(Clone, Debug)]
pub(crate) struct Total {
    value: TotalValue,
    start_unix_nanos: u64,
}

#[derive(Clone, Debug)]
enum TotalValue {
    Number(NumberValue),
    Histogram { bucket_counts: Vec<u64>, sum: NumberValue, has_negative: bool },
    Exponential(ExponentialTotal),
}

impl Total {
    pub(crate) fn new(sample: Sample<'_>) -> Self {
        let value = match sample.value {
            Value::Number(value) => TotalValue::Number(value),
            Value::Histogram(view) => TotalValue::Histogram {
                bucket_counts: view.bucket_counts.to_vec(),
                sum: view.sum,
                has_negative: view.has_negative,
            },
            Value::Exponential(view) => TotalValue::Exponential(ExponentialTotal::new(view)),
        };
        Total { value, start_unix_nanos: sample.start_unix_nanos }
    }

    pub(crate) fn add(&mut self, sample: Sample<'_>) {
        self.start_unix_nanos = self.start_unix_nanos.min(sample.start_unix_nanos);
        match (&mut self.value, sample.value) {
            (TotalValue::Number(total), Value::Number(value)) => *total = add(*total, value),
            (TotalValue::Histogram { bucket_counts, sum, has_negative }, Value::Histogram(view)) => {
                for (total, count) in bucket_counts.iter_mut().zip(view.bucket_counts) {
                    *total = total.wrapping_add(*count);
                }
                *sum = add(*sum, view.sum);
                *has_negative |= view.has_negative;
            }
            (TotalValue::Exponential(total), Value::Exponential(view)) => total.add(view),
            // A family has one kind.
            _ => {}
        }
    }

    pub(crate) fn sample(&self) -> Sample<'_> {
        let value = match &self.value {
            TotalValue::Number(value) => Value::Number(*value),
            TotalValue::Histogram { bucket_counts, sum, has_negative } => {
                Value::Histogram(HistogramView { bucket_counts, sum: *sum, has_negative: *has_negative })
            }
            TotalValue::Exponential(total) => Value::Exponential(total.view()),
        };
        Sample { value, start_unix_nanos: self.start_unix_nanos, exemplars: &[] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_are_added_bucket_by_bucket() {
        let sample = |bucket_counts, sum, has_negative, start_unix_nanos| Sample {
            value: Value::Histogram(HistogramView { bucket_counts, sum, has_negative }),
            start_unix_nanos,
            exemplars: &[],
        };
        let mut total = Total::new(sample(&[1, 2, 3], NumberValue::F64(1.5), false, 5));
        total.add(sample(&[10, 20, 30], NumberValue::F64(0.25), true, 4));
        let Value::Histogram(sum) = total.sample().value else { panic!("a histogram") };
        assert_eq!(sum.bucket_counts, [11, 22, 33]);
        assert_eq!(sum.sum, NumberValue::F64(1.75));
        assert!(sum.has_negative);
        assert_eq!(total.sample().start_unix_nanos, 4);
    }
}
