//! Headers that were made to hurt: work and memory stay bounded, and nothing panics.

mod support;

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use support::{Lines, TRACEPARENT, held, inject};
use tachograph_propagation::{Format, Propagator};

const MEGABYTE: usize = 1 << 20;

/// Extracts on both ways, again and again, and asserts that a time that no sane machine needs is not used up.
/// Without bounds each of these would take thousands of times as long.
#[track_caller]
fn extract_many_times(lines: &[(&str, &str)]) -> Context {
    let propagator = Propagator::new(Format::ALL);
    let map = support::headers(lines).expect("valid");
    let carrier = Lines::of(lines);
    let start = Instant::now();
    let mut cx = Context::new();
    for _ in 0..20 {
        cx = propagator.extract_with_context(&Context::new(), &carrier);
        assert_eq!(held(&propagator.extract_headers(&Context::new(), &map)), held(&cx));
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    cx
}

#[test]
fn ten_thousand_members_of_baggage_leave_the_first_64() {
    let members: Vec<_> = (0..10_000).map(|n| format!("key{n}=value{n}")).collect();
    let (_, baggage) = held(&extract_many_times(&[("baggage", &members.join(","))]));
    assert_eq!(baggage.len(), 64);
    assert!((0..64).all(|n| baggage.contains_key(&format!("key{n}"))));
}

#[test]
fn ten_thousand_headers_of_baggage_leave_the_first_64_members() {
    let members: Vec<_> = (0..10_000).map(|n| format!("key{n}=value{n}")).collect();
    let lines: Vec<_> = members.iter().map(|member| ("baggage", member.as_str())).collect();
    assert_eq!(held(&extract_many_times(&lines)).1.len(), 64);
}

#[test]
fn a_megabyte_of_one_member_of_baggage_leaves_the_others() {
    let huge = format!("a=1,b={},c=2", "x".repeat(MEGABYTE));
    let (_, baggage) = held(&extract_many_times(&[("baggage", &huge)]));
    assert_eq!(baggage.into_keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_megabyte_of_properties_of_escapes_and_of_separators_is_bounded() {
    let (properties, escapes) = (";p=%3B".repeat(MEGABYTE / 6), "%25%33%42".repeat(MEGABYTE / 9));
    for filler in ["=", ";", ",", " ", "%", "%25", "a=", "a=;", "k,"] {
        let huge = filler.repeat(MEGABYTE / filler.len());
        extract_many_times(&[("traceparent", TRACEPARENT), ("tracestate", &huge), ("baggage", &huge)]);
        extract_many_times(&[("baggage", &format!("k={huge}")), ("uber-trace-id", &huge), ("b3", &huge)]);
    }
    extract_many_times(&[("baggage", &format!("k=v{properties}")), ("uberctx-k", &escapes)]);
    extract_many_times(&[("baggage", &format!("k=v;p={escapes}"))]);
}

#[test]
fn a_property_of_escapes_that_look_protected_takes_no_quadratic_time() {
    // As large as can be: each of its `%` asks whether it starts a protected escape.
    let escapes = "%25".repeat(8_000 / 3 - 10);
    let header = format!("k=v;p={escapes}");
    let cx = extract_many_times(&[("baggage", &header)]);
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(inject(&Format::Baggage.into(), &cx)["baggage"], header);
    }
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_megabyte_of_tracestate_is_discarded_and_the_traceparent_is_not() {
    let members: Vec<_> = (0..100_000).map(|n| format!("k{n}=v")).collect();
    for state in [members.join(","), format!("k={}", "v".repeat(MEGABYTE)), ",".repeat(MEGABYTE)] {
        let (span, _) = held(&extract_many_times(&[("traceparent", TRACEPARENT), ("tracestate", &state)]));
        assert!(span.is_valid());
        assert_eq!(span.trace_state().into_iter().count(), 0);
    }
}

#[test]
fn twenty_thousand_tracestate_headers_are_discarded() {
    let mut lines = vec![("traceparent", TRACEPARENT)];
    lines.extend(std::iter::repeat_n(("tracestate", "a=1"), 20_000));
    let (span, _) = held(&extract_many_times(&lines));
    assert!(span.is_valid());
    assert_eq!(span.trace_state().into_iter().count(), 0);
}

#[test]
fn a_megabyte_of_every_other_header_is_refused() {
    let zeros = "0".repeat(MEGABYTE);
    for name in ["traceparent", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "uber-trace-id"] {
        assert!(!held(&extract_many_times(&[(name, &zeros)])).0.is_valid(), "{name}");
        let longer = format!("{TRACEPARENT}{zeros}");
        assert!(!held(&extract_many_times(&[(name, &longer)])).0.is_valid(), "{name}");
    }
    // A later version of trace context may go on for ever.
    let later = format!("01{}-{zeros}", &TRACEPARENT[2..]);
    assert!(held(&extract_many_times(&[("traceparent", &later)])).0.is_valid());
}

#[test]
fn twenty_thousand_items_of_jaegers_baggage_leave_64() {
    let mut map = HeaderMap::new();
    for n in 0..20_000 {
        let name = format!("uberctx-key{n}").parse::<HeaderName>().expect("valid");
        map.insert(name, HeaderValue::from_static("value"));
    }
    let cx = Propagator::from(Format::Jaeger).extract_headers(&Context::new(), &map);
    assert_eq!(held(&cx).1.len(), 64);
}

#[test]
fn every_byte_that_a_header_can_have_is_survived_in_every_header() {
    let names = ["traceparent", "tracestate", "baggage", "b3", "x-b3-traceid", "uber-trace-id", "uberctx-k"];
    for byte in (0..=255_u8).filter(|byte| HeaderValue::from_bytes(&[*byte]).is_ok()) {
        let mut map = HeaderMap::new();
        map.insert("traceparent", HeaderValue::from_static(TRACEPARENT));
        for name in names {
            for value in [vec![byte], vec![b'k', b'=', byte, byte, b';', byte, b'=', byte], vec![byte; 55]] {
                map.append(name, HeaderValue::from_bytes(&value).expect("a header"));
            }
        }
        let cx = Propagator::new(Format::ALL).extract_headers(&Context::new(), &map);
        assert!(!held(&cx).0.is_valid());
        let mut sent = HeaderMap::new();
        Propagator::new(Format::ALL).inject_headers(&cx, &mut sent);
        assert!(sent.values().all(|value| value.as_bytes().iter().all(u8::is_ascii_graphic)), "{sent:?}");
    }
}
