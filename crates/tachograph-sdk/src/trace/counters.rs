//! How many spans started and ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sync::{Mutex, lock};

/// What was decided about a span when it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SamplingOutcome {
    Drop,
    RecordOnly,
    RecordAndSample,
}

impl SamplingOutcome {
    pub(crate) const ALL: [Self; 3] = [Self::Drop, Self::RecordOnly, Self::RecordAndSample];

    /// As `otel.span.sampling_result` has it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            SamplingOutcome::Drop => "DROP",
            SamplingOutcome::RecordOnly => "RECORD_ONLY",
            SamplingOutcome::RecordAndSample => "RECORD_AND_SAMPLE",
        }
    }

    /// That of a span that records.
    pub(crate) fn recorded(is_sampled: bool) -> Self {
        if is_sampled { SamplingOutcome::RecordAndSample } else { SamplingOutcome::RecordOnly }
    }
}

/// Where a span's parent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParentOrigin {
    None,
    Local,
    Remote,
}

impl ParentOrigin {
    pub(crate) const ALL: [Self; 3] = [Self::None, Self::Local, Self::Remote];

    /// As `otel.span.parent.origin` has it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ParentOrigin::None => "none",
            ParentOrigin::Local => "local",
            ParentOrigin::Remote => "remote",
        }
    }
}

/// Outcomes by origins.
const STARTED: usize = 9;
const OUTCOMES: usize = 3;

/// What happened to spans so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SpanCounts {
    started: [u64; STARTED],
    /// Recorded spans that ended, by outcome.
    ended: [u64; OUTCOMES],
    /// Values of spans that ended which were cut for want of room.
    pub(crate) truncated: u64,
    /// Spans that their callers had no place for.
    pub(crate) refused: u64,
}

#[inline]
fn index(outcome: SamplingOutcome, origin: ParentOrigin) -> usize {
    outcome as usize * 3 + origin as usize
}

impl SpanCounts {
    /// Spans that started with an outcome, under a parent of an origin.
    pub(crate) fn started(&self, outcome: SamplingOutcome, origin: ParentOrigin) -> u64 {
        self.started[index(outcome, origin)]
    }

    /// Spans that started with an outcome.
    pub(crate) fn started_as(&self, outcome: SamplingOutcome) -> u64 {
        ParentOrigin::ALL.iter().map(|origin| self.started(outcome, *origin)).sum()
    }

    /// Recorded spans that ended.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.iter().sum()
    }

    /// Recorded spans of an outcome that live. Below zero while spans that got another parent late, and with it another
    /// outcome, are not balanced by others.
    pub(crate) fn live(&self, outcome: SamplingOutcome) -> i64 {
        self.started_as(outcome) as i64 - self.ended[outcome as usize] as i64
    }

    fn add(&mut self, other: &Cells) {
        let sums = self.started.iter_mut().chain(&mut self.ended);
        for (sum, cell) in sums.zip(other.started.iter().chain(&other.ended)) {
            *sum += cell.load(Ordering::Relaxed);
        }
    }
}

/// Counters that one thread writes, and everyone may read.
#[derive(Debug, Default)]
struct Cells {
    started: [AtomicU64; STARTED],
    ended: [AtomicU64; OUTCOMES],
}

/// The counters of all threads.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    threads: Mutex<Threads>,
    /// For threads that are being destroyed, and for what is rare.
    shared: Cells,
    /// Calls on spans that had ended.
    pub(crate) after_end: AtomicU64,
    /// Values of spans that ended which were cut for want of room.
    pub(crate) truncated: AtomicU64,
    /// Spans that their callers had no place for.
    pub(crate) refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Threads {
    cells: Vec<Arc<Cells>>,
    /// Those of threads that have ended.
    retired: SpanCounts,
}

impl Counters {
    pub(crate) fn sum(&self) -> SpanCounts {
        let threads = lock(&self.threads);
        let mut sum = threads.retired;
        threads.cells.iter().for_each(|cells| sum.add(cells));
        sum.add(&self.shared);
        sum.truncated = self.truncated.load(Ordering::Relaxed);
        sum.refused = self.refused.load(Ordering::Relaxed);
        sum
    }

    /// Counts for a thread that has no counters of its own.
    pub(crate) fn started_elsewhere(&self, outcome: SamplingOutcome, origin: ParentOrigin) {
        self.shared.started[index(outcome, origin)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn ended_elsewhere(&self, outcome: SamplingOutcome) {
        self.shared.ended[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// A thread's own counters, which count on for it when it ends.
#[derive(Debug)]
pub(crate) struct ThreadCounters {
    all: Arc<Counters>,
    own: Arc<Cells>,
}

impl ThreadCounters {
    pub(crate) fn new(all: &Arc<Counters>) -> Self {
        let own = Arc::<Cells>::default();
        lock(&all.threads).cells.push(Arc::clone(&own));
        ThreadCounters { all: Arc::clone(all), own }
    }

    #[inline]
    pub(crate) fn started(&self, outcome: SamplingOutcome, origin: ParentOrigin) {
        increment(&self.own.started[index(outcome, origin)]);
    }

    #[inline]
    pub(crate) fn ended(&self, outcome: SamplingOutcome) {
        increment(&self.own.ended[outcome as usize]);
    }
}

/// Adds one to a counter that this thread alone writes.
#[inline(always)]
fn increment(cell: &AtomicU64) {
    cell.store(cell.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

impl Drop for ThreadCounters {
    fn drop(&mut self) {
        let mut threads = lock(&self.all.threads);
        threads.retired.add(&self.own);
        threads.cells.retain(|cells| !Arc::ptr_eq(cells, &self.own));
    }
}
