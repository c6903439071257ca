//! The bounded queue between those who record and the worker who exports.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64 as StdAtomicU64, Ordering as StdOrdering};

use super::batch::Piece;
use super::config::BatchConfig;
use super::deadline::Deadline;
use super::lane::{self, Lane, LaneCounts, LaneState, OpenLane, OwnLane};
use super::ledger::{Dropped, Ledger, reason};
use super::record::length;
use crate::sync::{AtomicUsize, Condvar, Mutex, MutexGuard, Ordering, QuickGuard, lock};

/// Numbers queues from one.
static QUEUES: StdAtomicU64 = StdAtomicU64::new(1);

thread_local! {
    /// The queue whose worker this thread is; zero where it is none. Without a destructor, so that it can be
    /// asked at any time.
    static WORKER_OF: Cell<u64> = const { Cell::new(0) };
}

/// Records as bytes, from many threads to one worker, within bounds of items and bytes.
///
/// # Protocol
///
/// A thread appends to its own [`Lane`] under the lane's lock, which only the worker ever takes beside it, to
/// exchange the buffer or to copy a few records. A full buffer is handed to `inner` whole, for an empty one.
/// Where `inner` has no room the buffer stays in the lane, and what comes then is dropped and counted.
///
/// Locks are taken in this order: `lanes`, one lane's, `inner`; never two lanes'.
///
/// # The ledger
///
/// Each lane counts what it took and refused under its lock; the worker counts what it exported and
/// dropped under `inner`'s. What is queued is the difference. A lane whose thread has ended is emptied, its
/// counts are added to `retired`, and it goes: its records cannot be lost, nor counted twice.
#[derive(Debug)]
pub(super) struct Queue {
    id: u64,
    pub(super) config: BatchConfig,
    /// How many records a thread gathers at most before it hands them over.
    lane_records: usize,
    /// How many records must wait for the worker to be woken: a batch, or a quarter of a queue that holds many. What waits in a
    /// large queue has time, and waking a thread costs as much as recording many spans.
    pub(super) wake_at: usize,
    /// Not zero since somebody found no room, until the worker has made some: while the exporter hangs, threads drop without
    /// asking `inner`, whose lock they would fight for. A hint; what counts is counted under locks.
    full: AtomicUsize,
    lanes: Mutex<Lanes>,
    pub(super) inner: Mutex<Inner>,
    /// Tells the worker that there is something to do.
    pub(super) work: Condvar,
    /// Tells those who flush that the worker has done something.
    pub(super) done: Condvar,
}

#[derive(Debug, Default)]
struct Lanes {
    open: Vec<Arc<Lane>>,
    /// For threads that are being destroyed.
    shared: Arc<Lane>,
    retired: LaneCounts,
    closed: bool,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pieces: VecDeque<Piece>,
    /// Records in `pieces`.
    pub(super) records: usize,
    /// Records that were ever pushed to `pieces`, and popped from them.
    pub(super) pushed: u64,
    pub(super) popped: u64,
    spares: Vec<Vec<u8>>,
    /// The fewest spares since they were trimmed.
    unused: usize,
    /// Bytes of all buffers: lanes', pieces', spares and those that the worker has.
    bytes: usize,
    pub(super) exported: u64,
    pub(super) dropped: Dropped,
    /// Records that the exporter has now.
    pub(super) in_flight: usize,
    /// Records that were given to the exporter.
    pub(super) processed: u64,
    pub(super) flushes_wanted: u64,
    pub(super) flushes_done: u64,
    pub(super) shutdown: Option<Deadline>,
    pub(super) finished: bool,
    /// The worker waits, and is to be notified.
    pub(super) worker_waits: bool,
    /// Somebody had to drop: export even if there is less than a batch.
    pub(super) pressure: bool,
}

impl Queue {
    pub(super) fn new(config: BatchConfig) -> Self {
        Queue {
            id: QUEUES.fetch_add(1, StdOrdering::Relaxed),
            lane_records: config.max_export_batch_size,
            wake_at: config.max_export_batch_size.max(config.max_queue_size / 4),
            config,
            full: AtomicUsize::new(0),
            lanes: Mutex::default(),
            inner: Mutex::default(),
            work: Condvar::default(),
            done: Condvar::default(),
        }
    }

    /// Makes this thread the queue's worker.
    pub(super) fn enter_worker(&self) {
        WORKER_OF.set(self.id);
    }

    pub(super) fn is_worker(&self) -> bool {
        WORKER_OF.get() == self.id
    }

