//! Reading the sums of many rows, one after the other.
#![allow(unsafe_code)]

use std::ptr;

use super::arena::Arena;
use super::row::{Row, Word};
use crate::number::Number;
use crate::sync::Ordering;

/// In how many slabs a block's place is kept: those of as many threads as most processes have.
const KEPT: usize = if cfg!(loom) { 1 } else { 64 };

/// Reads sums of rows that come as they were dealt, most of them next to each other in one block: where the block is in each
/// slab is looked up once.
///
/// A slab that installs the block after that is not looked at until there is another block, so that it is as if the sum had
/// been read then. Whoever reads keeps this no longer than a visit takes.
pub(crate) struct Sums<'a> {
    arena: &'a Arena,
    /// The block that is kept; 0, which no row is in, to begin with.
    block: usize,
    /// Where it begins in the first slabs that have it.
    places: [*const Word; KEPT],
    kept: usize,
    /// How many slabs were looked at for that, and whether they were all.
    looked_at: usize,
    is_complete: bool,
    /// Whether there is one place, and no other.
    is_alone: bool,
}

impl<'a> Sums<'a> {
    pub(super) fn new(arena: &'a Arena) -> Self {
        Sums {
            arena,
            block: 0,
            places: [ptr::null(); KEPT],
            kept: 0,
            looked_at: 0,
            is_complete: true,
            is_alone: false,
        }
    }

    /// A sum's bits, over all threads.
    #[inline(always)]
    pub(crate) fn read<N: Number>(&mut self, row: Row) -> u64 {
        if row.block() != self.block {
            self.turn_to(row.block());
        }
        if self.is_alone {
            // SAFETY: a block that was installed stays, and the arena deals rows within its size.
            return unsafe { &*self.places[0].add(row.offset()) }.load(Ordering::Relaxed);
        }
        self.add_up::<N>(row)
    }

    #[inline(never)]
    fn add_up<N: Number>(&self, row: Row) -> u64 {
        let kept = self.places[..self.kept].iter().fold(N::ZERO_BITS, |total, place| {
            // SAFETY: as in `read`.
            let word = unsafe { &*place.add(row.offset()) };
            N::add(total, N::from_bits(word.load(Ordering::Relaxed)))
        });
        if self.is_complete {
            return kept;
        }
        let rest = self.arena.all_slabs().skip(self.looked_at).filter_map(|slab| slab.words(row));
        rest.fold(kept, |total, words| {
            // SAFETY: a row has at least one word.
            N::add(total, N::from_bits(unsafe { &*words }.load(Ordering::Relaxed)))
        })
    }

