use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::aggregation::Aggregation;
use super::collection::{Collection, Parts, Spare, Visit};
use super::component::Component;
use super::delta::Memory;
use super::exemplar::begin_window;
use super::kind::InstrumentKind;
use super::metric::{Buffers, Metric};
use super::pipeline::Pipeline;
use super::producer::{MetricProducer, Producers};
use super::registry::Registry;
use super::resolve::Defaults;
use super::temporality::{Temporality, TemporalityPreference};

/// Collects what a provider's instruments have recorded: since each series began, or since the collection before.
///
/// Clones are the same reader; any number of readers, and any number of collections of one reader at
/// a time, work side by side. Neither recording nor creating instruments or series waits for them.
#[derive(Clone)]
pub struct MetricReader {
    inner: Arc<ReaderInner>,
}

struct ReaderInner {
    provider: Arc<Registry>,
    pipeline: Arc<Pipeline>,
    /// By [`InstrumentKind`], in the order of its declaration.
    temporalities: [Temporality; 7],
    /// What was given of metrics whose temporality is delta.
    memory: Mutex<Memory>,
    producers: Producers,
    component: Component,
    spare: Arc<Spare>,
    is_shut_down: Arc<AtomicBool>,
    /// Whether the reader is shut down that this was made of, if it was.
    ends_with: Option<Arc<AtomicBool>>,
    /// The last window of which this reader has taken what is new.
    taken: Arc<AtomicU64>,
}

impl MetricReader {
    /// Runs the callbacks of observable instruments on this thread, then fixes what this collection
    /// consists of.
    ///
    /// No lock of the engine is held while a callback runs: it may create instruments and record. One
    /// that panics is contained and reported. Instruments created by a callback are part of this
    /// collection if they are synchronous; callbacks registered meanwhile run in the next one.
    ///
    /// Then the reader's producers are asked, likewise. Of metrics whose temporality is delta the collection has what was
    /// recorded since the one before: it is given once, to whoever collects first, and gone if the collection is dropped.
    /// Where collections of one reader overlap, what was observed is in one of them alone.
    ///
    /// After the provider's shutdown, or the reader's own, a collection is empty.
    pub fn collect(&self) -> Collection {
        let begun = Instant::now();
        let collection = self.collect_now();
        if let Some(durations) = self.inner.provider.collections() {
            durations.record(begun.elapsed().as_secs_f64(), &self.inner.component.attributes);
        }
        collection
    }

    fn collect_now(&self) -> Collection {
        let ReaderInner { provider, pipeline, producers, spare, .. } = &*self.inner;
        // Before anything is found: numbers stay what they are.
        let visit = Visit::new(provider);
        let mut buffers = spare.take();
        buffers.observations.clear();
        buffers.deltas.clear();
        let (mut streams, mut produced) = (0, Vec::new());
        let is_delta = self.inner.temporalities.contains(&Temporality::Delta);
        // A cumulative reader shows what there is.
        buffers.exemplar_windows = 0..u64::MAX;
        let mut unix_nanos = None;
        if !self.is_shut_down() {
            let collections = if is_delta { self.memory().collections } else { 0 };
            let begun_unix_nanos = provider.settings.clock.unix_nanos();
            let observations = Mutex::new(std::mem::take(&mut buffers.observations));
            for number in 0..provider.callback_count() {
                if let Some(callback) = provider.callback(number) {
                    callback.observe(&observations);
                }
            }
            provider.settings.collected_unix_nanos.store(begun_unix_nanos, Ordering::Relaxed);
            buffers.observations = observations.into_inner().unwrap_or_else(PoisonError::into_inner);
            produced = producers.produce();
            streams = pipeline.streams.len();
            let window = if !is_delta {
                begin_window()
            } else if let Some(taken_unix_nanos) = self.take_deltas(streams, &mut buffers, collections) {
                unix_nanos = Some(taken_unix_nanos);
                buffers.exemplar_windows.end
            } else {
                // Shut down meanwhile.
                (streams, produced) = (0, Vec::new());
                begin_window()
            };
            provider.note_observed(&buffers.observations, window);
        }
        let unix_nanos = unix_nanos.unwrap_or_else(|| provider.settings.clock.unix_nanos());
        buffers.unix_nanos = unix_nanos;
        Collection::new(pipeline, spare, Parts { visit, buffers, streams, produced, unix_nanos })
    }

