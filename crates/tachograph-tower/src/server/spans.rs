//! What a layer's spans are configured with: where they come from, and what they show on request.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{Span, SpanBuilder, TraceContextExt, Tracer};
use opentelemetry::{Array, Context, Key, KeyValue, StringValue, Value};
use tachograph_propagation::Propagator;

use super::route::RequestHead;
use crate::semconv::REDACTED;

/// A tracer of any SDK, its type of span erased.
///
/// The API's `BoxedTracer` would do, but its spans are in a box, which a context puts into another.
pub(crate) trait StartSpan: Send + Sync {
    /// The context of `parent` with a span that starts now, and whether the span records.
    fn start(&self, builder: SpanBuilder, parent: &Context) -> (Context, bool);
}

impl<T> StartSpan for T
where
    T: Tracer + Send + Sync,
    T::Span: Send + Sync + 'static,
{
    fn start(&self, builder: SpanBuilder, parent: &Context) -> (Context, bool) {
        let span = self.build_with_context(builder, parent);
        let recording = span.is_recording();
        (parent.with_span(span), recording)
    }
}

/// A finder of peers of the user's.
pub(crate) type PeerFinder = Arc<dyn Fn(RequestHead<'_>) -> Option<SocketAddr> + Send + Sync + 'static>;

/// The configuration of spans and of propagation.
#[derive(Clone, Default)]
pub(crate) struct Spans {
    /// `None`: no spans.
    pub(crate) tracer: Option<Arc<dyn StartSpan>>,
    /// `None`: headers are not read.
    pub(crate) propagator: Option<Propagator>,
    pub(crate) peer: Option<PeerFinder>,
    pub(crate) request_headers: CapturedHeaders,
    pub(crate) response_headers: CapturedHeaders,
}

impl Spans {
    /// The peer of the connection that `head` came by.
    pub(crate) fn peer(&self, head: RequestHead<'_>) -> Option<SocketAddr> {
        match &self.peer {
            Some(find) => find(head),
            None => head.peer(),
        }
    }
}

/// A header's value as text; what is not UTF-8 in it is replaced.
pub(crate) fn header_text(value: &HeaderValue) -> String {
    match value.to_str() {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
    }
}

/// Headers whose values are attributes, and the keys of these.
#[derive(Clone, Debug, Default)]
pub(crate) struct CapturedHeaders(Arc<[(HeaderName, Key)]>);

impl CapturedHeaders {
    /// The attributes are named by `prefix` and the header's name, which is in lower case.
    pub(crate) fn new(prefix: &str, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let mut captured: Vec<(HeaderName, Key)> = Vec::new();
        for name in names {
            if captured.iter().all(|(known, _)| *known != name) {
                let key = Key::from(Arc::<str>::from(format!("{prefix}{name}")));
                captured.push((name, key));
            }
        }
        Self(captured.into())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// An attribute for each that is in `headers`: an array of all its values, in their order.
    pub(crate) fn attributes(&self, headers: &HeaderMap) -> impl Iterator<Item = KeyValue> {
        self.0.iter().filter_map(|(name, key)| {
            let values: Vec<StringValue> = headers
                .get_all(name)
                .iter()
                .map(|value| match value.is_sensitive() {
                    true => REDACTED.into(),
                    false => header_text(value).into(),
                })
                .collect();
            (!values.is_empty()).then(|| KeyValue::new(key.clone(), Value::Array(Array::String(values))))
        })
    }
}
