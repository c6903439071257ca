use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use super::aggregation::Aggregation;
use super::collection::{Collection, Parts, Spare};
use super::exemplar::begin_window;
use super::kind::InstrumentKind;
use super::pipeline::Pipeline;
use super::producer::{MetricProducer, Producers};
use super::registry::Registry;
use super::resolve::Defaults;

/// Collects what a provider's instruments have recorded, cumulatively: since each series began.
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
    producers: Producers,
    spare: Arc<Spare>,
}

impl MetricReader {
    /// Runs the callbacks of observable instruments on this thread, then fixes what this collection
    /// consists of.
    ///
    /// No lock of the engine is held while a callback runs: it may create instruments and record. One
    /// that panics is contained and reported. Instruments created by a callback are part of this
    /// collection if they are synchronous; callbacks registered meanwhile run in the next one.
    ///
    /// Then the reader's producers are asked, likewise.
    ///
    /// After the provider's shutdown a collection is empty.
    pub fn collect(&self) -> Collection {
        let provider = &self.inner.provider;
        let mut buffers = self.inner.spare.take();
        buffers.observations.clear();
        let (mut streams, mut produced) = (0, Vec::new());
        if !provider.is_shut_down.load(Ordering::Acquire) {
            let observations = Mutex::new(std::mem::take(&mut buffers.observations));
            for number in 0..provider.callback_count() {
                if let Some(callback) = provider.callback(number) {
                    callback.observe(&observations);
                }
            }
            buffers.observations = observations.into_inner().unwrap_or_else(PoisonError::into_inner);
            produced = self.inner.producers.produce();
            streams = self.inner.pipeline.streams.len();
        }
        begin_window();
        // A cumulative reader shows what there is.
        buffers.exemplar_windows = 0..u64::MAX;
        let unix_nanos = provider.settings.clock.unix_nanos();
        Collection::new(
            provider,
            &self.inner.pipeline,
            &self.inner.spare,
            Parts { buffers, streams, produced, unix_nanos },
        )
    }
}

/// Sets up a [`MetricReader`]; made by [`MeterProvider::reader_builder`](super::MeterProvider::reader_builder).
#[must_use = "a builder does nothing until it builds"]
pub struct MetricReaderBuilder {
    provider: Arc<Registry>,
    defaults: Defaults,
    producers: Producers,
}

impl MetricReaderBuilder {
    pub(crate) fn new(provider: Arc<Registry>) -> Self {
        MetricReaderBuilder { provider, defaults: Defaults::default(), producers: Producers::default() }
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
        let MetricReaderBuilder { provider, defaults, producers } = self;
        let pipeline = provider.pipeline(defaults);
        MetricReader { inner: Arc::new(ReaderInner { provider, pipeline, producers, spare: Arc::default() }) }
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
