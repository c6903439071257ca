//! Base-2 exponential histograms: a header, sum, minimum, maximum, zero count and scale, and for each side
//! of zero the address of its buckets.
//!
//! The buckets of a side are a window of consecutive indices ([`Extent`]). A value that is in it is counted
//! as in any other histogram. For one that is not, the window is moved, replaced by a wider one or, when
//! it would need more buckets than it may have, folded at a lower scale: by the row's only writer, inside one
//! change, so that a reader sees all of it or nothing. What it needs of memory is taken before.
#![allow(unsafe_code)]

use super::copy::{self, HEADER, Image};
use super::extent::Extent;
use super::histogram::{SCALARS, Scalars, count};
use super::local;
use super::row::{Row, Word};
use super::slab::Slab;
use super::{AtOnce, arena};
use crate::exponential::{Distribution, MAX_SCALE, Part, index, index_by_table, steps_to_fit};
use crate::number::{Number, Parts};
use crate::sync::{Ordering, fence, lock};

const ZERO: usize = SCALARS;
/// By how much the scale is below [`MAX_SCALE`]; without meaning while there are no buckets.
const SHIFT: usize = ZERO + 1;
/// The buckets above zero, and in the next word those below it.
const SIDES: usize = SHIFT + 1;
const WORDS: usize = SIDES + 2;

/// The words of a row, header included.
pub(crate) const WIDTH: usize = HEADER + WORDS;

/// What a stream's exponential histograms are limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The most buckets on either side of zero, at least [`MIN_SIZE`](crate::exponential::MIN_SIZE).
    pub(crate) size: u32,
    /// The largest scale.
    pub(crate) scale: i32,
}

impl Limits {
    /// The width of an extent for this many buckets: few different ones, so that what one histogram has grown
    /// out of serves another.
    fn room_for(self, buckets: u32) -> u32 {
        let mut room = if cfg!(loom) { 1 } else { 7 };
        while room < buckets {
            room = room * 4 + 3;
        }
        // What comes near the whole may as well be that: the scale is the best, so that more than half of it is used
        // as soon as values differ.
        if room > self.size / 3 { self.size } else { room }
    }
}

/// Adds a value to a histogram if that is a matter of a few instructions, as for nearly all values: if `index`
/// finds its index at the histogram's scale, and there is a bucket. Calls nothing else.
#[inline(always)]
pub(crate) fn observe_at_once<N: Number>(
    row: Row,
    value: N,
    index: impl FnOnce(Parts, u32) -> Option<i32>,
) -> AtOnce {
    let Some(parts) = value.parts_at_hand() else { return AtOnce::No };
    let Some(words) = local::known_words(row) else { return AtOnce::No };
    // SAFETY: the row is an exponential histogram's, and this thread is the only writer of its own.
    let Some(bucket) = (unsafe { bucket_of(words, parts, |shift| index(parts, shift)) }) else {
        return AtOnce::No;
    };
    // SAFETY: as above.
    let waits = unsafe { copy::write(words, |words| count(words, bucket, value)) };
    if waits { AtOnce::Awaited } else { AtOnce::Done }
}

/// Leaves a copy for a reader that waits for one of this row, which this thread has just written.
#[cold]
#[inline(never)]
pub(crate) fn serve(row: Row, limits: Limits) {
    if let Some((slab, words)) = local::own_slab().zip(local::known_words(row)) {
        // SAFETY: the row is an exponential histogram's in this thread's own slab.
        unsafe { copy::serve(&slab.desk, words, &limits) };
    }
}

/// Adds a finite value to a histogram.
#[inline(never)]
pub(crate) fn observe<N: Number>(row: Row, limits: Limits, value: N) {
    match observe_at_once(row, value, index_by_table) {
        AtOnce::Done => {}
        AtOnce::Awaited => serve(row, limits),
        AtOnce::No => observe_closely(row, limits, value),
    }
}

