//! Memory for buckets that grows with the range of what is recorded.
#![allow(unsafe_code)]

use std::ptr;

use super::lines::{Lines, zeroed};
use super::row::Word;
use crate::sync::{Mutex, Ordering, lock};

/// Words in a chunk that extents are cut from; a wider extent has a chunk to itself.
const CHUNK_WORDS: usize = if cfg!(loom) { 16 } else { 512 };

/// The narrowest extent.
const LEAST_WORDS: usize = if cfg!(loom) { 2 } else { 8 };

/// Consecutive buckets of one histogram, in one slab.
///
/// The first word has the number of buckets, and the index of the first of them. Memory may serve another
/// histogram later, in pieces too, but is not freed: so a reader who follows an address that has just been
/// replaced reads words of this slab, and finds out by the row's sequence number that they are not meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent(*const Word);

// SAFETY: it refers to atomics that live as long as their slab; who may write them is said by their row.
unsafe impl Send for Extent {}

impl Extent {
    /// The extent whose address a cell of a row has, if it has one.
    #[inline(always)]
    pub(super) fn load(cell: &Word, order: Ordering) -> Option<Self> {
        let address = cell.load(order) as usize;
        (address != 0).then(|| Extent(ptr::with_exposed_provenance(address)))
    }

    /// Leaves the address in a cell of a row, so that who loads it (acquire) sees an extent.
    pub(super) fn store(self, cell: &Word) {
        cell.store(self.0.expose_provenance() as u64, Ordering::Release);
    }

    /// How many buckets there are, and the index of the first.
    #[inline(always)]
    pub(super) fn shape(self) -> (usize, i32) {
        // SAFETY: an extent has this word.
        let shape = unsafe { &*self.0 }.load(Ordering::Relaxed);
        ((shape >> 32) as usize, shape as u32 as i32)
    }

    pub(super) fn len(self) -> usize {
        self.shape().0
    }

    /// Says what the index of the first bucket is.
    pub(super) fn set_first(self, index: i32) {
        self.set_shape(self.len(), index);
    }

    fn set_shape(self, len: usize, first: i32) {
        // SAFETY: an extent has this word.
        unsafe { &*self.0 }.store((len as u64) << 32 | u64::from(first as u32), Ordering::Relaxed);
    }

    /// A bucket's count.
    ///
    /// # Safety
    ///
    /// `bucket` is below [`len`](Self::len).
    #[inline(always)]
    pub(super) unsafe fn bucket<'a>(self, bucket: usize) -> &'a Word {
        // SAFETY: the caller's promise; extents live as long as their slab, and slabs as long as rows.
        unsafe { &*self.0.add(1 + bucket) }
    }

    /// All buckets' counts, from the first on.
    pub(super) fn buckets<'a>(self) -> impl DoubleEndedIterator<Item = &'a Word> + ExactSizeIterator {
        // SAFETY: below the length.
        (0..self.len()).map(move |bucket| unsafe { self.bucket(bucket) })
    }
}

/// A slab's extents.
pub(super) struct Extents {
    pool: Mutex<Pool>,
}

struct Pool {
    /// Those that no histogram uses, by their width in words.
    free: Vec<(usize, Vec<Extent>)>,
    /// Everything ever made, to be freed at last.
    chunks: Vec<*mut [Lines]>,
}

// SAFETY: what the raw pointers refer to is owned by the pool, freed only in `Drop`, and consists of atomics.
unsafe impl Send for Pool {}

impl Extents {
    pub(super) fn new() -> Self {
        Extents { pool: Mutex::new(Pool { free: Vec::new(), chunks: Vec::new() }) }
    }

    /// An extent of `len` empty buckets, the first of which has this index; `None` if memory is needed and
    /// `may_take` does not allow so many bytes.
    pub(super) fn take(
        &self,
        len: usize,
        first: i32,
        may_take: impl FnOnce(usize) -> bool,
    ) -> Option<Extent> {
        let extent = lock(&self.pool).take(len + 1, may_take)?;
        extent.set_shape(len, first);
        extent.buckets().for_each(|count| count.store(0, Ordering::Relaxed));
        Some(extent)
    }

    /// How many bytes there are, of all extents together.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        // SAFETY: chunks are freed in `Drop` only.
        lock(&self.pool).chunks.iter().map(|chunk| unsafe { size_of_val(&**chunk) }).sum()
    }

    /// Takes back an extent that its row has no address of any more.
    pub(super) fn give(&self, extent: Extent) {
        lock(&self.pool).put(extent.len() + 1, extent);
    }
}

impl Pool {
    fn take(&mut self, width: usize, may_take: impl FnOnce(usize) -> bool) -> Option<Extent> {
        if let Some(free) = self.of(width).pop() {
            return Some(free);
        }
        // The narrowest that can be cut in two, before memory is taken.
        let whole =
            self.free.iter().filter(|(free, extents)| !extents.is_empty() && *free >= width + LEAST_WORDS);
        let chunk = match whole.map(|(free, _)| *free).min() {
            Some(wider) => (self.of(wider).pop()?, wider),
            None => self.make(width.max(CHUNK_WORDS), may_take)?,
        };
        Some(self.cut(chunk, width))
    }

    /// The first words of a piece of memory; the rest, if it is any use, is kept.
    fn cut(&mut self, (Extent(words), width): (Extent, usize), wanted: usize) -> Extent {
        if width - wanted >= LEAST_WORDS {
            // SAFETY: the piece is that wide.
            let rest = Extent(unsafe { words.add(wanted) });
            rest.set_shape(width - wanted - 1, 0);
            self.put(width - wanted, rest);
        }
        Extent(words)
    }

    fn make(&mut self, words: usize, may_take: impl FnOnce(usize) -> bool) -> Option<(Extent, usize)> {
        if !may_take(words * size_of::<Word>()) {
            return None;
        }
        let chunk = zeroed(words);
        self.chunks.push(chunk);
        Some((Extent(chunk.cast::<Word>()), words))
    }

    fn put(&mut self, width: usize, extent: Extent) {
        self.of(width).push(extent);
    }

    fn of(&mut self, width: usize) -> &mut Vec<Extent> {
        let at = self.free.iter().position(|(known, _)| *known == width).unwrap_or_else(|| {
            self.free.push((width, Vec::new()));
            self.free.len() - 1
        });
        &mut self.free[at].1
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for chunk in self.chunks.drain(..) {
            // SAFETY: it came from `zeroed`, and `&mut self` means that nobody reads it.
            drop(unsafe { Box::from_raw(chunk) });
        }
    }
}
