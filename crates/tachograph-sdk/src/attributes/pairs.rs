//! Where the pairs of a set are: in memory of its own, or in memory that it shares with the sets made before and after it.
#![allow(unsafe_code)]

use std::alloc::{self, Layout};
use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use opentelemetry::KeyValue;

use super::texts::Texts;
use super::{KeyRef, ValueRef};

/// The most pairs in a chunk that is not for one set alone: few, for the last one is not full.
const MOST_ROOM: u32 = 48;

/// The pairs of one set.
pub(super) struct Pairs {
    /// Of `len` pairs that are this set's alone.
    first: NonNull<KeyValue>,
    len: u32,
    /// The place of the first in its chunk, and one, of which this has a count; zero where they are a box.
    place: u32,
}

/// Memory for the pairs of several sets.
///
/// # Protocol
///
/// `room` places for pairs are behind it in its allocation. Each set that has some of them has a count, and so has
/// the [`PairStore`] that deals them; who gives back the last one frees it (release; and acquire before). The places
/// of a set are dealt to nobody else before it is gone.
#[repr(C, align(8))]
struct Chunk {
    count: AtomicUsize,
    room: u32,
}

const _: () = assert!(align_of::<KeyValue>() <= align_of::<Chunk>(), "pairs begin right behind it");

impl Chunk {
    fn layout(room: u32) -> Layout {
        let pairs = Layout::array::<KeyValue>(room as usize);
        let both = pairs.and_then(|pairs| Layout::new::<Chunk>().extend(pairs));
        // So many pairs that they have no layout cannot have been counted.
        both.map_or_else(|_| alloc::handle_alloc_error(Layout::new::<Chunk>()), |(layout, _)| layout)
    }

    /// A chunk with one count.
    fn new(room: u32) -> NonNull<Chunk> {
        let layout = Chunk::layout(room);
        // SAFETY: a chunk's header alone has a size.
        let Some(chunk) = NonNull::new(unsafe { alloc::alloc(layout) }.cast::<Chunk>()) else {
            alloc::handle_alloc_error(layout)
        };
        // SAFETY: just allocated for it.
        unsafe { chunk.write(Chunk { count: AtomicUsize::new(1), room }) };
        chunk
    }

    /// The pair in a place.
    ///
    /// # Safety
    ///
    /// The caller has a count of the chunk, and it has so many places.
    unsafe fn pair(chunk: NonNull<Chunk>, place: u32) -> NonNull<KeyValue> {
        // SAFETY: pairs begin right behind the header, and the place is within the same allocation.
        unsafe { chunk.add(1).cast::<KeyValue>().add(place as usize) }
    }

    /// # Safety
    ///
    /// The caller has a count of the chunk.
    unsafe fn add_count(chunk: NonNull<Chunk>) {
        // SAFETY: it lives while it is counted.
        unsafe { chunk.as_ref() }.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Gives a count back.
    ///
    /// # Safety
    ///
    /// The caller has one, and uses the chunk no more.
    unsafe fn drop_count(chunk: NonNull<Chunk>) {
        // SAFETY: it lives while it is counted.
        let (before, room) =
            unsafe { (chunk.as_ref().count.fetch_sub(1, Ordering::Release), chunk.as_ref().room) };
        if before == 1 {
            fence(Ordering::Acquire);
            // SAFETY: it was the last count, and it was allocated with that layout.
            unsafe { alloc::dealloc(chunk.as_ptr().cast(), Chunk::layout(room)) };
        }
    }
}

impl Pairs {
    /// The chunk, if that is where they are.
    fn chunk(&self) -> Option<NonNull<Chunk>> {
        let place = self.place.checked_sub(1)?;
        // SAFETY: so far before the first pair is the header, in the same allocation.
        Some(unsafe { self.first.sub(place as usize).cast::<Chunk>().sub(1) })
    }
}

impl From<Vec<KeyValue>> for Pairs {
    fn from(mut pairs: Vec<KeyValue>) -> Self {
        // More cannot be: that would be 200 GiB.
        pairs.truncate(u32::MAX as usize);
        let len = pairs.len() as u32;
        let first = NonNull::from(Box::leak(pairs.into_boxed_slice())).cast();
        Pairs { first, len, place: 0 }
    }
}

impl Deref for Pairs {
    type Target = [KeyValue];

