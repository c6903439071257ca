//! Series that are added up, because the page cannot tell them apart.

use tachograph_sdk::metrics::{NumberValue, PointValue};

/// A value that a line or the lines of a series are written from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Number(NumberValue),
    Histogram(HistogramView<'a>),
}

/// What is on the page of a histogram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistogramView<'a> {
    pub(crate) bucket_counts: &'a [u64],
    pub(crate) sum: NumberValue,
    /// Whether a negative number was recorded, so that the sum may have gone down.
    pub(crate) has_negative: bool,
}

impl<'a> Value<'a> {
    /// The value of a point; `None` for a kind that the formats have no place for.
    #[inline]
    pub(crate) fn of(value: PointValue<'a>) -> Option<Self> {
        Some(match value {
            PointValue::U64(value) => Value::Number(NumberValue::U64(value)),
            PointValue::I64(value) => Value::Number(NumberValue::I64(value)),
            PointValue::F64(value) => Value::Number(NumberValue::F64(value)),
            PointValue::Histogram(point) => Value::Histogram(HistogramView {
                bucket_counts: point.bucket_counts(),
                sum: point.sum(),
                has_negative: point.min().is_some_and(is_negative),
            }),
            _ => return None,
        })
    }
}

/// Whether a number is below zero.
fn is_negative(number: NumberValue) -> bool {
    match number {
        NumberValue::U64(_) => false,
        NumberValue::I64(value) => value < 0,
        NumberValue::F64(value) => value < 0.0,
    }
}

/// A sum of several series of one kind.
#[derive(Clone, Debug)]
pub(crate) enum Total {
    Number(NumberValue),
    Histogram { bucket_counts: Vec<u64>, sum: NumberValue, has_negative: bool },
}

impl Total {
    pub(crate) fn new(value: Value<'_>) -> Self {
        match value {
            Value::Number(value) => Total::Number(value),
            Value::Histogram(view) => Total::Histogram {
                bucket_counts: view.bucket_counts.to_vec(),
                sum: view.sum,
                has_negative: view.has_negative,
            },
        }
    }

    pub(crate) fn add(&mut self, value: Value<'_>) {
        match (self, value) {
            (Total::Number(total), Value::Number(value)) => *total = add(*total, value),
            (Total::Histogram { bucket_counts, sum, has_negative }, Value::Histogram(view)) => {
                for (total, count) in bucket_counts.iter_mut().zip(view.bucket_counts) {
                    *total = total.wrapping_add(*count);
                }
                *sum = add(*sum, view.sum);
                *has_negative |= view.has_negative;
            }
            // A family has one kind.
            _ => {}
        }
    }

    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Total::Number(value) => Value::Number(*value),
            Total::Histogram { bucket_counts, sum, has_negative } => {
                Value::Histogram(HistogramView { bucket_counts, sum: *sum, has_negative: *has_negative })
            }
        }
    }
}

/// Adds two numbers: integers as the engine does, wrapping; numbers of two kinds as floats.
fn add(a: NumberValue, b: NumberValue) -> NumberValue {
    match (a, b) {
        (NumberValue::U64(a), NumberValue::U64(b)) => NumberValue::U64(a.wrapping_add(b)),
        (NumberValue::I64(a), NumberValue::I64(b)) => NumberValue::I64(a.wrapping_add(b)),
        (a, b) => NumberValue::F64(to_f64(a) + to_f64(b)),
    }
}

fn to_f64(number: NumberValue) -> f64 {
    match number {
        NumberValue::U64(value) => value as f64,
        NumberValue::I64(value) => value as f64,
        NumberValue::F64(value) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_stay_integers_and_mixed_kinds_become_floats() {
        let two_to_the_60 = NumberValue::U64(1 << 60);
        assert_eq!(add(two_to_the_60, NumberValue::U64(1)), NumberValue::U64((1 << 60) + 1));
        assert_eq!(add(NumberValue::I64(-3), NumberValue::I64(1)), NumberValue::I64(-2));
        assert_eq!(add(NumberValue::U64(1), NumberValue::F64(0.5)), NumberValue::F64(1.5));
    }

    #[test]
    fn histograms_are_added_bucket_by_bucket() {
        let view = |bucket_counts, sum, has_negative| {
            Value::Histogram(HistogramView { bucket_counts, sum, has_negative })
        };
        let mut total = Total::new(view(&[1, 2, 3], NumberValue::F64(1.5), false));
        total.add(view(&[10, 20, 30], NumberValue::F64(0.25), true));
        let Value::Histogram(sum) = total.value() else { panic!("a histogram") };
        assert_eq!(sum.bucket_counts, [11, 22, 33]);
        assert_eq!(sum.sum, NumberValue::F64(1.75));
        assert!(sum.has_negative);
    }
}
