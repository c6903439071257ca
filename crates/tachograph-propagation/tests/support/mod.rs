//! Extracts and injects on both ways, by the API's carriers and by `http::HeaderMap`, and asserts that they
//! agree.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tachograph_propagation::{Format, Propagator};

pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(crate) const SPAN: &str = "00f067aa0ba902b7";
pub(crate) const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A carrier that compares names without case, and may have several values by one name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Lines(pub(crate) Vec<(String, String)>);

impl Lines {
    pub(crate) fn of(lines: &[(&str, &str)]) -> Self {
        Self(lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    pub(crate) fn get_one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|line| line.0.eq_ignore_ascii_case(name)).map(|line| line.1.as_str())
    }
}

impl Extractor for Lines {
    fn get(&self, key: &str) -> Option<&str> {
        self.get_one(key)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|line| line.0.as_str()).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let named = self.0.iter().filter(|line| line.0.eq_ignore_ascii_case(key));
        let values: Vec<_> = named.map(|line| line.1.as_str()).collect();
        (!values.is_empty()).then_some(values)
    }
}

impl Injector for Lines {
    fn set(&mut self, key: &str, value: String) {
        self.0.retain(|line| !line.0.eq_ignore_ascii_case(key));
        self.0.push((key.to_owned(), value));
    }
}

/// The lines as headers, if they can be.
pub(crate) fn headers(lines: &[(&str, &str)]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    Some(headers)
}

/// What a context holds, in a form that can be compared: its span, and its baggage with properties.
pub(crate) fn held(cx: &Context) -> (SpanContext, BTreeMap<String, (String, String)>) {
    let baggage = cx.baggage().iter().map(|(key, (value, metadata))| {
        (key.to_string(), (value.as_str().to_owned(), metadata.as_str().to_owned()))
    });
    (cx.span().span_context().clone(), baggage.collect())
}

/// What an empty context becomes by these headers, on both ways.
pub(crate) fn extract(propagator: &Propagator, lines: &[(&str, &str)]) -> Context {
    let by_text = propagator.extract_with_context(&Context::new(), &Lines::of(lines));
    if let Some(headers) = headers(lines) {
        let by_headers = propagator.extract_headers(&Context::new(), &headers);
        assert_eq!(held(&by_headers), held(&by_text), "{lines:?}");
    }
    by_text
}

/// The headers that the context is written as, on both ways, by their names in lower case.
pub(crate) fn inject(propagator: &Propagator, cx: &Context) -> BTreeMap<String, String> {
    let mut lines = Lines::default();
    propagator.inject_context(cx, &mut lines);
    let by_text: BTreeMap<_, _> =
        lines.0.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    let mut headers = HeaderMap::new();
    propagator.inject_headers(cx, &mut headers);
    let by_headers: BTreeMap<_, _> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").to_owned()))
        .collect();
    assert_eq!(by_headers, by_text);
    by_text
}

/// The span that these headers name in this format; an invalid one if none.
pub(crate) fn extracted_span(format: Format, lines: &[(&str, &str)]) -> SpanContext {
    extract(&format.into(), lines).span().span_context().clone()
}

/// A context with a span, as if it had come from elsewhere.
pub(crate) fn with_span(flags: u8, state: TraceState) -> Context {
    let (trace, span) = (TraceId::from_hex(TRACE).expect("valid"), SpanId::from_hex(SPAN).expect("valid"));
    let span = SpanContext::new(trace, span, TraceFlags::new(flags), true, state);
    Context::new().with_remote_span_context(span)
}
