//! The API's synchronous instruments, over a stream.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundSyncInstrument, SyncInstrument};

use super::stream::Stream;
use crate::attributes::Attributes;
use crate::cells::{self, Row};
use crate::number::Number;

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

/// One series of a stream, resolved once. It pins the series.
#[derive(Clone)]
pub(crate) struct Bound<N> {
    /// The row, if it is a sum's: the short cut, worth a field of its own.
    sum: Option<Row>,
    /// `None` where there is no provider, or when rows have run out.
    row: Option<Row>,
    stream: Option<Arc<Stream>>,
    number: PhantomData<fn(N)>,
}

impl<N: Number> Bound<N> {
    pub(crate) fn new<A: Attributes + ?Sized>(stream: &Arc<Stream>, attributes: &A) -> Self {
        let row = stream.row(attributes);
        let sum = row.filter(|_| stream.aggregator.is_sum());
        Bound { sum, row, stream: Some(Arc::clone(stream)), number: PhantomData }
    }

    /// A handle to no series.
    pub(crate) fn to_nothing() -> Self {
        Bound { sum: None, row: None, stream: None, number: PhantomData }
    }

    /// Records, and says whether there is where to.
    #[inline(always)]
    pub(crate) fn record(&self, value: N) -> bool {
        if let Some(row) = self.sum
            && value.suits_any_sum()
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
        let (Some(stream), Some(row)) = (&self.stream, self.row) else {
            return false;
        };
        stream.record_other(row, value);
        true
    }

    #[cold]
    #[inline(never)]
    fn offer(&self, value: N) {
        if let (Some(stream), Some(row)) = (&self.stream, self.row) {
            stream.offer(row, value);
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