    #[inline]
    fn deref(&self) -> &[KeyValue] {
        // SAFETY: they are this set's while it lives, and nobody changes them.
        unsafe { NonNull::slice_from_raw_parts(self.first, self.len as usize).as_ref() }
    }
}

impl DerefMut for Pairs {
    fn deref_mut(&mut self) -> &mut [KeyValue] {
        // SAFETY: they are this set's alone.
        unsafe { NonNull::slice_from_raw_parts(self.first, self.len as usize).as_mut() }
    }
}

impl Clone for Pairs {
    fn clone(&self) -> Self {
        Pairs::from(self.to_vec())
    }
}

impl PartialEq for Pairs {
    /// As series are told apart: floats by their bits, so that NaN equals itself.
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&KeyValue, &KeyValue)| {
            a.key == b.key && ValueRef::from(&a.value) == ValueRef::from(&b.value)
        };
        self.len() == other.len() && self.iter().zip(other.iter()).all(same)
    }
}

impl Drop for Pairs {
    fn drop(&mut self) {
        let pairs = ptr::slice_from_raw_parts_mut(self.first.as_ptr(), self.len as usize);
        match self.chunk() {
            // SAFETY: they are this set's alone, which uses neither them nor the chunk any more.
            Some(chunk) => unsafe {
                ptr::drop_in_place(pairs);
                Chunk::drop_count(chunk);
            },
            // SAFETY: they came out of a box of that length.
            None => drop(unsafe { Box::from_raw(pairs) }),
        }
    }
}

// SAFETY: it owns its pairs, which may go to other threads and be read by several; counts are atomic.
unsafe impl Send for Pairs {}
// SAFETY: as above.
unsafe impl Sync for Pairs {}

/// Deals memory for the pairs of many sets, one after the other: that is one allocation for many of them, and what is made one
/// after the other is close together.
#[derive(Default)]
pub(crate) struct PairStore {
    /// The chunk being dealt from, of which it has a count, and the next place in it.
    current: Option<(NonNull<Chunk>, u32)>,
    /// How many pairs there was room for in all chunks.
    dealt: u32,
    /// Runs of places whose sets are gone, by their length, each with a count of its chunk.
    vacant: BTreeMap<u32, Vec<Vacant>>,
    texts: Texts,
}

/// Places in a chunk that nobody uses, with a count of it.
struct Vacant {
    chunk: NonNull<Chunk>,
    place: u32,
}

// SAFETY: chunks are reached only through it or through sets that have other places.
unsafe impl Send for PairStore {}

impl PairStore {
    /// Room for so many pairs.
    pub(super) fn run(&mut self, room: usize) -> Run<'_> {
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        let (chunk, place) = self.take_vacant(room).unwrap_or_else(|| self.take_new(room));
        Run { store: self, chunk, place, room, len: 0 }
    }

    /// Places that were another set's, the fewest that will do.
    fn take_vacant(&mut self, room: u32) -> Option<(NonNull<Chunk>, u32)> {
        let (found, runs) = self.vacant.range_mut(room..).next()?;
        let (found, run) = (*found, runs.pop()?);
        if runs.is_empty() {
            self.vacant.remove(&found);
        }
        if found > room {
            let rest = Vacant { chunk: run.chunk, place: run.place + room };
            // SAFETY: the run has a count.
            unsafe { Chunk::add_count(run.chunk) };
            self.leave(found - room, rest);
        }
        Some((run.chunk, run.place))
    }

    /// The next places of the chunk, or of a new one.
    fn take_new(&mut self, room: u32) -> (NonNull<Chunk>, u32) {
        let fitting = self.current.filter(|(chunk, next)| {
            // SAFETY: the store has a count.
            unsafe { chunk.as_ref() }.room - next >= room
        });
        let (chunk, place) = fitting.unwrap_or_else(|| {
            // As many as there are, so that no more than half is empty; and no place is left over where all sets are as long.
            let most = self.dealt.min(MOST_ROOM).max(room);
            let size = most - most % room.max(1);
            self.dealt = self.dealt.saturating_add(size);
            self.leave_current();
            (Chunk::new(size), 0)
        });
        self.current = Some((chunk, place + room));
        // SAFETY: the store has a count, in `current`.
        unsafe { Chunk::add_count(chunk) };
        (chunk, place)
    }

    fn leave_current(&mut self) {
        if let Some((chunk, _)) = self.current.take() {
            // SAFETY: that was the store's count.
            unsafe { Chunk::drop_count(chunk) };
        }
    }

    /// Drops pairs, and deals their places again, if they are in a chunk.
    pub(super) fn take_back(&mut self, pairs: Pairs) {
        let Some(chunk) = pairs.chunk() else {
            return;
        };
        let pairs = ManuallyDrop::new(pairs);
        // SAFETY: they were the set's alone, which is not dropped itself: so its count of the chunk is left, for the places.
        unsafe {
            ptr::drop_in_place(ptr::slice_from_raw_parts_mut(pairs.first.as_ptr(), pairs.len as usize))
        };
        self.leave(pairs.len, Vacant { chunk, place: pairs.place - 1 });
    }

    /// Has places dealt again.
    fn leave(&mut self, room: u32, run: Vacant) {
        if room > 0 {
            self.vacant.entry(room).or_default().push(run);
        } else {
            // SAFETY: it had a count, and is used no more.
            unsafe { Chunk::drop_count(run.chunk) };
        }
    }
}

