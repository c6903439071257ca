use std::fmt;
use std::sync::{Arc, TryLockError};
use std::time::Duration;

use super::batch::{Batch, Piece};
use super::contained;
use super::deadline::Deadline;
use super::error::FlushError;
use super::exporter::{Exporter, ShutdownNotice};
use super::inside::Inside;
use super::ledger::{Dropped, Ledger, reason};
use super::operations::ExportOperations;
use super::record::Record;
use super::state::PipelineState;
use crate::sync::{Mutex, MutexGuard, lock};

/// Hands each record to an exporter at once, on the thread that makes it: for tests and for programs that print to a
/// console.
///
/// One record is exported at a time, and whoever makes one meanwhile waits. A record that is made by the exporter while
/// it exports is dropped and counted.
pub(crate) struct SimplePipeline<R: Record> {
    exporting: Mutex<Exporting<R>>,
    /// Apart, so that it can be read while an export hangs.
    counts: Mutex<Counts>,
    shared: Arc<R::Shared>,
    component: &'static str,
    operations: Option<ExportOperations>,
    notice: Option<ShutdownNotice>,
    export_timeout: Duration,
}

struct Exporting<R: Record> {
    /// `None` after the shutdown.
    exporter: Option<Box<dyn Exporter<R>>>,
    /// The record; kept for its capacity.
    record: Vec<u8>,
}

#[derive(Default)]
struct Counts {
    created: u64,
    exported: u64,
    processed: u64,
    dropped: Dropped,
    is_exporting: bool,
    closed: bool,
}

/// How often one looks whether a lock has become free.
const PAUSE: Duration = Duration::from_millis(1);

impl<R: Record> SimplePipeline<R> {
    pub(crate) fn new(exporter: impl Exporter<R>, export_timeout: Duration, shared: Arc<R::Shared>) -> Self {
        SimplePipeline {
            component: exporter.component_type(),
            operations: exporter.operations(),
            notice: exporter.shutdown_notice(),
            exporting: Mutex::new(Exporting { exporter: Some(Box::new(exporter)), record: Vec::new() }),
            counts: Mutex::default(),
            shared,
            export_timeout,
        }
    }

    /// Exports a record that `write` appends.
    pub(crate) fn push(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let inside = Inside::enter();
        {
            let mut counts = lock(&self.counts);
            counts.created += 1;
            if counts.closed {
                return counts.dropped.add(reason::ALREADY_SHUTDOWN, 1);
            }
            if inside.is_none() {
                return counts.dropped.add(reason::REENTRANT, 1);
            }
        }
        let mut exporting = lock(&self.exporting);
        let Exporting { exporter, record } = &mut *exporting;
        let Some(exporter) = exporter else {
            return lock(&self.counts).dropped.add(reason::ALREADY_SHUTDOWN, 1);
        };
        record.clear();
        write(record);
        let record_len = record.len();
        let piece = [Piece::whole(std::mem::take(record), record_len, 1)];
        {
            let mut counts = lock(&self.counts);
            counts.processed += 1;
            counts.is_exporting = true;
        }
        let batch = Batch::<R>::new(&piece, &self.shared);
        let limit = Deadline::of_timeout(self.export_timeout);
        let outcome = contained::export(&mut **exporter, batch, limit);
        let [piece] = piece;
        *record = piece.bytes;
        let mut counts = lock(&self.counts);
        counts.is_exporting = false;
        match outcome.reasons_of(1).next() {
            None => counts.exported += 1,
            Some((reason, _)) => counts.dropped.add(reason, 1),
        }
    }

    /// Has the exporter send what it holds itself.
    ///
    /// # Errors
    ///
    /// When another thread's export outlasts the deadline, when the pipeline was shut down, and when the exporter calls it.
    pub(crate) fn flush(&self, deadline: Deadline) -> Result<(), FlushError> {
        let _inside = Inside::enter().ok_or(FlushError::OWN_THREAD)?;
        if lock(&self.counts).closed {
            return Err(FlushError::SHUT_DOWN);
        }
        let mut exporting = self.lock_until(deadline).ok_or(FlushError::TIMED_OUT)?;
        let exporter = exporting.exporter.as_mut().ok_or(FlushError::SHUT_DOWN)?;
        contained::call::<R>("flush", || exporter.flush(deadline));
        Ok(())
    }

    /// Ends the exporter, the first time that no export outlasts the deadline, and returns what became of the records.
    pub(crate) fn shutdown(&self, deadline: Deadline) -> Ledger {
        lock(&self.counts).closed = true;
        if let Some(notice) = &self.notice {
            contained::call::<R>("shutdown", notice);
        }
        // An exporter that calls this from its own export cannot be ended now.
        if let Some(_inside) = Inside::enter() {
            let exporter = self.lock_until(deadline).and_then(|mut exporting| exporting.exporter.take());
            if let Some(mut exporter) = exporter {
                contained::call::<R>("shutdown", || exporter.shutdown(deadline));
                contained::call::<R>("drop", || drop(exporter));
            }
        }
        ledger(&lock(&self.counts))
    }

    fn lock_until(&self, deadline: Deadline) -> Option<MutexGuard<'_, Exporting<R>>> {
        loop {
            match self.exporting.try_lock() {
                Ok(exporting) => return Some(exporting),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if deadline.has_passed() => return None,
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            }
        }
    }

    /// What became of the records so far.
    pub(crate) fn state(&self) -> PipelineState {
        let counts = lock(&self.counts);
        let ledger = ledger(&counts);
        let in_flight = u64::from(counts.is_exporting);
        PipelineState {
            component_type: self.component,
            operations: self.operations.clone(),
            queued: ledger.queued - in_flight,
            in_flight,
            processed: counts.processed,
            capacity: 0,
            buffer_bytes: 0,
            ledger,
        }
    }
}

fn ledger(counts: &Counts) -> Ledger {
    let Counts { created, exported, ref dropped, .. } = *counts;
    let queued = created - exported - dropped.total();
    Ledger { created, exported, dropped: dropped.clone(), queued }
}

impl<R: Record> fmt::Debug for SimplePipeline<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimplePipeline")
            .field("signal", &R::NAME)
            .field("exporter", &self.component)
            .finish_non_exhaustive()
    }
}
