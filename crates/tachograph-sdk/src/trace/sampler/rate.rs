use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Sampler, Sampling, SamplingInput};

/// Samples so many spans per second at most, and drops the others: for roots, within
/// [`ParentBased`](super::ParentBased), so many traces.
///
/// A bucket of tokens that holds one second's worth, at least one: after a pause that many may come at once. One atomic per
/// decision, shared by all threads.
#[derive(Debug)]
pub struct RateLimited {
    /// Nanoseconds between two spans.
    interval: u64,
    /// How far ahead of now the next span may be booked.
    burst: u64,
    start: Instant,
    /// When, in nanoseconds since `start`, the bucket is full again: the generic cell rate algorithm of ATM.
    full_at: AtomicU64,
}

impl RateLimited {
    /// So many per second; what is no number, or not above zero, is none.
    pub fn new(per_second: f64) -> Self {
        let second = Duration::from_secs(1).as_nanos() as f64;
        let interval =
            if per_second > 0.0 { (second / per_second).clamp(1.0, 1e18) as u64 } else { u64::MAX };
        RateLimited {
            interval,
            burst: interval.max(second as u64),
            start: Instant::now(),
            full_at: AtomicU64::new(0),
        }
    }

    fn admit(&self, now: u64) -> bool {
        if self.interval == u64::MAX {
            return false;
        }
        let book = |full_at: u64| {
            let next = full_at.max(now) + self.interval;
            (next - now <= self.burst).then_some(next)
        };
        self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, book).is_ok()
    }
}

impl Sampler for RateLimited {
    fn sample(&self, _: &SamplingInput<'_>) -> Sampling {
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX / 4);
        Sampling::sample_if(self.admit(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_admits_its_share_and_a_pause_no_more_than_one_seconds_worth() {
        let sampler = RateLimited::new(10.0);
        let second = 1_000_000_000;
        let admitted =
            |from: u64, to: u64| (from..to).step_by(1_000_000).filter(|now| sampler.admit(*now)).count();
        assert_eq!(admitted(0, 1_000_000), 1);
        assert_eq!((0..100).filter(|_| sampler.admit(1_000_000)).count(), 9, "the bucket held ten");
        assert_eq!(admitted(second, 2 * second), 10 + 9, "what was refilled in between, and this second's");
        assert_eq!((0..1000).filter(|_| sampler.admit(3600 * second)).count(), 10);
    }

    #[test]
    fn none_and_nonsense_admit_nothing_and_less_than_one_a_second_works() {
        for rate in [0.0, -1.0, f64::NAN] {
            assert!(!RateLimited::new(rate).admit(1 << 40), "{rate}");
        }
        let minute = RateLimited::new(1.0 / 60.0);
        assert!(minute.admit(0));
        assert!(!minute.admit(59_000_000_000));
        assert!(minute.admit(61_000_000_000));
        assert!(RateLimited::new(f64::INFINITY).admit(0));
    }
}
