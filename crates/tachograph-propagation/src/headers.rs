//! The fast path on `http::HeaderMap`, and adapters for everyone else's propagators.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector};

use crate::carrier::{Field, Single, Sink, Source, Text};
use crate::propagator::{Propagator, Step, folded};

impl Propagator {
    /// Writes what `cx` holds into `headers`, in place of what they have by the same names.
    ///
    /// Allocates for each value once, and for nothing else of a format's own. What contradicts a header that was
    /// set is removed: `tracestate` where the span has none, B3's other flag and its parent's id.
    pub fn inject_headers(&self, cx: &Context, headers: &mut HeaderMap) {
        for step in self.steps() {
            match step {
                Step::Format(format) => format.inject(cx, headers),
                Step::Other(other) => other.inject_context(cx, &mut HeaderInjector(headers)),
            }
        }
    }

    /// The context of `cx` with what the headers hold; `cx` itself where they hold nothing valid.
    ///
    /// Repeated headers are seen: a second `traceparent` makes both void, several of `tracestate` and `baggage`
    /// are combined. Reads at most 32 KiB of each, and at most 32 members of `tracestate` and 64 of `baggage`.
    pub fn extract_headers(&self, cx: &Context, headers: &HeaderMap) -> Context {
        folded(self.steps(), cx, |step, cx| match step {
            Step::Format(format) => format.extract(cx, headers),
            Step::Other(other) => Some(other.extract_with_context(cx, &HeaderExtractor(headers))),
        })
    }
}

/// The crate of headers looks for what is not ASCII in many bytes at once, but in all of them; no format reads
/// more than these.
const LONGEST_TEXT: usize = 32 * 1024;

macro_rules! names {
    ($($field:ident = $text:literal,)*) => {
        /// The name, ready made: statics, so that they are found without being parsed.
        fn name(field: Field) -> &'static HeaderName {
            match field {
                $(Field::$field => {
                    static NAME: HeaderName = HeaderName::from_static($text);
                    &NAME
                })*
            }
        }
    };
}

names! {
    TraceParent = "traceparent",
    TraceState = "tracestate",
    Baggage = "baggage",
    B3 = "b3",
    B3TraceId = "x-b3-traceid",
    B3SpanId = "x-b3-spanid",
    B3ParentSpanId = "x-b3-parentspanid",
    B3Sampled = "x-b3-sampled",
    B3Flags = "x-b3-flags",
    UberTraceId = "uber-trace-id",
}

impl Source for HeaderMap {
    fn single(&self, field: Field) -> Single<'_> {
        let mut values = self.get_all(name(field)).iter();
        Single::of(values.next().map(HeaderValue::as_bytes), values.next().is_some())
    }

    fn each(&self, field: Field) -> impl Iterator<Item = Text<'_>> {
        self.get_all(name(field)).into_iter().map(|value| match value.as_bytes() {
            bytes if bytes.len() > LONGEST_TEXT => Err(bytes),
            bytes => value.to_str().map_err(|_| bytes),
        })
    }

    fn each_with_prefix<'a>(&'a self, prefix: &str, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        for (name, value) in self {
            if let Some(rest) = name.as_str().strip_prefix(prefix) {
                visit(rest, value.as_bytes());
            }
        }
    }
}

impl Sink for HeaderMap {
    fn set(&mut self, field: Field, value: &[u8]) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            // Full only with 32,768 names; then there is no room for this one.
            let _ = self.try_insert(name(field), value);
        }
    }

    fn set_owned(&mut self, field: Field, value: Vec<u8>) {
        if let Ok(value) = HeaderValue::try_from(value) {
            let _ = self.try_insert(name(field), value);
        }
    }

    fn set_named(&mut self, name: String, value: Vec<u8>) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            let _ = self.try_insert(name, value);
        }
    }

    fn remove(&mut self, field: Field) {
        HeaderMap::remove(self, name(field));
    }
}

/// Headers that any propagator can write into: the API's [`Injector`]. What cannot be a header's name or value
/// is left out.
#[derive(Debug)]
pub struct HeaderInjector<'a>(pub &'a mut HeaderMap);

impl Injector for HeaderInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(key.as_bytes()), HeaderValue::try_from(value))
        {
            let _ = self.0.try_insert(name, value);
        }
    }

    fn reserve(&mut self, additional: usize) {
        let _ = self.0.try_reserve(additional);
    }
}

/// Headers that any propagator can read: the API's [`Extractor`]. Values that are not visible ASCII are not
/// there for it.
#[derive(Debug)]
pub struct HeaderExtractor<'a>(pub &'a HeaderMap);

impl Extractor for HeaderExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let values: Vec<_> = self.0.get_all(key).iter().filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then_some(values)
    }
}
