//! Metrics that others collect, and that come out of a reader beside the engine's own.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use opentelemetry::InstrumentationScope;

use crate::attributes::AttributeSet;
use crate::diag;
use crate::number::NumberValue;

/// A source of metrics beside the instruments: the registry of another library, a kernel's counters.
///
/// The specification's *MetricProducer*. It is registered at a reader
/// ([`MetricReaderBuilder::with_producer`](super::MetricReaderBuilder::with_producer)), which asks it once in each
/// collection, on the collecting thread, with no lock of the engine held; what it gives is in
/// [`Collection::produced`](super::Collection::produced).
///
/// # Contract
///
/// Several collections may ask at a time. It may record and make instruments, and is best brief, for a scrape waits
/// for it. What it gives has the temporality that it has: a reader does not convert it, so that for a reader of
/// another temporality there should be a producer set up for it. A producer that fails or panics is reported; what it
/// gave before is kept, and the collection goes on.
///
/// ```
/// use std::sync::Arc;
/// use tachograph_sdk::metrics::{MetricProducer, ProducedBatch, ProducedKind, ProducedMetric, ProducedPoint};
/// use tachograph_sdk::{InstrumentationScope, MeterProvider};
///
/// struct LoadAverage(InstrumentationScope);
///
/// impl MetricProducer for LoadAverage {
///     fn scope(&self) -> &InstrumentationScope {
///         &self.0
///     }
///
///     fn produce(&self, batch: &mut ProducedBatch) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
///         let load = 0.7; // read from somewhere, with `?`
///         let mut metric = ProducedMetric::new("load", ProducedKind::Gauge);
///         metric.points.push(ProducedPoint::new([("minutes", 1)], load));
///         batch.metrics.push(metric);
///         Ok(())
///     }
/// }
///
/// let provider = MeterProvider::new();
/// let load = LoadAverage(InstrumentationScope::builder("load").build());
/// let reader = provider.reader_builder().with_producer(Arc::new(load)).build();
/// assert_eq!(reader.collect().produced()[0].metrics[0].name, "load");
/// ```
pub trait MetricProducer: Send + Sync {
    /// What identifies the producer: the scope of all it produces, and its name in reports.
    fn scope(&self) -> &InstrumentationScope;

    /// Adds to `batch` what there is now.
    ///
    /// # Errors
    ///
    /// Why it could not, or not all of it; the reader reports it, and keeps what is in the batch.
    fn produce(&self, batch: &mut ProducedBatch) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// What one producer gave in one collection.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProducedBatch {
    /// The producer's scope.
    pub scope: InstrumentationScope,
    /// Whether names and attributes are those of an exposition of the producer's own, as a registry of another
    /// library has it: an exporter then leaves them as they are. It adds no suffixes to names and no scope to
    /// attributes, and only escapes what its format cannot hold. `false` unless the producer sets it.
    pub verbatim: bool,
    /// Its metrics, in the order in which it gave them.
    pub metrics: Vec<ProducedMetric>,
}

impl ProducedBatch {
    /// An empty batch; a reader makes one for each producer.
    pub fn new(scope: InstrumentationScope) -> Self {
        ProducedBatch { scope, verbatim: false, metrics: Vec::new() }
    }
}

/// A metric that a producer gave, with its data points.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProducedMetric {
    /// Its name, as the producer knows it: exporters treat it like an instrument's.
    pub name: Cow<'static, str>,
    /// Its unit; empty when it has none.
    pub unit: Cow<'static, str>,
    /// What it measures, for people; empty when nobody said.
    pub description: Cow<'static, str>,
    /// What its points are. A point whose value is of another kind is the exporter's to leave out and report.
    pub kind: ProducedKind,
    /// Its points; each attribute set should be there once.
    pub points: Vec<ProducedPoint>,
}

impl ProducedMetric {
    /// A metric without unit, description and points; the fields are there to be set.
    pub fn new(name: impl Into<Cow<'static, str>>, kind: ProducedKind) -> Self {
        ProducedMetric {
            name: name.into(),
            unit: Cow::Borrowed(""),
            description: Cow::Borrowed(""),
            kind,
            points: Vec::new(),
        }
    }
}

/// What a produced metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProducedKind {
    /// A sum of what was measured since the points' start; cumulative, unless the producer says otherwise in its own
    /// documentation.
    Sum {
        /// Whether it never goes down.
        monotonic: bool,
    },
    /// A last value.
    Gauge,
    /// A histogram with explicit boundaries.
    Histogram,
    /// Quantiles that somebody else computed.
    Summary,
    /// A number that nobody said more of: exported as a gauge where a format has no such kind.
    Unknown,
    /// Facts in the attributes, with the value 1 (OpenMetrics: *info*).
    Info,
    /// A boolean for each state (OpenMetrics: *stateset*).
    StateSet,
}

