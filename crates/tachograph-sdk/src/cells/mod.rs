//! Cells: where measurements are kept.
//!
//! Each thread writes cells of its own, by plain relaxed loads and stores; a reader adds them up.
//! [`arena`](Arena) says who owns what, [`copy`] how a row of several words is read whole, and this
//! module what can be done to a row.
//!
//! A row is used as what it was allocated for: a *sum* is one word; a *last value* is two in the
//! shared slab; a [`histogram`] is a header, sum, minimum, maximum and the buckets; an [`exponential`]
//! histogram has its buckets elsewhere, in memory that grows with their range.
#![allow(unsafe_code)]

mod arena;
mod copy;
pub(crate) mod exponential;
mod extent;
pub(crate) mod histogram;
mod lines;
mod local;
mod place;
mod row;
#[cfg(all(test, not(loom)))]
pub(crate) mod scarce;
mod section;
mod short_cuts;
mod slab;
mod sums;

use std::sync::OnceLock;

use crate::number::Number;
use crate::sync::Ordering;
use arena::Arena;
pub(crate) use local::{is_due, set_due_after};
use row::Word;
pub(crate) use row::{Row, Spot};
pub(crate) use section::{section, wait_for_sections};
pub(crate) use sums::Sums;

/// Bytes of cells that all threads together may have to themselves, unless set otherwise.
pub(crate) const DEFAULT_LIMIT: usize = 256 * 1024 * 1024;

static ARENA: OnceLock<Arena> = OnceLock::new();

/// The process's cells.
fn arena() -> &'static Arena {
    ARENA.get_or_init(|| Arena::new(DEFAULT_LIMIT))
}

/// Bounds the memory of threads' own cells; see [`crate::metrics::set_thread_cells_limit`].
pub(crate) fn set_limit(bytes: usize) {
    arena().set_limit(bytes);
}

/// The memory of threads' own cells, in bytes.
pub(crate) fn bytes() -> usize {
    arena().bytes()
}

pub(crate) const SUM_WIDTH: usize = 1;
pub(crate) const LAST_VALUE_WIDTH: usize = 2;

/// A zeroed row of `width` words; `None` when the address space of rows is used up.
pub(crate) fn allocate(width: usize) -> Option<Row> {
    #[cfg(all(test, not(loom)))]
    if !scarce::take(width) {
        return None;
    }
    arena().allocate(width)
}

/// Gives back rows of `width` words that nobody can write or read any more.
pub(crate) fn free(width: usize, rows: impl Iterator<Item = Row>) {
    #[cfg(all(test, not(loom)))]
    let rows = rows.inspect(|_| scarce::give(width));
    arena().free(width, rows);
}

/// What came of recording in a histogram, if that was a matter of a few instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtOnce {
    Done,
    /// It is done, and a reader waits for a copy, which is to be served.
    Awaited,
    /// It is not of the common kind, and nothing was done.
    No,
}

/// Adds to a sum.
#[inline(always)]
pub(crate) fn add<N: Number>(row: Row, value: N) {
    match local::known_words(row) {
        // SAFETY: a row has at least one word, and this thread is the only writer of its own.
        Some(words) => add_to(unsafe { &*words }, value),
        None => add_first(row, value),
    }
}

/// Adds to a sum that a handle has found, if it may do so without looking at anything else: the short way. `false` if not.
#[inline(always)]
pub(crate) fn add_at<N: Number>(spot: Spot, value: N) -> bool {
    match local::words_at(spot) {
        Some(words) => {
            // SAFETY: as in `add`.
            add_to(unsafe { &*words }, value);
            true
        }
        None => false,
    }
}

/// Has every record after this, of any thread and handle, take the long way, for good: there is an instrument now whose handles
/// have to look at more than the sum that they were made for.
pub(crate) fn close_short_cuts() {
    arena().close_short_cuts();
}

#[inline(always)]
fn add_to<N: Number>(cell: &Word, value: N) {
    cell.store(N::add(cell.load(Ordering::Relaxed), value), Ordering::Relaxed);
}

/// For a row that this thread has no words for yet, or never will.
#[cold]
#[inline(never)]
fn add_first<N: Number>(row: Row, value: N) {
    match local::own_words(row) {
        // SAFETY: as in `add`.
        Some(words) => add_to(unsafe { &*words }, value),
        None => {
            // SAFETY: a row has at least one word.
            let cell = unsafe { &*arena().shared_words(row) };
            // `fetch_add` where the number allows would serve two of the three kinds; this is rare.
            let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |sum| Some(N::add(sum, value)));
        }
    }
}

/// A sum's bits, over all threads.
pub(crate) fn sum<N: Number>(row: Row) -> u64 {
    sums().read::<N>(row)
}

/// For the sums of many rows.
pub(crate) fn sums() -> Sums<'static> {
    Sums::new(arena())
}

/// Sets a last value: the latest write, in the one order all threads agree on, wins.
#[inline]
pub(crate) fn set(row: Row, bits: u64) {
    let words = arena().shared_words(row);
    // SAFETY: a last value's row has two words.
    let (value, is_set) = unsafe { (&*words, &*words.add(1)) };
    value.store(bits, Ordering::Relaxed);
    if is_set.load(Ordering::Relaxed) != SET {
        is_set.store(SET, Ordering::Release);
    }
}

/// What the second word of a last value says: that it was set, and whether somebody looked since.
const SET: u64 = 1;
const SET_AND_SEEN: u64 = 2;

/// Whether a last value was set since this was asked before.
pub(crate) fn was_set_again(row: Row) -> bool {
    let Some(words) = arena().shared.words(row) else {
        return false;
    };
    // SAFETY: a last value's row has two words.
    let is_set = unsafe { &*words.add(1) };
    is_set.compare_exchange(SET, SET_AND_SEEN, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

/// What is another number once somebody has recorded in a sum or a histogram: of the first words, which are sums or sequence
/// numbers.
pub(crate) fn fingerprint(row: Row) -> u64 {
    let mut print = 0_u64;
    arena().each_slab(row, |_, words, _| {
        // SAFETY: a row has at least one word.
        let word = unsafe { &*words }.load(Ordering::Relaxed);
        // A thread that has not recorded in it does not count, however many there are.
        if word != 0 {
            let mixed = (word ^ words.addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            print = print.wrapping_add(mixed ^ mixed >> 29);
        }
    });
    print
}

/// A last value's bits, if it was ever set.
#[inline]
pub(crate) fn last_value(row: Row) -> Option<u64> {
    let words = arena().shared.words(row)?;
    // SAFETY: a last value's row has two words.
    let (value, is_set) = unsafe { (&*words, &*words.add(1)) };
    (is_set.load(Ordering::Acquire) != 0).then(|| value.load(Ordering::Relaxed))
}
