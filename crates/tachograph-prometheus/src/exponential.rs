//! Exponential histograms: their buckets at another scale, as native spans, and added up.

use tachograph_sdk::metrics::{ExponentialBuckets, ExponentialHistogramPoint, NumberValue};

use crate::arithmetic::add;

/// The largest schema that Prometheus has; a finer histogram is made coarser.
pub(crate) const MAX_SCHEMA: i32 = 8;
/// The smallest; a coarser histogram has no place in Prometheus's native ones.
pub(crate) const MIN_SCHEMA: i32 = -4;

/// What is on the page of an exponential histogram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exponential<'a> {
    pub(crate) scale: i32,
    pub(crate) zero_count: u64,
    pub(crate) zero_threshold: f64,
    pub(crate) positive: Buckets<'a>,
    pub(crate) negative: Buckets<'a>,
    pub(crate) sum: NumberValue,
}

/// Consecutive buckets: bucket `i` has what is further from zero than `base^(offset + i)`, and at most
/// `base^(offset + i + 1)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Buckets<'a> {
    pub(crate) offset: i32,
    pub(crate) counts: &'a [u64],
}

impl<'a> Exponential<'a> {
    pub(crate) fn of(point: &'a ExponentialHistogramPoint) -> Self {
        let buckets =
            |buckets: &'a ExponentialBuckets| Buckets { offset: buckets.offset(), counts: buckets.counts() };
        Exponential {
            scale: point.scale(),
            zero_count: point.zero_count(),
            zero_threshold: point.zero_threshold(),
            positive: buckets(point.positive()),
            negative: buckets(point.negative()),
            sum: point.sum(),
        }
    }

    pub(crate) fn count(&self) -> u64 {
        let buckets = self.positive.counts.iter().chain(self.negative.counts);
        buckets.fold(self.zero_count, |sum, count| sum.wrapping_add(*count))
    }

    /// Whether a number below zero was recorded, so that the sum may have gone down.
    pub(crate) fn has_negative(&self) -> bool {
        !self.negative.counts.is_empty()
    }
}

impl<'a> Buckets<'a> {
    /// Index and count of each bucket at a scale that is smaller by `by`: `2^by` neighbours become one.
    pub(crate) fn downscaled(self, by: u32) -> impl Iterator<Item = (i32, u64)> + use<'a> {
        self.merged(self.counts.iter().enumerate(), by)
    }

    /// As [`downscaled`](Self::downscaled), the last first.
    pub(crate) fn downscaled_from_last(self, by: u32) -> impl Iterator<Item = (i32, u64)> + use<'a> {
        self.merged(self.counts.iter().enumerate().rev(), by)
    }

    fn merged<I: Iterator<Item = (usize, &'a u64)>>(
        self,
        counts: I,
        by: u32,
    ) -> impl Iterator<Item = (i32, u64)> + use<'a, I> {
        // A shift of as many bits as there are is the same as one of 31: it leaves the sign.
        let by = by.min(31);
        let offset = self.offset;
        let mut rest = counts.peekable();
        let index = move |at: usize| offset.saturating_add(i32::try_from(at).unwrap_or(i32::MAX)) >> by;
        std::iter::from_fn(move || {
            let (at, count) = rest.next()?;
            let (bucket, mut sum) = (index(at), *count);
            while let Some((_, count)) = rest.next_if(|(at, _)| index(*at) == bucket) {
                sum = sum.wrapping_add(*count);
            }
            Some((bucket, sum))
        })
    }

    /// The first and the last bucket's index at a scale that is smaller by `by`.
    pub(crate) fn range(self, by: u32) -> Option<(i32, i32)> {
        let last = i32::try_from(self.counts.len().checked_sub(1)?).unwrap_or(i32::MAX);
        let by = by.min(31);
        Some((self.offset >> by, self.offset.saturating_add(last) >> by))
    }

    /// Visits the spans of buckets that are not empty, as a native histogram has them: how far each is behind the
    /// one before (the first: behind zero), how long it is.
    pub(crate) fn spans(self, by: u32, mut visit: impl FnMut(i32, u32)) {
        let (mut end, mut open) = (0, None);
        for (index, _) in self.downscaled(by).filter(|(_, count)| *count > 0) {
            // Native buckets are named by their upper boundary.
            let index = index.saturating_add(1);
            open = match open {
                Some((offset, len)) if index == end => Some((offset, len + 1)),
                span => {
                    if let Some((offset, len)) = span {
                        visit(offset, len);
                    }
                    Some((index.wrapping_sub(end), 1))
                }
            };
            end = index.wrapping_add(1);
        }
        if let Some((offset, len)) = open {
            visit(offset, len);
        }
    }

    /// Visits the counts of those buckets, each as the difference from the one before.
    pub(crate) fn deltas(self, by: u32, mut visit: impl FnMut(i64)) {
        let mut before = 0_i64;
        for (_, count) in self.downscaled(by).filter(|(_, count)| *count > 0) {
            let count = count.cast_signed();
            visit(count.wrapping_sub(before));
            before = count;
        }
    }
}

