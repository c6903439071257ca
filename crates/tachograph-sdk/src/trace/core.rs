use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::counters::Counters;
use super::id::IdGenerator;
use super::limits::SpanLimits;
use super::live::LiveSpan;
use super::processors::{Made, Processors};
use super::record::SpanShared;
use super::sampler::{Sampler, SamplerCell};
use super::tail::TailProcessor;
use super::time::SpanClock;
use crate::sync::{Mutex, lock};

/// Numbers engines from one.
static ENGINES: AtomicU64 = AtomicU64::new(1);

/// What a provider, its tracers and their spans share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) id: u64,
    pub(crate) shared: SpanShared,
    pub(crate) limits: SpanLimits,
    pub(crate) processors: Processors,
    /// Whether any of them is to be told of spans that start.
    pub(crate) starts_are_heard: bool,
    /// No processor is told of starts, ids are random, and times are the process's: a span starts without a call of code that
    /// is not the engine's, but for the sampler.
    pub(crate) is_plain: bool,
    pub(crate) sampler: SamplerCell,
    /// `None` for random ones.
    pub(crate) ids: Option<Box<dyn IdGenerator>>,
    pub(crate) clock: SpanClock,
    /// The processor, if traces are sampled at their tails.
    pub(crate) tail: Option<Arc<TailProcessor>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) stopped: AtomicBool,
    /// It was said that a span lost something to its limits.
    pub(crate) losses_are_reported: AtomicBool,
    /// Recordings that threads have too many of, for those that have none: where spans end on other threads than
    /// they start on. Each is without its engine, so that nothing keeps itself alive.
    depot: Mutex<Recordings>,
}

/// A span of the API while it lives: on the heap, and used again.
///
/// It keeps its engine while it waits in a thread's list, so that starting and ending a span counts no references:
/// that would be a cache line that all threads write.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) live: LiveSpan,
    pub(crate) core: Option<Arc<Core>>,
}

/// Recordings that wait: boxed, for they go into spans and come back without being copied.
pub(crate) type Recordings = Vec<Box<Recording>>;

/// How many recordings the depot keeps.
const DEPOT: usize = 1_024;

impl Core {
    pub(crate) fn new(
        shared: SpanShared,
        limits: SpanLimits,
        processors: Vec<Made>,
        sampler: Arc<dyn Sampler>,
        ids: Option<Box<dyn IdGenerator>>,
        clock: SpanClock,
        tail: Option<Arc<TailProcessor>>,
    ) -> Self {
        let processors = Processors::new(processors);
        let starts_are_heard = processors.iter().any(|processor| processor.hears_starts());
        let is_plain = !starts_are_heard && ids.is_none() && matches!(clock, SpanClock::Process);
        Core {
            is_plain,
            id: ENGINES.fetch_add(1, Ordering::Relaxed),
            shared,
            limits: limits.in_range(),
            starts_are_heard,
            processors,
            sampler: SamplerCell::new(sampler, is_plain),
            ids,
            clock,
            tail,
            counters: Arc::default(),
            stopped: AtomicBool::new(false),
            losses_are_reported: AtomicBool::new(false),
            depot: Mutex::default(),
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// From now on nothing records that starts.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.sampler.close();
    }

    /// Takes recordings from a list, leaving `left`.
    pub(crate) fn deposit(&self, list: &mut Recordings, left: usize) {
        let mut surplus = list.split_off(left.min(list.len()));
        for recording in &mut surplus {
            recording.core = None;
        }
        let mut depot = lock(&self.depot);
        let room = DEPOT.saturating_sub(depot.len()).min(surplus.len());
        depot.extend(surplus.drain(..room));
        drop(depot);
    }

    /// Moves up to `wanted` recordings to a list.
    pub(crate) fn withdraw(self: &Arc<Self>, list: &mut Recordings, wanted: usize) {
        let from = list.len();
        {
            let mut depot = lock(&self.depot);
            let left = depot.len().saturating_sub(wanted);
            list.extend(depot.drain(left..));
        }
        for recording in list.iter_mut().skip(from) {
            recording.core = Some(Arc::clone(self));
        }
    }
}
