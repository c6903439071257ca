//! A stream: what one instrument's measurements become.

mod limit;
mod look_up;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::InstrumentationScope;

use super::aggregator::{Aggregator, Buckets};
use super::exemplar::{self, Admitted, Offered};
use super::filter::Filter;
use super::kind::InstrumentKind;
use super::options::Options;
use super::rare;
use super::series::{Overflow, RowKind, SeriesTable};
use super::settings::Settings;
use super::spellings::Known;
use crate::attributes::Attributes;
use crate::cells::{self, AtOnce, Row, exponential, histogram};
use crate::diag;
use crate::exponential::{index_at_once, index_by_table};
use crate::number::{Number, NumberKind, NumberValue};
use crate::sync::OnceBox;

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

/// What a stream is to be.
pub(crate) struct Spec {
    pub(crate) descriptor: Descriptor,
    pub(crate) aggregator: Aggregator,
    pub(crate) filter: Filter,
    pub(crate) limit: usize,
    pub(crate) options: Options,
}

impl Spec {
    /// Whether both are one stream.
    pub(crate) fn is_like(&self, other: &Spec) -> bool {
        self.descriptor == other.descriptor
            && self.aggregator.is_like(&other.aggregator)
            && self.filter == other.filter
            && self.limit == other.limit
            && self.options == other.options
    }
}

/// What one instrument's measurements become: an aggregation, and a series per attribute set.
///
/// An instrument has one stream, or several where views or readers differ: they are a chain from the first one. Whoever
/// records, records in all of them.
pub(crate) struct Stream {
    /// Its number in its provider.
    pub(crate) number: u32,
    pub(crate) descriptor: Descriptor,
    pub(crate) scope: Arc<InstrumentationScope>,
    pub(crate) aggregator: Aggregator,
    pub(crate) series: SeriesTable,
    pub(crate) created_unix_nanos: u64,
    /// Whether there is anything to look at but the aggregation: a restriction, or a next stream.
    is_special: AtomicBool,
    /// What keeps measurements or attributes away; `None` for most.
    restriction: Option<Box<Restriction>>,
    /// The instrument's next stream; most have none. It may come at any time, with a reader of another configuration.
    next: OnceBox<Arc<Stream>>,
}

/// Whether there is an instrument with several streams in this process: in most there is none, and then a record does not
/// have to look at its stream.
static ANY_HAS_NEXT: AtomicBool = AtomicBool::new(false);

/// Whether a stream may have one after it.
#[inline(always)]
pub(crate) fn may_have_next() -> bool {
    ANY_HAS_NEXT.load(Ordering::Relaxed)
}

/// What a stream does not keep.
enum Restriction {
    /// Attributes.
    Attributes(Filter),
    /// Anything: it is there for the chain to begin with.
    All,
}

impl Stream {
    pub(crate) fn new(
        number: u32,
        spec: Spec,
        scope: Arc<InstrumentationScope>,
        settings: Arc<Settings>,
    ) -> Self {
        let Spec { descriptor, aggregator, filter, limit, options } = spec;
        let restriction = (!filter.is_open()).then(|| Box::new(Restriction::Attributes(filter)));
        let rows = if descriptor.kind.is_observable() { RowKind::None } else { aggregator.row_kind() };
        Stream {
            number,
            descriptor,
            scope,
            aggregator,
            created_unix_nanos: settings.clock.unix_nanos(),
            series: SeriesTable::new(rows, limit, settings, options),
            is_special: AtomicBool::new(restriction.is_some()),
            restriction,
            next: OnceBox::new(),
        }
    }

    /// What stands for an instrument that nobody wants to read: it is in no pipeline, and keeps nothing.
    pub(crate) fn of_nothing(
        descriptor: Descriptor,
        scope: Arc<InstrumentationScope>,
        settings: Arc<Settings>,
    ) -> Self {
        // The kind of the aggregator does not matter, for there are no rows.
        let (aggregator, filter, options) = (Aggregator::LastValue, Filter::default(), settings.options);
        let spec = Spec { descriptor, aggregator, filter, limit: 1, options };
        let restriction = Some(Box::new(Restriction::All));
        let mut stream = Stream::new(u32::MAX, spec, scope, settings);
        stream.restriction = restriction;
        stream.is_special = AtomicBool::new(true);
        stream
    }

    /// Whether it is as asked.
    pub(crate) fn is(&self, spec: &Spec) -> bool {
        let open = Filter::default();
        !self.is_of_nothing()
            && self.descriptor == spec.descriptor
            && self.aggregator.is_like(&spec.aggregator)
            && *self.filter().unwrap_or(&open) == spec.filter
            && self.series.limit() == spec.limit
            && self.series.options() == spec.options
    }