impl Drop for PairStore {
    fn drop(&mut self) {
        self.leave_current();
        for run in self.vacant.values().flatten() {
            // SAFETY: each vacant run has a count, and is used no more.
            unsafe { Chunk::drop_count(run.chunk) };
        }
    }
}

/// Places for the pairs of a set that is being made.
pub(super) struct Run<'a> {
    store: &'a mut PairStore,
    /// Of which it has a count.
    chunk: NonNull<Chunk>,
    place: u32,
    room: u32,
    /// How many there are by now.
    len: u32,
}

impl Run<'_> {
    /// Appends a pair, if there is room for it.
    pub(super) fn push(&mut self, pair: KeyValue) {
        if self.len < self.room {
            // SAFETY: it has a count, and that place is its own.
            unsafe { Chunk::pair(self.chunk, self.place + self.len).write(pair) };
            self.len += 1;
        }
    }

    /// Appends a copy of a pair, if there is room for it: its text may be another set's.
    pub(super) fn push_copy(&mut self, key: KeyRef<'_>, value: ValueRef<'_>) {
        let value = self.store.texts.value(value);
        self.push(KeyValue::new(key.to_key(), value));
    }

    fn slice(&self) -> NonNull<[KeyValue]> {
        // SAFETY: it has a count, and the place is its own.
        let first = unsafe { Chunk::pair(self.chunk, self.place) };
        NonNull::slice_from_raw_parts(first, self.len as usize)
    }

    /// The pairs by now.
    pub(super) fn pairs(&mut self) -> &mut [KeyValue] {
        // SAFETY: so many were written, and they are its own.
        unsafe { self.slice().as_mut() }
    }

    /// Drops the pairs after the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        while self.len as usize > len {
            self.len -= 1;
            // SAFETY: it was written, and is no longer among the pairs.
            unsafe { Chunk::pair(self.chunk, self.place + self.len).drop_in_place() };
        }
    }

    /// The pairs of a set that is made.
    pub(super) fn finish(self) -> Pairs {
        let mut run = ManuallyDrop::new(self);
        let (chunk, rest) = (run.chunk, run.room - run.len);
        if rest > 0 {
            let place = run.place + run.len;
            // SAFETY: the run has a count.
            unsafe { Chunk::add_count(chunk) };
            run.store.leave(rest, Vacant { chunk, place });
        }
        Pairs { first: run.slice().cast(), len: run.len, place: run.place + 1 }
    }
}

impl Drop for Run<'_> {
    /// Where a caller's own attributes panicked in the middle.
    fn drop(&mut self) {
        self.truncate(0);
        let (chunk, place) = (self.chunk, self.place);
        // Its count goes along.
        self.store.leave(self.room, Vacant { chunk, place });
    }
}

#[cfg(test)]
mod tests;
