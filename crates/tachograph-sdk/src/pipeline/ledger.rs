use std::fmt;

/// Why a record was dropped, as `otel.sdk.*` metrics say it in `error.type`.
pub mod reason {
    /// The queue, or the pipeline's memory, was full.
    pub const QUEUE_FULL: &str = "queue_full";
    /// The pipeline was shut down before, or could not be started at all.
    pub const ALREADY_SHUTDOWN: &str = "already_shutdown";
    /// The exporter panicked.
    pub const EXPORTER_PANICKED: &str = "exporter_panicked";
    /// The pipeline's own worker panicked: a defect of this crate.
    pub const WORKER_PANICKED: &str = "worker_panicked";
    /// The deadline of the shutdown passed before it could be exported.
    pub const SHUTDOWN_TIMEOUT: &str = "shutdown_timeout";
    /// An exporter made or ended telemetry while it exported, to be exported by itself.
    pub const REENTRANT: &str = "reentrant";
    /// The trace was not kept by tail sampling.
    pub const NOT_KEPT: &str = "tail_sampled";
    /// The exporter did not say why.
    pub const UNKNOWN: &str = "unknown";
}

/// How many reasons are told apart; further ones count as [`reason::UNKNOWN`].
const REASONS: usize = 32;

/// What became of every record: created = exported + dropped + queued, exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ledger {
    /// Records that were handed to the pipeline.
    pub created: u64,
    /// Records that the exporter took.
    pub exported: u64,
    /// Records that were dropped, by reason, each reason once.
    pub dropped: Dropped,
    /// Records that are neither: they wait, or are being exported now.
    pub queued: u64,
}

impl Ledger {
    /// Whether every record is accounted for. It always is; this is for tests.
    pub fn is_balanced(&self) -> bool {
        self.created == self.exported + self.dropped.total() + self.queued
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} created, {} exported, {} dropped", self.created, self.exported, self.dropped.total())?;
        for (index, (reason, count)) in self.dropped.iter().enumerate() {
            write!(f, "{}{count} {reason}", if index == 0 { " (" } else { ", " })?;
        }
        if self.dropped.total() > 0 {
            write!(f, ")")?;
        }
        write!(f, ", {} queued", self.queued)
    }
}

/// Counts of dropped records, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped(Vec<(&'static str, u64)>);

impl Dropped {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Those dropped for one reason.
    pub fn of(&self, reason: &str) -> u64 {
        self.0.iter().filter(|(known, _)| *known == reason).map(|(_, count)| count).sum()
    }

    /// Each reason and its count, in the order in which they first came up.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.0.iter().copied()
    }

    pub(crate) fn add(&mut self, reason: &'static str, count: u64) {
        if count == 0 {
            return;
        }
        let reason = if reason.is_empty() { reason::UNKNOWN } else { reason };
        if let Some((_, known)) = self.0.iter_mut().find(|(known, _)| *known == reason) {
            *known += count;
        } else if self.0.len() < REASONS || reason == reason::UNKNOWN {
            self.0.push((reason, count));
        } else {
            self.add(reason::UNKNOWN, count);
        }
    }
}
