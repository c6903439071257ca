//! The slots of all spans that live, by number.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::slot::Slot;

/// The first piece has so many slots, each further one twice as many as the one before.
const FIRST: usize = 64;

/// With the first one and these, more than 16 million slots.
const PIECES: usize = 18;

/// How many free slots a thread keeps at most, and how many it takes or leaves at once.
const KEPT: usize = 128;
const MOVED: usize = 64;

/// Slots that are made once and used again and again; none is freed before all are.
///
/// A number names one use of a slot, so that an old one finds nothing: the generation is in its upper half, and the index,
/// plus one, in the lower. Finding takes no lock; who takes or leaves a slot has a list of the thread's own ([`Free`]).
pub(crate) struct Table {
    limit: usize,
    /// What the generations of slots begin with.
    generation: u32,
    /// Made at once, and used before all others: as long as no more spans live, it is the only one.
    first: Box<[Slot]>,
    pieces: [OnceLock<Box<[Slot]>>; PIECES],
    made: AtomicUsize,
    /// Slots that are in no thread's list.
    free: Mutex<Vec<u32>>,
}

impl Table {
    /// Tables that begin with different generations hardly ever take each other's numbers for their own.
    pub(crate) fn new(limit: usize, generation: u32) -> Self {
        Table {
            generation,
            limit: limit.min(FIRST * ((2 << PIECES) - 1)),
            first: std::iter::repeat_with(|| Slot::of_generation(generation)).take(FIRST).collect(),
            pieces: [const { OnceLock::new() }; PIECES],
            made: AtomicUsize::new(0),
            free: Mutex::default(),
        }
    }

    /// Of an index that was made.
    #[inline(always)]
    pub(crate) fn slot(&self, index: u32) -> Option<&Slot> {
        match self.first.get(index as usize) {
            Some(slot) => Some(slot),
            None => self.slot_of_others(index),
        }
    }

    #[inline(never)]
    fn slot_of_others(&self, index: u32) -> Option<&Slot> {
        let (piece, at) = place(index as usize)?;
        self.pieces.get(piece)?.get()?.get(at)
    }

    /// The slot of a number, until that is removed.
    #[inline(always)]
    pub(crate) fn get(&self, number: u64) -> Option<&Slot> {
        let slot = self.slot((number as u32).wrapping_sub(1))?;
        is_of(number, slot).then_some(slot)
    }

    /// Moves some free slots to a list, making one if there are none; leaves it empty at the limit.
    #[cold]
    pub(crate) fn refill(&self, list: &mut Vec<u32>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let left = free.len().saturating_sub(MOVED);
        list.extend(free.drain(left..));
        if !list.is_empty() {
            return;
        }
        let index = self.made.load(Ordering::Relaxed);
        if index >= self.limit {
            return;
        }
        if let Some((piece, _)) = place(index) {
            let generation = self.generation;
            let make = || {
                std::iter::repeat_with(|| Slot::of_generation(generation))
                    .take(FIRST << (piece + 1))
                    .collect()
            };
            self.pieces[piece].get_or_init(make);
        }
        self.made.store(index + 1, Ordering::Relaxed);
        list.push(index as u32);
    }

    pub(crate) fn give_back(&self, indices: impl Iterator<Item = u32>) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).extend(indices);
    }
}

/// Free slots of one thread: by index, the one that was left last is taken first.
pub(crate) struct Free {
    list: [Cell<u32>; KEPT],
    len: Cell<usize>,
}

impl Free {
    pub(crate) const fn new() -> Self {
        Free { list: [const { Cell::new(0) }; KEPT], len: Cell::new(0) }
    }

    /// Takes one; `None` at the table's limit.
    #[inline(always)]
    pub(crate) fn take(&self, table: &Table) -> Option<u32> {
        let last = self.len.get().wrapping_sub(1);
        match self.list.get(last) {
            Some(index) => {
                self.len.set(last);
                Some(index.get())
            }
            None => self.refill(table),
        }
    }

    /// Leaves one.
    #[inline(always)]
    pub(crate) fn leave(&self, table: &Table, index: u32) {
        let len = self.len.get();
        match self.list.get(len) {
            Some(place) => {
                place.set(index);
                self.len.set(len + 1);
            }
            None => self.relieve(table, index),
        }
    }

    #[cold]
    #[inline(never)]
    fn refill(&self, table: &Table) -> Option<u32> {
        let mut taken = Vec::with_capacity(MOVED);
        table.refill(&mut taken);
        let first = taken.pop();
        for (place, index) in self.list.iter().zip(&taken) {
            place.set(*index);
        }
        self.len.set(taken.len());
        first
    }

    #[cold]
    #[inline(never)]
    fn relieve(&self, table: &Table, index: u32) {
        table.give_back(self.list.iter().skip(MOVED).map(Cell::get));
        self.list[MOVED].set(index);
        self.len.set(MOVED + 1);
    }

    /// Leaves all of them to nobody: their table is gone.
    pub(crate) fn forget(&self) {
        self.len.set(0);
    }

    pub(crate) fn give_all_back(&self, table: &Table) {
        table.give_back(self.list.iter().take(self.len.take()).map(Cell::get));
    }
}

/// In which of the pieces after the first an index is, and where there.
fn place(index: usize) -> Option<(usize, usize)> {
    let from_first = index + FIRST;
    let piece = (from_first / FIRST).ilog2() as usize;
    Some((piece.checked_sub(1)?, from_first - (FIRST << piece)))
}

/// Where a thread's free slots go when it ends.
pub(crate) trait Depot: Send + Sync {
    fn table(&self) -> &Table;
}

/// The number of a slot's present use.
#[inline]
pub(crate) fn number(index: u32, slot: &Slot) -> u64 {
    u64::from(slot.generation()) << 32 | (u64::from(index) + 1)
}

/// Whether a slot's present use is the one of a number.
#[inline(always)]
pub(crate) fn is_of(number: u64, slot: &Slot) -> bool {
    slot.generation() == (number >> 32) as u32
}

/// The index in a number.
#[inline]
pub(crate) fn index(number: u64) -> u32 {
    (number as u32).wrapping_sub(1)
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("limit", &self.limit).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_finds_its_slot_until_it_is_removed_and_never_another() {
        let table = Table::new(1_000, 7);
        let mut list = Vec::new();
        let mut numbers = Vec::new();
        for _ in 0..1_000 {
            table.refill(&mut list);
            let index = list.pop().unwrap();
            numbers.push(number(index, table.slot(index).unwrap()));
        }
        table.refill(&mut list);
        assert!(list.is_empty(), "the limit is kept");
        let mut distinct = numbers.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 1_000);
        for number in &numbers {
            let slot = table.get(*number).unwrap();
            slot.retire();
            assert!(table.get(*number).is_none());
        }
        for number in [0, u64::MAX, u64::MAX - 1, 1 << 32] {
            assert!(table.get(number).is_none(), "{number}");
        }
    }

    #[test]
    fn what_is_given_back_is_taken_again() {
        let table = Table::new(3, 0);
        let mut list = vec![];
        let mut taken = Vec::new();
        for _ in 0..3 {
            table.refill(&mut list);
            taken.extend(list.pop());
        }
        table.give_back(taken.drain(..));
        table.refill(&mut list);
        assert_eq!(list.len(), 3);
    }
}
