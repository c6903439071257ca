//! A stream: what one instrument's measurements become.

use std::fmt;
use std::sync::Arc;

use opentelemetry::InstrumentationScope;

use super::aggregator::Aggregator;
use super::exemplar::{self, Offered};
use super::rare::{self, Rare};
use super::series::{Overflow, RowKind, SeriesTable};
use super::settings::Settings;
use crate::attributes::Attributes;
use crate::cells::{self, Row, exponential, histogram};
use crate::diag;
use crate::number::{Number, NumberKind, NumberValue};

/// The kinds of instruments of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum InstrumentKind {
    Counter,
    UpDownCounter,
    Gauge,
    Histogram,
    ObservableCounter,
    ObservableUpDownCounter,
    ObservableGauge,
}

impl InstrumentKind {
    pub(crate) fn is_observable(self) -> bool {
        matches!(
            self,
            InstrumentKind::ObservableCounter
                | InstrumentKind::ObservableUpDownCounter
                | InstrumentKind::ObservableGauge
        )
    }
}

/// What an instrument was declared as: its identity within its scope.
#[derive(Clone, PartialEq)]
pub(crate) struct Descriptor {
    pub(crate) name: Box<str>,
    pub(crate) description: Box<str>,
    pub(crate) unit: Box<str>,
    pub(crate) kind: InstrumentKind,
    pub(crate) number: NumberKind,
}

impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Descriptor { name, description, unit, kind, number } = self;
        write!(f, "{kind:?} {name:?} of {number:?}, unit {unit:?}, description {description:?}")
    }
}

/// What one instrument's measurements become: an aggregation, and a series per attribute set.
pub(crate) struct Stream {
    pub(crate) descriptor: Descriptor,
    pub(crate) scope: Arc<InstrumentationScope>,
    pub(crate) aggregator: Aggregator,
    pub(crate) series: SeriesTable,
    pub(crate) created_unix_nanos: u64,
    pub(crate) rare: Rare,
}

impl Stream {
    pub(crate) fn new(
        descriptor: Descriptor,
        scope: Arc<InstrumentationScope>,
        aggregator: Aggregator,
        limit: usize,
        settings: Arc<Settings>,
    ) -> Self {
        let rows = if descriptor.kind.is_observable() { RowKind::None } else { aggregator.row_kind() };
        Stream {
            descriptor,
            scope,
            aggregator,
            created_unix_nanos: settings.clock.unix_nanos(),
            series: SeriesTable::new(rows, limit, settings),
            rare: Rare::default(),
        }
    }

    pub(crate) fn refused(&self) -> u64 {
        self.rare.get().map_or(0, rare::Inner::refused)
    }

    pub(crate) fn overflowed(&self) -> u64 {
        self.rare.get().map_or(0, rare::Inner::overflowed)
    }

    /// Records a measurement.
    #[inline]
    pub(crate) fn record<N: Number, A: Attributes + ?Sized>(&self, value: N, attributes: &A) {
        // Before the look-up: what is refused makes no series.
        if !value.suits_any_sum() && !self.aggregator.accepts(value) {
            return self.refuse(value);
        }
        if let Some(row) = self.row(attributes) {
            self.record_in(row, value);
        }
    }

    /// Records a measurement in a row of this stream's, if it may be recorded.
    #[inline]
    pub(crate) fn record_in<N: Number>(&self, row: Row, value: N) {
        // The commonest case first, and in line.
        if self.aggregator.is_sum() && value.suits_any_sum() {
            cells::add(row, value);
            if cells::is_due() {
                self.offer(row, value);
            }
        } else {
            self.record_other(row, value);
        }
    }

    /// As `record_in`, for what is not a sum.
    #[inline]
    pub(crate) fn record_other<N: Number>(&self, row: Row, value: N) {
        if let Aggregator::Exponential(it) = &self.aggregator
            && exponential::observe_at_once(row, &it.limits, value)
        {
            // Most values, and finite ones only.
        } else if let Aggregator::ExplicitBuckets(buckets) = &self.aggregator
            && value.is_finite()
        {
            histogram::observe(row, buckets.len(), buckets.of(value), value);
        } else {
            return self.record_unusual(row, value);
        }
        if cells::is_due() {
            self.offer(row, value);
        }
    }

    /// As `record_in`, for what is none of the usual cases.
    #[inline(never)]
    fn record_unusual<N: Number>(&self, row: Row, value: N) {
        if !self.aggregator.accepts(value) {
            return self.refuse(value);
        }
        self.aggregator.record(row, value);
        if cells::is_due() {
            self.offer(row, value);
        }
    }

    /// Has a measurement looked at that was recorded and is due: it may become an exemplar.
    #[cold]
    #[inline(never)]
    pub(crate) fn offer<N: Number>(&self, row: Row, value: N) {
        let settings = &*self.series.settings;
        let Some(span) = exemplar::admit(&settings.exemplars) else {
            return;
        };
        let offered = Offered {
            row,
            value: NumberValue::from_bits(N::KIND, value.to_bits()),
            bucket: self.aggregator.bucket(value),
            span,
        };
        let exemplars = &self.rare.make().exemplars;
        exemplars.offer(
            &settings.exemplars,
            &*settings.clock,
            self.aggregator.reservoir_kind(),
            offered,
            |_| (),
        );
    }

    /// The row of some attributes' series.
    #[inline]
    pub(crate) fn row<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<Row> {
        self.row_or_overflow(attributes).map(|(row, _)| row)
    }

    /// The row of some attributes' series, and whether it is one of its own.
    #[inline]
    pub(crate) fn row_or_overflow<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<(Row, Overflow)> {
        let (row, overflow) = self.series.row(attributes)?;
        if overflow != Overflow::No {
            self.count_overflow(overflow);
        }
        Some((row, overflow))
    }

    #[inline(never)]
    pub(crate) fn count_overflow(&self, overflow: Overflow) {
        self.rare.make().count_overflowed();
        if overflow == Overflow::First {
            let name = &*self.descriptor.name;
            let limit = self.series.limit();
            diag::report(
                "series.overflow",
                name,
                format_args!(
                    "instrument {name:?} of scope {:?} has reached its cardinality limit of {limit} attribute sets: \
                     measurements with further ones are added up under otel.metric.overflow=true; drop an attribute \
                     with too many values, or raise the limit",
                    self.scope.name()
                ),
            );
        }
    }

    /// Counts a measurement that cannot be recorded, and reports it.
    #[cold]
    #[inline(never)]
    pub(crate) fn refuse<N: Number>(&self, value: N) {
        self.rare.make().count_refused();
        let name = &*self.descriptor.name;
        let why = if value.is_finite() { "a counter cannot go down" } else { "it is not a finite number" };
        diag::report(
            "measurement.refused",
            name,
            format_args!(
                "a measurement of {value:?} for instrument {name:?} of scope {:?} was refused: {why}; refused \
                 measurements are counted",
                self.scope.name()
            ),
        );
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.descriptor)
    }
}
