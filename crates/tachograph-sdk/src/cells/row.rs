use std::num::NonZeroU32;

use crate::sync::AtomicU64;

/// A cell's word.
pub(super) type Word = AtomicU64;

/// The most words in a block that rows are dealt from; a wider row has a block to itself.
pub(super) const MOST_BLOCK_WORDS: usize = 1 << OFFSET_BITS;
const OFFSET_BITS: u32 = 9;

/// How many blocks there can be numbers of, that of block 0 included.
pub(super) const MOST_BLOCKS: usize = 1 << (u32::BITS - OFFSET_BITS);

/// Blocks of these numbers are of sums alone, and every thread has a short cut to those it has recorded in; see
/// [`ShortCuts`](super::short_cuts::ShortCuts). There is no block 0.
pub(super) const SHORT_BLOCKS: usize = if cfg!(loom) { 2 } else { 32 };

/// Where a row is: a block, and a word within it. The same in every slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row(NonZeroU32);

impl Row {
    /// `None` for a block that there is no room for; block numbers begin at one, which keeps the whole from being
    /// zero.
    pub(super) fn new(block: usize, offset: usize) -> Option<Self> {
        debug_assert!(offset < MOST_BLOCK_WORDS, "blocks are no larger");
        let block = u32::try_from(block).ok().filter(|_| block < MOST_BLOCKS)?;
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

    /// Where threads' short cuts lead to it, if they do.
    pub(crate) fn spot(self) -> Spot {
        if self.block() >= SHORT_BLOCKS {
            return Spot::NOWHERE;
        }
        let bytes = |place: usize| (place * size_of::<Word>()) as u16;
        Spot { block: bytes(self.block()), word: bytes(self.offset()) }
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

/// Where a sum's row is, for a record that asks no questions: in bytes, so that nothing is left to be multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    /// From the first short cut to that to the row's block.
    block: u16,
    /// From the block's beginning to the row.
    word: u16,
}

// Of the last block and the last word of one there are bytes that can be said.
const _: () = assert!(MOST_BLOCK_WORDS * size_of::<Word>() <= u16::MAX as usize);
const _: () = assert!(SHORT_BLOCKS * size_of::<Word>() <= u16::MAX as usize);

impl Spot {
    /// No row's: no short cut leads there, for there is no block 0.
    pub(crate) const NOWHERE: Spot = Spot { block: 0, word: 0 };

    #[inline(always)]
    pub(super) fn block_bytes(self) -> usize {
        usize::from(self.block)
    }

    #[inline(always)]
    pub(super) fn word_bytes(self) -> usize {
        usize::from(self.word)
    }

    /// The row that is there.
    pub(crate) fn row(self) -> Option<Row> {
        let place = |bytes: u16| usize::from(bytes) / size_of::<Word>();
        if self == Spot::NOWHERE { None } else { Row::new(place(self.block), place(self.word)) }
    }

    /// For words that other things share, where zero means that there is none.
    pub(crate) fn to_bits(self) -> u32 {
        u32::from(self.word) << u16::BITS | u32::from(self.block)
    }

    /// The inverse of [`to_bits`](Self::to_bits). What is needed first is in the lower half: so no copy is made for it.
    #[inline(always)]
    pub(crate) fn from_bits(bits: u32) -> Self {
        Spot { block: bits as u16, word: (bits >> u16::BITS) as u16 }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_spot_is_as_good_as_the_row_that_it_is_of() {
        for block in 1..SHORT_BLOCKS {
            for offset in [0, 1, 7, MOST_BLOCK_WORDS - 1] {
                let row = Row::new(block, offset).unwrap();
                let spot = row.spot();
                assert_eq!(spot.row(), Some(row));
                assert_eq!(Spot::from_bits(spot.to_bits()), spot);
                assert_ne!(spot, Spot::NOWHERE);
            }
        }
        assert_eq!(Row::new(SHORT_BLOCKS, 0).unwrap().spot(), Spot::NOWHERE);
        assert_eq!((Spot::NOWHERE.to_bits(), Spot::NOWHERE.row()), (0, None));
    }
}
