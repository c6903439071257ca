//! How long is slow, by what was usual lately.

/// Buckets for each doubling: a duration is told to within nine percent.
const PER_OCTAVE: u32 = 8;
const BUCKETS: usize = 64 * PER_OCTAVE as usize;
/// How many durations there must be before any counts as slow.
const ENOUGH: u64 = 100;
/// At so many, all count half from then on: what was usual long ago matters less and less.
const MANY: u64 = 10_000;

/// A running quantile of durations: a histogram with buckets of logarithmic width.
#[derive(Debug)]
pub(super) struct RunningQuantile {
    counts: Box<[u32]>,
    total: u64,
    quantile: f64,
}

fn bucket(nanos: u64) -> usize {
    let nanos = nanos.max(PER_OCTAVE.into());
    let octave = 63 - nanos.leading_zeros();
    let within = (nanos >> (octave - PER_OCTAVE.trailing_zeros())) as usize & (PER_OCTAVE as usize - 1);
    octave as usize * PER_OCTAVE as usize + within
}

impl RunningQuantile {
    pub(super) fn new(quantile: f64) -> Self {
        RunningQuantile { counts: vec![0; BUCKETS].into(), total: 0, quantile }
    }

    /// Whether a duration is beyond the quantile of those before, which it then is one of.
    pub(super) fn is_slow(&mut self, nanos: u64) -> bool {
        let bucket = bucket(nanos);
        let below: u64 = self.counts.iter().take(bucket).map(|count| u64::from(*count)).sum();
        let slow = self.total >= ENOUGH && below as f64 >= self.quantile * self.total as f64;
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
            self.total += 1;
        }
        if self.total >= MANY {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.total = self.counts.iter().map(|count| u64::from(*count)).sum();
        }
        slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_grow_with_durations_and_there_is_one_for_each() {
        let mut last = 0;
        for nanos in (0..64).flat_map(|bit| [1_u64 << bit, (1_u64 << bit).saturating_add(1 << bit >> 1)]) {
            assert!(bucket(nanos) >= last && bucket(nanos) < BUCKETS, "{nanos}");
            last = bucket(nanos);
        }
        assert!(bucket(u64::MAX) < BUCKETS);
        assert_ne!(bucket(1_000_000), bucket(1_250_000));
    }

    #[test]
    fn what_is_beyond_the_quantile_is_slow_and_the_usual_changes_with_time() {
        let mut quantile = RunningQuantile::new(0.99);
        let usual = |n: u64| 1_000_000 + n % 7 * 1_000;
        assert!(!(0..99).any(|n| quantile.is_slow(usual(n))), "too few to tell");
        assert!(!(0..5_000).any(|n| quantile.is_slow(usual(n))));
        assert!(quantile.is_slow(50_000_000));
        // Now everything takes as long.
        let slow = (0..50_000).filter(|n| quantile.is_slow(50_000_000 + n % 7)).count();
        assert!(slow < 1_000, "{slow}");
        assert!(!quantile.is_slow(50_000_000));
    }
}
