//! The buckets of a produced histogram as pages have them: cumulative, the last one infinite.

use tachograph_sdk::metrics::{ProducedExemplar, ProducedHistogram};

pub(super) struct Bucket<'a> {
    pub(super) bound: f64,
    pub(super) cumulative: u64,
    pub(super) exemplar: Option<&'a ProducedExemplar>,
}

/// The buckets, ascending. Bounds that do not ascend, and NaN, have no place on a page: their counts are in the
/// next bucket that has.
pub(super) fn buckets(histogram: &ProducedHistogram) -> Vec<Bucket<'_>> {
    let mut cumulative = 0_u64;
    let mut buckets: Vec<Bucket<'_>> = Vec::with_capacity(histogram.buckets.len() + 1);
    for bucket in &histogram.buckets {
        cumulative = cumulative.wrapping_add(bucket.count);
        if buckets.last().is_none_or(|last| last.bound < bucket.upper_bound) && !bucket.upper_bound.is_nan() {
            let (bound, exemplar) = (bucket.upper_bound, bucket.exemplar.as_ref());
            buckets.push(Bucket { bound, cumulative, exemplar });
        }
    }
    if buckets.last().is_none_or(|last| last.bound < f64::INFINITY) {
        let cumulative = cumulative.max(histogram.count);
        buckets.push(Bucket { bound: f64::INFINITY, cumulative, exemplar: None });
    }
    buckets
}

/// How many measurements there were, so that it is what the last bucket has.
pub(super) fn count(buckets: &[Bucket<'_>]) -> u64 {
    buckets.last().map_or(0, |bucket| bucket.cumulative)
}