#[inline(never)]
fn observe_closely<N: Number>(row: Row, limits: Limits, value: N) {
    let own = local::own_words(row).zip(local::own_slab());
    let recorded = own.and_then(|(words, slab)| {
        // SAFETY: the row is an exponential histogram's, and this thread is the only writer of its own.
        unsafe { observe_in(slab, words, limits, value, |bytes| arena().may_take(bytes)) }
    });
    match recorded {
        Some(true) => serve(row, limits),
        Some(false) => {}
        // There is no slab to be had, or no memory for more buckets.
        None => observe_shared(row, limits, value),
    }
}

#[cold]
fn observe_shared<N: Number>(row: Row, limits: Limits, value: N) {
    let words = arena().shared_words(row);
    let _only_writer = lock(arena().stripe(words));
    // SAFETY: the row is an exponential histogram's; the stripe's holder is its only writer. Nobody asks
    // for copies here: readers take the stripe too.
    let _ = unsafe { observe_in(&arena().shared, words, limits, value, |_| true) };
}

/// Adds a finite value, and says whether a reader waits for a copy; `None` if memory is needed and `may_take`
/// does not allow it: then nothing has changed.
///
/// # Safety
///
/// `row` is an exponential histogram's row in this slab, and this thread is its only writer.
unsafe fn observe_in<N: Number>(
    slab: &Slab,
    row: *const Word,
    limits: Limits,
    value: N,
    may_take: impl FnOnce(usize) -> bool,
) -> Option<bool> {
    // SAFETY: the caller's promise.
    unsafe {
        let bucket = match value.parts() {
            None => &*row.add(HEADER + ZERO),
            Some(parts) => match bucket_of(row, parts, |shift| Some(index(parts, shift))) {
                Some(bucket) => bucket,
                None => return make_room(slab, row, limits, value, parts, may_take),
            },
        };
        Some(copy::write(row, |words| count(words, bucket, value)))
    }
}

/// The word that counts numbers such as this, if there is one and its index is found.
///
/// # Safety
///
/// `row` is an exponential histogram's row, which nobody else writes now.
#[inline(always)]
unsafe fn bucket_of<'a>(
    row: *const Word,
    parts: Parts,
    at: impl FnOnce(u32) -> Option<i32>,
) -> Option<&'a Word> {
    let side = SIDES + usize::from(parts.is_negative);
    // SAFETY: the row has these words.
    let (shift, side) = unsafe { (&*row.add(HEADER + SHIFT), &*row.add(HEADER + side)) };
    let index = at(shift.load(Ordering::Relaxed) as u32)?;
    let extent = Extent::load(side, Ordering::Relaxed)?;
    let (len, first) = extent.shape();
    let bucket = index.wrapping_sub(first) as u32 as usize;
    // SAFETY: below the length.
    (bucket < len).then(|| unsafe { extent.bucket(bucket) })
}

/// As [`observe_in`], for a value that no bucket is there for: makes one.
///
/// # Safety
///
/// As for [`observe_in`].
unsafe fn make_room<N: Number>(
    slab: &Slab,
    row: *const Word,
    limits: Limits,
    value: N,
    parts: Parts,
    may_take: impl FnOnce(usize) -> bool,
) -> Option<bool> {
    // SAFETY: the row has these words.
    let (shift_cell, cells) =
        unsafe { (&*row.add(HEADER + SHIFT), [SIDES, SIDES + 1].map(|side| &*row.add(HEADER + side))) };
    let extents = cells.map(|cell| Extent::load(cell, Ordering::Relaxed));
    let plan = Plan::new(extents, shift_cell.load(Ordering::Relaxed) as u32, parts, limits);
    let side = usize::from(parts.is_negative);
    let old = extents[side];
    let wider = if old.is_none_or(|old| old.len() < plan.needed as usize) {
        Some(slab.extents.take(limits.room_for(plan.needed) as usize, 0, may_take)?)
    } else {
        None
    };
    let change = |words| {
        shift_cell.store(u64::from(plan.shift), Ordering::Relaxed);
        for extent in extents.into_iter().flatten() {
            fold(extent, plan.steps);
        }
        let extent = match (wider, old) {
            (Some(wider), old) => {
                wider.set_first(plan.first(wider.len()));
                if let Some(old) = old {
                    move_counts(old, wider);
                }
                wider.store(cells[side]);
                wider
            }
            (None, Some(old)) => {
                slide(old, plan.first(old.len()), plan.index);
                old
            }
            // One of the two is there.
            (None, None) => return,
        };
        let bucket = plan.index.wrapping_sub(extent.shape().1) as usize;
        debug_assert!(bucket < extent.len(), "room was made for this bucket");
        // SAFETY: the window was placed so that it has the value's bucket; `words` are this row's.
        unsafe { count(words, extent.bucket(bucket), value) };
    };
    // SAFETY: the caller's promise.
    let waits = unsafe { copy::write(row, change) };
    if let (Some(_), Some(old)) = (wider, old) {
        slab.extents.give(old);
    }
    Some(waits)
}

