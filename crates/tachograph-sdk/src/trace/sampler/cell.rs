use std::sync::Arc;

use super::{Decision, Sampler};
use crate::sync::{AtomicU64, Mutex, Ordering, lock};

/// The sampler in force, which may be exchanged at any time.
///
/// Each thread keeps the sampler it used last together with the version it had, and asks here again only when the
/// version has changed: in steady state a thread reads one word that nobody writes.
#[derive(Debug)]
pub(crate) struct SamplerCell {
    /// The number of the current sampler, and in the lowest bits what it says of spans under parents of this process.
    version: AtomicU64,
    current: Mutex<Arc<dyn Sampler>>,
}

/// The sampler follows unsampled parents.
const UNSAMPLED: u64 = 1;
/// It follows sampled ones.
const SAMPLED: u64 = 2;
const BITS: u32 = 2;

fn follows(sampler: &dyn Sampler) -> u64 {
    let unsampled = if sampler.follows_unsampled_parent() { UNSAMPLED } else { 0 };
    let sampled = if sampler.follows_sampled_parent() { SAMPLED } else { 0 };
    unsampled | sampled
}

impl SamplerCell {
    pub(crate) fn new(sampler: Arc<dyn Sampler>) -> Self {
        SamplerCell { version: AtomicU64::new(follows(&*sampler)), current: Mutex::new(sampler) }
    }

    pub(crate) fn set(&self, sampler: Arc<dyn Sampler>) {
        let follows = follows(&*sampler);
        let mut current = lock(&self.current);
        let number = self.version.load(Ordering::Relaxed) >> BITS;
        let old = std::mem::replace(&mut *current, sampler);
        self.version.store((number + 1) << BITS | follows, Ordering::Release);
        drop(current);
        // The sampler is the user's: it is dropped with no lock held.
        drop(old);
    }

    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    #[inline]
    pub(crate) fn follows_unsampled_parent(&self) -> bool {
        self.version.load(Ordering::Relaxed) & UNSAMPLED != 0
    }

    /// What is decided about a span under a parent of this process, where that settles it.
    #[inline(always)]
    pub(crate) fn settled(&self, parent_is_sampled: bool) -> Option<Decision> {
        let version = self.version.load(Ordering::Relaxed);
        match parent_is_sampled {
            true if version & SAMPLED != 0 => Some(Decision::RecordAndSample),
            false if version & UNSAMPLED != 0 => Some(Decision::Drop),
            _ => None,
        }
    }

    /// The sampler, and its version.
    pub(crate) fn get(&self) -> (u64, Arc<dyn Sampler>) {
        let current = lock(&self.current);
        (self.version.load(Ordering::Relaxed), Arc::clone(&current))
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc as LoomArc;

    use super::super::{AlwaysOff, AlwaysOn};
    use super::*;
    use crate::sync::explore;

    #[test]
    fn who_sees_a_version_gets_that_sampler_or_a_later_one() {
        explore(None, || {
            let cell = LoomArc::new(SamplerCell::new(Arc::new(AlwaysOn)));
            let reader = {
                let cell = LoomArc::clone(&cell);
                loom::thread::spawn(move || {
                    let seen = cell.version();
                    let (version, sampler) = cell.get();
                    assert!(version >= seen);
                    assert_eq!(version & (UNSAMPLED | SAMPLED), follows(&*sampler), "they belong together");
                    assert!(cell.version() >= version);
                })
            };
            cell.set(Arc::new(AlwaysOff));
            cell.set(Arc::new(AlwaysOn));
            reader.join().unwrap();
            assert_eq!(cell.get().0, 2 << BITS | SAMPLED);
        });
    }
}
