//! What only the fast path on `http::HeaderMap` can see or do.

mod support;

use http::{HeaderMap, HeaderValue};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{TraceContextExt, TraceState};
use support::{TRACEPARENT, headers, held, with_span};
use tachograph_propagation::{Format, HeaderExtractor, HeaderInjector, Propagator};

#[test]
fn headers_of_the_same_names_are_replaced_and_others_are_left() {
    let old = "00-11111111111111111111111111111111-2222222222222222-01";
    let mut map =
        headers(&[("traceparent", old), ("traceparent", old), ("tracestate", "a=1"), ("host", "x")])
            .expect("valid");
    let state = TraceState::from_key_value([("b", "2")]).expect("valid");
    Propagator::default().inject_headers(&with_span(1, state), &mut map);
    assert_eq!(map.get_all("traceparent").iter().collect::<Vec<_>>(), [TRACEPARENT]);
    assert_eq!(map["tracestate"], "b=2");
    assert_eq!(map["host"], "x");
}

#[test]
fn a_tracestate_of_another_span_is_removed() {
    let mut map = headers(&[("tracestate", "a=1"), ("tracestate", "b=2")]).expect("valid");
    Propagator::default().inject_headers(&with_span(1, TraceState::NONE), &mut map);
    assert_eq!(map.len(), 1);
}

#[test]
fn headers_stay_as_they_are_where_there_is_nothing_to_write() {
    let lines = [("traceparent", TRACEPARENT), ("tracestate", "a=1"), ("baggage", "k=v")];
    let mut map = headers(&lines).expect("valid");
    let before = map.clone();
    Propagator::new(Format::ALL).inject_headers(&Context::new(), &mut map);
    assert_eq!(map, before);
}

#[test]
fn a_full_map_is_left_as_it_is() {
    let mut map = HeaderMap::new();
    for index in 0.. {
        let name = format!("x-{index}").parse::<http::HeaderName>().expect("valid");
        if map.try_insert(name, HeaderValue::from_static("1")).is_err() {
            break;
        }
    }
    let before = map.len();
    let cx = with_span(1, TraceState::NONE).with_baggage([opentelemetry::KeyValue::new("k", "v")]);
    Propagator::new(Format::ALL).inject_headers(&cx, &mut map);
    HeaderInjector(&mut map).set("another", "1".to_owned());
    HeaderInjector(&mut map).reserve(usize::MAX / 4);
    assert_eq!(map.len(), before);
    assert!(!held(&Propagator::new(Format::ALL).extract_headers(&Context::new(), &map)).0.is_valid());
}

#[test]
fn values_that_are_not_text_are_refused_and_do_not_hide_others() {
    let mut map = HeaderMap::new();
    map.append("traceparent", HeaderValue::from_bytes(b"\xff\xfe").expect("opaque bytes"));
    let extract = |map: &HeaderMap| Propagator::default().extract_headers(&Context::new(), map);
    assert!(!held(&extract(&map)).0.is_valid());
    map.append("traceparent", TRACEPARENT.parse().expect("valid"));
    assert!(!held(&extract(&map)).0.is_valid(), "it is repeated");
    map.insert("traceparent", TRACEPARENT.parse().expect("valid"));
    map.append("tracestate", HeaderValue::from_bytes(b"a=\xff").expect("opaque bytes"));
    map.append("tracestate", "b=1".parse().expect("valid"));
    let span = held(&extract(&map)).0;
    assert!(span.is_valid() && span.trace_state() == &TraceState::NONE);
}

#[test]
fn the_carriers_skip_what_cannot_be_a_header() {
    let mut map = HeaderMap::new();
    let mut injector = HeaderInjector(&mut map);
    injector.set("a b", "1".to_owned());
    injector.set("a", "1\n2".to_owned());
    injector.set("A", "1".to_owned());
    map.append("b", HeaderValue::from_bytes(b"\xff").expect("opaque bytes"));
    map.append("b", HeaderValue::from_static("2"));
    let extractor = HeaderExtractor(&map);
    assert_eq!(extractor.get("A"), Some("1"));
    assert_eq!(extractor.get("b"), None, "the first is no text");
    assert_eq!(extractor.get_all("b"), Some(vec!["2"]));
    assert_eq!(extractor.get_all("c"), None);
    let mut keys = extractor.keys();
    keys.sort_unstable();
    assert_eq!(keys, ["a", "b"]);
}

#[test]
fn what_suppresses_telemetry_survives_extraction() {
    let cx = Context::new().with_telemetry_suppressed();
    let map = headers(&[("traceparent", TRACEPARENT), ("baggage", "k=v")]).expect("valid");
    let cx = Propagator::default().extract_headers(&cx, &map);
    assert!(cx.is_telemetry_suppressed() && cx.span().span_context().is_valid());
    assert_eq!(cx.baggage().len(), 1);
}
