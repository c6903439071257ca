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
