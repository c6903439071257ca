//! What a thread has recorded and not yet handed to the queue.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use crate::sync::{Mutex, lock};

/// How many pipelines' lanes a thread keeps before it looks for those that are closed.
const KEPT: usize = 8;

/// A thread's own buffer. Its thread appends to it; the worker takes from it what is there, at any
/// time and without the thread's help. Nobody else locks it, and neither holds the lock for longer
/// than it takes to append a record or to exchange a buffer, so that the lock is as good as free.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) state: Mutex<LaneState>,
}

#[derive(Debug, Default)]
pub(super) struct LaneState {
    /// Whole records. Its capacity is what the queue gave it; zero where it has none.
    pub(super) buffer: Vec<u8>,
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
        lock(&self.lane.state).orphaned = true;
    }
}

/// A thread's lane of the first queue that asked for it: in a place of who records on the thread, who finds it there without
/// looking.
#[derive(Default)]
pub(crate) struct OwnLane(pub(super) OnceCell<Held>);

impl OwnLane {
    /// The lane of a queue, which `make` makes for the first one that asks; `None` for others.
    #[inline(always)]
    pub(super) fn of(&self, queue: u64, make: impl FnOnce() -> Arc<Lane>) -> Option<&Lane> {
        match self.0.get() {
            Some(held) if held.queue == queue => Some(&held.lane),
            Some(_) => None,
            None => self.make(queue, make),
        }
    }

    #[cold]
    #[inline(never)]
    fn make(&self, queue: u64, make: impl FnOnce() -> Arc<Lane>) -> Option<&Lane> {
        let _ = self.0.set(Held { queue, lane: make() });
        self.0.get().map(|held| &*held.lane)
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
                lanes.retain(|held| !lock(&held.lane.state).closed);
            }
            let held = Rc::new(Held { queue, lane: make() });
            lanes.push(Rc::clone(&held));
            Some(held)
        })
        .ok()
        .flatten()
}
