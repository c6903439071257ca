//! What a stream keeps of its measurements.

use super::series::RowKind;
use crate::cells::{self, Row};
use crate::number::{Number, NumberKind};

/// How a stream aggregates.
pub(crate) enum Aggregation {
    Sum { monotonic: bool },
    LastValue,
    ExplicitBuckets(Buckets),
}

impl Aggregation {
    pub(crate) fn row_kind(&self) -> RowKind {
        match self {
            Aggregation::Sum { .. } => RowKind::Sum,
            Aggregation::LastValue => RowKind::LastValue,
            Aggregation::ExplicitBuckets(buckets) => RowKind::Histogram { buckets: buckets.len() },
        }
    }

    #[inline]
    pub(crate) fn is_sum(&self) -> bool {
        matches!(self, Aggregation::Sum { .. })
    }

    /// Whether a value may be recorded: finite, and for a monotonic sum not negative.
    #[inline]
    pub(crate) fn accepts<N: Number>(&self, value: N) -> bool {
        match self {
            Aggregation::Sum { monotonic: true } => value.is_finite() && value.is_non_negative(),
            _ => value.is_finite(),
        }
    }

    /// Records a value that is accepted, in a row of this aggregation's.
    pub(crate) fn record<N: Number>(&self, row: Row, value: N) {
        match self {
            Aggregation::Sum { .. } => cells::add(row, value),
            Aggregation::LastValue => cells::set(row, value.to_bits()),
            Aggregation::ExplicitBuckets(buckets) => {
                cells::observe(row, buckets.len(), buckets.of(value), value);
            }
        }
    }
}

/// The buckets of an explicit-bucket histogram: bucket `i` takes what is at most bound `i` and above
/// the one before.
pub(crate) struct Buckets {
    bounds: Box<[f64]>,
    /// The bounds in the instrument's own number kind, mapped to integers that keep the order
    /// ([`Number::ordered`]), so that one comparison serves all kinds and integers stay exact.
    /// Below `negative` there are bounds that no number of the kind is at most.
    keys: Box<[u64]>,
    unreachable: usize,
}

impl Buckets {
    /// `bounds` are finite and ascend strictly.
    pub(crate) fn new(bounds: Box<[f64]>, kind: NumberKind) -> Self {
        let keys: Vec<Option<u64>> = bounds
            .iter()
            .map(|bound| match kind {
                NumberKind::U64 => u64::floor_of(*bound).map(Number::ordered),
                NumberKind::I64 => i64::floor_of(*bound).map(Number::ordered),
                // Both zeros are one number.
                NumberKind::F64 => f64::floor_of(*bound + 0.0).map(Number::ordered),
            })
            .collect();
        let unreachable = keys.iter().take_while(|key| key.is_none()).count();
        Buckets { bounds, keys: keys.into_iter().flatten().collect(), unreachable }
    }

    /// How many buckets there are: one more than bounds.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bounds.len() + 1
    }

    pub(crate) fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// The bucket of a finite value.
    #[inline]
    pub(crate) fn of<N: Number>(&self, value: N) -> usize {
        let key = value.ordered();
        self.unreachable
            + if self.keys.len() <= 32 {
                // Counting all is faster than a search that the processor mispredicts.
                self.keys.iter().map(|bound| usize::from(key > *bound)).sum::<usize>()
            } else {
                self.keys.partition_point(|bound| key > *bound)
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket<N: Number>(bounds: &[f64], value: N) -> usize {
        Buckets::new(bounds.into(), N::KIND).of(value)
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
