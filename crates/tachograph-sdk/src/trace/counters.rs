//! How many spans started and ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sync::{Mutex, lock};

/// Sampling results by origins of the parent.
const STARTED: usize = 9;

/// What happened to spans so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SpanCounts {
    /// By [`started_index`].
    pub(crate) started: [u64; STARTED],
    /// Recorded spans that ended.
    pub(crate) ended: u64,
}

/// Where a started span is counted: `result` is 0 dropped, 1 recorded only, 2 sampled; `origin` is 0 without a parent, 1
/// with one in this process, 2 with one in another.
#[inline]
pub(crate) fn started_index(result: usize, origin: usize) -> usize {
    result * 3 + origin
}

impl SpanCounts {
    /// Spans of a sampling result, whatever their parent's origin.
    pub(crate) fn of_result(&self, result: usize) -> u64 {
        self.started.iter().skip(result * 3).take(3).sum()
    }

    fn add(&mut self, other: &Cells) {
        for (sum, cell) in self.started.iter_mut().zip(&other.started) {
            *sum += cell.load(Ordering::Relaxed);
        }
        self.ended += other.ended.load(Ordering::Relaxed);
    }
}

/// Counters that one thread writes, and everyone may read.
#[derive(Debug, Default)]
struct Cells {
    started: [AtomicU64; STARTED],
    ended: AtomicU64,
}

/// The counters of all threads.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    threads: Mutex<Threads>,
    /// For threads that are being destroyed, and for what is rare.
    shared: Cells,
    /// Calls on spans that had ended.
    pub(crate) after_end: AtomicU64,
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
        sum
    }

    /// Counts for a thread that has no counters of its own.
    pub(crate) fn started_elsewhere(&self, index: usize) {
        if let Some(cell) = self.shared.started.get(index) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn ended_elsewhere(&self) {
        self.shared.ended.fetch_add(1, Ordering::Relaxed);
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
    pub(crate) fn started(&self, index: usize) {
        if let Some(cell) = self.own.started.get(index) {
            increment(cell);
        }
    }

    #[inline]
    pub(crate) fn ended(&self) {
        increment(&self.own.ended);
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
