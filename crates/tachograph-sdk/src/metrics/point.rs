//! Data points, as a reader's collection visits them.

use super::exemplar::Exemplar;
use crate::attributes::AttributeSet;
use crate::exponential::{Distribution, ExponentialBuckets};
use crate::number::{Number, NumberKind, NumberValue};

/// A data point: one series' value.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Point<'a> {
    /// A number that is the series' for the life of its metric; numbers begin at 0 without gaps.
    pub series: usize,
    /// The series' attributes.
    pub attributes: &'a AttributeSet,
    /// Since when the value adds up, in nanoseconds since the Unix epoch: when the series began, or for a point whose temporality
    /// is delta, when its reader collected before.
    pub start_unix_nanos: u64,
    /// What was recorded since.
    pub value: PointValue<'a>,
    exemplars: &'a [Exemplar],
}

impl<'a> Point<'a> {
    #[inline]
    pub(super) fn new(
        series: usize,
        attributes: &'a AttributeSet,
        start_unix_nanos: u64,
        value: PointValue<'a>,
    ) -> Self {
        Point { series, attributes, start_unix_nanos, value, exemplars: &[] }
    }

    #[inline]
    pub(super) fn with_exemplars(mut self, exemplars: &'a [Exemplar]) -> Self {
        self.exemplars = exemplars;
        self
    }

    /// Some of the measurements that the value is of, each with the span it was made in.
    ///
    /// Of a histogram with explicit boundaries at most one for each bucket, in the order of the buckets; of an exponential
    /// histogram at most twenty; else at most one.
    pub fn exemplars(&self) -> &'a [Exemplar] {
        self.exemplars
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
    /// A histogram with explicit boundaries.
    Histogram(&'a HistogramPoint),
    /// A base-2 exponential histogram.
    ExponentialHistogram(&'a ExponentialHistogramPoint),
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
    pub(super) min: Option<NumberValue>,
    pub(super) max: Option<NumberValue>,
    pub(super) has_negative: bool,
}

impl Default for HistogramPoint {
    fn default() -> Self {
        HistogramPoint {
            bucket_counts: Vec::new(),
            count: 0,
            sum: NumberValue::U64(0),
            min: None,
            max: None,
            has_negative: false,
        }
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

    /// The smallest measurement, if there was any and the aggregation records it. In a point whose temporality is delta it is
    /// there if it is known: in a series' first point, and where it is smaller than everything before.
    pub fn min(&self) -> Option<NumberValue> {
        self.min
    }

    /// The largest measurement, as [`min`](Self::min).
    pub fn max(&self) -> Option<NumberValue> {
        self.max
    }

    /// Whether any measurement since the series began was below zero, so that the sum may have gone down; known also where the
    /// aggregation records no extremes.
    pub fn has_negative(&self) -> bool {
        self.has_negative
    }
}

/// A base-2 exponential histogram's data point, as the data model has it. Its parts belong together, as
/// those of a [`HistogramPoint`]: the count is the sum of the zero count and of all buckets.
#[derive(Clone, Debug, PartialEq)]
pub struct ExponentialHistogramPoint {
    pub(super) distribution: Distribution,
    pub(super) count: u64,
    pub(super) sum: NumberValue,
    pub(super) min: Option<NumberValue>,
    pub(super) max: Option<NumberValue>,
}

impl Default for ExponentialHistogramPoint {
    fn default() -> Self {
        ExponentialHistogramPoint {
            distribution: Distribution::default(),
            count: 0,
            sum: NumberValue::U64(0),
            min: None,
            max: None,
        }
    }
}

impl ExponentialHistogramPoint {
    /// The scale: each boundary is 2^(2^-scale) times the one before. At most the aggregation's largest,
    /// which a histogram without measurements has, and at least -10.
    pub fn scale(&self) -> i32 {
        self.distribution.scale
    }

    /// How many measurements were [`zero_threshold`](Self::zero_threshold) or less away from zero.
    pub fn zero_count(&self) -> u64 {
        self.distribution.zero_count
    }

    /// How wide the bucket around zero is, to either side: 0, for this SDK tells every number but zero
    /// itself from zero.
    pub fn zero_threshold(&self) -> f64 {
        0.0
    }

    /// The buckets of measurements above zero.
    pub fn positive(&self) -> &ExponentialBuckets {
        &self.distribution.positive
    }

    /// The buckets of measurements below zero, by their distance from it.
    pub fn negative(&self) -> &ExponentialBuckets {
        &self.distribution.negative
    }

    /// How many measurements there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The measurements' sum. Sums of integers wrap at 2^64.
    pub fn sum(&self) -> NumberValue {
        self.sum
    }

    /// The smallest measurement, as [`HistogramPoint::min`].
    pub fn min(&self) -> Option<NumberValue> {
        self.min
    }

    /// The largest measurement, as [`HistogramPoint::min`].
    pub fn max(&self) -> Option<NumberValue> {
        self.max
    }
}
