//! What most streams never need.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::exemplar::Exemplars;
use super::fold::Fold;
use super::options::Options;
use super::vacancies::Vacancies;
use crate::cells::{self, Row};

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
    /// Counts measurements for whose attributes a look-up found no series of their own.
    overflowed: OnceLock<Option<Row>>,
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

    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed.get().copied().flatten().map_or(0, cells::sum::<u64>)
    }

    pub(crate) fn count_overflowed(&self) {
        if let Some(row) = self.overflowed.get_or_init(|| cells::allocate(cells::SUM_WIDTH)) {
            cells::add(*row, 1_u64);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        cells::free(cells::SUM_WIDTH, self.overflowed.get().copied().flatten().into_iter());
    }
}