/// What a value without a bucket asks for.
struct Plan {
    /// The scale to be, and by how many steps it is to be lowered for that.
    shift: u32,
    steps: u32,
    /// The value's bucket at that scale.
    index: i32,
    /// How many buckets reach over all that was recorded on the value's side, and the value.
    needed: u32,
    /// From which index to which.
    range: (i32, i32),
}

impl Plan {
    fn new(extents: [Option<Extent>; 2], shift: u32, parts: Parts, limits: Limits) -> Self {
        let shift = match extents {
            [None, None] => (MAX_SCALE - limits.scale) as u32,
            _ => shift,
        };
        let (index, side) = (index(parts, shift), usize::from(parts.is_negative));
        let mut ranges = extents.map(|extent| extent.and_then(used));
        let range = ranges[side].map_or((index, index), |(first, last)| (first.min(index), last.max(index)));
        ranges[side] = Some(range);
        let steps = ranges.iter().flatten().map(|(first, last)| steps_to_fit(*first, *last, limits.size));
        let steps = steps.max().unwrap_or(0);
        let (index, range) = (index >> steps, (range.0 >> steps, range.1 >> steps));
        Plan { shift: shift + steps, steps, index, needed: (range.1 - range.0) as u32 + 1, range }
    }

    /// The first index of a window of this many buckets, with room to spare where the range has grown.
    fn first(&self, len: usize) -> i32 {
        let (len, (first, last)) = (len as i32, self.range);
        if first == last {
            first - len / 2
        } else if self.index == last {
            first
        } else {
            last - len + 1
        }
    }
}

/// The first and the last index that something was counted at.
fn used(extent: Extent) -> Option<(i32, i32)> {
    let is_used = |count: &Word| count.load(Ordering::Relaxed) != 0;
    let first = extent.shape().1;
    let (from, to) = (extent.buckets().position(is_used)?, extent.buckets().rposition(is_used)?);
    Some((first + from as i32, first + to as i32))
}

/// Lowers the scale of a window by some steps, where it is.
fn fold(extent: Extent, steps: u32) {
    if steps == 0 {
        return;
    }
    let (_, first) = extent.shape();
    extent.set_first(first >> steps);
    for (n, cell) in extent.buckets().enumerate() {
        let to = ((first + n as i32) >> steps) - (first >> steps);
        let count = take(cell);
        // SAFETY: at most `n`.
        add(unsafe { extent.bucket(to as usize) }, count);
    }
}

/// Moves a window so that it begins at an index, unless it has this other one already. What was counted
/// is in the new window too.
fn slide(extent: Extent, to: i32, index: i32) {
    let (len, from) = extent.shape();
    if usize::try_from(index - from).is_ok_and(|bucket| bucket < len) {
        return;
    }
    extent.set_first(to);
    let place = |n: usize| usize::try_from(n as i32 + from - to).ok().filter(|bucket| *bucket < len);
    let one = |(n, cell): (usize, &Word)| {
        // What has no place is empty.
        if let Some(bucket) = place(n) {
            let count = take(cell);
            // SAFETY: below the length.
            add(unsafe { extent.bucket(bucket) }, count);
        }
    };
    // In the order in which nothing is met that is still to be moved.
    if to > from {
        extent.buckets().enumerate().for_each(one);
    } else {
        extent.buckets().enumerate().rev().for_each(one);
    }
}

