//! The API's synchronous instruments, over a stream.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundSyncInstrument, SyncInstrument};

use super::series::Overflow;
use super::stream::{Descriptor, Stream};
use super::unbound::count_unbound;
use crate::attributes::{AttributeSet, Attributes};
use crate::cells::{self, Row, Spot};
use crate::number::Number;
use crate::sync::OnceBox;

/// A synchronous instrument, as the API's handles hold it.
pub(crate) struct Instrument<N> {
    stream: Arc<Stream>,
    number: PhantomData<fn(N)>,
}

impl<N: Number> Instrument<N> {
    pub(crate) fn new(stream: Arc<Stream>) -> Self {
        Instrument { stream, number: PhantomData }
    }
}

impl<N: Number> SyncInstrument<N> for Instrument<N> {
    fn measure(&self, measurement: N, attributes: &[KeyValue]) {
        self.stream.record(measurement, attributes);
    }

    fn bind(&self, attributes: &[KeyValue]) -> Box<dyn BoundSyncInstrument<N> + Send + Sync> {
        let bound = Bound::<N>::new(&self.stream, attributes);
        if self.stream.aggregator.is_sum() { Box::new(bound) } else { Box::new(BoundOther(bound)) }
    }
}

/// One series of a stream, resolved once, and of each of the instrument's other streams. It pins the series.
pub(crate) struct Bound<N> {
    /// Where the row is, if it is a sum's and all there is: the short way.
    spot: Spot,
    /// `None` where there is no provider, where the stream keeps nothing, or where there was no row to be had: then each
    /// measurement is looked up.
    row: Option<Row>,
    stream: Option<Arc<Stream>>,
    /// In the stream's next: found when binding, or with the first record after that came.
    next: OnceBox<Bound<N>>,
    /// All attributes, where those of the series are fewer.
    whole: Option<Box<AttributeSet>>,
}

impl<N: Number> Bound<N> {
    pub(crate) fn new<A: Attributes + ?Sized>(stream: &Arc<Stream>, attributes: &A) -> Self {
        let found = stream.pinned_row(attributes);
        let row = found.map(|(row, _)| row);
        let has_all = stream.filter().is_none() && matches!(found, Some((_, Overflow::No)));
        let next = OnceBox::new();
        // One that comes between this and the first record closes the short cuts.
        let is_alone = match stream.next() {
            Some(after) => {
                next.get_or_init(|| Bound::new(after, attributes));
                false
            }
            None => true,
        };
        let short = row.filter(|_| is_alone && stream.aggregator.is_sum());
        Bound {
            spot: short.map_or(Spot::NOWHERE, Row::spot),
            row,
            stream: Some(Arc::clone(stream)),
            next,
            whole: (!has_all).then(|| Box::new(AttributeSet::new(attributes))),
        }
    }

    /// A handle to no series.
    pub(crate) fn to_nothing() -> Self {
        Bound { spot: Spot::NOWHERE, row: None, stream: None, next: OnceBox::new(), whole: None }
    }

    /// What its instrument was declared as; `None` where there is no provider.
    pub(crate) fn descriptor(&self) -> Option<&Descriptor> {
        self.stream.as_ref().map(|stream| &stream.descriptor)
    }

    /// Records in what is likely a sum: the short way, if it is one.
    #[inline(always)]
    pub(crate) fn add(&self, value: N) {
        if value.suits_any_sum() && cells::add_at(self.spot, value) {
            if cells::is_due() {
                self.offer(value);
            }
        } else {
            self.record(value);
        }
    }

    /// Records the long way.
    #[inline(never)]
    pub(crate) fn record(&self, value: N) {
        match (&self.stream, self.row) {
            (Some(stream), Some(row)) if stream.is_plain() => stream.record_at_once(row, value),
            _ => self.record_specially(value),
        }
    }

    #[inline(never)]
    fn record_specially(&self, value: N) {
        let Some(stream) = &self.stream else {
            return count_unbound();
        };
        if stream.next().is_some() {
            self.record_in_all(stream, value);
        } else if let Some(row) = self.row {
            stream.record_made_with(row, value, self.made_with());
        } else if !stream.is_of_nothing() {
            self.record_without_row(stream, value);
        }
    }

    /// Looks the series up, for there may be a row by now.
    #[cold]
    #[inline(never)]
    fn record_without_row(&self, stream: &Stream, value: N) {
        stream.record(value, self.made_with());
    }

    /// The attributes that measurements are made with, where those of the series are fewer.
    fn made_with(&self) -> &[KeyValue] {
        self.whole.as_ref().map_or(&[], |whole| whole.pairs())
    }

    #[cold]
    #[inline(never)]
    fn offer(&self, value: N) {
        if let (Some(stream), Some(row)) = (&self.stream, self.row) {
            stream.offer_with(row, value, self.made_with());
        }
    }

    /// Records in the stream's own series, and in those of the streams after it.
    #[cold]
    #[inline(never)]
    fn record_in_all(&self, stream: &Stream, value: N) {
        let admitted = stream.attend();
        let (mut bound, mut stream, mut may_refuse) = (self, stream, true);
        loop {
            if stream.accepts(value) {
                match (bound.row, &bound.whole) {
                    (Some(row), _) => stream.record_attended_in(row, value, bound.made_with(), admitted),
                    (None, Some(whole)) => stream.record_attended(value, whole.pairs(), admitted),
                    (None, None) => {}
                }
            } else if may_refuse {
                stream.refuse(value);
            }
            let Some(next) = stream.next() else { break };
            bound = bound.next.get_or_init(|| bound.bind_in(stream, next));
            // What the stream before refused is not counted again.
            may_refuse = stream.accepts(value);
            stream = next;
        }
    }

    /// The same series of the next stream, which came after this was bound: that is rare enough for looking through all series.
    fn bind_in(&self, stream: &Stream, next: &Arc<Stream>) -> Bound<N> {
        let of_series = || stream.series.attributes_of(self.row?);
        match self.whole.as_deref().or_else(of_series) {
            Some(attributes) => Bound::new(next, attributes.pairs()),
            None => Bound::to_nothing(),
        }
    }
}

impl<N> Clone for Bound<N> {
    fn clone(&self) -> Self {
        let Bound { spot, row, stream, whole, .. } = self;
        if let (Some(stream), Some(row)) = (stream, row) {
            stream.pin(*row);
        }
        Bound { spot: *spot, row: *row, stream: stream.clone(), next: OnceBox::new(), whole: whole.clone() }
    }
}

impl<N> Drop for Bound<N> {
    fn drop(&mut self) {
        if let (Some(stream), Some(row)) = (&self.stream, self.row) {
            stream.unpin(row);
        }
    }
}

impl<N: Number> BoundSyncInstrument<N> for Bound<N> {
    fn measure(&self, measurement: N) {
        self.add(measurement);
    }
}

/// As [`Bound`], of what is no sum: it does not try the short way.
struct BoundOther<N>(Bound<N>);

impl<N: Number> BoundSyncInstrument<N> for BoundOther<N> {
    fn measure(&self, measurement: N) {
        self.0.record(measurement);
    }
}

impl<N> fmt::Debug for Bound<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stream {
            Some(stream) => write!(f, "Bound({stream:?})"),
            None => f.write_str("Bound to nothing"),
        }
    }
}
