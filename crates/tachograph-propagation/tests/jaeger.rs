//! Jaeger's headers.

mod support;

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceState};
use support::{SPAN, TRACE, extract, extracted_span, held, inject, with_span};
use tachograph_propagation::{Format, Propagator};

fn read(header: &str) -> SpanContext {
    extracted_span(Format::Jaeger, &[("uber-trace-id", header)])
}

#[test]
fn a_valid_header_names_a_remote_span() {
    for (flags, sampled) in
        [("0", false), ("1", true), ("01", true), ("3", true), ("2", true), ("9", true), ("8", false)]
    {
        let span = read(&format!("{TRACE}:{SPAN}:0:{flags}"));
        assert_eq!((span.trace_id().to_string(), span.span_id().to_string()), (TRACE.into(), SPAN.into()));
        assert_eq!((span.is_sampled(), span.is_remote()), (sampled, true), "{flags}");
        assert_eq!(span.trace_flags().to_u8() & !1, 0, "debug is not trace context's random flag");
    }
}

#[test]
fn ids_without_their_leading_zeros_are_padded() {
    let span = read("abc:1:0:1");
    assert_eq!(span.trace_id().to_string(), "00000000000000000000000000000abc");
    assert_eq!(span.span_id().to_string(), "0000000000000001");
}

#[test]
fn a_percent_encoded_header_is_read_too() {
    assert!(read(&format!("{TRACE}%3A{SPAN}%3a{SPAN}%3A1")).is_sampled());
}

#[test]
fn the_parents_id_is_ignored() {
    assert!(read(&format!("{TRACE}:{SPAN}:{SPAN}:1")).is_valid());
}

#[test]
fn malformed_and_repeated_headers_are_refused() {
    for header in [
        "",
        ":::",
        TRACE,
        &format!("{TRACE}:{SPAN}"),
        &format!("{TRACE}:{SPAN}:0"),
        &format!("{TRACE}:{SPAN}:0:"),
        &format!("{TRACE}:{SPAN}::1"),
        &format!("{TRACE}:{SPAN}:0:1:"),
        &format!("{TRACE}:{SPAN}:0:001"),
        &format!("{TRACE}:{SPAN}:0:+1"),
        &format!("{TRACE}:{SPAN}:x:1"),
        &format!("0{TRACE}:{SPAN}:0:1"),
        &format!("{TRACE}:0{SPAN}:0:1"),
        &format!("{TRACE}:{SPAN}:0{SPAN}:1"),
        &format!("{TRACE}:0:0:1"),
        &format!("0:{SPAN}:0:1"),
        &format!("{}:{SPAN}:0:1", TRACE.to_uppercase()),
        &format!("{TRACE}-{SPAN}-0-1"),
        &format!("{TRACE}:{SPAN}:0:{}", "%31".repeat(40)),
    ] {
        assert!(!read(header).is_valid(), "{header:?}");
    }
    let header = format!("{TRACE}:{SPAN}:0:1");
    let twice = [("uber-trace-id", header.as_str()), ("uber-trace-id", header.as_str())];
    assert!(!extracted_span(Format::Jaeger, &twice).is_valid());
}

#[test]
fn a_span_is_written_without_its_parent() {
    for (flags, written) in [(0, '0'), (1, '1'), (2, '0'), (3, '1')] {
        let sent = inject(&Format::Jaeger.into(), &with_span(flags, TraceState::NONE));
        assert_eq!(sent, [("uber-trace-id".to_owned(), format!("{TRACE}:{SPAN}:0:{written}"))].into());
    }
    assert!(inject(&Format::Jaeger.into(), &Context::new()).is_empty());
}

#[test]
fn debug_is_kept_and_goes_on_as_b3s() {
    let cx = extract(&Format::Jaeger.into(), &[("uber-trace-id", &format!("{TRACE}:{SPAN}:0:3"))]);
    assert_eq!(inject(&Format::Jaeger.into(), &cx)["uber-trace-id"], format!("{TRACE}:{SPAN}:0:3"));
    assert_eq!(inject(&Format::B3.into(), &cx)["b3"], format!("{TRACE}-{SPAN}-d"));
    assert!(inject(&Format::TraceContext.into(), &cx)["traceparent"].ends_with("-01"));
}