    /// Takes a record of `len` bytes that `write` puts at the start of what it is given; says whether it was taken.
    #[inline]
    pub(super) fn push(&self, len: usize, write: impl FnOnce(&mut [u8])) -> bool {
        let (own, shared);
        let lane = match lane::own(self.id, || self.new_lane()) {
            Some(held) => {
                own = held;
                &own.lane
            }
            None => {
                shared = Arc::clone(&lock(&self.lanes).shared);
                &shared
            }
        };
        self.push_to(lane, len, write)
    }

    /// As [`push`](Self::push), by a thread that has a place for its lane: a place for a record of `len` bytes, where the
    /// caller puts it before it says so by [`OpenLane::appended`]; `None` where it was not taken. In two parts, so that they are compiled
    /// into the caller.
    #[inline(always)]
    pub(super) fn open<'a>(&self, own: &'a OwnLane, len: usize) -> Option<OpenLane<'a>> {
        self.room_in(own.of(self.id, || self.new_lane()), len).map(OpenLane)
    }

    #[inline]
    pub(super) fn push_to(&self, lane: &Lane, len: usize, write: impl FnOnce(&mut [u8])) -> bool {
        let Some(mut open) = self.room_in(lane, len).map(OpenLane) else {
            return false;
        };
        write(open.place());
        open.appended(len);
        true
    }

    /// A lane with room for a record.
    #[inline(always)]
    fn room_in<'a>(&self, lane: &'a Lane, len: usize) -> Option<QuickGuard<'a, LaneState>> {
        let mut state = lane.state.lock();
        let room = state.buffer.len() - state.used;
        if (room < len || state.records >= self.lane_records || state.closed)
            && !self.make_room(&mut state, len)
        {
            return None;
        }
        Some(state)
    }

    #[cold]
    fn make_room(&self, state: &mut LaneState, len: usize) -> bool {
        if state.closed {
            state.counts.after_shutdown += 1;
            return false;
        }
        if state.records > 0 && self.full.load(Ordering::Relaxed) != 0 {
            state.counts.full += 1;
            return false;
        }
        let mut inner = lock(&self.inner);
        let has_room = state.records == 0 || inner.records + state.records <= self.config.max_queue_size;
        let fresh = if has_room { inner.take_buffer(len, &self.config) } else { None };
        let Some(fresh) = fresh else {
            state.counts.full += 1;
            inner.pressure = true;
            self.full.store(1, Ordering::Relaxed);
            self.wake(inner);
            return false;
        };
        let full = state.exchange(fresh);
        if full.records == 0 {
            inner.give_back(full.bytes, &self.config);
        } else {
            inner.push(full);
            if inner.records >= self.wake_at {
                self.wake(inner);
            }
        }
        true
    }

    /// Wakes the worker if it sleeps: notifying costs a system call. The lock is released before, so that the worker does not
    /// wake up only to wait for it.
    pub(super) fn wake(&self, mut inner: MutexGuard<'_, Inner>) {
        let waits = std::mem::take(&mut inner.worker_waits);
        drop(inner);
        if waits {
            self.work.notify_one();
        }
    }

    /// Says that there is room again; the worker does, after each time that it took something out or gave something back.
    pub(super) fn has_room(&self) {
        self.full.store(0, Ordering::Relaxed);
    }

    pub(super) fn new_lane(&self) -> Arc<Lane> {
        let lane = Arc::<Lane>::default();
        let mut lanes = lock(&self.lanes);
        if lanes.closed {
            lane.state.lock().closed = true;
        }
        lanes.open.push(Arc::clone(&lane));
        lane
    }

    /// Takes what every lane has, lets those of ended threads go, and buffers of idle ones.
    pub(super) fn drain(&self, into: &mut VecDeque<Piece>) {
        let mut lanes = lock(&self.lanes);
        let Lanes { open, shared, retired, .. } = &mut *lanes;
        self.drain_lane(&mut shared.state.lock(), into);
        open.retain(|lane| {
            let mut state = lane.state.lock();
            self.drain_lane(&mut state, into);
            if state.orphaned {
                retired.add(state.counts);
                let empty = state.exchange(Vec::new());
                lock(&self.inner).give_back(empty.bytes, &self.config);
            }
            !state.orphaned
        });
    }

    fn drain_lane(&self, state: &mut LaneState, into: &mut VecDeque<Piece>) {
        if state.records == 0 {
            if std::mem::replace(&mut state.idle, true) && !state.buffer.is_empty() {
                let empty = state.exchange(Vec::new());
                lock(&self.inner).give_back(empty.bytes, &self.config);
            }
            return;
        }
        state.idle = false;
        // A few records are copied behind those of other threads, so that many threads that record
        // little do not take a buffer each.
        if state.used <= self.config.thread_bytes / 2 {
            let records = state.buffer.get(..state.used).unwrap_or_default();
            let append = |piece: &mut Piece| piece.append(records, state.records);
            let is_appended = into.back_mut().is_some_and(append)
                || lock(&self.inner).take_buffer(records.len(), &self.config).is_some_and(|fresh| {
                    into.push_back(Piece::whole(fresh, 0, 0));
                    into.back_mut().is_some_and(append)
                });
            if is_appended {
                (state.used, state.records) = (0, 0);
                return;
            }
        }
        into.push_back(state.exchange(Vec::new()));
    }

    /// Lets nothing more in. What is there stays to be drained.
    pub(super) fn close(&self) {
        let mut lanes = lock(&self.lanes);
        lanes.closed = true;
        for lane in lanes.open.iter().chain([&lanes.shared]) {
            lane.state.lock().closed = true;
        }
    }

    /// What became of every record so far.
    pub(super) fn ledger(&self) -> Ledger {
        // What was exported first: a record is appended before it is exported, so that what is read
        // of the lanes afterwards includes at least that.
        let (exported, mut dropped) = {
            let inner = lock(&self.inner);
            (inner.exported, inner.dropped.clone())
        };
        let counts = {
            let lanes = lock(&self.lanes);
            let mut counts = lanes.retired;
            for lane in lanes.open.iter().chain([&lanes.shared]) {
                counts.add(lane.state.lock().counts);
            }
            counts
        };
        let queued = counts.appended - exported - dropped.total();
        dropped.add(reason::QUEUE_FULL, counts.full);
        dropped.add(reason::ALREADY_SHUTDOWN, counts.after_shutdown);
        Ledger { created: exported + dropped.total() + queued, exported, dropped, queued }
    }
}

