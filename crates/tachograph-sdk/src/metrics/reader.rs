use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::InstrumentationScope;

use super::aggregator::Aggregator;
use super::observable::Observations;
use super::point::{HistogramPoint, Point, PointValue};
use super::producer::{MetricProducer, ProducedBatch, Producers};
use super::registry::Registry;
use super::stream::Stream;
use crate::cells;
use crate::number::{Number, NumberKind, NumberValue};
use crate::resource::Resource;

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
    producers: Producers,
    /// Buffers of past collections, so that a steady reader allocates nothing.
    spare: Mutex<Vec<Buffers>>,
}

#[derive(Default)]
struct Buffers {
    observations: Observations,
    histogram: Mutex<HistogramBuffers>,
}

#[derive(Default)]
struct HistogramBuffers {
    scratch: Vec<u64>,
    point: HistogramPoint,
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
        let mut buffers = self.inner.spare().pop().unwrap_or_default();
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
            streams = provider.streams.len();
        }
        let unix_nanos = provider.clock.unix_nanos();
        Collection { reader: self.clone(), buffers, streams, produced, unix_nanos }
    }
}

/// Sets up a [`MetricReader`]; made by [`MeterProvider::reader_builder`](super::MeterProvider::reader_builder).
#[must_use = "a builder does nothing until it builds"]
pub struct MetricReaderBuilder {
    provider: Arc<Registry>,
    producers: Producers,
}

impl MetricReaderBuilder {
    pub(crate) fn new(provider: Arc<Registry>) -> Self {
        MetricReaderBuilder { provider, producers: Producers::default() }
    }

    /// Has a producer asked in each collection, after those registered before it.
    pub fn with_producer(mut self, producer: Arc<dyn MetricProducer>) -> Self {
        self.producers.push(producer);
        self
    }

    /// Makes the reader.
    pub fn build(self) -> MetricReader {
        let MetricReaderBuilder { provider, producers } = self;
        MetricReader { inner: Arc::new(ReaderInner { provider, producers, spare: Mutex::default() }) }
    }
}

impl fmt::Debug for MetricReaderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricReaderBuilder").field("producers", &self.producers).finish_non_exhaustive()
    }
}

impl ReaderInner {
    fn spare(&self) -> std::sync::MutexGuard<'_, Vec<Buffers>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MetricReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricReader")
            .field("streams", &self.inner.provider.streams.len())
            .finish_non_exhaustive()
    }
}

/// One collection: the metrics there were, and what the callbacks observed.
///
/// Values of synchronous instruments are read as they are visited, each data point whole by itself.
pub struct Collection {
    reader: MetricReader,
    buffers: Buffers,
    streams: usize,
    produced: Vec<ProducedBatch>,
    unix_nanos: u64,
}

impl Collection {
    /// What the metrics are about.
    pub fn resource(&self) -> &Resource {
        &self.reader.inner.provider.resource
    }

    /// When the collection was made, in nanoseconds since the Unix epoch.
    pub fn unix_nanos(&self) -> u64 {
        self.unix_nanos
    }

    /// The metrics, in the order in which their instruments were created; those without series too.
    pub fn metrics(&self) -> impl Iterator<Item = Metric<'_>> {
        let streams = self.reader.inner.provider.streams.iter().take(self.streams);
        streams.enumerate().map(|(number, stream)| Metric { collection: self, number, stream })
    }

    /// What the reader's producers gave, in the order in which they were registered: a batch for each.
    pub fn produced(&self) -> &[ProducedBatch] {
        &self.produced
    }

    /// The metric of an [id](Metric::id), if the collection has it: where a visit in parts goes on.
    pub fn metric(&self, id: usize) -> Option<Metric<'_>> {
        let stream = (id < self.streams).then(|| self.reader.inner.provider.streams.get(id))??;
        Some(Metric { collection: self, number: id, stream })
    }
}

impl Drop for Collection {
    fn drop(&mut self) {
        let mut spare = self.reader.inner.spare();
        // As many as collections were ever made at a time, up to a few.
        if spare.len() < 4 {
            spare.push(std::mem::take(&mut self.buffers));
        }
    }
}

impl fmt::Debug for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.metrics()).finish()
    }
}

/// What a metric is, as the data model has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// A sum: of a counter if it is monotonic, else of an up-down counter.
    Sum {
        /// Whether it never goes down.
        monotonic: bool,
    },
    /// A last value.
    Gauge,
    /// A histogram with explicit boundaries.
    Histogram,
    /// A base-2 exponential histogram.
    ExponentialHistogram,
}

/// A metric of a collection: an instrument's stream.
#[derive(Clone, Copy)]
pub struct Metric<'a> {
    collection: &'a Collection,
    number: usize,
    stream: &'a Arc<Stream>,
}

impl<'a> Metric<'a> {
    /// A number that is the metric's for the life of its provider; numbers begin at 0 without gaps.
    pub fn id(&self) -> usize {
        self.number
    }

