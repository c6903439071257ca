use std::sync::Arc;

use super::{Decision, Sampler};
use crate::sync::{AtomicU64, Mutex, Ordering, lock};

/// The sampler in force, which may be exchanged at any time.
///
/// Each thread keeps the sampler it used last together with the version it had, and asks here again only when the
/// version has changed: in steady state a thread reads one word that nobody writes.
#[derive(Debug)]
pub(crate) struct SamplerCell {
    /// The number of the current sampler, and in the lowest bits what it says of spans that are decided about without a look at them.
    version: AtomicU64,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    sampler: Arc<dyn Sampler>,
    /// [`SIMPLE`], or nothing.
    simple: u64,
}

/// The sampler follows unsampled parents.
const UNSAMPLED: u64 = 1;
/// It follows sampled ones.
const SAMPLED: u64 = 2;
/// It drops all roots.
const DROPS_ROOTS: u64 = 4;
/// It samples all roots.
const SAMPLES_ROOTS: u64 = 8;
/// But for the sampler, nobody is asked or told anything when a span starts, and the engine has not stopped. It stands here so that
/// all that has to be known of a span that is simple is one word.
const SIMPLE: u64 = 16;
const BITS: u32 = 5;

/// What a sampler says of spans that are decided about without a look at them.
fn says(sampler: &dyn Sampler) -> u64 {
    let unsampled = if sampler.follows_unsampled_parent() { UNSAMPLED } else { 0 };
    let sampled = if sampler.follows_sampled_parent() { SAMPLED } else { 0 };
    let roots = match sampler.root_decision() {
        Some(Decision::Drop) => DROPS_ROOTS,
        Some(Decision::RecordAndSample) => SAMPLES_ROOTS,
        Some(Decision::RecordOnly) | None => 0,
    };
    unsampled | sampled | roots
}

impl SamplerCell {
    /// `is_simple` where nobody but the sampler is asked or told anything when a span starts.
    pub(crate) fn new(sampler: Arc<dyn Sampler>, is_simple: bool) -> Self {
        let simple = if is_simple { SIMPLE } else { 0 };
        SamplerCell {
            version: AtomicU64::new(says(&*sampler) | simple),
            current: Mutex::new(Current { sampler, simple }),
        }
    }

    pub(crate) fn set(&self, sampler: Arc<dyn Sampler>) {
        let says = says(&*sampler);
        let mut current = lock(&self.current);
        let number = self.version.load(Ordering::Relaxed) >> BITS;
        let old = std::mem::replace(&mut current.sampler, sampler);
        self.version.store((number + 1) << BITS | says | current.simple, Ordering::Release);
        drop(current);
        // The sampler is the user's: it is dropped with no lock held.
        drop(old);
    }

    /// The engine stops: from now on no start is simple.
    pub(crate) fn close(&self) {
        let mut current = lock(&self.current);
        current.simple = 0;
        self.version.store(self.version.load(Ordering::Relaxed) & !SIMPLE, Ordering::Release);
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

    /// What is decided about a span without a parent, where that is one and the same.
    #[inline(always)]
    pub(crate) fn root_decision(&self) -> Option<Decision> {
        match self.version.load(Ordering::Relaxed) & (SAMPLES_ROOTS | DROPS_ROOTS) {
            SAMPLES_ROOTS => Some(Decision::RecordAndSample),
            DROPS_ROOTS => Some(Decision::Drop),
            _ => None,
        }
    }

    /// Whether a span under a sampled one of this process is sampled, and nobody has to be asked or told anything.
    #[inline(always)]
    pub(crate) fn has_simple_children(&self) -> bool {
        self.says_all(SIMPLE | SAMPLED)
    }

    /// As [`has_simple_children`](Self::has_simple_children), of spans under one that is not sampled, which are not either.
    #[inline(always)]
    pub(crate) fn drops_simple_children(&self) -> bool {
        self.says_all(SIMPLE | UNSAMPLED)
    }

    /// As [`has_simple_children`](Self::has_simple_children), of spans without a parent.
    #[inline(always)]
    pub(crate) fn has_simple_roots(&self) -> bool {
        self.says_all(SIMPLE | SAMPLES_ROOTS)
    }

    /// As [`has_simple_roots`](Self::has_simple_roots), of roots that are all dropped.
    #[inline(always)]
    pub(crate) fn drops_simple_roots(&self) -> bool {
        self.says_all(SIMPLE | DROPS_ROOTS)
    }

    #[inline(always)]
    fn says_all(&self, bits: u64) -> bool {
        self.version.load(Ordering::Relaxed) & bits == bits
    }

    /// The sampler, and its version.
    pub(crate) fn get(&self) -> (u64, Arc<dyn Sampler>) {
        let current = lock(&self.current);
        (self.version.load(Ordering::Relaxed), Arc::clone(&current.sampler))
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
            let cell = LoomArc::new(SamplerCell::new(Arc::new(AlwaysOn), true));
            let reader = {
                let cell = LoomArc::clone(&cell);
                loom::thread::spawn(move || {
                    let seen = cell.version();
                    let (version, sampler) = cell.get();
                    assert!(version >= seen);
                    assert_eq!(
                        version & !(u64::MAX << BITS),
                        says(&*sampler) | SIMPLE,
                        "they belong together"
                    );
                    assert!(cell.version() >= version);
                })
            };
            cell.set(Arc::new(AlwaysOff));
            cell.set(Arc::new(AlwaysOn));
            reader.join().unwrap();
            assert_eq!(cell.get().0, 2 << BITS | SAMPLED | SAMPLES_ROOTS | SIMPLE);
        });
    }
}
