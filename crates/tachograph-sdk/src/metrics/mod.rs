//! Metrics: from an instrument to a reader.
//!
//! A [`MeterProvider`] makes [`Meter`]s, a meter makes instruments, an instrument's measurements
//! become a stream of series, and a [`MetricReader`] visits the series.

mod aggregation;
mod aggregator;
mod cardinality;
mod collection;
mod component;
mod conflicts;
mod delta;
mod exemplar;
mod filter;
mod fold;
mod histograms;
mod instrument;
mod kind;
mod meter;
mod metric;
mod numbers;
mod observable;
mod options;
mod pipeline;
mod point;
mod presence;
mod producer;
mod provider;
mod rare;
mod reader;
mod registry;
mod resolve;
mod scope;
mod series;
mod settings;
mod spellings;
mod stream;
mod tally;
mod temporality;
mod unbound;
mod vacancies;
mod validate;
mod view;

pub use crate::exponential::ExponentialBuckets;
pub use crate::number::{Number, NumberKind, NumberValue};
pub use aggregation::Aggregation;
pub use collection::Collection;
pub use exemplar::{Exemplar, ExemplarFilter, ExemplarReservoir, FilteredAttributes};
pub use kind::InstrumentKind;
pub use meter::{Meter, MeterBuilder};
pub use metric::{Metric, MetricKind};
pub use numbers::Numbers;
pub use options::CardinalityOverflow;
pub use point::{ExponentialHistogramPoint, HistogramPoint, Point, PointValue};
pub use producer::{
    MetricProducer, ProducedBatch, ProducedBucket, ProducedExemplar, ProducedHistogram, ProducedKind,
    ProducedMetric, ProducedPoint, ProducedSummary, ProducedValue,
};
pub use provider::{DEFAULT_CARDINALITY_LIMIT, MeterProvider, MeterProviderBuilder, MetricsAccount};
pub use reader::{MetricReader, MetricReaderBuilder};
pub use series::OVERFLOW_ATTRIBUTE;
pub use temporality::{Temporality, TemporalityPreference};
pub use view::View;

pub(crate) use aggregator::Aggregator;
pub(crate) use instrument::Bound;
pub(crate) use provider::WeakMeterProvider;
pub(crate) use registry::{Registry, Request};
pub(crate) use stream::{Descriptor, Stream};
pub(crate) use unbound::{count_unbound, unbound_measurements};

/// Bounds the memory that all threads of the process together have for cells of their own: 256 MiB
/// unless set.
///
/// Each thread that records in a series takes memory for it, in blocks of 4 KiB that hold 512 sums or
/// some two dozen histograms. A thread that comes when the bound is reached records all the same, in
/// cells it shares with others in its position: slower by a contended atomic, for histograms by a
/// lock. Memory of threads that have ended is taken over by those that come after. The bound is the
/// process's, whatever the number of providers; the last value set counts, for blocks not yet made.
pub fn set_thread_cells_limit(bytes: usize) {
    crate::cells::set_limit(bytes);
}

/// The memory that threads have for cells of their own now, in bytes; see [`set_thread_cells_limit`].
pub fn thread_cells_bytes() -> usize {
    crate::cells::bytes()
}
