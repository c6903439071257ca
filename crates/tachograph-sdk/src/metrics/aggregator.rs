//! What a stream keeps of its measurements.

use std::sync::OnceLock;

use super::aggregation::Aggregation;
use super::exemplar::ReservoirKind;
use super::series::RowKind;
use crate::cells::exponential::Limits;
use crate::cells::{self, Row, exponential, histogram};
use crate::number::Number;

/// How a stream aggregates.
pub(crate) enum Aggregator {
    Sum { monotonic: bool },
    LastValue,
    ExplicitBuckets(Buckets),
    Exponential(Exponential),
}

/// A base-2 exponential histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Exponential {
    pub(crate) limits: Limits,
    pub(crate) record_min_max: bool,
}

impl Aggregator {
    pub(crate) fn row_kind(&self) -> RowKind {
        match self {
            Aggregator::Sum { .. } => RowKind::Sum,
            Aggregator::LastValue => RowKind::LastValue,
            Aggregator::ExplicitBuckets(buckets) => RowKind::Histogram { buckets: buckets.len() as u32 },
            Aggregator::Exponential(_) => RowKind::Exponential,
        }
    }

    /// How the stream's exemplars are chosen: as the specification has it by default, and for numbers one at a time, which is
    /// what a format has room for.
    pub(crate) fn reservoir_kind(&self) -> ReservoirKind {
        match self {
            Aggregator::ExplicitBuckets(buckets) if buckets.len() > 1 => ReservoirKind::Aligned,
            Aggregator::Exponential(it) => ReservoirKind::Fixed(it.limits.size.min(20) as usize),
            _ => ReservoirKind::Fixed(1),
        }
    }

    /// The bucket of a value, where there are explicit ones.
    pub(crate) fn bucket<N: Number>(&self, value: N) -> Option<u32> {
        match self {
            Aggregator::ExplicitBuckets(buckets) => u32::try_from(buckets.of(value)).ok(),
            _ => None,
        }
    }

    /// What a user asks for who wants this, if it is a histogram.
    pub(crate) fn aggregation(&self) -> Option<Aggregation> {
        match self {
            Aggregator::ExplicitBuckets(buckets) => Some(Aggregation::ExplicitBucketHistogram {
                boundaries: buckets.bounds().to_vec(),
                record_min_max: buckets.record_min_max,
            }),
            Aggregator::Exponential(it) => Some(Aggregation::Base2ExponentialBucketHistogram {
                max_size: it.limits.size,
                max_scale: i8::try_from(it.limits.scale).ok()?,
                record_min_max: it.record_min_max,
            }),
            Aggregator::Sum { .. } | Aggregator::LastValue => None,
        }
    }

    #[inline]
    pub(crate) fn is_sum(&self) -> bool {
        matches!(self, Aggregator::Sum { .. })
    }

    /// Whether there is a difference between two points of it: not of last values.
    pub(crate) fn adds_up(&self) -> bool {
        !matches!(self, Aggregator::LastValue)
    }

    /// Whether both make the same points of the same measurements.
    pub(crate) fn is_like(&self, other: &Aggregator) -> bool {
        match (self, other) {
            (Aggregator::Sum { monotonic }, Aggregator::Sum { monotonic: other }) => monotonic == other,
            (Aggregator::LastValue, Aggregator::LastValue) => true,
            (Aggregator::ExplicitBuckets(buckets), Aggregator::ExplicitBuckets(other)) => {
                buckets.bounds() == other.bounds() && buckets.record_min_max == other.record_min_max
            }
            (Aggregator::Exponential(exponential), Aggregator::Exponential(other)) => exponential == other,
            _ => false,
        }
    }

    /// Whether a value may be recorded: finite, and for a monotonic sum not negative.
    #[inline]
    pub(crate) fn accepts<N: Number>(&self, value: N) -> bool {
        match self {
            Aggregator::Sum { monotonic: true } => value.is_finite() && value.is_non_negative(),
            _ => value.is_finite(),
        }
    }

    /// Records a value that is accepted, in a row of this aggregation's.
    pub(crate) fn record<N: Number>(&self, row: Row, value: N) {
        match self {
            Aggregator::Sum { .. } => cells::add(row, value),
            Aggregator::LastValue => cells::set(row, value.to_bits()),
            Aggregator::ExplicitBuckets(buckets) => {
                histogram::observe(row, buckets.len(), buckets.of(value), value);
            }
            Aggregator::Exponential(it) => exponential::observe(row, it.limits, value),
        }
    }