    #[inline(never)]
    fn turn_to(&mut self, block: usize) {
        (self.block, self.kept, self.looked_at, self.is_complete) = (block, 0, 0, true);
        for slab in self.arena.all_slabs() {
            let place = slab.block(block);
            if place.is_some() && self.kept == KEPT {
                self.is_complete = false;
                break;
            }
            if let Some(place) = place {
                self.places[self.kept] = place;
                self.kept += 1;
            }
            self.looked_at += 1;
        }
        self.is_alone = self.kept == 1 && self.is_complete;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::cells::SUM_WIDTH;
    use crate::cells::slab::Slab;

    #[test]
    fn a_sum_is_over_all_slabs_however_many_there_are_and_whichever_blocks_they_have() {
        for slabs in [0, 1, 3, KEPT - 1, KEPT, KEPT + 1, 3 * KEPT] {
            let arena = Arena::new(usize::MAX);
            // Of four blocks, and others between them.
            let rows: Vec<Row> = (0..2_000)
                .map(|n| {
                    if n % 7 == 0 {
                        arena.allocate(2).unwrap();
                    }
                    arena.allocate(SUM_WIDTH).unwrap()
                })
                .collect();
            let mut expected = vec![0_u64; rows.len()];
            for number in 0..slabs {
                let slab = arena.slabs.get(arena.slabs.push(Slab::new()).ok().unwrap()).unwrap();
                // Every slab has blocks that others have not.
                for (at, row) in rows.iter().enumerate().filter(|(at, _)| (at / 500 + number) % 3 != 0) {
                    let word = arena.own_words(slab, *row).unwrap();
                    // SAFETY: a row has at least one word.
                    unsafe { &*word }.store((at * number) as u64, Ordering::Relaxed);
                    expected[at] += (at * number) as u64;
                }
            }
            for (at, row) in rows.iter().enumerate().skip(700).step_by(3) {
                // SAFETY: a row has at least one word.
                unsafe { &*arena.shared_words(*row) }.fetch_add(5, Ordering::Relaxed);
                expected[at] += 5;
            }
            let mut sums = Sums::new(&arena);
            let read: Vec<u64> = rows.iter().map(|row| sums.read::<u64>(*row)).collect();
            assert_eq!(read, expected, "{slabs} slabs, in order");
            let backwards = rows.iter().rev().step_by(11).map(|row| sums.read::<u64>(*row));
            assert!(backwards.eq(expected.iter().rev().step_by(11).copied()), "{slabs} slabs, in another");
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;

    use super::*;
    use crate::cells::SUM_WIDTH;
    use crate::sync::explore;

    /// Adds in a slab of the caller's, as its owner.
    fn add(arena: &Arena, slab: usize, row: Row, value: u64) {
        let words = arena.own_words(arena.slabs.get(slab).unwrap(), row).unwrap();
        // SAFETY: a row has at least one word; one thread writes to the slab.
        let cell = unsafe { &*words };
        cell.store(cell.load(Ordering::Relaxed) + value, Ordering::Relaxed);
    }

    fn adopt(arena: &Arena) -> usize {
        arena.adopt_slab().unwrap()
    }

    /// A slab that has a block already, and so a directory: loom takes what a thread does without being stopped for one step, and
    /// with the directory would have the block published, too.
    fn adopt_with_a_block(arena: &Arena) -> usize {
        let slab = adopt(arena);
        add(arena, slab, arena.allocate(2).unwrap(), 1);
        slab
    }

    /// What a reader is given of two rows of one block, twice each, and in a second visit once more, while another thread runs
    /// `record`.
    fn read_while(arena: &Arc<Arena>, rows: [Row; 2], record: impl FnOnce()) -> [Vec<u64>; 2] {
        let reader = {
            let arena = Arc::clone(arena);
            loom::thread::spawn(move || {
                let mut sums = Sums::new(&arena);
                let mut read = rows.map(|row| vec![sums.read::<u64>(row)]);
                for (values, row) in read.iter_mut().zip(rows) {
                    values.push(sums.read::<u64>(row));
                    values.push(Sums::new(&arena).read::<u64>(row));
                }
                read
            })
        };
        record();
        reader.join().unwrap()
    }

    /// Asserts that a sum was never less than what was there before, nor went down, nor was more than it is in the end; in the end
    /// it is read whole.
    fn assert_sums(arena: &Arena, rows: [Row; 2], read: [Vec<u64>; 2], before: u64, steps: &[u64]) {
        for (values, row) in read.into_iter().zip(rows) {
            assert!(values.is_sorted(), "{values:?}");
            assert!(values.iter().all(|value| steps.contains(&(value - before))), "{values:?} of {before}");
            assert_eq!(Some(Sums::new(arena).read::<u64>(row) - before), steps.last().copied());
        }
    }

    fn arena_with_rows() -> (Arc<Arena>, [Row; 2]) {
        let arena = Arc::new(Arena::new(usize::MAX));
        let rows = [arena.allocate(SUM_WIDTH).unwrap(), arena.allocate(SUM_WIDTH).unwrap()];
        assert_eq!(rows[0].block(), rows[1].block());
        (arena, rows)
    }

    #[test]
    fn a_sum_read_while_the_first_slab_installs_its_block_is_of_before_or_after() {
        explore(2, || {
            let (arena, rows) = arena_with_rows();
            let read = read_while(&arena, rows, || {
                let slab = adopt(&arena);
                rows.iter().for_each(|row| add(&arena, slab, *row, 5));
            });
            assert_sums(&arena, rows, read, 0, &[0, 5]);
        });
    }

    #[test]
    fn what_is_there_already_is_in_every_sum_though_another_slab_installs_the_block() {
        explore(2, || {
            let (arena, rows) = arena_with_rows();
            let first = adopt(&arena);
            rows.iter().for_each(|row| add(&arena, first, *row, 3));
            let second = adopt_with_a_block(&arena);
            let read = read_while(&arena, rows, || {
                rows.iter().for_each(|row| add(&arena, second, *row, 5));
            });
            assert_sums(&arena, rows, read, 3, &[0, 5]);
        });
    }

    #[test]
    fn slabs_beyond_those_that_are_kept_count_once() {
        explore(2, || {
            let (arena, rows) = arena_with_rows();
            let slabs = [adopt(&arena), adopt_with_a_block(&arena), adopt(&arena)];
            // The second installs the block while it is read, between two that have it.
            for slab in [slabs[0], slabs[2]] {
                rows.iter().for_each(|row| add(&arena, slab, *row, 3));
            }
            let read = read_while(&arena, rows, || {
                rows.iter().for_each(|row| add(&arena, slabs[1], *row, 5));
                rows.iter().for_each(|row| add(&arena, slabs[0], *row, 7));
            });
            assert_sums(&arena, rows, read, 6, &[0, 5, 7, 12]);
        });
    }
}