    /// Takes what is new since the collection before, and says when; nothing if the reader was shut down since the collection was
    /// begun, for what was given before is forgotten then. `collections` is how many there had been before the callbacks ran.
    fn take_deltas(&self, streams: usize, buffers: &mut Buffers, collections: u64) -> Option<u64> {
        let ReaderInner { provider, pipeline, temporalities, .. } = &*self.inner;
        let mut memory = self.memory();
        if self.inner.is_shut_down.load(Ordering::Acquire) {
            return None;
        }
        let unix_nanos = provider.settings.clock.unix_nanos();
        buffers.exemplar_windows = memory.window..begin_window();
        memory.window = buffers.exemplar_windows.end;
        // What was observed is older than what another collection has given meanwhile, or may be.
        let is_overtaken = memory.collections != collections;
        memory.collections += 1;
        let mut deltas = std::mem::take(&mut buffers.deltas);
        (buffers.takes_deltas, buffers.unix_nanos) = (true, unix_nanos);
        for (id, number) in pipeline.streams.iter().take(streams).enumerate() {
            let Some(stream) = provider.streams.get(*number as usize) else { continue };
            let kind = stream.descriptor.kind;
            if temporalities[kind as usize] == Temporality::Cumulative || !stream.aggregator.adds_up() {
                continue;
            }
            if is_overtaken && kind.is_observable() {
                deltas.leave_out(id);
            } else {
                Metric::new(id, stream, buffers).take_delta(&mut memory, &mut deltas, unix_nanos);
            }
        }
        buffers.takes_deltas = false;
        buffers.deltas = deltas;
        self.inner.taken.store(memory.window, Ordering::Release);
        Some(unix_nanos)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.inner.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The temporality of the points of instruments of a kind. Gauges have none; theirs is called cumulative.
    pub fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.inner.temporalities[kind as usize]
    }

    /// This reader, or where it has delta temporality one that is cumulative and sees the same, until either is shut down: for
    /// exporters whose format knows cumulative points only.
    pub fn cumulative(&self) -> MetricReader {
        if !self.inner.temporalities.contains(&Temporality::Delta) {
            return self.clone();
        }
        let ReaderInner { provider, pipeline, producers, component, .. } = &*self.inner;
        let component = Component::new(component.kind().clone(), &provider.numbers);
        let temporalities = [Temporality::Cumulative; 7];
        let (provider, pipeline) = (Arc::clone(provider), Arc::clone(pipeline));
        let ends_with = Some(Arc::clone(&self.inner.is_shut_down));
        MetricReader::new(provider, pipeline, temporalities, producers.clone(), component, ends_with)
    }

    fn new(
        provider: Arc<Registry>,
        pipeline: Arc<Pipeline>,
        temporalities: [Temporality; 7],
        producers: Producers,
        component: Component,
        ends_with: Option<Arc<AtomicBool>>,
    ) -> Self {
        let taken = Arc::new(AtomicU64::new(0));
        if temporalities.contains(&Temporality::Delta) {
            provider.settings.takers.add(&taken);
        }
        let inner = ReaderInner {
            provider,
            pipeline,
            temporalities,
            memory: Mutex::default(),
            producers,
            component,
            spare: Arc::default(),
            is_shut_down: Arc::default(),
            ends_with,
            taken,
        };
        MetricReader { inner: Arc::new(inner) }
    }

    /// Ends this reader: its collections are empty from now on, callbacks and producers are not run for it, and what it
    /// remembers of deltas is freed. A [cumulative](Self::cumulative) reader made of it ends with it; the provider and its other
    /// readers go on. Who wants the last deltas collects before.
    pub fn shutdown(&self) {
        self.inner.is_shut_down.store(true, Ordering::Release);
        // A collection under way either has taken its deltas by now, or finds that it is too late.
        let mut memory = self.memory();
        *memory = Memory::default();
        self.inner.taken.store(u64::MAX, Ordering::Release);
    }