    pub(crate) fn is_of_nothing(&self) -> bool {
        matches!(self.restriction.as_deref(), Some(Restriction::All))
    }

    /// The filter of its attributes, if it has one.
    pub(crate) fn filter(&self) -> Option<&Filter> {
        match self.restriction.as_deref() {
            Some(Restriction::Attributes(filter)) => Some(filter),
            _ => None,
        }
    }

    /// The instrument's stream after this.
    #[inline(always)]
    pub(crate) fn next(&self) -> Option<&Arc<Stream>> {
        if may_have_next() { self.next.get() } else { None }
    }

    /// Adds a stream after this, which has been the last. The caller sees to it that nobody else does. If there may be handles to
    /// the instrument already, the short cuts have to be closed after that.
    pub(crate) fn append(&self, stream: Arc<Stream>) {
        self.next.get_or_init(|| stream);
        self.is_special.store(true, Ordering::Release);
        ANY_HAS_NEXT.store(true, Ordering::Release);
    }

    /// This stream and those after it.
    pub(crate) fn chain(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Stream>> {
        std::iter::successors(Some(self), |stream| stream.next())
    }

    pub(crate) fn refused(&self) -> u64 {
        self.series.rare.get().map_or(0, rare::Inner::refused)
    }

    pub(crate) fn overflowed(&self) -> u64 {
        self.series.rare.get().map_or(0, |rare| rare.overflowed.get())
    }

    pub(crate) fn lost(&self) -> u64 {
        self.series.rare.get().map_or(0, rare::Inner::lost)
    }

    /// Records a measurement.
    #[inline]
    pub(crate) fn record<N: Number, A: Attributes + ?Sized>(&self, value: N, attributes: &A) {
        if self.next().is_some() {
            return self.record_in_all(value, attributes);
        }
        self.record_alone(value, attributes);
    }

    /// Records a measurement in this stream alone.
    #[inline(always)]
    pub(crate) fn record_alone<N: Number, A: Attributes + ?Sized>(&self, value: N, attributes: &A) {
        // Before the look-up: what is refused makes no series.
        if !value.suits_any_sum() && !self.accepts(value) {
            return self.refuse(value);
        }
        if self.restriction.is_some() {
            return self.record_restricted(value, attributes);
        }
        let _section = cells::section();
        match self.series.known(attributes) {
            // The commonest case in line.
            Some(Known { row, overflow: false }) => self.record_in(row, value),
            known => self.record_if(known, value, attributes),
        }
    }

    /// Records a measurement whose attributes are not known by their spelling to have a series of their own.
    #[inline(never)]
    fn record_if<N: Number, A: Attributes + ?Sized>(&self, known: Option<Known>, value: N, attributes: &A) {
        let Some(found) = self.series.row_if(known, attributes).or_else(|| self.lose()) else {
            return;
        };
        match self.counted(found) {
            (row, Overflow::No) => self.record_in(row, value),
            // The series has not all that an exemplar is to tell.
            (row, _) => self.record_made_with(row, value, attributes),
        }
    }

    /// Records a measurement in this stream and in those after it.
    #[cold]
    #[inline(never)]
    fn record_in_all<N: Number, A: Attributes + ?Sized>(&self, value: N, attributes: &A) {
        let admitted = self.attend();
        let (mut stream, mut before) = (Some(self), None::<&Stream>);
        while let Some(this) = stream {
            if this.accepts(value) {
                this.record_attended(value, attributes, admitted);
            } else if before.is_none_or(|before| before.accepts(value)) {
                // What the stream before refused is not counted again.
                this.refuse(value);
            }
            (before, stream) = (stream, this.next().map(|next| &**next));
        }
    }

    /// As [`record_alone`](Self::record_alone), for a value that is accepted and a measurement whose [attention](Self::attend) was
    /// taken before.
    #[inline(never)]
    pub(crate) fn record_attended<N: Number, A: Attributes + ?Sized>(
        &self,
        value: N,
        attributes: &A,
        admitted: Option<Admitted>,
    ) {
        let _section = cells::section();
        if let Some((row, _)) = self.row_of_one(attributes) {
            self.record_attended_in(row, value, attributes, admitted);
        }
    }

    /// Takes the attention that is due to a measurement, once for all streams of its instrument: they see the same ones.
    pub(crate) fn attend(&self) -> Option<Admitted> {
        if cells::is_due() { exemplar::admit(&self.series.settings.exemplars) } else { None }
    }

    /// Records a measurement whose [attention](Self::attend) was taken before, in a row of this stream's. The value is accepted.
    pub(crate) fn record_attended_in<N: Number, A: Attributes + ?Sized>(
        &self,
        row: Row,
        value: N,
        attributes: &A,
        admitted: Option<Admitted>,
    ) {
        self.aggregator.record(row, value);
        if let Some(admitted) = admitted {
            self.offer_admitted(row, value, attributes, admitted);
        }
    }

    /// Whether a value may be recorded: finite, and not negative where it must not be.
    pub(crate) fn accepts<N: Number>(&self, value: N) -> bool {
        let negatives = !self.descriptor.kind.is_monotonic();
        self.aggregator.accepts(value) && (negatives || value.is_non_negative())
    }

    /// Has `record` record the first measurement that is made with some attributes through a handle, and gives the row of their series,
    /// which does not go before it is unpinned; `None` if they have none of their own, or none at all, which is counted.
    pub(crate) fn record_first<A: Attributes + ?Sized>(
        &self,
        attributes: &A,
        record: impl Fn(Row),
    ) -> Option<Row> {
        {
            let _section = cells::section();
            let (row, overflow) = self.row_of_one(attributes)?;
            if overflow != Overflow::No {
                record(row);
                return None;
            }
        }
        let (row, overflow) = self.pinned_row(attributes).or_else(|| self.lose())?;
        record(row);
        if overflow == Overflow::No {
            return Some(row);
        }
        self.unpin(row);
        None
    }

    /// Records a measurement of a stream that does not keep all attributes, or none at all.
    #[inline(never)]
    fn record_restricted<N: Number, A: Attributes + ?Sized>(&self, value: N, attributes: &A) {
        if self.is_of_nothing() {
            return;
        }
        let _section = cells::section();
        if let Some((row, _)) = self.row_of_one(attributes) {
            self.record_made_with(row, value, attributes);
        }
    }

    /// Whether a handle that knows a row may record there at once, by [`record_at_once`](Self::record_at_once). If not there are
    /// further streams, or not all attributes are kept.
    #[inline(always)]
    pub(crate) fn is_plain(&self) -> bool {
        !self.is_special.load(Ordering::Relaxed)
    }

    /// Records a measurement in a row of this [plain](Self::is_plain) stream's that a handle knows and that there is no short way to, if it
    /// may be recorded. What it calls it calls at last, so that it needs no stack.
    #[inline(always)]
    pub(crate) fn record_at_once<N: Number>(&self, row: Row, value: N) {
        match &self.aggregator {
            Aggregator::ExplicitBuckets(buckets) => self.record_explicit(buckets, row, value),
            Aggregator::Exponential(_) => self.record_exponential(row, value),
            Aggregator::Sum { .. } | Aggregator::LastValue => self.record_unusual(row, value),
        }
    }

    /// Records a measurement in a row of this stream's that a handle knows, if it may be recorded. It was made with these attributes,
    /// which matters where the stream does not keep all: an exemplar tells what a view takes away.
    #[inline(never)]
    pub(crate) fn record_made_with<N: Number, A: Attributes + ?Sized>(
        &self,
        row: Row,
        value: N,
        attributes: &A,
    ) {
        if self.accepts(value) {
            self.record_attended_in(row, value, attributes, self.attend());
        } else {
            self.refuse(value);
        }
    }

    /// Records a measurement in a row of this stream's, if it may be recorded.
    #[inline]
    fn record_in<N: Number>(&self, row: Row, value: N) {
        // The commonest case first, and in line.
        if self.aggregator.is_sum() && value.suits_any_sum() {
            cells::add(row, value);
            if cells::is_due() {
                self.offer(row, value);
            }
        } else {
            self.record_at_once(row, value);
        }
    }

    /// As `record_in`, for a histogram with explicit boundaries. Where it ends with a call it needs no stack.
    #[inline(never)]
    fn record_explicit<N: Number>(&self, buckets: &Buckets, row: Row, value: N) {
        // What suits any sum is what is usual in histograms too, and suits the instrument's kind.
        if !value.suits_any_sum() {
            return self.record_unusual(row, value);
        }
        let recorded = histogram::observe_at_once(row, buckets.of(value), value);
        self.finish(recorded, row, value, Self::record_unusual);
    }

    /// Does what is left to do after a value was recorded in a histogram at once, or has it recorded `otherwise`.
    #[inline(always)]
    fn finish<N: Number>(&self, recorded: AtOnce, row: Row, value: N, otherwise: impl FnOnce(&Self, Row, N)) {
        match recorded {
            AtOnce::Done if cells::is_due() => self.offer(row, value),
            AtOnce::Done => {}
            AtOnce::Awaited => self.serve(row, value),
            AtOnce::No => otherwise(self, row, value),
        }
    }

    /// Leaves a copy of a histogram's row for the reader that waits for it.
    #[cold]
    #[inline(never)]
    fn serve<N: Number>(&self, row: Row, value: N) {
        self.aggregator.serve(row);
        if cells::is_due() {
            self.offer(row, value);
        }
    }

    /// Whether the instrument's kind takes a value: a histogram that is made of a counter refuses what the
    /// counter does.
    #[inline(always)]
    fn suits_kind<N: Number>(&self, value: N) -> bool {
        value.is_non_negative() || !self.descriptor.kind.is_monotonic()
    }

    /// As `record_in`, for an exponential histogram at a scale that there is a table for. What it calls it
    /// calls at last, so that it needs no stack; and so do the two that it may end with.
    #[inline(never)]
    fn record_exponential<N: Number>(&self, row: Row, value: N) {
        if !self.suits_kind(value) {
            return self.record_unusual(row, value);
        }
        let recorded = exponential::observe_at_once(row, value, index_by_table);
        self.finish(recorded, row, value, Self::record_exponential_closely);
    }

    /// As `record_exponential`, at any scale.
    #[inline(never)]
    fn record_exponential_closely<N: Number>(&self, row: Row, value: N) {
        let recorded = exponential::observe_at_once(row, value, index_at_once);
        self.finish(recorded, row, value, Self::record_unusual);
    }

    /// As `record_in`, for what is none of the usual cases.
    #[inline(never)]
    fn record_unusual<N: Number>(&self, row: Row, value: N) {
        if !self.accepts(value) {
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
    fn offer<N: Number>(&self, row: Row, value: N) {
        self.offer_with(row, value, &());
    }

    /// Has a measurement looked at that was recorded and is due: it may become an exemplar. `attributes` are those it was made
    /// with, or at least those of them that its series has not.
    #[cold]
    #[inline(never)]
    pub(crate) fn offer_with<N: Number, A: Attributes + ?Sized>(&self, row: Row, value: N, attributes: &A) {
        if let Some(admitted) = exemplar::admit(&self.series.settings.exemplars) {
            self.offer_admitted(row, value, attributes, admitted);
        }
    }

    fn offer_admitted<N: Number, A: Attributes + ?Sized>(
        &self,
        row: Row,
        value: N,
        attributes: &A,
        admitted: Admitted,
    ) {
        let settings = &*self.series.settings;
        let kind = self.series.options().reservoir.unwrap_or_else(|| self.aggregator.reservoir_kind());
        if !kind.holds_any() {
            return;
        }
        let offered = Offered {
            row,
            value: NumberValue::from_bits(N::KIND, value.to_bits()),
            bucket: self.aggregator.bucket(value),
            admitted,
        };
        let exemplars = &self.series.rare.make().exemplars;
        exemplars.offer(&settings.exemplars, &*settings.clock, kind, offered, |filtered| {
            match self.filter() {
                Some(filter) => {
                    let kept = self.series.kept(row, &filter.of(attributes));
                    filtered.set(attributes, |key| filter.keeps(key) && kept.has(key));
                }
                None => {
                    let kept = self.series.kept(row, attributes);
                    filtered.set(attributes, |key| kept.has(key));
                }
            }
        });
    }

    /// Removes the series of some attributes, as this stream has them, and those of the streams after it. Says whether there was one.
    pub(crate) fn remove<A: Attributes + ?Sized>(self: &Arc<Self>, attributes: &A) -> bool {
        self.chain().fold(false, |any, stream| any | stream.series.remove(attributes))
    }

    /// Counts a measurement that cannot be recorded, and reports it. Of an instrument that a view drops nothing is asked: several of
    /// one name share its stream, whatever their kinds.
    #[cold]
    #[inline(never)]
    pub(crate) fn refuse<N: Number>(&self, value: N) {
        if self.is_of_nothing() {
            return;
        }
        self.series.rare.make().count_refused();
        let name = &*self.descriptor.name;
        let why = match self.descriptor.kind {
            _ if !value.is_finite() => "it is not a finite number",
            InstrumentKind::Histogram => {
                "it is negative, and a view or a reader makes a sum of this histogram, which cannot go down"
            }
            _ => "a counter cannot go down",
        };
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
