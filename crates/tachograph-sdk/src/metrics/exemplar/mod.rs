//! Exemplars: single measurements of a series, with the span they were made in.

mod attention;
mod current;
mod filter;
mod filtered;
mod reservoir;
mod store;

use std::fmt;

use opentelemetry::{SpanId, TraceId};

use crate::attributes::Attributes;
use crate::number::NumberValue;
pub use filter::ExemplarFilter;
pub(crate) use filter::{Sampling, TraceKeeper};
pub use filtered::FilteredAttributes;
pub use reservoir::ExemplarReservoir;
pub(crate) use reservoir::ReservoirKind;
pub(crate) use store::{Admitted, ExemplarBuffer, Exemplars, Offered, admit, begin_window, window};

/// A measurement that is shown beside the sum of all: an example, with the span it was made in.
#[derive(PartialEq)]
pub struct Exemplar {
    value: NumberValue,
    unix_nanos: u64,
    span: Option<(TraceId, SpanId)>,
    bucket: Option<u32>,
    filtered: FilteredAttributes,
}

impl Exemplar {
    /// An exemplar of a metric that others produce; `span` is the one it was made in.
    pub fn new(value: NumberValue, unix_nanos: u64, span: Option<(TraceId, SpanId)>) -> Self {
        Exemplar { value, unix_nanos, span, bucket: None, filtered: FilteredAttributes::default() }
    }

    /// With the bucket that the measurement is in.
    pub fn with_bucket(mut self, bucket: usize) -> Self {
        self.bucket = u32::try_from(bucket).ok();
        self
    }

    /// With attributes of the measurement that its series has not.
    pub fn with_filtered_attributes<A: Attributes + ?Sized>(mut self, attributes: &A) -> Self {
        self.filtered.set(attributes, |_| false);
        self
    }

    /// What was measured.
    pub fn value(&self) -> NumberValue {
        self.value
    }

    /// When, in nanoseconds since the Unix epoch.
    pub fn unix_nanos(&self) -> u64 {
        self.unix_nanos
    }

    /// The trace of the span that was current; `None` if there was none, which the filter `trace_based` never lets by.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.span.map(|(trace, _)| trace)
    }

    /// The span that was current.
    pub fn span_id(&self) -> Option<SpanId> {
        self.span.map(|(_, span)| span)
    }

    /// The bucket that the measurement is in, for histograms with explicit boundaries.
    pub fn bucket(&self) -> Option<usize> {
        self.bucket.map(|bucket| bucket as usize)
    }

    /// Attributes of the measurement that its series has not, because a view left them out.
    pub fn filtered_attributes(&self) -> &FilteredAttributes {
        &self.filtered
    }
}

impl Clone for Exemplar {
    fn clone(&self) -> Self {
        Exemplar { filtered: self.filtered.clone(), ..*self }
    }

    /// Keeps the memory that there is.
    fn clone_from(&mut self, other: &Self) {
        let Exemplar { value, unix_nanos, span, bucket, filtered } = other;
        (self.value, self.unix_nanos, self.span, self.bucket) = (*value, *unix_nanos, *span, *bucket);
        self.filtered.clone_from(filtered);
    }
}

impl fmt::Debug for Exemplar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.value, self.unix_nanos)?;
        if let Some((trace, span)) = self.span {
            write!(f, " in {trace}:{span}")?;
        }
        if !self.filtered.is_empty() {
            write!(f, " {:?}", self.filtered)?;
        }
        Ok(())
    }
}
