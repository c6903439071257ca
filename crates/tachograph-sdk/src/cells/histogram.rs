//! Histograms with explicit boundaries: a header, sum, minimum, maximum, and a word for each bucket.
#![allow(unsafe_code)]

use super::copy::{self, Whole};
use super::local;
use super::row::{Row, Word};
use super::{AtOnce, arena};
use crate::number::Number;
use crate::sync::{Ordering, fence, lock};

const SUM: usize = 0;
const MIN: usize = 1;
const MAX: usize = 2;
const BUCKETS: usize = SCALARS;

/// The words of a row, header included.
pub(crate) fn width(buckets: usize) -> usize {
    copy::HEADER + BUCKETS + buckets
}

/// Adds a value to a histogram, in a bucket that it has, if this thread has words for it already. Calls nothing.
#[inline(always)]
pub(crate) fn observe_at_once<N: Number>(row: Row, bucket: usize, value: N) -> AtOnce {
    let Some(words) = local::known_words(row) else { return AtOnce::No };
    // SAFETY: the row is a histogram's that has the bucket, and this thread is the only writer of its own.
    let waits = unsafe { copy::write(words, |words| change(words, bucket, value)) };
    if waits { AtOnce::Awaited } else { AtOnce::Done }
}

/// Adds a value to a histogram: `bucket` is below `buckets`, which the row was allocated for.
#[inline(never)]
pub(crate) fn observe<N: Number>(row: Row, buckets: usize, bucket: usize, value: N) {
    debug_assert!(bucket < buckets, "a bucket of the histogram");
    // Words of its own that this thread has from now on, or had.
    match local::own_words(row).map(|_| observe_at_once(row, bucket, value)) {
        Some(AtOnce::Done) => {}
        Some(AtOnce::Awaited) => serve(row, buckets),
        Some(AtOnce::No) | None => observe_shared(row, bucket, value),
    }
}

/// Leaves a copy for a reader that waits for one of this row, which has so many buckets and which this thread has just written.
#[cold]
#[inline(never)]
pub(crate) fn serve(row: Row, buckets: usize) {
    if let Some((slab, words)) = local::own_slab().zip(local::known_words(row)) {
        // SAFETY: the row is a histogram's with that many buckets, in this thread's own slab.
        unsafe { copy::serve(&slab.desk, words, &Whole(BUCKETS + buckets)) };
    }
}

/// The change that one value makes to a histogram's words.
#[inline]
fn change<N: Number>(words: *const Word, bucket: usize, value: N) {
    // SAFETY: a histogram's row has these words; `bucket` is below its number of buckets.
    unsafe { count(words, &*words.add(BUCKETS + bucket), value) };
}

/// The words that [`count`] needs.
pub(super) const SCALARS: usize = 3;

/// Counts a value, in `bucket`, and in the sum, minimum and maximum that `words` begin with.
///
/// # Safety
///
/// `words` has these three words, and this thread is their only writer, and the bucket's.
#[inline]
pub(super) unsafe fn count<N: Number>(words: *const Word, bucket: &Word, value: N) {
    // SAFETY: the caller's promise.
    let (sum, min, max) = unsafe { (&*words.add(SUM), &*words.add(MIN), &*words.add(MAX)) };
    bucket.store(bucket.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
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

/// A histogram's sum and extremes, over all threads.
pub(crate) struct Scalars {
    pub(crate) sum_bits: u64,
    /// [`Number::ordered`]; meaningless when all buckets are empty.
    pub(crate) min: u64,
    /// As `min`.
    pub(crate) max: u64,
}

impl Scalars {
    /// Of no measurements.
    pub(super) fn new<N: Number>() -> Self {
        Scalars { sum_bits: N::ZERO_BITS, min: u64::MAX, max: 0 }
    }

    /// Adds those of a slab, from a copy of its row.
    pub(super) fn add<N: Number>(&mut self, words: &[u64]) {
        self.sum_bits = N::add(self.sum_bits, N::from_bits(words[SUM]));
        self.min = self.min.min(!words[MIN]);
        self.max = self.max.max(words[MAX]);
    }
}

/// Reads a histogram whole: `scratch` is resized as needed, and the buckets overwritten.
pub(crate) fn read<N: Number>(row: Row, scratch: &mut Vec<u64>, buckets: &mut [u64]) -> Scalars {
    scratch.clear();
    scratch.resize(BUCKETS + buckets.len(), 0);
    buckets.fill(0);
    let mut scalars = Scalars::new::<N>();
    arena().each_slab(row, |slab, words, is_shared| {
        let _only_writer = is_shared.then(|| lock(arena().stripe(words)));
        // SAFETY: the row is a histogram's with that many buckets, and the desk its slab's.
        unsafe { copy::read(&slab.desk, words, &Whole(scratch.len()), scratch) };
        for (total, count) in buckets.iter_mut().zip(&scratch[BUCKETS..]) {
            *total = total.wrapping_add(*count);
        }
        scalars.add::<N>(scratch);
    });
    // Whoever orders two reads by a lock of their own sees the later one include the earlier.
    fence(Ordering::Acquire);
    scalars
}
