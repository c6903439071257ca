//! Cells: where measurements are kept.
//!
//! Each thread writes cells of its own, by plain relaxed loads and stores; a reader adds them up.
//! [`arena`](Arena) says who owns what, [`copy`] how a row of several words is read whole, and this
//! module what can be done to a row.
//!
//! A row is used as what it was allocated for: a *sum* is one word; a *last value* is two in the
//! shared slab; a *histogram* is a header, sum, minimum, maximum and the buckets.
#![allow(unsafe_code)]

mod arena;
mod copy;
mod local;
mod row;
mod slab;

use std::sync::OnceLock;

use crate::number::Number;
use crate::sync::{Ordering, fence, lock};
use arena::Arena;
pub(crate) use local::{is_due, set_due_after};
pub(crate) use row::Row;
use row::Word;

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
const HISTOGRAM_SUM: usize = 0;
const HISTOGRAM_MIN: usize = 1;
const HISTOGRAM_MAX: usize = 2;
const HISTOGRAM_BUCKETS: usize = 3;

/// The words of a histogram's row, header included.
pub(crate) fn histogram_width(buckets: usize) -> usize {
    copy::HEADER + HISTOGRAM_BUCKETS + buckets
}

/// A zeroed row of `width` words; `None` when the address space of rows is used up.
pub(crate) fn allocate(width: usize) -> Option<Row> {
    arena().allocate(width)
}

/// Gives back rows of `width` words that nobody can write or read any more.
pub(crate) fn free(width: usize, rows: impl Iterator<Item = Row>) {
    arena().free(width, rows);
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
#[inline]
pub(crate) fn sum<N: Number>(row: Row) -> u64 {
    let mut total = N::ZERO_BITS;
    arena().each_slab(row, |_, words, _| {
        // SAFETY: a row has at least one word.
        let bits = unsafe { &*words }.load(Ordering::Relaxed);
        total = N::add(total, N::from_bits(bits));
    });
    total
}

/// Sets a last value: the latest write, in the one order all threads agree on, wins.
#[inline]
pub(crate) fn set(row: Row, bits: u64) {
    let words = arena().shared_words(row);
    // SAFETY: a last value's row has two words.
    let (value, is_set) = unsafe { (&*words, &*words.add(1)) };
    value.store(bits, Ordering::Relaxed);
    if is_set.load(Ordering::Relaxed) == 0 {
        is_set.store(1, Ordering::Release);
    }
}

/// A last value's bits, if it was ever set.
#[inline]
pub(crate) fn last_value(row: Row) -> Option<u64> {
    let words = arena().shared.words(row)?;
    // SAFETY: a last value's row has two words.
    let (value, is_set) = unsafe { (&*words, &*words.add(1)) };
    (is_set.load(Ordering::Acquire) != 0).then(|| value.load(Ordering::Relaxed))
}

/// Adds a value to a histogram: `bucket` is below `buckets`, which the row was allocated for.
#[inline(always)]
pub(crate) fn observe<N: Number>(row: Row, buckets: usize, bucket: usize, value: N) {
    debug_assert!(bucket < buckets, "a bucket of the histogram");
    match local::known_words(row) {
        Some(words) => observe_in(words, buckets, bucket, value),
        None => observe_first(row, buckets, bucket, value),
    }
}

#[inline(always)]
fn observe_in<N: Number>(words: *const Word, buckets: usize, bucket: usize, value: N) {
    // SAFETY: the row is a histogram's with that many buckets, and this thread is the only writer of
    // its own.
    if unsafe { copy::write(words, |words| change(words, bucket, value)) } {
        serve(words, buckets);
    }
}

/// For a row that this thread has no words for yet, or never will.
#[cold]
#[inline(never)]
fn observe_first<N: Number>(row: Row, buckets: usize, bucket: usize, value: N) {
    match local::own_words(row) {
        Some(words) => observe_in(words, buckets, bucket, value),
        None => observe_shared(row, bucket, value),
    }
}

#[cold]
fn serve(words: *const Word, buckets: usize) {
    if let Some(slab) = local::own_slab() {
        // SAFETY: `observe` has just written this row in this thread's own slab.
        unsafe { copy::serve(&slab.desk, words, HISTOGRAM_BUCKETS + buckets) };
    }
}

/// The change that one value makes to a histogram's words.
#[inline]
fn change<N: Number>(words: *const Word, bucket: usize, value: N) {
    // SAFETY: a histogram's row has these words; `bucket` is below its number of buckets.
    let (sum, min, max, count) = unsafe {
        (
            &*words.add(HISTOGRAM_SUM),
            &*words.add(HISTOGRAM_MIN),
            &*words.add(HISTOGRAM_MAX),
            &*words.add(HISTOGRAM_BUCKETS + bucket),
        )
    };
    count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    sum.store(N::add(sum.load(Ordering::Relaxed), value), Ordering::Relaxed);
    // Both extremes are kept as what grows from zero (see `Number::ordered`), so that a zeroed row
    // is one without a minimum and a maximum.
    let high = value.ordered();
    if high > max.load(Ordering::Relaxed) {
        max.store(high, Ordering::Relaxed);
    }
    if !high > min.load(Ordering::Relaxed) {
        min.store(!high, Ordering::Relaxed);
    }
}

#[cold]
fn observe_shared<N: Number>(row: Row, bucket: usize, value: N) {
    let words = arena().shared_words(row);
    let _only_writer = lock(arena().stripe(words));
    // SAFETY: the row is a histogram's with more buckets than `bucket`; the stripe's holder is its
    // only writer. Nobody asks for copies here: readers take the stripe too.
    unsafe { copy::write(words, |words| change(words, bucket, value)) };
}

/// A histogram's words, over all threads; the buckets are in the caller's buffer.
pub(crate) struct HistogramRead {
    pub(crate) sum_bits: u64,
    /// [`Number::ordered`]; meaningless when all buckets are empty.
    pub(crate) min: u64,
    /// As `min`.
    pub(crate) max: u64,
}

/// Reads a histogram whole: `scratch` and `buckets` are resized as needed and overwritten.
pub(crate) fn read_histogram<N: Number>(
    row: Row,
    scratch: &mut Vec<u64>,
    buckets: &mut [u64],
) -> HistogramRead {
    scratch.clear();
    scratch.resize(HISTOGRAM_BUCKETS + buckets.len(), 0);
    buckets.fill(0);
    let mut read = HistogramRead { sum_bits: N::ZERO_BITS, min: 0, max: 0 };
    arena().each_slab(row, |slab, words, is_shared| {
        let _only_writer = is_shared.then(|| lock(arena().stripe(words)));
        // SAFETY: the row is a histogram's with that many buckets, and the desk its slab's.
        unsafe { copy::read(&slab.desk, words, scratch) };
        for (total, count) in buckets.iter_mut().zip(&scratch[HISTOGRAM_BUCKETS..]) {
            *total = total.wrapping_add(*count);
        }
        read.sum_bits = N::add(read.sum_bits, N::from_bits(scratch[HISTOGRAM_SUM]));
        read.min = read.min.max(scratch[HISTOGRAM_MIN]);
        read.max = read.max.max(scratch[HISTOGRAM_MAX]);
    });
    read.min = !read.min;
    // Whoever orders two reads by a lock of their own sees the later one include the earlier.
    fence(Ordering::Acquire);
    read
}