/// A data point that a producer gave.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProducedPoint {
    /// The series' attributes.
    pub attributes: AttributeSet,
    /// Since when it has been adding up, in nanoseconds since the Unix epoch, if that is known.
    pub start_unix_nanos: Option<u64>,
    /// When it was measured, in nanoseconds since the Unix epoch, if that is not the time of the collection.
    pub unix_nanos: Option<u64>,
    /// Its value.
    pub value: ProducedValue,
}

impl ProducedPoint {
    /// A point that is measured now, with an unknown start.
    pub fn new(attributes: impl Into<AttributeSet>, value: impl Into<ProducedValue>) -> Self {
        ProducedPoint {
            attributes: attributes.into(),
            start_unix_nanos: None,
            unix_nanos: None,
            value: value.into(),
        }
    }
}

/// The value of a produced data point.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ProducedValue {
    /// Of a sum, a gauge, an unknown, an info or a state.
    Number {
        /// The number.
        value: NumberValue,
        /// A measurement that is an example of what the number is made of.
        exemplar: Option<ProducedExemplar>,
    },
    /// Of a histogram.
    Histogram(ProducedHistogram),
    /// Of a summary.
    Summary(ProducedSummary),
}

impl<N: Into<NumberValue>> From<N> for ProducedValue {
    fn from(value: N) -> Self {
        ProducedValue::Number { value: value.into(), exemplar: None }
    }
}

impl From<ProducedHistogram> for ProducedValue {
    fn from(histogram: ProducedHistogram) -> Self {
        ProducedValue::Histogram(histogram)
    }
}

impl From<ProducedSummary> for ProducedValue {
    fn from(summary: ProducedSummary) -> Self {
        ProducedValue::Summary(summary)
    }
}

/// A histogram with explicit boundaries, as others collect it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProducedHistogram {
    /// How many measurements there were.
    pub count: u64,
    /// Their sum, if it is known.
    pub sum: Option<f64>,
    /// The buckets: upper, inclusive boundaries that ascend, each with the number of measurements in that bucket
    /// alone. The last boundary is infinite; where it is missing, an exporter adds it with what the count exceeds the
    /// buckets by.
    pub buckets: Vec<ProducedBucket>,
}

/// A bucket of a [`ProducedHistogram`].
#[derive(Clone, Debug, PartialEq)]
pub struct ProducedBucket {
    /// The largest value it takes.
    pub upper_bound: f64,
    /// How many measurements are in it, and not in the ones before.
    pub count: u64,
    /// One of them.
    pub exemplar: Option<ProducedExemplar>,
}

/// A summary: how many measurements there were, their sum, and quantiles that somebody else computed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProducedSummary {
    /// How many measurements there were.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Quantiles from 0 to 1, ascending, each with its value, which is NaN where there was no measurement of late.
    pub quantiles: Vec<(f64, f64)>,
}

/// An example of the measurements behind a produced value.
#[derive(Clone, Debug, PartialEq)]
pub struct ProducedExemplar {
    /// What leads to where it was measured: usually `trace_id` and `span_id`.
    pub attributes: AttributeSet,
    /// What was measured.
    pub value: f64,
    /// When, in nanoseconds since the Unix epoch, if that is known.
    pub unix_nanos: Option<u64>,
}

/// The producers of one reader, each with its scope.
#[derive(Clone, Default)]
pub(super) struct Producers(Vec<(InstrumentationScope, Arc<dyn MetricProducer>)>);

impl Producers {
    pub(super) fn push(&mut self, producer: Arc<dyn MetricProducer>) {
        let mut scope = InstrumentationScope::default();
        contained("", || {
            scope = producer.scope().clone();
            Ok(())
        });
        self.0.push((scope, producer));
    }

    /// Asks every producer; an error or a panic of one is reported, and what it gave before is kept.
    pub(super) fn produce(&self) -> Vec<ProducedBatch> {
        let batches = self.0.iter().map(|(scope, producer)| {
            let mut batch = ProducedBatch::new(scope.clone());
            // As text at once, while a panic of the error's is contained.
            contained(scope.name(), || producer.produce(&mut batch).map_err(|error| error.to_string()));
            batch
        });
        batches.collect()
    }
}

/// Calls a producer, and reports its error or its panic.
fn contained(name: &str, call: impl FnOnce() -> Result<(), String>) {
    let (what, why) = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => return,
        Ok(Err(error)) => ("failed", error),
        Err(panic) => {
            let why = diag::text_of_panic(&*panic).to_owned();
            diag::let_go(panic);
            ("panicked", why)
        }
    };
    diag::report(
        "producer.failed",
        name,
        format_args!(
            "metric producer {name:?} {what}: {why}; what it gave before is kept, and the rest of the collection is \
             whole"
        ),
    );
}

impl fmt::Debug for Producers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(scope, _)| scope.name())).finish()
    }
}
