//! The thread that exports.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use opentelemetry::Context;

use super::batch::{Batch, Piece};
use super::contained;
use super::deadline::Deadline;
use super::exporter::Exporter;
use super::inside::Inside;
use super::ledger::reason;
use super::queue::{Inner, Queue, release, take};
use super::record::Record;
use crate::sync::{MutexGuard, lock};

pub(super) struct Worker<R: Record> {
    pub(super) queue: Arc<Queue>,
    pub(super) shared: Arc<R::Shared>,
    pub(super) exporter: Box<dyn Exporter<R>>,
    /// The batch; kept for its capacity.
    pub(super) batch: Vec<Piece>,
    /// What was drained from the lanes.
    pub(super) drained: VecDeque<Piece>,
}

/// Why the worker woke up.
enum Task {
    /// There is a batch.
    Batch,
    /// It is time, or somebody wants everything to be exported; with the number of flushes wanted.
    Everything(u64),
    Shutdown(Deadline),
}

impl<R: Record> Worker<R> {
    pub(super) fn run(mut self) {
        self.queue.enter_worker();
        // What an exporter does on this thread is not telemetry to be exported.
        let _suppressed = (Inside::enter(), Context::enter_telemetry_suppressed_scope());
        let delay = self.queue.config.schedule_delay;
        let mut next = Deadline::after(delay);
        loop {
            match self.wait(next) {
                Task::Batch => self.export_batches(),
                Task::Everything(flushes) => {
                    self.export_everything(None);
                    if lock(&self.queue.inner).flushes_done < flushes {
                        let limit = Deadline::of_timeout(self.queue.config.export_timeout);
                        contained::call::<R>("flush", || self.exporter.flush(limit));
                    }
                    next = Deadline::after(delay);
                    self.queue.has_room();
                    let mut inner = lock(&self.queue.inner);
                    inner.flushes_done = inner.flushes_done.max(flushes);
                    inner.trim();
                    drop(inner);
                    self.queue.done.notify_all();
                }
                Task::Shutdown(deadline) => return self.shut_down(deadline),
            }
        }
    }

    fn wait(&self, next: Deadline) -> Task {
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

    /// Exports as long as there is a whole batch.
    fn export_batches(&mut self) {
        loop {
            {
                let mut inner = lock(&self.queue.inner);
                let size = self.queue.config.max_export_batch_size;
                if inner.records < size || inner.shutdown.is_some() {
                    return;
                }
                inner.pop(size, &mut self.batch);
            }
            self.export(None);
            lock(&self.queue.inner).release(&mut self.batch, &self.queue.config);
            self.queue.has_room();
        }
    }

    /// Exports what was recorded before this call. What the deadline of a shutdown leaves is dropped;
    /// without one, a shutdown that begins meanwhile is left what remains.
    fn export_everything(&mut self, shutdown: Option<Deadline>) {
        let size = self.queue.config.max_export_batch_size;
        self.queue.drain(&mut self.drained);
        // What was in a lane before is in `drained` now, or was pushed before this.
        let until = lock(&self.queue.inner).pushed;
        loop {
            {
                let mut inner = lock(&self.queue.inner);
                let left = usize::try_from(until.saturating_sub(inner.popped)).unwrap_or(usize::MAX);
                if left == 0 || (shutdown.is_none() && inner.shutdown.is_some()) {
                    break;
                }
                inner.pop(size.min(left), &mut self.batch);
            }
            self.export(shutdown);
            lock(&self.queue.inner).release(&mut self.batch, &self.queue.config);
        }
        while !self.drained.is_empty() && (shutdown.is_some() || lock(&self.queue.inner).shutdown.is_none()) {
            take(&mut self.drained, size, &mut self.batch);
            self.export(shutdown);
            let mut inner = lock(&self.queue.inner);
            let rest = release(&mut self.batch, |buffer| inner.give_back(buffer, &self.queue.config));
            if let Some(rest) = rest {
                self.drained.push_front(rest);
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
        if deadline.has_passed() {
            lock(&self.queue.inner).dropped.add(reason::SHUTDOWN_TIMEOUT, len as u64);
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
        inner.dropped.add(outcome.reason(), rejected as u64);
    }

    fn shut_down(mut self, deadline: Deadline) {
        self.queue.close();
        self.export_everything(Some(deadline));
        contained::call::<R>("shutdown", || self.exporter.shutdown(deadline));
        let Worker { queue, exporter, .. } = self;
        contained::call::<R>("drop", || drop(exporter));
        let mut inner = lock(&queue.inner);
        inner.flushes_done = inner.flushes_wanted;
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
