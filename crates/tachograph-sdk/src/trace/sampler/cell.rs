use std::sync::Arc;

use super::Sampler;
use crate::sync::{AtomicU64, Mutex, Ordering, lock};

/// The sampler in force, which may be exchanged at any time.
///
/// Each thread keeps the sampler it used last together with the version it had, and asks here again only when the
/// version has changed: in steady state a thread reads one word that nobody writes.
#[derive(Debug)]
pub(crate) struct SamplerCell {
    /// The number of the current sampler, twice, plus whether it follows unsampled parents.
    version: AtomicU64,
    current: Mutex<Arc<dyn Sampler>>,
}

impl SamplerCell {
    pub(crate) fn new(sampler: Arc<dyn Sampler>) -> Self {
        let follows = u64::from(sampler.follows_unsampled_parent());
        SamplerCell { version: AtomicU64::new(follows), current: Mutex::new(sampler) }
    }

    pub(crate) fn set(&self, sampler: Arc<dyn Sampler>) {
        let follows = u64::from(sampler.follows_unsampled_parent());
        let mut current = lock(&self.current);
        let number = self.version.load(Ordering::Relaxed) >> 1;
        let old = std::mem::replace(&mut *current, sampler);
        self.version.store((number + 1) << 1 | follows, Ordering::Release);
        drop(current);
        // The sampler is the user's: it is dropped with no lock held.
        drop(old);
    }

    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(crate) fn follows_unsampled_parent(&self) -> bool {
        self.version.load(Ordering::Relaxed) & 1 != 0
    }

    /// The sampler, and its version.
    pub(crate) fn get(&self) -> (u64, Arc<dyn Sampler>) {
        let current = lock(&self.current);
        (self.version.load(Ordering::Relaxed), Arc::clone(&current))
    }
}