    /// Whether it, or its provider, was shut down: then its collections are empty for good.
    pub fn is_shut_down(&self) -> bool {
        let ReaderInner { is_shut_down, ends_with, provider, .. } = &*self.inner;
        let own = [Some(is_shut_down), ends_with.as_ref()];
        own.into_iter().flatten().any(|is| is.load(Ordering::Acquire))
            || provider.is_shut_down.load(Ordering::Acquire)
    }
}

/// Sets up a [`MetricReader`]; made by [`MeterProvider::reader_builder`](super::MeterProvider::reader_builder).
#[must_use = "a builder does nothing until it builds"]
pub struct MetricReaderBuilder {
    provider: Arc<Registry>,
    defaults: Defaults,
    temporalities: [Temporality; 7],
    producers: Producers,
    component_type: Cow<'static, str>,
}

impl MetricReaderBuilder {
    pub(crate) fn new(provider: Arc<Registry>) -> Self {
        MetricReaderBuilder {
            provider,
            defaults: Defaults::default(),
            temporalities: [Temporality::Cumulative; 7],
            producers: Producers::default(),
            component_type: Cow::Borrowed("metric_reader"),
        }
    }

    /// What kind of reader it is in metrics about the SDK itself (`otel.component.type`), such as `periodic_metric_reader`:
    /// `metric_reader`, unless set. Its name is that with a number.
    pub fn with_component_type(mut self, kind: impl Into<Cow<'static, str>>) -> Self {
        self.component_type = kind.into();
        self
    }

    /// The temporality of each kind of instrument, as the specification has it under this name: cumulative, unless set.
    ///
    /// A reader with delta temporality remembers what it gave: up to as much as one thread's cells of the series. Recording costs
    /// the same, however many readers there are and whatever their intervals.
    pub fn with_temporality(mut self, preference: TemporalityPreference) -> Self {
        self.temporalities = InstrumentKind::ALL.map(|kind| preference.of(kind));
        self
    }

    /// The temporality of one kind of instrument. Gauges have none: of them there is always the last value, whatever is set.
    pub fn with_temporality_of(mut self, kind: InstrumentKind, temporality: Temporality) -> Self {
        if !matches!(kind, InstrumentKind::Gauge | InstrumentKind::ObservableGauge) {
            self.temporalities[kind as usize] = temporality;
        }
        self
    }

    /// How instruments of a kind are aggregated for this reader where no view says it: by the kind's own default, unless set.
    ///
    /// Boundaries that an instrument asks for itself go before explicit boundaries that are set here. What does not suit the
    /// kind is reported when an instrument is created, and the kind's default is used.
    ///
    /// Measurements are recorded once for each configuration that differs, so that readers that are set up alike cost no more
    /// than one. The configuration without settings ([`MeterProvider::reader`](super::MeterProvider::reader)) is always
    /// recorded. A configuration that is new to the provider sees what is recorded from now on, also through handles that exist
    /// already, and its series begin now; it is recorded for the life of the provider, and there can be sixteen: what comes
    /// later is reported, and reads what readers without settings do.
    pub fn with_aggregation(mut self, kind: InstrumentKind, aggregation: Aggregation) -> Self {
        self.defaults.set(kind, aggregation);
        self
    }

    /// How many attribute sets a stream may have for this reader, at least 1, where neither a view nor the instrument says it:
    /// the provider's limit, unless set.
    pub fn with_cardinality_limit(mut self, limit: usize) -> Self {
        self.defaults.limit = Some(limit.max(1));
        self
    }

    /// Has a producer asked in each collection, after those registered before it.
    pub fn with_producer(mut self, producer: Arc<dyn MetricProducer>) -> Self {
        self.producers.push(producer);
        self
    }

    /// Makes the reader.
    pub fn build(self) -> MetricReader {
        let MetricReaderBuilder { provider, defaults, temporalities, producers, component_type } = self;
        let pipeline = provider.pipeline(defaults);
        let component = Component::new(component_type, &provider.numbers);
        MetricReader::new(provider, pipeline, temporalities, producers, component, None)
    }
}

impl fmt::Debug for MetricReaderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricReaderBuilder").field("producers", &self.producers).finish_non_exhaustive()
    }
}

impl fmt::Debug for MetricReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricReader")
            .field("metrics", &self.inner.pipeline.streams.len())
            .finish_non_exhaustive()
    }
}
