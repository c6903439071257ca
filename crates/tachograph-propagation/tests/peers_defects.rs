//! What other propagators were seen to get wrong. Each is done right here.

mod support;

use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::trace::TraceState;
use opentelemetry::{Context, KeyValue};
use support::{TRACEPARENT, extract, extracted_span, held, inject, with_span};
use tachograph_propagation::{Format, Propagator};

fn is_taken(traceparent: &str) -> bool {
    extracted_span(Format::TraceContext, &[("traceparent", traceparent)]).is_valid()
}

fn baggage_value(header: &str) -> String {
    held(&extract(&Format::Baggage.into(), &[("baggage", header)])).1["k"].0.clone()
}

#[test]
fn ids_that_are_too_short_are_refused() {
    assert!(!is_taken("00-ab-cd-01"));
    assert!(!is_taken("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01"));
}

#[test]
fn flags_of_one_digit_are_refused() {
    assert!(!is_taken("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"));
}

#[test]
fn a_plus_sign_is_no_hexadecimal_digit() {
    assert!(!is_taken("00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    assert!(!is_taken("00-4bf92f3577b34da6a3ce929d0e0e4736-+0f067aa0ba902b7-01"));
    assert!(!is_taken("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-+1"));
    assert!(!is_taken("+0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
}

#[test]
fn a_dash_at_the_end_of_version_00_is_refused() {
    assert!(!is_taken("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-"));
}

#[test]
fn the_random_flag_is_not_lost() {
    let lines = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03")];
    let propagator = Propagator::from(Format::TraceContext);
    assert_eq!(inject(&propagator, &extract(&propagator, &lines))["traceparent"], lines[0].1);
}

#[test]
fn a_second_traceparent_is_not_overlooked() {
    let lines = [("traceparent", TRACEPARENT), ("traceparent", TRACEPARENT)];
    assert!(!extracted_span(Format::TraceContext, &lines).is_valid());
}

#[test]
fn no_empty_tracestate_is_injected() {
    let sent = inject(&Format::TraceContext.into(), &with_span(1, TraceState::NONE));
    assert_eq!(sent.into_keys().collect::<Vec<_>>(), ["traceparent"]);
}

#[test]
fn tracestate_headers_are_combined() {
    let lines = [("traceparent", TRACEPARENT), ("tracestate", "a=1"), ("tracestate", "b=2")];
    assert_eq!(extracted_span(Format::TraceContext, &lines).trace_state().header(), "a=1,b=2");
}

#[test]
fn a_33rd_member_of_tracestate_is_not_overlooked() {
    let state: Vec<_> = (0..33).map(|n| format!("k{n}=v")).collect();
    let lines = [("traceparent", TRACEPARENT), ("tracestate", &state.join(","))];
    assert_eq!(extracted_span(Format::TraceContext, &lines).trace_state().header(), "");
}

#[test]
fn baggage_headers_are_combined() {
    let cx = extract(&Format::Baggage.into(), &[("baggage", "a=1"), ("baggage", "b=2")]);
    assert_eq!(cx.baggage().len(), 2);
}

#[test]
fn a_value_of_baggage_does_not_end_at_its_second_equals_sign() {
    assert_eq!(baggage_value("k=a=b=c"), "a=b=c");
}

#[test]
fn a_percent_sign_in_baggage_comes_through() {
    let propagator = Propagator::from(Format::Baggage);
    for value in ["100%", "100%25", "%41"] {
        let sent = inject(&propagator, &Context::new().with_baggage([KeyValue::new("k", value)]));
        assert_eq!(baggage_value(&sent["baggage"]), value);
    }
}

#[test]
fn one_byte_too_many_does_not_cost_the_whole_baggage() {
    let header = format!("a=1,b={},c=3", "x".repeat(8192));
    assert_eq!(held(&extract(&Format::Baggage.into(), &[("baggage", &header)])).1.len(), 2);
}

#[test]
fn a_value_that_is_no_utf8_does_not_cost_its_member() {
    assert_eq!(baggage_value("k=%FF"), "\u{fffd}");
}

#[test]
fn metadata_is_encoded() {
    let mut baggage = Baggage::new();
    baggage.insert_with_metadata("k", "v", "p=a,b=c\r\nx: y");
    let sent = inject(&Format::Baggage.into(), &Context::new().with_baggage(baggage));
    assert_eq!(sent["baggage"], "k=v;p=a%2Cb%3Dc%0D%0Ax:%20y");
}

#[test]
fn jaegers_debug_flag_is_not_taken_for_a_random_trace_id() {
    let lines = [("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:3")];
    let cx = extract(&Format::Jaeger.into(), &lines);
    assert_eq!(inject(&Format::TraceContext.into(), &cx)["traceparent"], TRACEPARENT);
}
