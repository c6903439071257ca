//! What is fuzzed: every parser of headers, and of names, that come from outside.
//!
//! libFuzzer runs these functions by the programs in `fuzz_targets/`; on any toolchain and within a bounded time,
//! the test `fuzz_targets` runs them over a corpus and over what it changes in it.

#[path = "../tests/support/mod.rs"]
mod support;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use tachograph_propagation::{Format, Propagator, Selection};

use self::support::{Lines, held};

/// Each line of the data is a header's value: the first of `traceparent`, the others of `tracestate`.
pub(crate) fn trace_context(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let parent = lines.next().into_iter().map(|value| ("traceparent", value));
    check(&Format::TraceContext.into(), parent.chain(lines.map(|value| ("tracestate", value))));
}

/// Each line of the data is the value of a `baggage` header.
pub(crate) fn baggage(data: &[u8]) {
    check(&Format::Baggage.into(), data.split(|byte| *byte == b'\n').map(|value| ("baggage", value)));
}

/// Each line of the data is the value of one of B3's headers, in turn.
pub(crate) fn b3(data: &[u8]) {
    let names = ["b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags", "x-b3-parentspanid"];
    let lines = data.split(|byte| *byte == b'\n');
    check(&Format::B3.into(), names.into_iter().cycle().zip(lines.clone()));
    check(&Format::B3Multi.into(), names.into_iter().cycle().zip(lines));
}

/// Each line of the data is the value of one of Jaeger's headers, in turn.
pub(crate) fn jaeger(data: &[u8]) {
    let names = ["uber-trace-id", "uberctx-a", "uberctx-b"];
    check(&Format::Jaeger.into(), names.into_iter().cycle().zip(data.split(|byte| *byte == b'\n')));
}

/// The data is a list of formats' names.
pub(crate) fn names(data: &[u8]) {
    let selection = Selection::parse(&String::from_utf8_lossy(data));
    assert!(selection.formats().len() <= Format::ALL.len());
    for problem in selection.problems() {
        assert!(problem.to_string().len() < 1000);
    }
    let names: Vec<_> = selection.formats().iter().map(|format| format.name()).collect();
    if !names.is_empty() {
        assert_eq!(Selection::parse(&names.join(",")).formats(), selection.formats());
    }
}

/// Asserts that both ways of extraction agree, that what is written of it is valid and within its bounds, and
/// that from the second hop on nothing changes any more.
fn check<'a>(propagator: &Propagator, lines: impl Iterator<Item = (&'static str, &'a [u8])>) {
    let mut map = HeaderMap::new();
    let mut text = Some(Lines::default());
    for (name, value) in lines {
        let Ok(header) = HeaderValue::from_bytes(value) else { return };
        map.append(HeaderName::from_static(name), header);
        match (str::from_utf8(value), &mut text) {
            (Ok(value), Some(text)) => text.0.push((name.to_owned(), value.to_owned())),
            _ => text = None,
        }
    }
    let cx = propagator.extract_headers(&Context::new(), &map);
    if let Some(text) = text {
        assert_eq!(held(&propagator.extract_with_context(&Context::new(), &text)), held(&cx));
    }
    let second = hop(propagator, &cx);
    assert_eq!(held(&second).0.trace_id(), held(&cx).0.trace_id());
    assert_eq!(held(&second).0.trace_flags(), held(&cx).0.trace_flags());
    assert_eq!(held(&second).1.len(), held(&cx).1.len());
    assert_eq!(held(&hop(propagator, &second)), held(&second));
}

/// The context as the next service has it.
fn hop(propagator: &Propagator, cx: &Context) -> Context {
    let mut map = HeaderMap::new();
    propagator.inject_headers(cx, &mut map);
    for (name, value) in &map {
        let longest = if name == "tracestate" { 4096 } else { 8192 };
        assert!(value.len() <= longest, "{name} has {} bytes", value.len());
        let is_allowed = |byte: &u8| byte.is_ascii_graphic() || (*byte == b' ' && name == "tracestate");
        assert!(value.as_bytes().iter().all(is_allowed), "{name}: {value:?}");
    }
    propagator.extract_headers(&Context::new(), &map)
}