/// Copies what was counted into a window that has room for it.
fn move_counts(from: Extent, to: Extent) {
    let shift = from.shape().1 - to.shape().1;
    for (n, cell) in from.buckets().enumerate() {
        let place = usize::try_from(n as i32 + shift).ok().filter(|bucket| *bucket < to.len());
        // What has no place is empty.
        if let Some(bucket) = place {
            // SAFETY: below the length.
            add(unsafe { to.bucket(bucket) }, cell.load(Ordering::Relaxed));
        }
    }
}

fn take(cell: &Word) -> u64 {
    let count = cell.load(Ordering::Relaxed);
    cell.store(0, Ordering::Relaxed);
    count
}

fn add(cell: &Word, count: u64) {
    cell.store(cell.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
}

/// A copy has the row's words, but for the addresses, and then of either side the window's shape and its
/// counts, at fixed places.
impl Image for Limits {
    fn room(&self) -> usize {
        SIDES + 2 * (1 + self.size as usize)
    }

    unsafe fn each(&self, words: *const Word, mut put: impl FnMut(usize, u64)) {
        for word in 0..SIDES {
            // SAFETY: the row has these words.
            put(word, unsafe { &*words.add(word) }.load(Ordering::Relaxed));
        }
        for side in 0..2 {
            let place = SIDES + side * (1 + self.size as usize);
            // SAFETY: the row has these words.
            let cell = unsafe { &*words.add(SIDES + side) };
            let Some(extent) = Extent::load(cell, Ordering::Acquire) else {
                put(place, 0);
                continue;
            };
            let (len, first) = extent.shape();
            let len = len.min(self.size as usize);
            put(place, (len as u64) << 32 | u64::from(first as u32));
            for bucket in 0..len {
                // SAFETY: below the length.
                put(place + 1 + bucket, unsafe { extent.bucket(bucket) }.load(Ordering::Relaxed));
            }
        }
    }
}

/// A side's window in a copy: the first index, and the counts.
fn side_of(copy: &[u64], limits: Limits, side: usize) -> (i32, &[u64]) {
    let place = SIDES + side * (1 + limits.size as usize);
    let (len, first) = ((copy[place] >> 32) as usize, copy[place] as u32 as i32);
    (first, &copy[place + 1..place + 1 + len])
}

/// Reads a histogram whole: `scratch` is resized as needed, and the distribution overwritten. Slabs at
/// different scales are added up at the largest that suits all of them.
pub(crate) fn read<N: Number>(
    row: Row,
    limits: Limits,
    scratch: &mut Vec<u64>,
    distribution: &mut Distribution,
) -> Scalars {
    scratch.resize(limits.room(), 0);
    distribution.clear(limits.scale);
    let mut scalars = Scalars::new::<N>();
    arena().each_slab(row, |slab, words, is_shared| {
        let _only_writer = is_shared.then(|| lock(arena().stripe(words)));
        // SAFETY: the row is an exponential histogram's, and the desk its slab's.
        unsafe { copy::read(&slab.desk, words, &limits, scratch) };
        let part = Part {
            scale: MAX_SCALE - scratch[SHIFT] as i32,
            zero_count: scratch[ZERO],
            positive: side_of(scratch, limits, 0),
            negative: side_of(scratch, limits, 1),
        };
        distribution.merge(&part, limits.size);
        scalars.add::<N>(scratch);
    });
    // Whoever orders two reads by a lock of their own sees the later one include the earlier.
    fence(Ordering::Acquire);
    scalars
}

/// Gives back rows that nobody can write or read any more, and their buckets.
pub(crate) fn free(rows: impl Iterator<Item = Row>) {
    let give_buckets = |row: &Row| {
        arena().each_slab(*row, |slab, words, _| {
            for side in [SIDES, SIDES + 1] {
                // SAFETY: the row has these words.
                let cell = unsafe { &*words.add(HEADER + side) };
                if let Some(extent) = Extent::load(cell, Ordering::Acquire) {
                    slab.extents.give(extent);
                }
            }
        });
    };
    super::free(WIDTH, rows.inspect(give_buckets));
}

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod loom_tests;
