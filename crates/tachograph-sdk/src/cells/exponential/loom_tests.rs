use loom::sync::Arc;

use super::*;
use crate::cells::arena::Arena;

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

#[test]
fn a_copy_made_while_windows_are_replaced_and_folded_is_whole() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let shared = Shared::new();
        let writer = {
            let shared = Arc::clone(&shared);
            loom::thread::spawn(move || VALUES.iter().for_each(|value| shared.record(*value)))
        };
        let mut copy = vec![0; LIMITS.room()];
        // SAFETY: the row is an exponential histogram's, and the desk its slab's.
        unsafe { copy::read(&shared.slab.desk, shared.words, &LIMITS, &mut copy) };
        Shared::assert_whole(&copy);
        writer.join().unwrap();
        // SAFETY: as above.
        unsafe { copy::read(&shared.slab.desk, shared.words, &LIMITS, &mut copy) };
        assert_eq!(copy[0], VALUES.iter().sum::<u64>());
        Shared::assert_whole(&copy);
    });
}
