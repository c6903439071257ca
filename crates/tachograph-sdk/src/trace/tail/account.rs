use std::fmt;

use crate::pipeline::Ledger;

/// What tail sampling decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TailAccount {
    /// Traces kept because of an error.
    pub erroneous: u64,
    /// Traces kept because they were slow.
    pub slow: u64,
    /// Traces kept because they were marked.
    pub marked: u64,
    /// Traces kept by the ratio.
    pub by_ratio: u64,
    /// Traces that were not kept.
    pub dropped: u64,
    /// Of all of these, those that were decided before they were over: for want of room, or because of the shutdown.
    pub early: u64,
    /// Traces that are held now: not over, or not known to be.
    pub held_traces: u64,
    /// Bytes of the buffers with their spans that have ended.
    pub held_bytes: u64,
    /// Spans that came, were handed on (`exported`), dropped with their trace, and are held (`queued`).
    pub spans: Ledger,
}

impl TailAccount {
    /// Traces that were kept.
    pub fn kept(&self) -> u64 {
        self.erroneous + self.slow + self.marked + self.by_ratio
    }
}

impl fmt::Display for TailAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TailAccount { erroneous, slow, marked, by_ratio, dropped, early, spans, .. } = self;
        write!(
            f,
            "{} traces kept ({erroneous} erroneous, {slow} slow, {marked} marked, {by_ratio} by ratio), {dropped} not, \
             {early} of them early; spans: {spans}",
            self.kept()
        )
    }
}
