//! Reading histograms' points, into buffers that serve one point after the other.

use super::aggregator::{Aggregator, Buckets, Exponential};
use super::point::{ExponentialHistogramPoint, HistogramPoint, PointValue};
use crate::cells::{Row, exponential, histogram};
use crate::number::{Number, NumberValue};

#[derive(Default)]
pub(super) struct HistogramBuffers {
    scratch: Vec<u64>,
    explicit: HistogramPoint,
    exponential: ExponentialHistogramPoint,
}

impl HistogramBuffers {
    /// The point of a row of this aggregator's; `None` if it is no histogram.
    pub(super) fn read<N: Number>(&mut self, row: Row, aggregator: &Aggregator) -> Option<PointValue<'_>> {
        match aggregator {
            Aggregator::ExplicitBuckets(buckets) => Some(self.read_explicit::<N>(row, buckets)),
            Aggregator::Exponential(exponential) => Some(self.read_exponential::<N>(row, exponential)),
            Aggregator::Sum { .. } | Aggregator::LastValue => None,
        }
    }

    fn read_explicit<N: Number>(&mut self, row: Row, buckets: &Buckets) -> PointValue<'_> {
        let point = &mut self.explicit;
        point.bucket_counts.resize(buckets.len(), 0);
        let scalars = histogram::read::<N>(row, &mut self.scratch, &mut point.bucket_counts);
        point.count = point.bucket_counts.iter().fold(0, |sum: u64, count| sum.wrapping_add(*count));
        point.sum = NumberValue::from_bits(N::KIND, scalars.sum_bits);
        point.has_negative = point.count > 0 && !N::from_ordered(scalars.min).is_non_negative();
        let has_extremes = point.count > 0 && buckets.record_min_max;
        (point.min, point.max) = has_extremes.then(|| extremes::<N>(&scalars)).unzip();
        PointValue::Histogram(point)
    }

    fn read_exponential<N: Number>(&mut self, row: Row, exponential: &Exponential) -> PointValue<'_> {
        let point = &mut self.exponential;
        let scalars =
            exponential::read::<N>(row, exponential.limits, &mut self.scratch, &mut point.distribution);
        point.count = point.distribution.count();
        point.sum = NumberValue::from_bits(N::KIND, scalars.sum_bits);
        let has_extremes = point.count > 0 && exponential.record_min_max;
        (point.min, point.max) = has_extremes.then(|| extremes::<N>(&scalars)).unzip();
        PointValue::ExponentialHistogram(point)
    }
}

/// The smallest and the largest measurement, where there was one.
fn extremes<N: Number>(scalars: &histogram::Scalars) -> (NumberValue, NumberValue) {
    let of = |ordered| NumberValue::from_bits(N::KIND, N::from_ordered(ordered).to_bits());
    (of(scalars.min), of(scalars.max))
}
