//! W3C Baggage.

mod properties;
mod read;
mod write;

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;

use crate::carrier::{Field, Sink, Source};

/// At least so many members, and so many bytes in all headers together, are passed on; more are not.
pub(crate) const MEMBERS: usize = 64;
pub(crate) const BYTES: usize = 8192;

/// The context of `cx` with the baggage of the headers in place of its own, if they have any.
pub(crate) fn extract(cx: &Context, source: &impl Source) -> Option<Context> {
    let mut headers = source.each(Field::Baggage).peekable();
    headers.peek()?;
    let mut reader = read::Reader::new();
    headers.for_each(|header| reader.header(header));
    reader.finish().map(|baggage| cx.with_baggage(baggage))
}

/// Writes the baggage of `cx`, if it has any.
pub(crate) fn inject(cx: &Context, sink: &mut impl Sink) {
    if let Some(header) = write::header(cx.baggage()) {
        sink.set_owned(Field::Baggage, header);
    }
}
