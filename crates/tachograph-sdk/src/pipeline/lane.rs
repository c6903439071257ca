//! What a thread has recorded and not yet handed to the queue.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::batch::Piece;
use crate::sync::{QuickGuard, QuickLock};

/// How many pipelines' lanes a thread keeps before it looks for those that are closed.
const KEPT: usize = 8;

/// A thread's own buffer. Its thread appends to it; the worker takes from it what is there, at any
/// time and without the thread's help. Nobody else locks it, and neither holds the lock for longer
/// than it takes to append a record or to exchange a buffer, so that the lock is as good as free.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) state: QuickLock<LaneState>,
}

#[derive(Debug, Default)]
pub(super) struct LaneState {
    /// Whole records, and beyond `used` what was there before, which is written over. Its length is what the queue gave it; zero
    /// where it has none.
    pub(super) buffer: Vec<u8>,
    pub(super) used: usize,
    pub(super) records: usize,
    pub(super) counts: LaneCounts,
    /// Nothing is taken any more.
    pub(super) closed: bool,
    /// The thread has ended.
    pub(super) orphaned: bool,
    /// The worker found it empty the last time.
    pub(super) idle: bool,
}

/// What a lane took and what it did not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LaneCounts {
    pub(super) appended: u64,
    pub(super) full: u64,
    pub(super) after_shutdown: u64,
}

impl LaneCounts {
    pub(super) fn add(&mut self, other: LaneCounts) {
        self.appended += other.appended;
        self.full += other.full;
        self.after_shutdown += other.after_shutdown;
    }
}

/// A thread's hold on a lane of its own.
pub(super) struct Held {
    queue: u64,
    pub(super) lane: Arc<Lane>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.lane.state.lock().orphaned = true;
    }
}

/// A lane that is locked, and has room for a record.
pub(crate) struct OpenLane<'a>(pub(super) QuickGuard<'a, LaneState>);

impl LaneState {
    /// Takes another buffer, and gives the one that it had, with the records in it.
    pub(super) fn exchange(&mut self, fresh: Vec<u8>) -> Piece {
        let full = std::mem::replace(&mut self.buffer, fresh);
        Piece::whole(full, std::mem::take(&mut self.used), std::mem::take(&mut self.records))
    }
}

impl OpenLane<'_> {
    /// All the place there is, at the start of which the record goes.
    #[inline(always)]
    pub(crate) fn place(&mut self) -> &mut [u8] {
        let LaneState { buffer, used, .. } = &mut *self.0;
        buffer.get_mut(*used..).unwrap_or_default()
    }

    /// Counts the record of so many bytes that was put there, and lets the lane go.
    #[inline(always)]
    pub(crate) fn appended(mut self, len: usize) {
        self.0.used += len;
        self.0.records += 1;
        self.0.counts.appended += 1;
    }
}

/// A thread's lane of one queue: in a place of who records on the thread for that queue and no other, who finds it there without
/// looking.
#[derive(Default)]
pub(crate) struct OwnLane(OnceCell<Held>);

impl OwnLane {
    /// The lane, which `make` makes the first time.
    #[inline(always)]
    pub(super) fn of(&self, queue: u64, make: impl FnOnce() -> Arc<Lane>) -> &Lane {
        let held = self.0.get_or_init(|| Held { queue, lane: make() });
        debug_assert_eq!(held.queue, queue, "a place for a lane is one queue's");
        &held.lane
    }
}

thread_local! {
    static LANES: RefCell<Vec<Rc<Held>>> = const { RefCell::new(Vec::new()) };
}

/// This thread's lane of a queue, which `make` makes if there is none; `None` where the thread is being
/// destroyed.
#[inline]
pub(super) fn own(queue: u64, make: impl FnOnce() -> Arc<Lane>) -> Option<Rc<Held>> {
    LANES
        .try_with(|lanes| {
            let mut lanes = lanes.try_borrow_mut().ok()?;
            if let Some(held) = lanes.iter().find(|held| held.queue == queue) {
                return Some(Rc::clone(held));
            }
            if lanes.len() >= KEPT {
                lanes.retain(|held| !held.lane.state.lock().closed);
            }
            let held = Rc::new(Held { queue, lane: make() });
            lanes.push(Rc::clone(&held));
            Some(held)
        })
        .ok()
        .flatten()
}
