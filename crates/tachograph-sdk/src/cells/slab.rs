#![allow(unsafe_code)]

use std::ptr;

use super::copy::CopyDesk;
use super::extent::Extents;
use super::lines::{Lines, zeroed};
use super::place::Place;
use super::row::{Row, Word};
use super::short_cuts::ShortCuts;
use crate::sync::{AtomicPtr, Mutex, OnceBox, Ordering, lock};

/// One writer's copy of the blocks it has recorded in.
pub(super) struct Slab {
    /// The blocks, by block number: null until the first.
    ///
    /// # Protocol
    ///
    /// Only the slab's owner (for the shared slab: whoever holds the arena's lock) installs blocks
    /// and grows the directory, by publishing a larger copy (release) that carries the same blocks.
    /// Readers load the directory and then the block (acquire). Old directories are kept until
    /// `Drop`: together they are smaller than the current one.
    directory: AtomicPtr<Directory>,
    /// Every block installed, to be freed at last.
    installed: Mutex<Vec<*mut [Lines]>>,
    /// Where the owner leaves copies of rows for a reader that could not get one by itself.
    pub(super) desk: CopyDesk,
    /// The buckets of exponential histograms. Taken by the owner (for the shared slab: whoever holds the
    /// row's stripe), and given back by the owner, or by a row's last owner.
    pub(super) extents: Extents,
    /// Where the owner says that it has found a row and not yet recorded.
    pub(super) section: Place,
    /// The owner's ways past all questions; made with the first block that there may be one to.
    pub(super) short_cuts: OnceBox<ShortCuts>,
}

pub(super) struct Directory {
    blocks: Box<[AtomicPtr<Word>]>,
    previous: *mut Directory,
}

const FIRST_BLOCKS: usize = 16;

// SAFETY: what the raw pointers refer to is owned by the slab, freed only in `Drop`, and consists of
// atomics; who may install what is said at `directory`.
unsafe impl Send for Slab {}
// SAFETY: as above.
unsafe impl Sync for Slab {}

impl Slab {
    pub(super) fn new() -> Self {
        Slab {
            directory: AtomicPtr::new(ptr::null_mut()),
            installed: Mutex::new(Vec::new()),
            desk: CopyDesk::new(),
            extents: Extents::new(),
            section: Place::new(),
            short_cuts: OnceBox::new(),
        }
    }

    /// The blocks there are room for, as the owner's fast path keeps them.
    pub(super) fn blocks(&self) -> &[AtomicPtr<Word>] {
        let directory = self.directory.load(Ordering::Acquire);
        // SAFETY: a published directory lives until `Drop`.
        if directory.is_null() { &[] } else { unsafe { &(*directory).blocks } }
    }

    /// The first word of a block, if it has been installed.
    #[inline]
    pub(super) fn block(&self, block: usize) -> Option<*const Word> {
        let words = self.blocks().get(block)?.load(Ordering::Acquire);
        (!words.is_null()).then_some(words.cast_const())
    }

    /// The row's words here, if its block has been installed.
    #[inline]
    pub(super) fn words(&self, row: Row) -> Option<*const Word> {
        // SAFETY: the arena deals rows within their block's size.
        self.block(row.block()).map(|block| unsafe { block.add(row.offset()) })
    }

    /// How many bytes of directory installing `block` would take.
    pub(super) fn growth_bytes(&self, block: usize) -> usize {
        let have = self.blocks().len();
        if block < have { 0 } else { grown(block) * size_of::<AtomicPtr<Word>>() }
    }

    /// Makes a zeroed block; only for whoever may (see `directory`).
    pub(super) fn install_block(&self, block: usize, words: usize) {
        let current = self.directory.load(Ordering::Relaxed);
        let old = self.blocks();
        if block >= old.len() {
            let blocks = (0..grown(block))
                .map(|n| AtomicPtr::new(old.get(n).map_or(ptr::null_mut(), |b| b.load(Ordering::Relaxed))))
                .collect();
            let directory = Box::new(Directory { blocks, previous: current });
            self.directory.store(Box::into_raw(directory), Ordering::Release);
        }
        let lines = zeroed(words);
        lock(&self.installed).push(lines);
        self.blocks()[block].store(lines.cast(), Ordering::Release);
    }
}

fn grown(block: usize) -> usize {
    (block + 1).next_power_of_two().max(FIRST_BLOCKS)
}

impl Drop for Slab {
    fn drop(&mut self) {
        for block in lock(&self.installed).drain(..) {
            // SAFETY: it came from `Box::into_raw`, and `&mut self` means that nobody reads it.
            drop(unsafe { Box::from_raw(block) });
        }
        let mut directory = self.directory.load(Ordering::Acquire);
        while !directory.is_null() {
            // SAFETY: every directory of the chain came from `Box::into_raw` and is linked once.
            directory = unsafe { Box::from_raw(directory) }.previous;
        }
    }
}
