//! How far a family has come on the page.

use std::sync::atomic::Ordering;

use crate::Format;
use crate::family::Family;
use crate::merge::Total;
use crate::wire::Delimited;

/// What there is of a family on the page beside its series.
#[derive(Default)]
pub(super) struct Progress {
    /// Whether what stands before the series is there: comments, or in protobuf the beginning of a message. It waits for the
    /// first of them: no series, no comments either.
    has_begun: bool,
    /// In protobuf. It is ended with the piece; the next piece begins another.
    message: Option<Delimited>,
    /// The sums of series that are added up, by their numbers; each is taken where its first series is. Read when
    /// the family begins.
    pub(super) totals: Option<Vec<Option<Total>>>,
    pub(super) has_reported: bool,
}

impl Progress {
    /// Before a series.
    #[inline(always)]
    pub(super) fn begin(&mut self, out: &mut Vec<u8>, family: &Family, format: Format) {
        if !self.has_begun {
            self.begin_now(out, family, format);
        }
    }

    #[inline(never)]
    fn begin_now(&mut self, out: &mut Vec<u8>, family: &Family, format: Format) {
        self.has_begun = true;
        if format == Format::Protobuf {
            self.message = Some(Delimited::begin(out, family.message_len.load(Ordering::Relaxed)));
        }
        out.extend_from_slice(family.comments(format));
    }

    /// At the end of the family or of the piece.
    pub(super) fn end_message(&mut self, out: &mut Vec<u8>, family: &Family) {
        if let Some(message) = self.message.take() {
            family.message_len.store(message.end(out), Ordering::Relaxed);
            self.has_begun = false;
        }
    }
}
