use std::num::NonZeroU64;

use crate::sync::AtomicU64;

/// A cell's word.
pub(super) type Word = AtomicU64;

/// Where a row is: a block, and a word within it. The same in every slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row(NonZeroU64);

impl Row {
    /// Block numbers begin at one, which keeps the whole from being zero.
    pub(super) fn new(block: u32, offset: u32) -> Option<Self> {
        NonZeroU64::new(u64::from(block) << 32 | u64::from(offset)).map(Row)
    }

    #[inline]
    pub(super) fn block(self) -> usize {
        (self.0.get() >> 32) as usize
    }

    #[inline]
    pub(super) fn offset(self) -> usize {
        self.0.get() as u32 as usize
    }

    /// For a table of atomics, where zero means that there is no row.
    pub(crate) fn to_bits(row: Row) -> u64 {
        row.0.get()
    }

    /// The inverse of [`to_bits`](Self::to_bits).
    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Option<Row> {
        NonZeroU64::new(bits).map(Row)
    }
}