    /// Leaves a copy for a reader that waits for one of this row of a histogram's, which this thread has just written.
    pub(crate) fn serve(&self, row: Row) {
        match self {
            Aggregator::ExplicitBuckets(buckets) => histogram::serve(row, buckets.len()),
            Aggregator::Exponential(it) => exponential::serve(row, it.limits),
            Aggregator::Sum { .. } | Aggregator::LastValue => {}
        }
    }
}

/// The buckets of an explicit-bucket histogram: bucket `i` takes what is at most bound `i` and above
/// the one before.
pub(crate) struct Buckets {
    /// The bounds, and infinities up to a multiple of four, which no value is above: so the last few
    /// are not counted one by one.
    padded: Box<[f64]>,
    /// How many of them are bounds.
    bounds: u32,
    pub(crate) record_min_max: bool,
    /// The bounds for integers; made with the first of them.
    integers: OnceLock<IntegerBounds>,
}

/// Bounds as integers, mapped so that one comparison serves both kinds ([`Number::ordered`]), for
/// integers never pass through `f64`.
struct IntegerBounds {
    /// How many bounds are below all numbers of the kind.
    unreachable: usize,
    keys: Box<[u64]>,
}

impl IntegerBounds {
    fn new<N: Number>(bounds: &[f64]) -> Self {
        let floors = bounds.iter().filter_map(|bound| N::floor_of(*bound));
        let keys: Box<[u64]> = floors.map(Number::ordered).collect();
        IntegerBounds { unreachable: bounds.len() - keys.len(), keys }
    }
}

impl Buckets {
    /// `bounds` are finite and ascend strictly.
    pub(crate) fn new(bounds: Box<[f64]>, record_min_max: bool) -> Self {
        let mut padded = bounds.into_vec();
        padded.truncate(u32::MAX as usize);
        let bounds = padded.len() as u32;
        padded.resize(padded.len().next_multiple_of(4), f64::INFINITY);
        Buckets { padded: padded.into(), bounds, record_min_max, integers: OnceLock::new() }
    }

    /// How many buckets there are: one more than bounds.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bounds as usize + 1
    }

    pub(crate) fn bounds(&self) -> &[f64] {
        &self.padded[..self.bounds as usize]
    }

    /// The bucket of a finite value; a stream's values are of one kind.
    #[inline]
    pub(crate) fn of<N: Number>(&self, value: N) -> usize {
        match value.as_float() {
            Some(value) => above(&self.padded, &value),
            None => {
                let integers = self.integers.get_or_init(|| IntegerBounds::new::<N>(self.bounds()));
                integers.unreachable + above(&integers.keys, &value.ordered())
            }
        }
    }
}

/// How many bounds a value is above.
#[inline(always)]
fn above<T: PartialOrd>(bounds: &[T], value: &T) -> usize {
    if bounds.len() <= 32 {
        // Counting all, several at a time, is faster than a search that the processor mispredicts.
        bounds.iter().map(|bound| usize::from(value > bound)).sum()
    } else {
        bounds.partition_point(|bound| value > bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket<N: Number>(bounds: &[f64], value: N) -> usize {
        Buckets::new(bounds.into(), true).of(value)
    }

    #[test]
    fn a_value_equal_to_a_bound_is_in_the_bucket_below_it() {
        let bounds = [0.0, 5.0, 10.0];
        for (value, expected) in
            [(-1.0, 0), (-0.0, 0), (0.0, 0), (0.1, 1), (5.0, 1), (5.1, 2), (10.0, 2), (11.0, 3)]
        {
            assert_eq!(bucket(&bounds, value), expected, "{value}");
        }
        for (value, expected) in [(0_u64, 0), (1, 1), (5, 1), (6, 2), (10, 2), (11, 3), (u64::MAX, 3)] {
            assert_eq!(bucket(&bounds, value), expected, "{value}");
        }
    }

    #[test]
    fn integers_above_what_a_float_can_tell_apart_find_their_bucket() {
        let bound = (1_u64 << 53) as f64;
        assert_eq!(bucket(&[bound], 1_u64 << 53), 0);
        assert_eq!(bucket(&[bound], (1_u64 << 53) + 1), 1);
    }

    #[test]
    fn bounds_below_zero_are_no_problem_for_unsigned_numbers() {
        let bounds = [-5.0, -1.0, 0.0, 2.5];
        assert_eq!(bucket(&bounds, 0_u64), 2);
        assert_eq!(bucket(&bounds, 2_u64), 3);
        assert_eq!(bucket(&bounds, 3_u64), 4);
    }

    #[test]
    fn many_bounds_are_searched_to_the_same_end() {
        let bounds: Vec<f64> = (0..100).map(f64::from).collect();
        for value in 0..101 {
            assert_eq!(bucket(&bounds, f64::from(value)), usize::try_from(value).unwrap());
        }
    }
}