impl Inner {
    fn push(&mut self, piece: Piece) {
        self.records += piece.records;
        self.pushed += piece.records as u64;
        self.pieces.push_back(piece);
    }

    /// Takes at most `max` records off the queue.
    pub(super) fn pop(&mut self, max: usize, batch: &mut Vec<Piece>) {
        let taken = take(&mut self.pieces, max, batch);
        self.records -= taken;
        self.popped += taken as u64;
    }

    /// Puts back what [`pop`](Self::pop) had to take beyond the batch, and the buffers of the rest.
    pub(super) fn release(&mut self, batch: &mut Vec<Piece>, config: &BatchConfig) {
        if let Some(rest) = release(batch, |buffer| self.give_back(buffer, config)) {
            self.pieces.push_front(rest);
        }
    }

    pub(super) fn buffer_bytes(&self) -> usize {
        self.bytes
    }

    /// A buffer with room for `len` bytes, if there may be one. What is in it is of no use any more. Its length is its capacity, for
    /// good: so it is zeroed once, by the allocator, which has nothing to do for a large one, and takes up memory only as it fills.
    fn take_buffer(&mut self, len: usize, config: &BatchConfig) -> Option<Vec<u8>> {
        let size = config.thread_bytes.max(len);
        if size == config.thread_bytes
            && let Some(spare) = self.spares.pop()
        {
            self.unused = self.unused.min(self.spares.len());
            return Some(spare);
        }
        if self.bytes + size > config.max_bytes {
            return None;
        }
        self.bytes += size;
        Some(vec![0; size])
    }

    /// Takes a buffer back: one of the common size is kept, an oversized one is freed.
    pub(super) fn give_back(&mut self, buffer: Vec<u8>, config: &BatchConfig) {
        if (config.thread_bytes..2 * config.thread_bytes).contains(&buffer.len()) {
            self.spares.push(buffer);
        } else {
            self.bytes -= buffer.len();
        }
    }

    /// Frees half of the spares that were not needed since the last time.
    pub(super) fn trim(&mut self) {
        for _ in 0..self.unused.div_ceil(2) {
            if let Some(spare) = self.spares.pop() {
                self.bytes -= spare.len();
            }
        }
        self.unused = self.spares.len();
    }
}