/// A boundary, `2^(index × 2^-scale)`, of a scale that is not positive; infinite or zero where no float is as far.
pub(crate) fn boundary(index: i32, scale: i32) -> f64 {
    let exponent = i64::from(index) << scale.unsigned_abs().min(31);
    match exponent {
        ..-1074 => 0.0,
        // A subnormal power of two has one bit.
        -1074..-1022 => f64::from_bits(1 << (exponent + 1074)),
        -1022..1024 => f64::from_bits(((exponent + 1023) as u64) << 52),
        _ => f64::INFINITY,
    }
}

/// How many buckets a sum has on either side of zero at most, as the histograms that it is of: measurements of several
/// may be far apart.
const MOST: u32 = 160;

/// The sum of several exponential histograms, at the scale of the coarsest or, where they are far apart, a smaller one.
#[derive(Clone, Debug)]
pub(crate) struct ExponentialTotal {
    scale: i32,
    zero_count: u64,
    zero_threshold: f64,
    positive: OwnedBuckets,
    negative: OwnedBuckets,
    sum: NumberValue,
}

#[derive(Clone, Debug, Default)]
struct OwnedBuckets {
    offset: i32,
    counts: Vec<u64>,
}

impl OwnedBuckets {
    fn of(buckets: Buckets<'_>, by: u32) -> Self {
        let mut own = OwnedBuckets::default();
        own.add(buckets, by);
        own
    }

    fn as_ref(&self) -> Buckets<'_> {
        Buckets { offset: self.offset, counts: &self.counts }
    }

    fn add(&mut self, buckets: Buckets<'_>, by: u32) {
        let Some((first, last)) = buckets.range(by) else { return };
        let (from, to) = match self.as_ref().range(0) {
            Some((own_first, own_last)) => (first.min(own_first), last.max(own_last)),
            None => (first, last),
        };
        let len = to.abs_diff(from) as usize + 1;
        let mut counts = vec![0_u64; len];
        for (index, count) in self.as_ref().downscaled(0).chain(buckets.downscaled(by)) {
            if let Some(slot) = counts.get_mut(index.abs_diff(from) as usize) {
                *slot = slot.wrapping_add(count);
            }
        }
        *self = OwnedBuckets { offset: from, counts };
    }
}

impl ExponentialTotal {
    pub(crate) fn new(view: Exponential<'_>) -> Self {
        ExponentialTotal {
            scale: view.scale,
            zero_count: view.zero_count,
            zero_threshold: view.zero_threshold,
            positive: OwnedBuckets::of(view.positive, 0),
            negative: OwnedBuckets::of(view.negative, 0),
            sum: view.sum,
        }
    }

    /// The largest scale at which both fit into [`MOST`] buckets on either side of zero.
    fn scale_with(&self, view: Exponential<'_>) -> i32 {
        let mut scale = self.scale.min(view.scale);
        let pairs = [(self.positive.as_ref(), view.positive), (self.negative.as_ref(), view.negative)];
        let fits = |scale: i32| {
            pairs.iter().all(|(own, other)| {
                let own = own.range(self.scale.abs_diff(scale));
                let other = other.range(view.scale.abs_diff(scale));
                own.zip(other).is_none_or(|(own, other)| {
                    let (first, last) = (own.0.min(other.0), own.1.max(other.1));
                    last.abs_diff(first) < MOST
                })
            })
        };
        // At the end every index is 0 or -1.
        while !fits(scale) {
            scale -= 1;
        }
        scale
    }

    pub(crate) fn add(&mut self, view: Exponential<'_>) {
        let scale = self.scale_with(view);
        if scale < self.scale {
            let by = self.scale.abs_diff(scale);
            self.positive = OwnedBuckets::of(self.positive.as_ref(), by);
            self.negative = OwnedBuckets::of(self.negative.as_ref(), by);
            self.scale = scale;
        }
        let by = view.scale.abs_diff(scale);
        self.positive.add(view.positive, by);
        self.negative.add(view.negative, by);
        self.zero_count = self.zero_count.wrapping_add(view.zero_count);
        self.zero_threshold = self.zero_threshold.max(view.zero_threshold);
        self.sum = add(self.sum, view.sum);
    }

