//! Where a thread says that it is within a section: between finding a row and having recorded in it.

use super::row::Word;
use crate::sync::{Ordering, fences, pause};

/// How often a thread is looked at that is within a section, before one gives up.
pub(super) const PATIENCE: u32 = if cfg!(loom) { 2 } else { 64 };

/// A thread's place to say that it is within a section.
///
/// # Protocol
///
/// Who looks a row up may hold on to it while another takes the row's series away. So it is within a *section* from before
/// the look-up until it has recorded. The thread's word, which it alone writes, is odd meanwhile: it adds one (relaxed), a
/// [light fence](fences::light), looks up, records, and adds one (release). Who takes rows away makes them unfindable, a
/// [heavy fence](fences::heavy), and looks at the words (acquire). By the fences either it sees a word odd, or that
/// thread sees that the row cannot be found. A word that was odd and is another now has ended that section, and what comes after
/// it finds nothing. So once all words are even or have changed, nobody has the row, and what was recorded in it is there
/// to be read.
#[repr(align(128))]
pub(super) struct Place(Word);

impl Place {
    pub(super) fn new() -> Self {
        Place(Word::new(0))
    }

    /// Begins a section; `false` if the thread is within one already.
    #[inline(always)]
    pub(super) fn begin(&self) -> bool {
        let number = self.0.load(Ordering::Relaxed);
        if !number.is_multiple_of(2) {
            return false;
        }
        self.0.store(number + 1, Ordering::Relaxed);
        fences::light();
        true
    }

    #[inline(always)]
    pub(super) fn end(&self) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    /// Waits for the end of the section that the thread is within, if it is; `false` if it does not come. After a heavy fence.
    pub(super) fn wait(&self) -> bool {
        let number = self.0.load(Ordering::Acquire);
        number.is_multiple_of(2)
            || (0..PATIENCE).any(|attempt| {
                pause(attempt.min(63));
                self.0.load(Ordering::Acquire) != number
            })
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::sync::explore;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, AtomicU64};

    /// One row that can be found, and taken away.
    struct Model {
        places: [Place; 2],
        can_be_found: AtomicBool,
        row: AtomicU64,
        /// What was recorded where the row was not found.
        elsewhere: AtomicU64,
    }

    fn record(model: &Model, thread: usize) {
        assert!(model.places[thread].begin());
        if model.can_be_found.load(Ordering::Relaxed) {
            // As the only writer of its cell would: here there is one cell for both, so that it is added at once.
            model.row.fetch_add(1, Ordering::Relaxed);
        } else {
            model.elsewhere.fetch_add(1, Ordering::Relaxed);
        }
        model.places[thread].end();
    }

    #[test]
    fn what_is_recorded_is_in_the_row_before_it_is_taken_away_or_elsewhere() {
        explore(3, || {
            let model = Arc::new(Model {
                places: [Place::new(), Place::new()],
                can_be_found: AtomicBool::new(true),
                row: AtomicU64::new(0),
                elsewhere: AtomicU64::new(0),
            });
            let threads: Vec<_> = (0..2)
                .map(|thread| {
                    let model = Arc::clone(&model);
                    loom::thread::spawn(move || record(&model, thread))
                })
                .collect();
            model.can_be_found.store(false, Ordering::Relaxed);
            assert!(fences::heavy());
            let taken = model.places.iter().all(Place::wait).then(|| model.row.load(Ordering::Relaxed));
            for thread in threads {
                thread.join().unwrap();
            }
            let (row, elsewhere) =
                (model.row.load(Ordering::Relaxed), model.elsewhere.load(Ordering::Relaxed));
            assert_eq!(row + elsewhere, 2, "nothing is lost");
            if let Some(taken) = taken {
                assert_eq!(row, taken, "nothing comes after it was taken away");
            }
        });
    }
}