#[test]
fn items_of_baggage_are_read_from_headers_of_their_own() {
    let lines = [("uberctx-user", "alice%20b"), ("Uberctx-node", "1"), ("uberctx-", "x"), ("other", "y")];
    let (span, baggage) = held(&extract(&Format::Jaeger.into(), &lines));
    assert!(!span.is_valid());
    let expected = [("node", "1"), ("user", "alice b")];
    assert_eq!(
        baggage.iter().map(|(key, value)| (key.as_str(), value.0.as_str())).collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn items_of_baggage_are_written_into_headers_of_their_own() {
    let cx = with_span(1, TraceState::NONE).with_baggage([
        opentelemetry::KeyValue::new("user", "al=ice b"),
        opentelemetry::KeyValue::new("Node", "1"),
    ]);
    let sent = inject(&Format::Jaeger.into(), &cx);
    assert_eq!(sent["uberctx-user"], "al%3Dice%20b");
    assert_eq!(sent["uberctx-node"], "1", "headers' names have no case");
    assert_eq!(sent.len(), 3);
}

#[test]
fn items_add_to_the_w3c_baggage_which_counts_where_both_have_a_key() {
    let propagator = Propagator::new([Format::Baggage, Format::Jaeger]);
    let lines = [("baggage", "a=w3c;p"), ("uberctx-a", "jaeger"), ("uberctx-b", "jaeger")];
    let (_, baggage) = held(&extract(&propagator, &lines));
    assert_eq!(baggage["a"], ("w3c".to_owned(), "p".to_owned()));
    assert_eq!(baggage["b"], ("jaeger".to_owned(), String::new()));
}

#[test]
fn a_key_with_capitals_that_went_out_in_both_formats_comes_back_once() {
    let propagator = Propagator::new([Format::Baggage, Format::Jaeger]);
    let baggage = [opentelemetry::KeyValue::new("userId", "4711"), opentelemetry::KeyValue::new("a", "1")];
    let sent = inject(&propagator, &Context::new().with_baggage(baggage));
    assert_eq!(sent["uberctx-userid"], "4711");
    let lines: Vec<_> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (_, baggage) = held(&extract(&propagator, &lines));
    assert_eq!(baggage.keys().collect::<Vec<_>>(), ["a", "userId"]);
}

#[test]
fn items_are_bounded() {
    let lines: Vec<_> = (0..1000).map(|n| (format!("uberctx-k{n}"), "v".repeat(100))).collect();
    let lines: Vec<_> = lines.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let cx = extract(&Format::Jaeger.into(), &lines);
    assert_eq!(cx.baggage().len(), 64);
    let large = "v".repeat(5000);
    let cx = extract(&Format::Jaeger.into(), &[("uberctx-a", &large), ("uberctx-b", &large)]);
    assert_eq!(cx.baggage().len(), 1);
    assert!(!cx.span().span_context().is_valid());
}

#[test]
fn items_that_encoding_makes_too_large_leave_the_smallest_and_always_the_same() {
    let large = "%".repeat(2500);
    let values = [("a", large.as_str()), ("b", "1"), ("c", &large[..200]), ("d", "2")];
    let cx = Context::new()
        .with_baggage(values.map(|(key, value)| opentelemetry::KeyValue::new(key, value.to_owned())));
    let all = inject(&Format::Jaeger.into(), &cx);
    assert_eq!(all.len(), 4, "8,109 bytes fit");
    let cx = cx.with_baggage(
        [("a", large.as_str()), ("b", "1"), ("c", &large[..500]), ("d", "2")]
            .map(|(key, value)| opentelemetry::KeyValue::new(key, value.to_owned())),
    );
    for _ in 0..10 {
        let sent = inject(&Format::Jaeger.into(), &cx);
        assert_eq!(sent.keys().collect::<Vec<_>>(), ["uberctx-b", "uberctx-c", "uberctx-d"]);
    }
}