    pub(crate) fn view(&self) -> Exponential<'_> {
        Exponential {
            scale: self.scale,
            zero_count: self.zero_count,
            zero_threshold: self.zero_threshold,
            positive: self.positive.as_ref(),
            negative: self.negative.as_ref(),
            sum: self.sum,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spans(buckets: Buckets<'_>, by: u32) -> (Vec<(i32, u32)>, Vec<i64>) {
        let (mut spans, mut deltas) = (Vec::new(), Vec::new());
        buckets.spans(by, |offset, len| spans.push((offset, len)));
        buckets.deltas(by, |delta| deltas.push(delta));
        (spans, deltas)
    }

    #[test]
    fn native_buckets_are_spans_and_deltas() {
        let buckets = Buckets { offset: 3, counts: &[10, 0, 0, 20, 5, 2] };
        assert_eq!(spans(buckets, 0), (vec![(4, 1), (2, 3)], vec![10, 10, -15, -3]));
        assert_eq!(spans(Buckets { offset: 7, counts: &[] }, 0), (vec![], vec![]));
        assert_eq!(spans(Buckets { offset: -3, counts: &[1, 2] }, 0), (vec![(-2, 2)], vec![1, 1]));
    }

    #[test]
    fn neighbours_become_one_at_a_smaller_scale() {
        let buckets = Buckets { offset: -3, counts: &[1, 2, 3, 4, 5] };
        // -3 | -2 -1 | 0 1
        assert_eq!(buckets.downscaled(1).collect::<Vec<_>>(), [(-2, 1), (-1, 5), (0, 9)]);
        assert_eq!(buckets.range(1), Some((-2, 0)));
        assert_eq!(buckets.downscaled_from_last(1).collect::<Vec<_>>(), [(0, 9), (-1, 5), (-2, 1)]);
        assert_eq!(buckets.downscaled(40).collect::<Vec<_>>(), [(-1, 6), (0, 9)]);
    }

    #[test]
    fn boundaries_are_powers_of_two() {
        assert_eq!(boundary(0, 0), 1.0);
        assert_eq!(boundary(10, 0), 1024.0);
        assert_eq!(boundary(-2, 0), 0.25);
        assert_eq!(boundary(1, -2), 16.0);
        assert_eq!(boundary(-1022, 0), f64::MIN_POSITIVE);
        assert_eq!(boundary(-1074, 0), 5e-324);
        assert_eq!(boundary(-1075, 0), 0.0);
        assert_eq!(boundary(1023, 0), 2_f64.powi(1023));
        assert_eq!(boundary(1024, 0), f64::INFINITY);
        assert_eq!(boundary(i32::MIN, -10), 0.0);
        assert_eq!(boundary(i32::MAX, -10), f64::INFINITY);
    }

    proptest! {
        #[test]
        fn sums_have_every_measurement_at_the_coarser_scale(
            a in proptest::collection::vec(0..9_u64, 0..12), at_a in -2_000_000..2_000_000, scale_a in -3..20,
            b in proptest::collection::vec(0..9_u64, 0..12), at_b in -2_000_000..2_000_000, scale_b in -3..20,
        ) {
            let view = |counts, offset, scale| Exponential {
                scale,
                zero_count: 1,
                zero_threshold: 0.0,
                positive: Buckets { offset, counts },
                negative: Buckets { offset, counts },
                sum: NumberValue::U64(3),
            };
            let (a, b) = (view(&a[..], at_a, scale_a), view(&b[..], at_b, scale_b));
            let mut total = ExponentialTotal::new(a);
            total.add(b);
            let total = total.view();
            prop_assert!(total.scale <= scale_a.min(scale_b));
            prop_assert_eq!(total.count(), a.count() + b.count());
            prop_assert!(total.positive.counts.len() <= MOST as usize);
            for (index, count) in total.positive.downscaled(0) {
                let of = |view: Exponential<'_>| -> u64 {
                    let buckets = view.positive.downscaled(view.scale.abs_diff(total.scale));
                    buckets.filter(|(at, _)| *at == index).map(|(_, count)| count).sum()
                };
                prop_assert_eq!(count, of(a) + of(b));
            }
        }
    }
}
