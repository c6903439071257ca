use std::fmt;
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::InstrumentationScope;

use super::aggregator::Aggregator;
use super::delta::{Deltas, Memory, Taking};
use super::exemplar::{ExemplarBuffer, Exemplars};
use super::histograms::HistogramBuffers;
use super::kind::InstrumentKind;
use super::numbers::Numbers;
use super::observable::Observations;
use super::point::{Point, PointValue};
use super::presence::Presence;
use super::stream::Stream;
use super::temporality::Temporality;
use crate::cells::Row;
use crate::number::{Number, NumberKind};

/// What the metrics of one collection have beside their streams.
#[derive(Default)]
pub(super) struct Buffers {
    pub(super) observations: Observations,
    pub(super) deltas: Deltas,
    /// When the collection was made.
    pub(super) unix_nanos: u64,
    /// While a reader takes what is new: then what has departed is shown a last time.
    pub(super) takes_deltas: bool,
    /// Of which windows exemplars are shown.
    pub(super) exemplar_windows: Range<u64>,
    exemplars: Mutex<ExemplarBuffer>,
    histogram: Mutex<HistogramBuffers>,
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
    id: usize,
    stream: &'a Arc<Stream>,
    buffers: &'a Buffers,
}

impl<'a> Metric<'a> {
    pub(super) fn new(id: usize, stream: &'a Arc<Stream>, buffers: &'a Buffers) -> Self {
        Metric { id, stream, buffers }
    }

    /// A number that is the metric's for the life of its reader; numbers begin at 0 without gaps.
    pub fn id(&self) -> usize {
        self.id
    }

    /// Whether another metric is of the same instrument, because several views select it: then both have the same measurements, and
    /// who adds them up counts these twice.
    pub fn is_of_instrument_of(&self, other: &Metric<'_>) -> bool {
        let leads_to =
            |from: &Arc<Stream>, to: &Arc<Stream>| from.chain().any(|stream| Arc::ptr_eq(stream, to));
        leads_to(self.stream, other.stream) || leads_to(other.stream, self.stream)
    }