/// Moves at most `max` records from the front of `source`; the last piece may hold more than is
/// part of the batch. Says how many.
pub(super) fn take(source: &mut VecDeque<Piece>, max: usize, batch: &mut Vec<Piece>) -> usize {
    let mut taken = 0;
    while taken < max
        && let Some(mut piece) = source.pop_front()
    {
        let wanted = max - taken;
        if piece.records > wanted {
            piece.to = piece.from;
            for _ in 0..wanted {
                piece.to += length(piece.bytes.get(piece.to..).unwrap_or_default());
            }
            piece.rest = piece.records - wanted;
            piece.records = wanted;
        }
        taken += piece.records;
        batch.push(piece);
    }
    taken
}

/// Gives the buffers of a batch back; returns what the last piece held beyond it.
pub(super) fn release(batch: &mut Vec<Piece>, mut give_back: impl FnMut(Vec<u8>)) -> Option<Piece> {
    let mut rest = None;
    for mut piece in batch.drain(..) {
        if piece.rest > 0 {
            piece.from = piece.to;
            piece.to = piece.end;
            piece.records = std::mem::take(&mut piece.rest);
            rest = Some(piece);
        } else {
            give_back(piece.bytes);
        }
    }
    rest
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::sync::explore;
    use loom::sync::Arc as LoomArc;

    const RECORD: usize = 300;

    /// A record of so many bytes, with its length before it.
    fn record(place: &mut [u8]) {
        place[..RECORD].fill(7);
        place[..4].copy_from_slice(&(RECORD as u32).to_ne_bytes());
    }

    /// A queue whose threads' buffers hold three records, and which holds two of them.
    fn queue() -> Queue {
        let mut config = BatchConfig::spans().with_max_queue_size(2).with_max_export_batch_size(2);
        config = config.with_thread_bytes(1_024).with_max_bytes(8 * 1_024).in_range();
        Queue::new(config)
    }

    /// Takes everything as the worker does, and checks that it is whole.
    fn take_all(queue: &Queue, taken: &mut u64) {
        let mut drained = VecDeque::new();
        queue.drain(&mut drained);
        let mut batch = Vec::new();
        lock(&queue.inner).pop(usize::MAX, &mut batch);
        take(&mut drained, usize::MAX, &mut batch);
        let records: usize = batch.iter().map(|piece| piece.records).sum();
        let bytes: usize = batch.iter().map(|piece| piece.end - piece.from).sum();
        assert_eq!(bytes, records * RECORD, "whole records");
        *taken += records as u64;
        let mut inner = lock(&queue.inner);
        inner.exported += records as u64;
        inner.release(&mut batch, &queue.config);
    }

    /// All orders in which threads are interrupted at most four times: unbounded, the larger model takes many minutes.
    fn model(run: impl Fn() + Sync + Send + 'static) {
        explore(4, run);
    }

    #[test]
    fn what_two_threads_append_while_the_worker_drains_is_taken_once_or_counted() {
        model(|| {
            let queue = LoomArc::new(queue());
            let threads: Vec<_> = [3, 1]
                .into_iter()
                .map(|records| {
                    let queue = LoomArc::clone(&queue);
                    let lane = queue.new_lane();
                    loom::thread::spawn(move || {
                        let kept = (0..records).filter(|_| queue.push_to(&lane, RECORD, record)).count();
                        lane.state.lock().orphaned = true;
                        kept as u64
                    })
                })
                .collect();
            let mut taken = 0;
            take_all(&queue, &mut taken);
            let ledger = queue.ledger();
            assert!(ledger.is_balanced() && ledger.exported == taken);
            let kept: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
            take_all(&queue, &mut taken);
            assert_eq!(taken, kept);
            let ledger = queue.ledger();
            assert_eq!((ledger.created, ledger.exported, ledger.queued), (4, kept, 0));
            assert!(lock(&queue.lanes).open.is_empty(), "ended threads' lanes are gone");
        });
    }

    #[test]
    fn what_is_appended_while_the_queue_is_closed_is_taken_or_refused() {
        explore(None, || {
            let queue = LoomArc::new(queue());
            let lane = queue.new_lane();
            let thread = {
                let queue = LoomArc::clone(&queue);
                loom::thread::spawn(move || {
                    (0..2).filter(|_| queue.push_to(&lane, RECORD, record)).count() as u64
                })
            };
            queue.close();
            let mut taken = 0;
            take_all(&queue, &mut taken);
            // What was taken in before the closing is there now, and nothing comes any more.
            assert_eq!(taken, thread.join().unwrap());
            let ledger = queue.ledger();
            assert_eq!(ledger.created, 2);
            assert_eq!(ledger.dropped.of(reason::ALREADY_SHUTDOWN), 2 - taken);
        });
    }
}
