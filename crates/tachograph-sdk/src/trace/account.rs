use std::fmt;

use super::tail::TailAccount;
use crate::pipeline::Ledger;

/// What became of a provider's spans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceAccount {
    /// Spans that started, those included that were not sampled.
    pub started: u64,
    /// Spans that started sampled.
    pub sampled: u64,
    /// Spans that started to be recorded and not exported.
    pub recorded_only: u64,
    /// Recorded spans that ended.
    pub ended: u64,
    /// Calls on spans of the API that had ended, which had no effect.
    pub after_end: u64,
    /// Values of spans that ended which were cut, or not set over an older one, for want of room; see
    /// [`SpanLimits::bytes`](super::SpanLimits::bytes).
    pub truncated: u64,
    /// Spans that never started because too many lived at once; see
    /// [`Tracer::count_refused`](super::Tracer::count_refused).
    pub refused: u64,
    /// What tail sampling decided, where there is any. Exporters are given only what it kept.
    pub tail: Option<TailAccount>,
    /// For each exporter, its kind and what became of the spans that ended for it.
    pub exports: Vec<(&'static str, Ledger)>,
}

impl TraceAccount {
    /// Recorded spans that have not ended.
    pub fn live(&self) -> u64 {
        (self.sampled + self.recorded_only).saturating_sub(self.ended)
    }
}

impl fmt::Display for TraceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TraceAccount { started, sampled, ended, .. } = self;
        write!(f, "traces: {started} spans started, {sampled} sampled, {ended} ended")?;
        if self.refused > 0 {
            write!(f, ", {} refused since too many lived at once", self.refused)?;
        }
        if self.truncated > 0 {
            write!(f, ", {} values cut for want of room", self.truncated)?;
        }
        if let Some(tail) = &self.tail {
            write!(f, "; tail sampling: {tail}")?;
        }
        for (component, ledger) in &self.exports {
            write!(f, "; {component}: {ledger}")?;
        }
        Ok(())
    }
}
