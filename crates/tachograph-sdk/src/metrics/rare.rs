//! What most streams never need.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::exemplar::Exemplars;
use super::fold::Fold;
use super::options::Options;
use super::tally::Tally;
use super::vacancies::Vacancies;

/// What a stream needs once something happens that to most never does: made then, so that they do not pay for it.
#[derive(Default)]
pub(crate) struct Rare(OnceLock<Box<Inner>>);

#[derive(Default)]
pub(crate) struct Inner {
    /// Where they are not the provider's.
    pub(super) options: Option<Options>,
    /// Made when the limit is first met, if an attribute is to be folded then; `None` within if there is none that could be.
    pub(super) fold: OnceLock<Option<Box<Fold>>>,
    /// Measurements that were refused: not finite, or negative for a counter.
    refused: AtomicU64,
    /// Measurements for whose attributes a look-up found no series of their own.
    pub(super) overflowed: Tally,
    /// Measurements for whose attributes there was no series at all, not even the overflow series.
    lost: AtomicU64,
    pub(crate) exemplars: Exemplars,
    pub(crate) vacancies: Vacancies,
}

impl Rare {
    /// Of a stream whose options are not the provider's.
    pub(crate) fn with(options: Options) -> Self {
        let mut inner = Box::<Inner>::default();
        inner.options = Some(options);
        Rare(OnceLock::from(inner))
    }

    /// It, if anything has happened.
    #[inline]
    pub(crate) fn get(&self) -> Option<&Inner> {
        self.0.get().map(|inner| &**inner)
    }

    pub(crate) fn make(&self) -> &Inner {
        self.0.get_or_init(Box::default)
    }
}

impl Inner {
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Says whether it is the first.
    pub(crate) fn count_lost(&self) -> bool {
        self.lost.fetch_add(1, Ordering::Relaxed) == 0
    }
}
