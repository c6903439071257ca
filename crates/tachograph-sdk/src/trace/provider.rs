use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::TraceId;

use super::account::TraceAccount;
use super::batch::BatchSpanProcessor;
use super::contained::Contained;
use super::core::Core;
use super::counters::{SamplingOutcome, SpanCounts};
use super::id::{IdGenerator, RandomIds};
use super::limits::SpanLimits;
use super::processor::SpanProcessor;
use super::processors::{Made, flush_all, shut_down_all};
use super::record::{SpanShared, Spans};
use super::sampler::{AlwaysOn, ParentBased, Sampler};
use super::simple::SimpleSpanProcessor;
use super::tail::{TailProcessor, TailSampling, TraceFate};
use super::time::SpanClock;
use super::tracer::Tracer;
use crate::clock::Clock;
use crate::diag;
use crate::pipeline::{BatchConfig, Deadline, Exporter, FlushError, PipelineState};
use crate::resource::Resource;

/// How long a provider that is dropped without a shutdown takes at most to hand on what it holds.
const DROP_DEADLINE: Duration = Duration::from_secs(5);

/// Makes tracers, and owns what becomes of their spans.
///
/// Implements the API's [`TracerProvider`](opentelemetry::trace::TracerProvider). Clones are handles to the same
/// provider. Dropping the last one shuts it down, for five seconds at most; tracers do not keep it alive.
///
/// # After a fork
///
/// In the child of a `fork` a provider of the parent's exports nothing, for its threads are not there, and the forking thread goes on
/// with the same ids as in the parent ([`RandomIds`]). Build a provider in the child, before its first span: that seeds the ids
/// of the thread that builds it anew. A child that only propagates, without a provider of its own, calls [`RandomIds::reseed`].
#[derive(Clone)]
pub struct TracerProvider {
    handle: Arc<Handle>,
}

struct Handle(Arc<Core>);

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.0.is_stopped() {
            shut_down(&self.0, Deadline::after(DROP_DEADLINE));
        }
    }
}

fn shut_down(core: &Core, deadline: Deadline) {
    core.stop();
    shut_down_all(core.processors.iter(), deadline);
}

impl TracerProvider {
    /// Sets up a provider.
    pub fn builder() -> TracerProviderBuilder {
        TracerProviderBuilder {
            resource: None,
            limits: SpanLimits::default(),
            sampler: Arc::new(ParentBased::new(AlwaysOn)),
            ids: None,
            clock: SpanClock::Process,
            processors: Vec::new(),
            tail: None,
        }
    }

    /// A tracer for the scope of this name: the library, package or module that instruments.
    pub fn tracer(&self, name: impl Into<std::borrow::Cow<'static, str>>) -> Tracer {
        self.tracer_with_scope(InstrumentationScope::builder(name).build())
    }

    /// A tracer for a scope.
    pub fn tracer_with_scope(&self, scope: InstrumentationScope) -> Tracer {
        if scope.name().is_empty() {
            diag::report(
                "tracer.name",
                "",
                "a tracer was asked for without a name; it works, but nobody can tell which library its spans come from: \
                 pass the name of the instrumented library",
            );
        }
        let core = &self.handle.0;
        Tracer::new(Arc::clone(core), core.shared.number_of(scope))
    }

    /// Exchanges the sampler. Spans that start from now on ask the new one, on every thread.
    pub fn set_sampler(&self, sampler: impl Sampler) {
        self.handle.0.sampler.set(Arc::new(sampler));
    }

    /// The resource that everything is about.
    pub fn resource(&self) -> &Resource {
        self.handle.0.shared.resource()
    }

    /// Hands every span that has ended to its exporter, and waits until that is done or the deadline has passed. All
    /// processors are asked, and exporters in batches work at the same time; the first error is returned.
    ///
    /// With [tail sampling](TracerProviderBuilder::with_tail_sampling), spans whose trace is not over in this process are held
    /// until it is, and a flush leaves them there: they have ended and are not exported when it returns. What is held is part of
    /// the [account](Self::account) (`tail`); [`shutdown`](Self::shutdown) decides it.
    ///
    /// # Errors
    ///
    /// When the deadline passed, when the provider was shut down, and when an exporter calls it.
    pub fn flush(&self, deadline: Deadline) -> Result<(), FlushError> {
        flush_all(self.handle.0.processors.iter(), deadline)
    }

