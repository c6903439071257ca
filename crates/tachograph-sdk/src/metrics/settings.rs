//! What a provider's builder said that all of its streams go by.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::exemplar::Sampling;
use super::options::Options;
use super::view::View;
use crate::clock::Clock;
use crate::sync::Gate;

/// What holds for all streams of a provider.
pub(crate) struct Settings {
    pub(crate) clock: Arc<dyn Clock>,
    /// The cardinality limit of instruments that have none of their own.
    pub(crate) limit: usize,
    pub(crate) views: Vec<View>,
    /// Of streams of which no view says otherwise.
    pub(crate) options: Options,
    pub(crate) exemplars: Sampling,
    /// When somebody last began to collect, in nanoseconds since the Unix epoch; 0 before. What an instrument observes for the first
    /// time began after that.
    pub(crate) collected_unix_nanos: AtomicU64,
    /// Collections are within while they live: so that a number means one series to each.
    pub(crate) gate: Gate,
    /// Who takes what is new since its last collection: what has gone waits for them.
    pub(crate) takers: Takers,
    /// Whether series are to go when a collection ends.
    pub(crate) departures: AtomicBool,
}

/// The readers with delta temporality: of each, the last window of which it has taken what is new.
#[derive(Default)]
pub(crate) struct Takers(Mutex<Vec<Weak<AtomicU64>>>);

impl Takers {
    pub(crate) fn add(&self, taken: &Arc<AtomicU64>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(taken));
    }

    /// Whether all that there are have taken what is new since a window.
    pub(crate) fn have_taken_since(&self, window: u64) -> bool {
        let mut takers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        takers.retain(|taker| taker.strong_count() > 0);
        takers.iter().all(|taker| taker.upgrade().is_none_or(|taken| taken.load(Ordering::Acquire) > window))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { clock, limit, options, exemplars, .. } = self;
        f.debug_struct("Settings")
            .field("clock", clock)
            .field("limit", limit)
            .field("options", options)
            .field("exemplars", exemplars)
            .finish_non_exhaustive()
    }
}
