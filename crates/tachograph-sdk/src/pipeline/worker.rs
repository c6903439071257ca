//! The thread that exports.
//!
//! Exporters and `tracing` subscribers are others' code, and contained where they are called. What panics in spite of that is a
//! defect of this crate, and costs what was being exported, but not the worker: who records and who flushes must not find nobody there.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::Context;

use super::batch::{Batch, Piece};
use super::contained;
use super::deadline::Deadline;
use super::exporter::Exporter;
use super::inside::Inside;
use super::ledger::reason;
use super::queue::{Inner, Queue, release, take};
use super::record::Record;
use crate::diag;
use crate::sync::{MutexGuard, lock};

pub(super) struct Worker<R: Record> {
    pub(super) queue: Arc<Queue>,
    pub(super) shared: Arc<R::Shared>,
    pub(super) exporter: Box<dyn Exporter<R>>,
    /// The batch; kept for its capacity.
    pub(super) batch: Vec<Piece>,
    /// What was drained from the lanes.
    pub(super) drained: VecDeque<Piece>,
    /// When it is time to export whatever there is.
    next: Deadline,
    /// Where the batch came from.
    source: Source,
    /// Whether it has been counted what became of the batch.
    counted: bool,
    #[cfg(test)]
    fault: Option<fn(&Queue)>,
}

/// Where what is left of a batch's last piece belongs.
#[derive(Clone, Copy)]
enum Source {
    Queue,
    Drained,
}

/// So many panics without a turn between them that goes well are the end: the pipeline closes, and counts what it had as dropped.
const PANICS: u32 = 10;

/// Why the worker woke up.
enum Task {
    /// There is a batch.
    Batch,
    /// It is time, or somebody wants everything to be exported; with the number of flushes wanted.
    Everything(u64),
    Shutdown(Deadline),
}

impl<R: Record> Worker<R> {
    pub(super) fn new(queue: Arc<Queue>, shared: Arc<R::Shared>, exporter: Box<dyn Exporter<R>>) -> Self {
        Worker {
            next: Deadline::after(queue.config.schedule_delay),
            queue,
            shared,
            exporter,
            batch: Vec::new(),
            drained: VecDeque::new(),
            source: Source::Queue,
            counted: true,
            #[cfg(test)]
            fault: None,
        }
    }