    /// Ends this provider: no span records from now on, those that have ended are exported, and it is returned what became of
    /// all of them; when that is done, or when the deadline has passed. Spans that live and end later are dropped and
    /// counted.
    ///
    /// The second call and those after it return the same account, brought up to date.
    pub fn shutdown(&self, deadline: Deadline) -> TraceAccount {
        shut_down(&self.handle.0, deadline);
        self.account()
    }

    /// What became of all spans so far.
    pub fn account(&self) -> TraceAccount {
        let core = &self.handle.0;
        let counts = core.counters.sum();
        TraceAccount {
            started: SamplingOutcome::ALL.iter().map(|outcome| counts.started_as(*outcome)).sum(),
            sampled: counts.started_as(SamplingOutcome::RecordAndSample),
            recorded_only: counts.started_as(SamplingOutcome::RecordOnly),
            ended: counts.ended(),
            after_end: core.counters.after_end.load(Ordering::Relaxed),
            truncated: counts.truncated,
            refused: counts.refused,
            tail: core.tail.as_ref().map(|tail| tail.account()),
            exports: self.states().into_iter().map(|state| (state.component_type, state.ledger)).collect(),
        }
    }

    /// Asks that a trace be kept, and says what is known of its fate. For those who point at a trace from elsewhere, as an exemplar
    /// does.
    ///
    /// With tail sampling, a trace that is not over in this process is kept from now on; of one that is over, what was decided
    /// stands. Without tail sampling nothing is asked of anybody, and the answer is always [`TraceFate::Unknown`]: every trace whose
    /// sampled flag is set is handed to the exporters, and no other. Takes the lock of tail sampling; allocates nothing.
    pub fn keep_trace(&self, trace_id: TraceId) -> TraceFate {
        self.handle.0.tail.as_ref().map_or(TraceFate::Unknown, |tail| tail.keep(trace_id))
    }

    /// [`keep_trace`](Self::keep_trace) as a function that needs no type of traces: of the trace id's bytes, to yes, no, or unknown.
    /// It does not keep the provider alive, after whose end the answer is unknown.
    ///
    /// ```
    /// use tachograph_sdk::trace::{TailSampling, TracerProvider};
    ///
    /// let provider = TracerProvider::builder().with_tail_sampling(TailSampling::new(0.1)).build();
    /// let keep = provider.trace_keeper();
    /// assert_eq!(keep([7; 16]), None);
    /// ```
    pub fn trace_keeper(&self) -> impl Fn([u8; 16]) -> Option<bool> + Clone + Send + Sync + use<> {
        let weak = self.downgrade();
        move |trace_id| weak.upgrade()?.keep_trace(TraceId::from_bytes(trace_id)).is_kept()
    }

    /// What each processor that exports holds.
    pub fn states(&self) -> Vec<PipelineState> {
        self.handle.0.processors.iter().flat_map(|processor| processor.states()).collect()
    }

    /// How many spans started and ended so far.
    pub(crate) fn counts(&self) -> SpanCounts {
        self.handle.0.counters.sum()
    }

    /// A handle that does not keep the provider alive.
    pub(crate) fn downgrade(&self) -> WeakTracerProvider {
        WeakTracerProvider(Arc::downgrade(&self.handle))
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.handle.0
    }
}

impl opentelemetry::trace::TracerProvider for TracerProvider {
    type Tracer = Tracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> Tracer {
        TracerProvider::tracer_with_scope(self, scope)
    }
}

impl fmt::Debug for TracerProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracerProvider").field("processors", &self.core().processors).finish_non_exhaustive()
    }
}

/// A handle that does not keep its provider alive.
#[derive(Clone)]
pub(crate) struct WeakTracerProvider(Weak<Handle>);

