//! The API's synchronous instruments, over a stream.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundSyncInstrument, SyncInstrument};

use super::series::Overflow;
use super::stream::{Stream, may_have_next};
use crate::attributes::{AttributeSet, Attributes};
use crate::cells::{self, Row};
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
        Box::new(Bound::<N>::new(&self.stream, attributes))
    }
}

/// One series of a stream, resolved once, and of each of the instrument's other streams. It pins the series.
pub(crate) struct Bound<N> {
    /// The row, if it is a sum's: the short cut, worth a field of its own.
    sum: Option<Row>,
    /// `None` where there is no provider, where the stream keeps nothing, or when rows have run out.
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
        let bound = Bound {
            sum: row.filter(|_| stream.aggregator.is_sum()),
            row,
            stream: Some(Arc::clone(stream)),
            next: OnceBox::new(),
            whole: (!has_all).then(|| Box::new(AttributeSet::new(attributes))),
        };
        if let Some(next) = stream.next() {
            bound.next.get_or_init(|| Bound::new(next, attributes));
        }
        bound
    }

    /// A handle to no series.
    pub(crate) fn to_nothing() -> Self {
        Bound { sum: None, row: None, stream: None, next: OnceBox::new(), whole: None }
    }

    /// Records, and says whether there is where to.
    #[inline(always)]
    pub(crate) fn record(&self, value: N) -> bool {
        if let Some(row) = self.sum
            && value.suits_any_sum()
            && !may_have_next()
        {
            cells::add(row, value);
            if cells::is_due() {
                self.offer(value);
            }
            return true;
        }
        self.record_other(value)
    }

    #[inline(always)]
    fn record_other(&self, value: N) -> bool {
        let Some(stream) = &self.stream else {
            return false;
        };
        if stream.next().is_some() {
            self.record_in_all(stream, value);
        } else if let Some(row) = self.row {
            match &self.whole {
                None => stream.record_in(row, value),
                Some(whole) => stream.record_made_with(row, value, whole.pairs()),
            }
        }
        true
    }

    #[cold]
    #[inline(never)]
    fn offer(&self, value: N) {
        if let (Some(stream), Some(row)) = (&self.stream, self.row) {
            match &self.whole {
                Some(whole) => stream.offer_with(row, value, whole.pairs()),
                None => stream.offer(row, value),
            }
        }
    }

    /// Records in the stream's own series, and in those of the streams after it.
    #[cold]
    #[inline(never)]
    fn record_in_all(&self, stream: &Stream, value: N) {
        let (mut bound, mut stream, mut is_wanted) = (self, stream, true);
        loop {
            match (bound.row, &bound.whole) {
                (Some(row), Some(whole)) if is_wanted => stream.record_made_with(row, value, whole.pairs()),
                (Some(row), None) if is_wanted => stream.record_in(row, value),
                _ => {}
            }
            let Some(next) = stream.next() else { break };
            bound = bound.next.get_or_init(|| bound.bind_in(stream, next));
            // What the stream before refused is not counted again.
            is_wanted = next.accepts(value) || stream.accepts(value);
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
        let Bound { sum, row, stream, whole, .. } = self;
        if let (Some(stream), Some(row)) = (stream, row) {
            stream.pin(*row);
        }
        Bound { sum: *sum, row: *row, stream: stream.clone(), next: OnceBox::new(), whole: whole.clone() }
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
        self.record(measurement);
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
