use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Instant;

use super::config::BatchConfig;
use super::contained;
use super::deadline::Deadline;
use super::error::FlushError;
use super::exporter::{Exporter, ShutdownNotice};
use super::lane::{OpenLane, OwnLane};
use super::ledger::Ledger;
use super::operations::ExportOperations;
use super::queue::{Inner, Queue};
use super::record::Record;
use super::state::PipelineState;
use super::worker::Worker;
use crate::diag;
use crate::sync::lock;

/// A bounded queue of records, and the thread that hands them to an exporter in batches.
///
/// Recording takes no lock that another recording thread takes, but once for each buffer that a thread
/// fills, and never waits for an export. See [`BatchConfig`] for the bounds.
///
/// After a `fork` the child has no worker: what it records is queued up to the bounds, counted, and
/// never exported, and the thread that forked makes the same ids as its parent
/// ([`RandomIds`](crate::trace::RandomIds)). Make a provider in the child, which sees to both.
pub struct BatchPipeline<R: Record> {
    queue: Arc<Queue>,
    component: &'static str,
    operations: Option<ExportOperations>,
    notice: Option<ShutdownNotice>,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> BatchPipeline<R> {
    /// Starts the worker. If the system gives no thread that is reported, and everything is dropped and
    /// counted.
    pub(crate) fn new(exporter: impl Exporter<R>, config: BatchConfig, shared: Arc<R::Shared>) -> Self {
        let queue = Arc::new(Queue::new(config.in_range()));
        let (component, operations) = (exporter.component_type(), exporter.operations());
        let notice = exporter.shutdown_notice();
        let worker = Worker::new(Arc::clone(&queue), shared, Box::new(exporter));
        let name = format!("tachograph-{}", R::NAME);
        if let Err(error) = thread::Builder::new().name(name).spawn(move || worker.run()) {
            diag::report(
                "pipeline.thread",
                R::NAME,
                format_args!(
                    "the system gave no thread to export {}s from: {error}; all of them are dropped, and counted",
                    R::NAME
                ),
            );
            queue.close();
            lock(&queue.inner).finished = true;
        }
        BatchPipeline { queue, component, operations, notice, record: PhantomData }
    }

    /// Takes a record of `len` bytes that `write` puts at the start of what it is given; says whether it was taken. What is not
    /// taken is counted.
    #[inline]
    pub(crate) fn push(&self, len: usize, write: impl FnOnce(&mut [u8])) -> bool {
        self.queue.push(len, write)
    }

    /// As [`push`](Self::push), by a thread that has a place for its lane of this pipeline, in two parts: a place for a
    /// record of `len` bytes, where the caller puts it before it says so; `None` where it is not taken, which is counted.
    #[inline(always)]
    pub(crate) fn open<'a>(&self, own: &'a OwnLane, len: usize) -> Option<OpenLane<'a>> {
        self.queue.open(own, len)
    }

    /// Exports everything that was recorded before this call, and waits until it is done or the deadline
    /// has passed.
    ///
    /// It can be called from any thread, inside or outside of any runtime, several times at once. It
    /// blocks the calling thread; the export itself is the worker's, so that a runtime that is blocked
    /// meanwhile does not matter.
    ///
    /// # Errors
    ///
    /// When the deadline passes, when the pipeline was shut down, and when the exporter calls it.
    pub fn flush(&self, deadline: Deadline) -> Result<(), FlushError> {
        let wanted = self.begin_flush()?;
        let mut is_done = false;
        let ready = |inner: &Inner| {
            is_done = inner.flushes_done >= wanted;
            is_done || inner.finished
        };
        match self.wait(deadline, ready) {
            true if is_done => Ok(()),
            true => Err(FlushError::SHUT_DOWN),
            false => Err(FlushError::TIMED_OUT),
        }
    }

    /// Has the worker begin with a flush, and gives its number.
    pub(crate) fn begin_flush(&self) -> Result<u64, FlushError> {
        if self.queue.is_worker() {
            return Err(FlushError::OWN_THREAD);
        }
        let mut inner = lock(&self.queue.inner);
        if inner.finished || inner.shutdown.is_some() {
            return Err(FlushError::SHUT_DOWN);
        }
        inner.flushes_wanted += 1;
        let wanted = inner.flushes_wanted;
        self.queue.wake(inner);
        Ok(wanted)
    }

    /// Lets no more records in, exports what is there, and returns what became of everything: when it is done,
    /// or when the deadline has passed. What is left then is dropped and counted as soon as the
    /// exporter returns; until then it counts as queued.
    ///
    /// The second call and those after it wait as well, and return the account, brought up to date. An
    /// exporter that calls it from its own export gets the account at once.
    pub fn shutdown(&self, deadline: Deadline) -> Ledger {
        self.begin_shutdown(deadline);
        if !self.queue.is_worker() {
            self.wait(deadline, |inner| inner.finished);
        }
        self.ledger()
    }

    /// Lets no more records in, and has the worker begin with what is there. Only the first deadline counts.
    pub(crate) fn begin_shutdown(&self, deadline: Deadline) {
        if let Some(notice) = &self.notice {
            contained::call::<R>("shutdown", notice);
        }
        // Before the worker is told, so that it drains lanes that nobody writes to any more.
        self.queue.close();
        let mut inner = lock(&self.queue.inner);
        if inner.shutdown.is_none() {
            inner.shutdown = Some(deadline);
        }
        self.queue.wake(inner);
    }

    fn wait(&self, deadline: Deadline, mut ready: impl FnMut(&Inner) -> bool) -> bool {
        let mut inner = lock(&self.queue.inner);
        loop {
            if ready(&inner) {
                return true;
            }
            inner = match deadline.instant() {
                Some(at) => {
                    let left = at.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    self.queue.done.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.queue.done.wait(inner).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// What became of every record so far. Balanced at any time.
    pub fn ledger(&self) -> Ledger {
        self.queue.ledger()
    }

    /// What the pipeline holds now.
    pub fn state(&self) -> PipelineState {
        let ledger = self.queue.ledger();
        let inner = lock(&self.queue.inner);
        PipelineState {
            component_type: self.component,
            operations: self.operations.clone(),
            queued: ledger.queued.saturating_sub(inner.in_flight as u64),
            in_flight: inner.in_flight as u64,
            processed: inner.processed,
            capacity: self.queue.config.max_queue_size as u64,
            buffer_bytes: inner.buffer_bytes() as u64,
            ledger,
        }
    }
}

impl<R: Record> fmt::Debug for BatchPipeline<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchPipeline")
            .field("signal", &R::NAME)
            .field("exporter", &self.component)
            .field("config", &self.queue.config)
            .finish_non_exhaustive()
    }
}
