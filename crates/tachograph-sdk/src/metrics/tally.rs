//! A count that many threads add to.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cells::{self, Row};

/// Counts things that may happen as often as measurements are made: in a row like any other, for nobody is to pay for it with a
/// contended counter. Where no row is to be had, in a contended counter all the same.
#[derive(Default)]
pub(crate) struct Tally {
    row: OnceLock<Option<Row>>,
    without_row: AtomicU64,
}

impl Tally {
    pub(crate) const fn new() -> Self {
        Tally { row: OnceLock::new(), without_row: AtomicU64::new(0) }
    }

    pub(crate) fn count(&self) {
        match self.row.get_or_init(|| cells::allocate(cells::SUM_WIDTH)) {
            Some(row) => cells::add(*row, 1_u64),
            None => drop(self.without_row.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// How often it has counted.
    pub(crate) fn get(&self) -> u64 {
        let in_row = self.row.get().copied().flatten().map_or(0, cells::sum::<u64>);
        in_row + self.without_row.load(Ordering::Relaxed)
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        cells::free(cells::SUM_WIDTH, self.row.get().copied().flatten().into_iter());
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::cells::scarce;

    #[test]
    fn it_counts_exactly_with_a_row_and_without_one() {
        for words in [0, cells::SUM_WIDTH] {
            let tally = scarce::with_words(words, || {
                let tally = Tally::new();
                tally.count();
                tally
            });
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| (0..1_000).for_each(|_| tally.count()));
                }
            });
            assert_eq!(tally.get(), 3_001);
        }
    }
}