    /// The instrument's name, or the one that a view gave.
    pub fn name(&self) -> &'a str {
        &self.stream.descriptor.name
    }

    /// The instrument's unit; empty when it has none.
    pub fn unit(&self) -> &'a str {
        &self.stream.descriptor.unit
    }

    /// The instrument's description, or the one that a view gave; empty when there is none.
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
            Aggregator::Exponential(_) => MetricKind::ExponentialHistogram,
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

    /// How often numbers of series became free for others: who keeps something by the number of a series forgets it when this
    /// is another than before. It does not change while a collection lives.
    pub fn generation(&self) -> u32 {
        self.stream.series.generation()
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
        mut visit: impl FnMut(Point<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some(exemplars) = self.exemplars() else {
            return self.visit(first, |_, point| visit(point));
        };
        // Taken out, so that a visitor may visit another metric of this collection meanwhile.
        let lock = || self.buffers.exemplars.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = std::mem::take(&mut *lock());
        let windows = &self.buffers.exemplar_windows;
        let flow = self.visit(first, |row, point| match row {
            Some(row) => visit(point.with_exemplars(exemplars.read(row, windows, &mut buffer))),
            None => visit(point),
        });
        *lock() = buffer;
        flow
    }

    /// The points from a series' number on, some at a time, if every one is a number that was recorded, cumulative and without
    /// exemplars; else `None`, and [`try_for_each_from`](Self::try_for_each_from) has them.
    ///
    /// Such are most series of most programs. Who has a hundred thousand of them to write visits them here in a loop of its own, in
    /// half the time.
    ///
    /// ```
    /// use tachograph_sdk::{Counter, MeterProvider};
    ///
    /// let provider = MeterProvider::new();
    /// let orders: Counter<u64> = provider.meter("shop").counter("orders").build();
    /// orders.add(2, &[("channel", "web")]);
    /// let mut sum = 0;
    /// for metric in provider.reader().collect().metrics() {
    ///     let Some(mut numbers) = metric.numbers_from(0) else { continue };
    ///     while numbers.advance() {
    ///         sum += numbers.points().count();
    ///     }
    /// }
    /// assert_eq!(sum, 1);
    /// ```
    pub fn numbers_from(&self, first: usize) -> Option<Numbers<'a>> {
        let are_recorded =
            self.buffers.deltas.of(self.id).is_none() && !self.stream.descriptor.kind.is_observable();
        let are_numbers = matches!(self.stream.aggregator, Aggregator::Sum { .. } | Aggregator::LastValue);
        let are_all = are_recorded && are_numbers && self.exemplars().is_none();
        are_all.then(|| Numbers::new(self.stream, self.presence(), first))
    }

    /// The exemplars of its series, if there are any.
    fn exemplars(&self) -> Option<&'a Exemplars> {
        self.stream.series.rare.get().map(|rare| &rare.exemplars).filter(|all| !all.is_empty())
    }

    fn visit<B>(
        &self,
        first: usize,
        mut visit: impl FnMut(Option<Row>, Point<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if let Some(delta) = self.buffers.deltas.of(self.id) {
            for (number, value) in delta.points(first) {
                let Some(series) = self.stream.series.get(number) else { continue };
                let point = Point::new(number, &series.attributes, delta.start_unix_nanos, value);
                visit(series.row, point)?;
            }
            return ControlFlow::Continue(());
        }
        if self.stream.descriptor.kind.is_observable() {
            return self.visit_observed(first, |point| visit(None, point));
        }
        self.visit_recorded(first, visit)
    }

    /// Takes what is new in it since the collection before, for a reader that remembers what that was.
    pub(super) fn take_delta(&self, memory: &mut Memory, deltas: &mut Deltas, now_unix_nanos: u64) {
        let taking = Taking {
            id: self.id,
            created_unix_nanos: self.stream.created_unix_nanos,
            now_unix_nanos,
            is_observed: self.stream.descriptor.kind.is_observable(),
            is_monotonic: matches!(self.kind(), MetricKind::Sum { monotonic: true }),
        };
        memory.take(taking, deltas, |visit| {
            let _ = self.visit(0, |_, point| {
                visit(point.series, point.start_unix_nanos, point.value);
                ControlFlow::<()>::Continue(())
            });
        });
    }

    /// The kind of the instrument.
    pub fn instrument_kind(&self) -> InstrumentKind {
        self.stream.descriptor.kind
    }

    /// Since when its points add up. Gauges do not; theirs is called cumulative.
    pub fn temporality(&self) -> Temporality {
        match self.buffers.deltas.of(self.id) {
            Some(_) => Temporality::Delta,
            None => Temporality::Cumulative,
        }
    }

    fn presence(&self) -> Presence<'a> {
        Presence::new(&self.stream.series, self.buffers.unix_nanos, self.buffers.takes_deltas)
    }

    fn visit_recorded<B>(
        &self,
        first: usize,
        visit: impl FnMut(Option<Row>, Point<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match (&self.stream.aggregator, self.stream.descriptor.number) {
            (Aggregator::Sum { .. } | Aggregator::LastValue, _) => self.visit_numbers(first, visit),
            (_, NumberKind::U64) => self.visit_histograms::<u64, B>(first, visit),
            (_, NumberKind::I64) => self.visit_histograms::<i64, B>(first, visit),
            (_, NumberKind::F64) => self.visit_histograms::<f64, B>(first, visit),
        }
    }

    fn visit_numbers<B>(
        &self,
        first: usize,
        mut visit: impl FnMut(Option<Row>, Point<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut numbers = Numbers::new(self.stream, self.presence(), first);
        while numbers.advance() {
            for (point, row) in numbers.points_and_rows() {
                visit(row, point)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn visit_histograms<N: Number, B>(
        &self,
        first: usize,
        mut visit: impl FnMut(Option<Row>, Point<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        // Taken out, so that a visitor may visit another histogram of this collection meanwhile.
        let lock = || self.buffers.histogram.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffers = std::mem::take(&mut *lock());
        let mut flow = ControlFlow::Continue(());
        let presence = self.presence();
        for (number, series) in self.stream.series.iter_from(first) {
            let Some(row) = series.row.filter(|row| presence.is_shown(number, *row, true)) else { continue };
            let Some(value) = buffers.read::<N>(row, &self.stream.aggregator) else { continue };
            flow = visit(Some(row), Point::new(number, &series.attributes, series.start_unix_nanos, value));
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
        let observed = self.buffers.observations.of(self.stream.number as usize).iter().enumerate();
        for (number, bits) in observed.skip(first) {
            let (Some(bits), Some(series)) = (bits, self.stream.series.get(number)) else { continue };
            let value = PointValue::of(self.stream.descriptor.number, *bits);
            // It has been accumulating since the instrument was made, or since a collection that did not observe it.
            let start = series.start_unix_nanos.max(self.stream.created_unix_nanos);
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