    pub(super) fn run(mut self) {
        self.queue.enter_worker();
        // What an exporter does on this thread is not telemetry to be exported.
        let _suppressed = (Inside::enter(), Context::enter_telemetry_suppressed_scope());
        let mut panics = 0;
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.turn())) {
                Ok(None) => panics = 0,
                Ok(Some(deadline)) => return self.end(deadline),
                Err(panic) => {
                    panics += 1;
                    self.recover(panic, panics);
                    if panics == PANICS {
                        self.give_up();
                        return self.end(Deadline::of_timeout(Duration::from_secs(1)));
                    }
                    thread::sleep(Duration::from_millis(1 << panics) / 2);
                }
            }
        }
    }

    /// Does what there is to do next; returns the deadline of the shutdown when that was it.
    fn turn(&mut self) -> Option<Deadline> {
        match self.wait() {
            Task::Batch => self.export_batches(),
            Task::Everything(flushes) => {
                if !self.export_everything(None) {
                    // A shutdown goes on with it, and who waits for the flush waits for that.
                    return None;
                }
                if lock(&self.queue.inner).flushes_done < flushes {
                    let limit = Deadline::of_timeout(self.queue.config.export_timeout);
                    contained::call::<R>("flush", || self.exporter.flush(limit));
                }
                self.next = Deadline::after(self.queue.config.schedule_delay);
                self.queue.has_room();
                let mut inner = lock(&self.queue.inner);
                inner.flushes_done = inner.flushes_done.max(flushes);
                inner.trim();
                drop(inner);
                self.queue.done.notify_all();
            }
            Task::Shutdown(deadline) => {
                self.queue.close();
                self.export_everything(Some(deadline));
                return Some(deadline);
            }
        }
        None
    }

    /// After a panic: counts the batch, if that was not done, and puts back what was not part of it.
    fn recover(&mut self, panic: Box<dyn Any + Send>, panics: u32) {
        let records: usize = self.batch.iter().map(|piece| piece.records).sum();
        let lost = if self.counted { 0 } else { records };
        {
            let mut inner = lock(&self.queue.inner);
            inner.in_flight = 0;
            inner.dropped.add(reason::WORKER_PANICKED, lost as u64);
        }
        self.counted = true;
        self.release();
        self.queue.has_room();
        diag::report(
            "pipeline.worker",
            R::NAME,
            format_args!(
                "the thread that exports {}s panicked: {}; {lost} of them are lost, and counted; {}; please report this \
                 as a defect of tachograph",
                R::NAME,
                diag::text_of_panic(&*panic),
                if panics < PANICS { "it goes on" } else { "it ends, for this was the tenth time in a row" },
            ),
        );
        diag::let_go(panic);
    }

    /// Counts everything there is as dropped, for nothing can be exported.
    fn give_up(&mut self) {
        self.queue.close();
        let given_up = catch_unwind(AssertUnwindSafe(|| {
            self.queue.drain(&mut self.drained);
            let mut inner = lock(&self.queue.inner);
            inner.pop(usize::MAX, &mut self.batch);
            take(&mut self.drained, usize::MAX, &mut self.batch);
            let records: usize = self.batch.iter().map(|piece| piece.records).sum();
            inner.dropped.add(reason::WORKER_PANICKED, records as u64);
            inner.release(&mut self.batch, &self.queue.config);
        }));
        if let Err(panic) = given_up {
            diag::let_go(panic);
        }
    }

    fn wait(&self) -> Task {
        let next = self.next;
        let mut inner = lock(&self.queue.inner);
        loop {
            if let Some(deadline) = inner.shutdown {
                return Task::Shutdown(deadline);
            }
            if inner.flushes_wanted > inner.flushes_done || next.has_passed() {
                return Task::Everything(inner.flushes_wanted);
            }
            if std::mem::take(&mut inner.pressure) {
                return Task::Everything(inner.flushes_done);
            }
            if inner.records >= self.queue.wake_at {
                return Task::Batch;
            }
            inner.worker_waits = true;
            inner = sleep(&self.queue, inner, next);
            inner.worker_waits = false;
        }
    }

    /// Exports as long as there is a whole batch, and nothing else to be done: where more comes in than goes out there always is one.
    fn export_batches(&mut self) {
        loop {
            {
                let mut inner = lock(&self.queue.inner);
                let size = self.queue.config.max_export_batch_size;
                let is_wanted = inner.shutdown.is_some() || inner.flushes_wanted > inner.flushes_done;
                if inner.records < size || is_wanted || self.next.has_passed() {
                    return;
                }
                (self.source, self.counted) = (Source::Queue, false);
                inner.pop(size, &mut self.batch);
            }
            self.export(None);
            self.release();
            self.queue.has_room();
        }
    }

    /// Exports what was recorded before this call. What the deadline of a shutdown leaves is dropped;
    /// without one, a shutdown that begins meanwhile is left what remains. Says whether nothing does.
    fn export_everything(&mut self, shutdown: Option<Deadline>) -> bool {
        let size = self.queue.config.max_export_batch_size;
        self.queue.drain(&mut self.drained);
        // What was in a lane before is in `drained` now, or was pushed before this.
        let until = lock(&self.queue.inner).pushed;
        loop {
            {
                let mut inner = lock(&self.queue.inner);
                let left = usize::try_from(until.saturating_sub(inner.popped)).unwrap_or(usize::MAX);
                if left == 0 {
                    break;
                }
                if shutdown.is_none() && inner.shutdown.is_some() {
                    return false;
                }
                (self.source, self.counted) = (Source::Queue, false);
                inner.pop(size.min(left), &mut self.batch);
            }
            self.export(shutdown);
            self.release();
        }
        while !self.drained.is_empty() {
            if shutdown.is_none() && lock(&self.queue.inner).shutdown.is_some() {
                return false;
            }
            (self.source, self.counted) = (Source::Drained, false);
            take(&mut self.drained, size, &mut self.batch);
            self.export(shutdown);
            self.release();
        }
        true
    }

    /// Gives the batch's buffers back, and what its last piece held beyond it to where that came from.
    fn release(&mut self) {
        let mut inner = lock(&self.queue.inner);
        match self.source {
            Source::Queue => inner.release(&mut self.batch, &self.queue.config),
            Source::Drained => {
                let rest = release(&mut self.batch, |buffer| inner.give_back(buffer, &self.queue.config));
                if let Some(rest) = rest {
                    self.drained.push_front(rest);
                }
            }
        }
    }

    /// Exports the batch, and counts what became of it.
    fn export(&mut self, shutdown: Option<Deadline>) {
        // It was taken out of the queue just now, and after the one before its buffers were given back.
        self.queue.has_room();
        let batch = Batch::<R>::new(&self.batch, &self.shared);
        let len = batch.len();
        let deadline = shutdown.unwrap_or(Deadline::NEVER);
        #[cfg(test)]
        if let Some(fault) = self.fault {
            fault(&self.queue);
        }
        if deadline.has_passed() {
            lock(&self.queue.inner).dropped.add(reason::SHUTDOWN_TIMEOUT, len as u64);
            self.counted = true;
            return;
        }
        {
            let mut inner = lock(&self.queue.inner);
            inner.in_flight = len;
            inner.processed += len as u64;
        }
        let limit = Deadline::of_timeout(self.queue.config.export_timeout).min(deadline);
        let outcome = contained::export(&mut *self.exporter, batch, limit);
        let rejected = outcome.rejected_of(len);
        let mut inner = lock(&self.queue.inner);
        inner.in_flight = 0;
        inner.exported += (len - rejected) as u64;
        for (reason, records) in outcome.reasons_of(len) {
            inner.dropped.add(reason, records as u64);
        }
        self.counted = true;
    }

    fn end(mut self, deadline: Deadline) {
        contained::call::<R>("shutdown", || self.exporter.shutdown(deadline));
        let Worker { queue, exporter, .. } = self;
        contained::call::<R>("drop", || drop(exporter));
        let mut inner = lock(&queue.inner);
        // Who waits for a flush is told that it came to nothing where its records may be among those that were left.
        if inner.dropped.of(reason::SHUTDOWN_TIMEOUT) == 0 {
            inner.flushes_done = inner.flushes_wanted;
        }
        inner.finished = true;
        inner.trim();
        inner.trim();
        drop(inner);
        queue.done.notify_all();
    }
}

/// Waits for work until a point in time.
fn sleep<'a>(queue: &Queue, inner: MutexGuard<'a, Inner>, until: Deadline) -> MutexGuard<'a, Inner> {
    match until.instant() {
        Some(at) => {
            let left = at.saturating_duration_since(Instant::now());
            queue.work.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0
        }
        None => queue.work.wait(inner).unwrap_or_else(PoisonError::into_inner),
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
