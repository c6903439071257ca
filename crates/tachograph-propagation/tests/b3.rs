//! B3, in one header and in several.

mod support;

use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use opentelemetry::{Context, trace::TraceId};
use support::{SPAN, TRACE, TRACEPARENT, extract, extracted_span, inject, with_span};
use tachograph_propagation::{Format, Propagator};

const BOTH: [Format; 2] = [Format::B3, Format::B3Multi];

fn read(header: &str) -> SpanContext {
    let spans = BOTH.map(|format| extracted_span(format, &[("b3", header)]));
    assert_eq!(spans[0], spans[1]);
    spans[0].clone()
}

fn read_several(lines: &[(&str, &str)]) -> SpanContext {
    let spans = BOTH.map(|format| extracted_span(format, lines));
    assert_eq!(spans[0], spans[1]);
    spans[0].clone()
}

fn several<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut lines = vec![("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN)];
    lines.extend(more);
    lines
}

#[track_caller]
fn assert_ids(span: &SpanContext) {
    assert_eq!(
        (span.trace_id().to_string(), span.span_id().to_string()),
        (TRACE.to_owned(), SPAN.to_owned())
    );
    assert!(span.is_remote());
}

#[test]
fn the_single_header_is_read_with_each_of_its_sampling_states() {
    for (state, sampled) in [("", false), ("-0", false), ("-1", true), ("-d", true)] {
        let span = read(&format!("{TRACE}-{SPAN}{state}"));
        assert_ids(&span);
        assert_eq!(span.is_sampled(), sampled, "{state}");
        assert_eq!(span.trace_flags().to_u8() & !1, 0);
    }
}

#[test]
fn a_parents_id_in_the_single_header_must_be_one_and_is_not_used() {
    assert_ids(&read(&format!("{TRACE}-{SPAN}-1-05e3ac9a4f6e3b90")));
    assert!(!read(&format!("{TRACE}-{SPAN}-1-05e3ac9a4f6e3b9")).is_valid());
    assert!(!read(&format!("{TRACE}-{SPAN}-1-05e3ac9a4f6e3b90-1")).is_valid());
    assert!(!read(&format!("{}-{SPAN}-1-05e3ac9a4f6e3b90-1", &TRACE[16..])).is_valid());
}

#[test]
fn malformed_single_headers_are_refused() {
    for header in [
        "",
        "0",
        "1",
        "d",
        "-",
        TRACE,
        &format!("{TRACE}-"),
        &format!("{TRACE}-{SPAN}-"),
        &format!("{TRACE}-{SPAN}-2"),
        &format!("{TRACE}-{SPAN}-D"),
        &format!("{TRACE}-{SPAN}-true"),
        &format!("{}-{SPAN}-1", TRACE.to_uppercase()),
        &format!("{TRACE}-{}-1", &SPAN[1..]),
        &format!("{}-{SPAN}-1", &TRACE[1..]),
        &format!("+{}-{SPAN}-1", &TRACE[1..]),
        &format!("{}-{SPAN}-1", "0".repeat(32)),
        &format!("{}-{SPAN}-1", "0".repeat(16)),
        &format!("{TRACE}-{}-1", "0".repeat(16)),
    ] {
        assert!(!read(header).is_valid(), "{header:?}");
    }
}

#[test]
fn several_headers_are_read_with_each_sampling_state() {
    for (more, sampled) in [
        (&[][..], false),
        (&[("X-B3-Sampled", "0")], false),
        (&[("X-B3-Sampled", "false")], false),
        (&[("X-B3-Sampled", "1")], true),
        (&[("X-B3-Sampled", "true")], true),
        (&[("X-B3-Flags", "1")], true),
        (&[("X-B3-Flags", "1"), ("X-B3-Sampled", "0")], true),
        (&[("X-B3-Flags", "0"), ("X-B3-Sampled", "1")], true),
        (&[("X-B3-Sampled", "1"), ("X-B3-ParentSpanId", "05e3ac9a4f6e3b90")], true),
    ] {
        let span = read_several(&several(more));
        assert_ids(&span);
        assert_eq!(span.is_sampled(), sampled, "{more:?}");
    }
}

#[test]
fn malformed_or_repeated_headers_of_the_several_are_refused() {
    for lines in [
        &[("X-B3-TraceId", TRACE)][..],
        &[("X-B3-SpanId", SPAN)],
        &[("X-B3-TraceId", "x"), ("X-B3-SpanId", SPAN)],
        &[("X-B3-TraceId", TRACE), ("X-B3-SpanId", "x")],
        &several(&[("X-B3-Sampled", "yes")]),
        &several(&[("X-B3-Sampled", "1"), ("X-B3-Sampled", "1")]),
        &several(&[("X-B3-TraceId", TRACE)]),
        &several(&[("X-B3-SpanId", SPAN)]),
    ] {
        assert!(!read_several(lines).is_valid(), "{lines:?}");
    }
}

#[test]
fn the_names_of_the_several_are_found_in_carriers_that_compare_letters() {
    #[derive(Debug)]
    struct Letters(Vec<(&'static str, &'static str)>);
    impl opentelemetry::propagation::Extractor for Letters {
        fn get(&self, key: &str) -> Option<&str> {
            self.0.iter().find(|line| line.0 == key).map(|line| line.1)
        }
        fn keys(&self) -> Vec<&str> {
            self.0.iter().map(|line| line.0).collect()
        }
    }
    use opentelemetry::propagation::TextMapPropagator;
    for names in [["X-B3-TraceId", "X-B3-SpanId"], ["x-b3-traceid", "x-b3-spanid"]] {
        let carrier = Letters(vec![(names[0], TRACE), (names[1], SPAN)]);
        let cx = Propagator::from(Format::B3).extract_with_context(&Context::new(), &carrier);
        assert_ids(cx.span().span_context());
    }
}

#[test]
fn the_single_header_counts_before_the_several() {
    let header = format!("{TRACE}-{SPAN}-1");
    let mut lines = vec![("X-B3-TraceId", "1111111111111111"), ("X-B3-SpanId", "2222222222222222")];
    lines.push(("b3", &header));
    assert_ids(&read_several(&lines));
}

#[test]
fn where_the_single_header_is_of_no_use_the_several_count() {
    for single in ["nonsense", "0"] {
        let lines = several(&[("b3", single), ("X-B3-Sampled", "1")]);
        assert_ids(&read_several(&lines));
    }
    let header = "11111111111111111111111111111111-2222222222222222-1";
    assert_ids(&read_several(&several(&[("b3", header), ("b3", header)])));
}

#[test]
fn trace_ids_of_64_bits_are_padded() {
    let expected = TraceId::from(0xa3ce_929d_0e0e_4736_u128);
    assert_eq!(read("a3ce929d0e0e4736-00f067aa0ba902b7-1").trace_id(), expected);
    let lines = [("X-B3-TraceId", "a3ce929d0e0e4736"), ("X-B3-SpanId", SPAN)];
    assert_eq!(read_several(&lines).trace_id(), expected);
    let cx = extract(&Format::B3.into(), &lines);
    let padded = "0000000000000000a3ce929d0e0e4736";
    assert_eq!(inject(&Format::B3.into(), &cx)["b3"], format!("{padded}-{SPAN}-0"));
    assert_eq!(inject(&Format::B3Multi.into(), &cx)["x-b3-traceid"], padded);
}

#[test]
fn b3_writes_the_single_header() {
    for (flags, sampled) in [(0, '0'), (1, '1'), (2, '0'), (3, '1')] {
        let sent = inject(&Format::B3.into(), &with_span(flags, TraceState::NONE));
        assert_eq!(sent, [("b3".to_owned(), format!("{TRACE}-{SPAN}-{sampled}"))].into());
    }
}

#[test]
fn b3multi_writes_the_several_and_never_a_parents_id() {
    let parent = [("X-B3-ParentSpanId", "05e3ac9a4f6e3b90"), ("X-B3-Sampled", "1")];
    let cx = extract(&Format::B3Multi.into(), &several(&parent));
    let sent = inject(&Format::B3Multi.into(), &cx);
    let expected = [("x-b3-sampled", "1"), ("x-b3-spanid", SPAN), ("x-b3-traceid", TRACE)];
    assert_eq!(
        sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(),
        expected
    );
    assert_eq!(inject(&Format::B3Multi.into(), &with_span(0, TraceState::NONE))["x-b3-sampled"], "0");
}

#[test]
fn debug_is_kept_from_either_form_to_either() {
    let header = format!("{TRACE}-{SPAN}-d");
    for lines in [&[("b3", header.as_str())][..], &several(&[("X-B3-Flags", "1")])] {
        let cx = extract(&Format::B3.into(), lines);
        assert!(cx.span().span_context().is_sampled());
        assert_eq!(inject(&Format::B3.into(), &cx)["b3"], header);
        let sent = inject(&Format::B3Multi.into(), &cx);
        assert_eq!(sent["x-b3-flags"], "1");
        assert_eq!(sent.get("x-b3-sampled"), None, "debug implies it");
    }
}

#[test]
fn debug_is_kept_by_the_spans_below_and_ends_with_its_trace() {
    let cx = extract(&Format::B3.into(), &[("b3", &format!("{TRACE}-{SPAN}-d"))]);
    let trace = cx.span().span_context().trace_id();
    let child = SpanContext::new(trace, 7.into(), TraceFlags::SAMPLED, false, TraceState::NONE);
    let sent = inject(&Format::B3.into(), &cx.with_remote_span_context(child));
    assert_eq!(sent["b3"], format!("{TRACE}-0000000000000007-d"));
    let other = SpanContext::new(9.into(), 7.into(), TraceFlags::SAMPLED, false, TraceState::NONE);
    let sent = inject(&Format::B3.into(), &cx.with_remote_span_context(other));
    assert!(sent["b3"].ends_with("-0000000000000007-1"));
}

#[test]
fn debug_is_taken_back_by_a_later_header_of_the_same_trace() {
    use opentelemetry::propagation::TextMapPropagator;
    let cx = extract(&Format::B3.into(), &[("b3", &format!("{TRACE}-{SPAN}-d"))]);
    let header = format!("{TRACE}-{SPAN}-1");
    let cx = Propagator::from(Format::B3).extract_with_context(&cx, &support::Lines::of(&[("b3", &header)]));
    assert_eq!(inject(&Format::B3.into(), &cx)["b3"], header);
}

#[test]
fn a_forwarded_requests_other_headers_do_not_contradict_those_that_are_set() {
    let stale = [("x-b3-parentspanid", SPAN), ("x-b3-flags", "1"), ("x-b3-sampled", "0")];
    let mut headers = support::headers(&stale).expect("valid");
    Propagator::from(Format::B3Multi).inject_headers(&with_span(1, TraceState::NONE), &mut headers);
    assert_eq!(headers.get("x-b3-sampled").map(|value| value.as_bytes()), Some(&b"1"[..]));
    assert!(headers.get("x-b3-parentspanid").is_none() && headers.get("x-b3-flags").is_none());
}

#[test]
fn trace_context_headers_are_none_of_b3s() {
    assert!(!read_several(&[("traceparent", TRACEPARENT)]).is_valid());
    assert!(!extracted_span(Format::TraceContext, &several(&[])).is_valid());
}