impl WeakTracerProvider {
    pub(crate) fn upgrade(&self) -> Option<TracerProvider> {
        self.0.upgrade().map(|handle| TracerProvider { handle })
    }
}

/// Makes a processor that knows what the provider's spans have in common.
type MakeProcessor = Box<dyn FnOnce(&SpanShared) -> Made + Send>;

/// Sets up a [`TracerProvider`].
#[must_use = "a builder does nothing until it builds"]
pub struct TracerProviderBuilder {
    resource: Option<Resource>,
    limits: SpanLimits,
    sampler: Arc<dyn Sampler>,
    ids: Option<Box<dyn IdGenerator>>,
    clock: SpanClock,
    processors: Vec<MakeProcessor>,
    tail: Option<TailSampling>,
}

impl TracerProviderBuilder {
    /// What the telemetry is about; [`Resource::default`] unless set.
    pub fn with_resource(mut self, resource: Resource) -> Self {
        self.resource = Some(resource);
        self
    }

    /// How much a span may hold.
    pub fn with_limits(mut self, limits: SpanLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Which spans are recorded and exported: parent-based and always on, unless set.
    pub fn with_sampler(mut self, sampler: impl Sampler) -> Self {
        self.sampler = Arc::new(sampler);
        self
    }

    /// Where ids come from: random, unless set.
    pub fn with_ids(mut self, ids: impl IdGenerator + 'static) -> Self {
        self.ids = Some(Box::new(ids));
        self
    }

    /// Where times come from: the system's monotonic clock, anchored in Unix time, unless set. A clock that
    /// is given is believed as it is.
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = SpanClock::Given(Arc::new(clock));
        self
    }

    /// Exports sampled spans in batches, from a thread of its own: what production wants.
    pub fn with_batch_exporter(mut self, exporter: impl Exporter<Spans>, config: BatchConfig) -> Self {
        self.processors
            .push(Box::new(move |shared| Made::Batch(BatchSpanProcessor::new(exporter, config, shared))));
        self
    }

    /// Exports each sampled span when it ends, on the thread that ends it, within 30 s: what tests want, and programs that
    /// print spans to a console.
    pub fn with_simple_exporter(mut self, exporter: impl Exporter<Spans>) -> Self {
        let timeout = BatchConfig::spans().export_timeout;
        self.processors.push(Box::new(move |shared| {
            Made::Other(Box::new(SimpleSpanProcessor::new(exporter, timeout, shared)))
        }));
        self
    }

    /// Adds a processor, after those there are. Its panics are contained; see [`SpanProcessor`].
    pub fn with_processor(mut self, processor: impl SpanProcessor) -> Self {
        self.processors.push(Box::new(move |_| Made::Other(Box::new(Contained(processor)))));
        self
    }

    /// Holds spans until their trace is over in this process, and hands only those of traces that are worth it to the
    /// processors.
    pub fn with_tail_sampling(mut self, config: TailSampling) -> Self {
        self.tail = Some(config);
        self
    }

    /// Builds the provider, and starts the threads of its exporters.
    pub fn build(self) -> TracerProvider {
        // This may be the child of a fork, and its ids the parent's.
        RandomIds::reseed();
        let shared = SpanShared::new(self.resource.unwrap_or_default());
        let mut processors: Vec<_> = self.processors.into_iter().map(|make| make(&shared)).collect();
        let mut tail = None;
        if let Some(config) = self.tail {
            let inner = processors.into_iter().map(Made::boxed).collect();
            let holding = Arc::new(TailProcessor::new(config, inner, shared.clone()));
            tail = Some(Arc::clone(&holding));
            processors = vec![Made::Other(Box::new(holding))];
        }
        let core = Core::new(shared, self.limits, processors, self.sampler, self.ids, self.clock, tail);
        TracerProvider { handle: Arc::new(Handle(Arc::new(core))) }
    }
}

impl fmt::Debug for TracerProviderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracerProviderBuilder")
            .field("limits", &self.limits)
            .field("sampler", &self.sampler)
            .field("processors", &self.processors.len())
            .finish_non_exhaustive()
    }
}
