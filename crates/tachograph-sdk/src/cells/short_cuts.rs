//! The way to a sum's cell past all questions.
#![allow(unsafe_code)]

use std::ptr;

use super::row::{SHORT_BLOCKS, Spot, Word};
use crate::sync::{AtomicPtr, Ordering};

/// A thread's short cuts: where its own copies of the first blocks of sums are.
///
/// # Protocol
///
/// A handle that knows a sum's [`Spot`] adds where the short cut leads, and asks nothing else. That is right as long as the sum is
/// all that the handle's measurements become. Should its instrument get a further stream, somebody
/// *closes* the short cuts of all threads, and from then on all records go the long way, on which that is looked at.
///
/// A short cut is null until it is opened, by the slab's owner when it has installed the block, and after it was closed. It is opened
/// and closed under the arena's lock, and after the first closing none is opened. The owner loads it without a lock (relaxed): by
/// coherence, a record that happens after the closing finds null, for no store of an address comes after that one. A record that does not
/// happen after it may still go the short way, and was made before the stream came.
pub(super) struct ShortCuts([AtomicPtr<Word>; SHORT_BLOCKS]);

/// What a thread has that has no slab, or none with blocks of sums.
#[cfg(not(loom))]
static NONE: ShortCuts = ShortCuts([const { AtomicPtr::new(ptr::null_mut()) }; SHORT_BLOCKS]);

impl ShortCuts {
    pub(super) fn new() -> Self {
        ShortCuts(std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())))
    }

    /// Those of a thread that has none.
    #[cfg(not(loom))]
    pub(super) const fn none() -> *const ShortCuts {
        &raw const NONE
    }

    /// Nobody goes through a thread-local in a model.
    #[cfg(loom)]
    pub(super) const fn none() -> *const ShortCuts {
        ptr::null()
    }

    /// For the owner, with the arena's lock, before anything was closed.
    pub(super) fn open(&self, block: usize, words: *const Word) {
        self.0[block].store(words.cast_mut(), Ordering::Relaxed);
    }

    /// For anyone, with the arena's lock.
    pub(super) fn close(&self) {
        self.0.iter().for_each(|block| block.store(ptr::null_mut(), Ordering::Relaxed));
    }

    /// The words that a spot is for, if the short cut is open; for the owner.
    #[inline(always)]
    pub(super) fn words(&self, spot: Spot) -> Option<*const Word> {
        // SAFETY: a spot is of one of so many blocks.
        let block = unsafe { &*self.0.as_ptr().byte_add(spot.block_bytes()) }.load(Ordering::Relaxed);
        // SAFETY: the arena deals rows within their block's size, and blocks are never freed.
        (!block.is_null()).then(|| unsafe { block.byte_add(spot.word_bytes()) }.cast_const())
    }
}
