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
        Box::new(Bound::new(Arc::clone(&self.stream), attributes))
    }
}

/// One series of a stream, resolved once. It pins the series.
pub(crate) struct Bound<N> {
    /// `None` when rows have run out.
    row: Option<Row>,
    /// The row again, if it is a sum's: recording there is worth a short cut.
    sum: Option<Row>,
    stream: Arc<Stream>,
    number: PhantomData<fn(N)>,
}

impl<N> Clone for Bound<N> {
    fn clone(&self) -> Self {
        Bound { row: self.row, sum: self.sum, stream: Arc::clone(&self.stream), number: PhantomData }
    }
}

impl<N: Number> Bound<N> {
    pub(crate) fn new<A: Attributes + ?Sized>(stream: Arc<Stream>, attributes: &A) -> Self {
        let row = stream.row(attributes);
        let sum = row.filter(|_| stream.aggregation.is_sum());
        Bound { row, sum, stream, number: PhantomData }
    }

    #[inline]
    pub(crate) fn record(&self, value: N) {
        if let Some(row) = self.sum
            && value.suits_any_sum()
        {
            cells::add(row, value);
        } else if let Some(row) = self.row {
            self.stream.record_other(row, value);
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
        write!(f, "Bound({:?})", self.stream)
    }
}
