use loom::sync::Arc;

use super::*;
use crate::cells::arena::Arena;
use crate::sync::explore;

/// Small enough that the third value folds the window, and the second needs a wider one.
const LIMITS: Limits = Limits { size: 3, scale: 0 };

struct Shared {
    slab: Slab,
    words: *const Word,
    _arena: Arena,
}

// SAFETY: `words` are the slab's, which lives as long as this value; one thread writes them.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    fn new() -> Arc<Self> {
        let arena = Arena::new(usize::MAX);
        let slab = Slab::new();
        let row = arena.allocate(WIDTH).unwrap();
        let words = arena.own_words(&slab, row).unwrap();
        Arc::new(Shared { slab, words, _arena: arena })
    }

    /// As `observe` does it, for this slab.
    fn record(&self, value: u64) {
        // SAFETY: the row is an exponential histogram's, and its owner calls.
        let waits = unsafe { observe_in(&self.slab, self.words, LIMITS, value, |_| true) }.unwrap();
        if waits {
            // SAFETY: as above; the desk is the row's.
            unsafe { copy::serve(&self.slab.desk, self.words, &LIMITS) };
        }
    }

    /// A copy, if it succeeds at once; how an owner helps is `copy`'s own model.
    fn copy(&self) -> Option<Vec<u64>> {
        let mut copy = vec![0; LIMITS.room()];
        // SAFETY: the row is an exponential histogram's.
        unsafe { copy::attempt(self.words, &LIMITS, &mut copy) }.then_some(copy)
    }

    /// Asserts that a copy is of the values recorded up to some point.
    fn assert_whole(copy: &[u64]) {
        let mut distribution = Distribution::default();
        distribution.clear(LIMITS.scale);
        let part = Part {
            scale: MAX_SCALE - copy[SHIFT] as i32,
            zero_count: copy[ZERO],
            positive: side_of(copy, LIMITS, 0),
            negative: side_of(copy, LIMITS, 1),
        };
        distribution.merge(&part, LIMITS.size);
        let Distribution { scale, positive, .. } = &distribution;
        let recorded = distribution.count() as usize;
        let expected: [(u64, i32, &[u64]); 4] =
            [(0, 0, &[]), (2, 0, &[1]), (6, 0, &[1, 1]), (262, -2, &[2, 1])];
        assert_eq!((copy[0], *scale, positive.counts()), expected[recorded]);
    }
}

/// 2 is in bucket 0 and 4 in bucket 1; 256 is in bucket 7, or in bucket 1 at scale -2.
const VALUES: [u64; 3] = [2, 4, 256];

/// What is read while this one of the values is recorded: those before it are there already, so that the model stays small.
fn copy_while_recording(nth: usize) {
    explore(None, move || {
        let shared = Shared::new();
        VALUES[..nth].iter().for_each(|value| shared.record(*value));
        let reader = {
            let shared = Arc::clone(&shared);
            loom::thread::spawn(move || {
                if let Some(copy) = shared.copy() {
                    Shared::assert_whole(&copy);
                }
            })
        };
        shared.record(VALUES[nth]);
        reader.join().unwrap();
        let copy = shared.copy().unwrap();
        assert_eq!(copy[0], VALUES[..=nth].iter().sum::<u64>());
        Shared::assert_whole(&copy);
    });
}

#[test]
fn a_copy_made_while_the_first_window_is_made_is_whole() {
    copy_while_recording(0);
}

#[test]
fn a_copy_made_while_a_window_is_replaced_is_whole() {
    copy_while_recording(1);
}

#[test]
fn a_copy_made_while_a_window_is_folded_is_whole() {
    copy_while_recording(2);
}