    /// The instrument's name.
    pub fn name(&self) -> &'a str {
        &self.stream.descriptor.name
    }

    /// The instrument's unit; empty when it has none.
    pub fn unit(&self) -> &'a str {
        &self.stream.descriptor.unit
    }

    /// The instrument's description; empty when it has none.
    pub fn description(&self) -> &'a str {
        &self.stream.descriptor.description
    }

    /// The scope of the meter that made the instrument.
    pub fn scope(&self) -> &'a InstrumentationScope {
        &self.stream.scope
    }

    /// What it is.
    pub fn kind(&self) -> MetricKind {
        match self.stream.aggregator {
            Aggregator::Sum { monotonic } => MetricKind::Sum { monotonic },
            Aggregator::LastValue => MetricKind::Gauge,
            Aggregator::ExplicitBuckets(_) => MetricKind::Histogram,
        }
    }

    /// A histogram's boundaries, ascending, without the infinite last one; else nothing.
    pub fn boundaries(&self) -> &'a [f64] {
        match &self.stream.aggregator {
            Aggregator::ExplicitBuckets(buckets) => buckets.bounds(),
            _ => &[],
        }
    }

    /// The series' numbers are below this.
    pub fn series_len(&self) -> usize {
        self.stream.series.len()
    }

    /// Whether measurements have been added up in an overflow series.
    pub fn overflows(&self) -> bool {
        self.stream.series.overflows()
    }

    /// Visits the data point of every series that has one, in the order in which the series appeared.
    ///
    /// A series of an observable instrument has one if this collection observed it; one of a gauge, if
    /// the gauge was ever set; one of a sum or a histogram always has, from the moment it was bound or
    /// first recorded. Visiting takes no lock that recording or making a series needs, and allocates
    /// nothing once its buffers have their size.
    pub fn for_each(&self, mut visit: impl FnMut(Point<'_>)) {
        let _ = self.try_for_each(|point| {
            visit(point);
            ControlFlow::<()>::Continue(())
        });
    }

    /// As [`for_each`](Self::for_each), until `visit` breaks.
    pub fn try_for_each<B>(&self, visit: impl FnMut(Point<'_>) -> ControlFlow<B>) -> ControlFlow<B> {
        self.try_for_each_from(0, visit)
    }

    /// As [`try_for_each`](Self::try_for_each), beginning at a series' number: so that a visit that broke
    /// goes on where it was, however many series there are.
    pub fn try_for_each_from<B>(
        &self,
        first: usize,
        visit: impl FnMut(Point<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if self.stream.descriptor.kind.is_observable() {
            return self.visit_observed(first, visit);
        }
        match (&self.stream.aggregator, self.stream.descriptor.number) {
            (Aggregator::Sum { .. }, NumberKind::U64) => self.visit_sums::<u64, B>(first, visit),
            (Aggregator::Sum { .. }, NumberKind::I64) => self.visit_sums::<i64, B>(first, visit),
            (Aggregator::Sum { .. }, NumberKind::F64) => self.visit_sums::<f64, B>(first, visit),
            (Aggregator::LastValue, _) => self.visit_last_values(first, visit),
            (Aggregator::ExplicitBuckets(_), NumberKind::U64) => {
                self.visit_histograms::<u64, B>(first, visit)
            }
            (Aggregator::ExplicitBuckets(_), NumberKind::I64) => {
                self.visit_histograms::<i64, B>(first, visit)
            }
            (Aggregator::ExplicitBuckets(_), NumberKind::F64) => {
                self.visit_histograms::<f64, B>(first, visit)
            }
        }
    }

    fn visit_sums<N: Number, B>(
        &self,
        first: usize,
        mut visit: impl FnMut(Point<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        for (number, series) in self.stream.series.iter_from(first) {
            let Some(row) = series.row else { continue };
            let value = PointValue::of(N::KIND, cells::sum::<N>(row));
            visit(Point::new(number, &series.attributes, series.start_unix_nanos, value))?;
        }
        ControlFlow::Continue(())
    }

    fn visit_last_values<B>(
        &self,
        first: usize,
        mut visit: impl FnMut(Point<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        for (number, series) in self.stream.series.iter_from(first) {
            let Some(bits) = series.row.and_then(cells::last_value) else { continue };
            let value = PointValue::of(self.stream.descriptor.number, bits);
            visit(Point::new(number, &series.attributes, series.start_unix_nanos, value))?;
        }
        ControlFlow::Continue(())
    }

    fn visit_histograms<N: Number, B>(
        &self,
        first: usize,
        mut visit: impl FnMut(Point<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        // Taken out, so that a visitor may visit another histogram of this collection meanwhile.
        let lock = || self.collection.buffers.histogram.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffers = std::mem::take(&mut *lock());
        let HistogramBuffers { scratch, point } = &mut buffers;
        point.bucket_counts.resize(self.boundaries().len() + 1, 0);
        let mut flow = ControlFlow::Continue(());
        for (number, series) in self.stream.series.iter_from(first) {
            let Some(row) = series.row else { continue };
            let read = cells::read_histogram::<N>(row, scratch, &mut point.bucket_counts);
            point.count = point.bucket_counts.iter().fold(0, |sum: u64, count| sum.wrapping_add(*count));
            point.sum = NumberValue::from_bits(N::KIND, read.sum_bits);
            let of = |ordered| NumberValue::from_bits(N::KIND, N::from_ordered(ordered).to_bits());
            point.extremes = (point.count > 0).then(|| (of(read.min), of(read.max)));
            let value = PointValue::Histogram(point);
            flow = visit(Point::new(number, &series.attributes, series.start_unix_nanos, value));
            if flow.is_break() {
                break;
            }
        }
        *lock() = buffers;
        flow
    }

    fn visit_observed<B>(
        &self,
        first: usize,
        mut visit: impl FnMut(Point<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let observed = self.collection.buffers.observations.of(self.number).iter().enumerate();
        for (number, bits) in observed.skip(first) {
            let (Some(bits), Some(series)) = (bits, self.stream.series.get(number)) else { continue };
            let value = PointValue::of(self.stream.descriptor.number, *bits);
            // What is observed has been accumulating since the instrument was made, at the latest.
            let start = self.stream.created_unix_nanos;
            visit(Point::new(number, &series.attributes, start, value))?;
        }
        ControlFlow::Continue(())
    }
}

impl fmt::Debug for Metric<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metric")
            .field("name", &self.name())
            .field("kind", &self.kind())
            .field("series", &self.series_len())
            .finish_non_exhaustive()
    }
}
