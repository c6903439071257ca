//! Data points, as a reader's collection visits them.

use crate::attributes::AttributeSet;
use crate::number::{Number, NumberKind, NumberValue};

/// A data point: one series' value.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Point<'a> {
    /// A number that is the series' for the life of its metric; numbers begin at 0 without gaps.
    pub series: usize,
    /// The series' attributes.
    pub attributes: &'a AttributeSet,
    /// When the series began, in nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// What was recorded since.
    pub value: PointValue<'a>,
}

impl<'a> Point<'a> {
    #[inline]
    pub(super) fn new(
        series: usize,
        attributes: &'a AttributeSet,
        start_unix_nanos: u64,
        value: PointValue<'a>,
    ) -> Self {
        Point { series, attributes, start_unix_nanos, value }
    }
}

/// A data point's value.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum PointValue<'a> {
    /// An unsigned integer.
    U64(u64),
    /// A signed integer.
    I64(i64),
    /// A floating-point number.
    F64(f64),
    /// A histogram.
    Histogram(&'a HistogramPoint),
}

impl PointValue<'_> {
    #[inline]
    pub(super) fn of(kind: NumberKind, bits: u64) -> Self {
        match kind {
            NumberKind::U64 => PointValue::U64(bits),
            NumberKind::I64 => PointValue::I64(i64::from_bits(bits)),
            NumberKind::F64 => PointValue::F64(f64::from_bits(bits)),
        }
    }
}

/// A histogram's data point. Its parts belong together: the count is the sum of the buckets, and the
/// sum, minimum and maximum are of the same measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramPoint {
    pub(super) bucket_counts: Vec<u64>,
    pub(super) count: u64,
    pub(super) sum: NumberValue,
    pub(super) extremes: Option<(NumberValue, NumberValue)>,
}

impl Default for HistogramPoint {
    fn default() -> Self {
        HistogramPoint { bucket_counts: Vec::new(), count: 0, sum: NumberValue::U64(0), extremes: None }
    }
}

impl HistogramPoint {
    /// How many measurements each bucket has: one bucket more than there are boundaries.
    pub fn bucket_counts(&self) -> &[u64] {
        &self.bucket_counts
    }

    /// How many measurements there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The measurements' sum. Sums of integers wrap at 2^64.
    pub fn sum(&self) -> NumberValue {
        self.sum
    }

    /// The smallest measurement, if there was any.
    pub fn min(&self) -> Option<NumberValue> {
        self.extremes.map(|(min, _)| min)
    }

    /// The largest measurement, if there was any.
    pub fn max(&self) -> Option<NumberValue> {
        self.extremes.map(|(_, max)| max)
    }
}
