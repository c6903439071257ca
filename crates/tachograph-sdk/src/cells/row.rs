use std::num::NonZeroU32;

use crate::sync::AtomicU64;

/// A cell's word.
pub(super) type Word = AtomicU64;

/// The most words in a block that rows are dealt from; a wider row has a block to itself.
pub(super) const MOST_BLOCK_WORDS: usize = 1 << OFFSET_BITS;
const OFFSET_BITS: u32 = 9;

/// Where a row is: a block, and a word within it. The same in every slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row(NonZeroU32);

impl Row {
    /// `None` for a block that there is no room for; block numbers begin at one, which keeps the whole from being
    /// zero.
    pub(super) fn new(block: usize, offset: usize) -> Option<Self> {
        debug_assert!(offset < MOST_BLOCK_WORDS, "blocks are no larger");
        let block = u32::try_from(block).ok().filter(|block| *block >> (u32::BITS - OFFSET_BITS) == 0)?;
        NonZeroU32::new(block << OFFSET_BITS | offset as u32).map(Row)
    }

    #[inline]
    pub(super) fn block(self) -> usize {
        (self.0.get() >> OFFSET_BITS) as usize
    }

    #[inline]
    pub(super) fn offset(self) -> usize {
        self.0.get() as usize % MOST_BLOCK_WORDS
    }

    /// For words that other things share, where zero means that there is no row.
    pub(crate) fn to_bits(row: Row) -> u32 {
        row.0.get()
    }

    /// The inverse of [`to_bits`](Self::to_bits).
    #[inline]
    pub(crate) fn from_bits(bits: u32) -> Option<Row> {
        NonZeroU32::new(bits).map(Row)
    }
}
