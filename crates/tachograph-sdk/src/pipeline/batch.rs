use std::fmt;

use super::record::{Record, length};

/// Records as bytes, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// The buffer, whose length is what it can hold.
    pub(crate) bytes: Vec<u8>,
    /// Where the records that are left begin, where those of the batch end, and where the last one does.
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) end: usize,
    /// How many records there are from `from` to `to`.
    pub(crate) records: usize,
    /// How many there are from `to` to `end`.
    pub(crate) rest: usize,
}

impl Piece {
    /// The records in the first `used` bytes of a buffer.
    pub(crate) fn whole(bytes: Vec<u8>, used: usize, records: usize) -> Self {
        Piece { bytes, from: 0, to: used, end: used, records, rest: 0 }
    }

    /// Appends records, if the buffer has room for them and none of it belongs to a batch; says whether it did.
    pub(crate) fn append(&mut self, bytes: &[u8], records: usize) -> bool {
        let Some(place) = self.bytes.get_mut(self.end..self.end + bytes.len()) else {
            return false;
        };
        place.copy_from_slice(bytes);
        self.end += bytes.len();
        self.to = self.end;
        self.records += records;
        true
    }

    fn part(&self) -> &[u8] {
        self.bytes.get(self.from..self.to).unwrap_or_default()
    }
}

/// Records that are to be exported, in the order in which each thread ended them.
///
/// They are read in place, from the buffers that they were recorded in.
pub struct Batch<'a, R: Record> {
    pieces: &'a [Piece],
    shared: &'a R::Shared,
    records: usize,
}

impl<'a, R: Record> Batch<'a, R> {
    pub(crate) fn new(pieces: &'a [Piece], shared: &'a R::Shared) -> Self {
        Batch { pieces, shared, records: pieces.iter().map(|piece| piece.records).sum() }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records
    }

    /// Whether there are none. Exporters are never called with such a batch.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// How many bytes the records take in the engine's own form: a hint of the size of what they
    /// are encoded to, nothing more.
    pub fn bytes(&self) -> usize {
        self.pieces.iter().map(|piece| piece.part().len()).sum()
    }

    /// What all the records have in common.
    pub fn shared(&self) -> &'a R::Shared {
        self.shared
    }

    /// The records.
    pub fn iter(&self) -> Records<'a, R> {
        Records { pieces: self.pieces.iter(), rest: &[], shared: self.shared, left: self.records }
    }
}

impl<R: Record> Clone for Batch<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: Record> Copy for Batch<'_, R> {}

impl<'a, R: Record> IntoIterator for Batch<'a, R> {
    type Item = R::View<'a>;
    type IntoIter = Records<'a, R>;

    fn into_iter(self) -> Records<'a, R> {
        self.iter()
    }
}

impl<'a, R: Record> IntoIterator for &Batch<'a, R> {
    type Item = R::View<'a>;
    type IntoIter = Records<'a, R>;

    fn into_iter(self) -> Records<'a, R> {
        self.iter()
    }
}

impl<R: Record> fmt::Debug for Batch<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("signal", &R::NAME)
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}

/// The records of a [`Batch`].
pub struct Records<'a, R: Record> {
    pieces: std::slice::Iter<'a, Piece>,
    rest: &'a [u8],
    shared: &'a R::Shared,
    left: usize,
}

impl<'a, R: Record> Iterator for Records<'a, R> {
    type Item = R::View<'a>;

    fn next(&mut self) -> Option<R::View<'a>> {
        while self.rest.is_empty() {
            self.rest = self.pieces.next()?.part();
        }
        let (record, rest) = self.rest.split_at_checked(length(self.rest))?;
        self.rest = rest;
        self.left = self.left.saturating_sub(1);
        Some(R::view(record, self.shared))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<R: Record> ExactSizeIterator for Records<'_, R> {}

impl<R: Record> fmt::Debug for Records<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("left", &self.left).finish_non_exhaustive()
    }
}
