//! Pages in pieces: what takes memory is one piece.

use std::fmt;
use std::io;

use bytes::Bytes;
use tachograph_sdk::metrics::Collection;

use crate::page::Cursor;
use crate::{Exposition, Format, PrometheusExporter};

/// A piece of text has so many bytes, and those of the series that it ends with.
const TEXT: usize = 64 << 10;

/// Pieces of protobuf are larger: a family that does not fit into one is several messages of one name, which
/// servers read as one, so that it should be rare.
const MESSAGES: usize = 256 << 10;

impl PrometheusExporter {
    /// Collects, and gives the page in pieces: what takes memory is one piece, not the page.
    ///
    /// Runs the callbacks of observable instruments on this thread, now. Values of other instruments are read as
    /// the pieces are made.
    pub fn stream(&self, exposition: impl Into<Exposition>) -> PageStream {
        PageStream::new(self.clone(), exposition.into())
    }

    /// Collects, and writes the page to a writer, piece by piece; see [`stream`](Self::stream). Returns how many bytes
    /// the page has.
    ///
    /// # Errors
    ///
    /// The writer's. The page ends there.
    pub fn copy_to(&self, exposition: impl Into<Exposition>, writer: &mut impl io::Write) -> io::Result<u64> {
        let mut stream = self.stream(exposition);
        let (mut piece, mut written) = (Vec::new(), 0);
        while stream.next_into(&mut piece) {
            writer.write_all(&piece)?;
            written += piece.len() as u64;
        }
        Ok(written)
    }
}

/// A page in pieces, made as they are asked for. See [`PrometheusExporter::stream`].
///
/// A piece of text has 64 KiB and a series, one of protobuf 256 KiB and a series; the last has less. Nothing of
/// them is kept. What there is beyond them is what the callbacks of observable instruments observed, and sums of
/// series that have to be added up.
///
/// In protobuf a family of more than 256 KiB comes as several `MetricFamily` messages of the same name, each with
/// part of the series: the length of a message stands before it, so that it has to be in memory. Prometheus
/// servers read that as one family. [`PrometheusExporter::render`] has one message for each family.
pub struct PageStream {
    exporter: PrometheusExporter,
    collection: Collection,
    exposition: Exposition,
    cursor: Cursor,
    is_done: bool,
}

impl PageStream {
    pub(crate) fn new(exporter: PrometheusExporter, exposition: Exposition) -> Self {
        let collection = exporter.collect(exposition);
        PageStream { exporter, collection, exposition, cursor: Cursor::default(), is_done: false }
    }

    /// Puts the next piece into a buffer, in place of what is there; `false` when there are no more.
    pub fn next_into(&mut self, piece: &mut Vec<u8>) -> bool {
        piece.clear();
        if self.is_done {
            return false;
        }
        let limit = match self.exposition.format() {
            Format::Protobuf => MESSAGES,
            _ => TEXT,
        };
        let flow =
            self.exporter.write_piece(&mut self.cursor, piece, &self.collection, self.exposition, limit);
        self.is_done = flow.is_continue();
        !piece.is_empty()
    }

    /// Whether the pieces so far are the page.
    pub fn is_done(&self) -> bool {
        self.is_done
    }
}

impl Iterator for PageStream {
    type Item = Bytes;

    fn next(&mut self) -> Option<Self::Item> {
        let mut piece = Vec::new();
        self.next_into(&mut piece).then(|| Bytes::from(piece))
    }
}

impl fmt::Debug for PageStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageStream")
            .field("exposition", &self.exposition)
            .field("is_done", &self.is_done)
            .finish_non_exhaustive()
    }
}
