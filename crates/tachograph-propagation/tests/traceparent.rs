//! The `traceparent` header, by W3C Trace Context, level 2.

mod support;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use support::{Lines, SPAN, TRACE, TRACEPARENT, extracted_span, inject, with_span};
use tachograph_propagation::{Format, Propagator};

fn read(header: &str) -> SpanContext {
    extracted_span(Format::TraceContext, &[("traceparent", header)])
}

#[track_caller]
fn assert_refused(headers: &[&str]) {
    for header in headers {
        assert!(!read(header).is_valid(), "{header:?} was taken");
    }
}

#[track_caller]
fn assert_taken(header: &str) {
    let span = read(header);
    assert_eq!(span.trace_id().to_string(), TRACE, "{header:?}");
    assert_eq!(span.span_id().to_string(), SPAN, "{header:?}");
}

#[test]
fn a_valid_header_names_a_remote_span() {
    let span = read(TRACEPARENT);
    assert_eq!(span.trace_id(), TraceId::from(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736));
    assert_eq!(span.span_id(), SpanId::from(0x00f0_67aa_0ba9_02b7));
    assert!(span.is_sampled() && span.is_remote());
}

#[test]
fn a_missing_header_names_none() {
    assert!(!extracted_span(Format::TraceContext, &[]).is_valid());
    for name in ["trace-parent", "trace.parent"] {
        assert!(!extracted_span(Format::TraceContext, &[(name, TRACEPARENT)]).is_valid());
    }
}

#[test]
fn the_headers_name_has_no_case() {
    for name in ["TraceParent", "TrAcEpArEnT", "TRACEPARENT"] {
        assert!(extracted_span(Format::TraceContext, &[(name, TRACEPARENT)]).is_valid());
    }
}

#[test]
fn a_repeated_header_starts_a_new_trace() {
    let other = "00-12345678901234567890123456789012-1234567890123456-01";
    for second in [other, TRACEPARENT, "", "nonsense"] {
        let lines = [("traceparent", TRACEPARENT), ("traceparent", second)];
        assert!(!extracted_span(Format::TraceContext, &lines).is_valid(), "{second:?}");
    }
    assert_refused(&[&format!("{TRACEPARENT},{other}"), &format!("{TRACEPARENT}, {TRACEPARENT}")]);
}

#[test]
fn white_space_around_the_value_is_no_part_of_it() {
    for (before, after) in [(" ", ""), ("\t", ""), ("", " "), ("", "\t"), ("\t ", " \t")] {
        assert_taken(&format!("{before}{TRACEPARENT}{after}"));
    }
    assert_refused(&[&format!("\n{TRACEPARENT}"), &format!("{TRACEPARENT}\u{a0}")]);
}

#[test]
fn version_00_has_exactly_55_characters() {
    for length in 0..55 {
        assert_refused(&[&TRACEPARENT[..length]]);
    }
    for more in [".", "-", "0", "-what-the-future-will-be-like", " x"] {
        assert_refused(&[&format!("{TRACEPARENT}{more}")]);
    }
}

#[test]
fn a_later_version_may_be_longer_after_another_dash() {
    for version in ["01", "cc", "fe"] {
        let header = format!("{version}{}", &TRACEPARENT[2..]);
        assert_taken(&header);
        assert_taken(&format!("{header}-"));
        assert_taken(&format!("{header}-what-the-future-will-be-like"));
        assert_refused(&[
            &format!("{header}.what-the-future-will-be-like"),
            &format!("{header}0"),
            &header[..54],
        ]);
    }
}

#[test]
fn a_later_version_is_sent_on_as_version_00() {
    let header = format!("cc{}-what-the-future-will-be-like", &TRACEPARENT[2..]);
    let propagator = Propagator::from(Format::TraceContext);
    let cx = support::extract(&propagator, &[("traceparent", &header)]);
    assert_eq!(inject(&propagator, &cx)["traceparent"], TRACEPARENT);
}

#[test]
fn version_ff_is_refused() {
    assert_refused(&[&format!("ff{}", &TRACEPARENT[2..]), &format!("ff{}-more", &TRACEPARENT[2..])]);
}

#[test]
fn ids_of_zeros_are_refused() {
    assert_refused(&[
        "00-00000000000000000000000000000000-1234567890123456-01",
        "00-12345678901234567890123456789012-0000000000000000-01",
        "00-00000000000000000000000000000000-0000000000000000-00",
    ]);
}

#[test]
fn in_every_place_only_what_belongs_there_is_taken() {
    for (place, expected) in TRACEPARENT.char_indices() {
        for other in ['.', '+', ' ', 'g', 'G', 'A', 'F', '-', '_', ':', '\t', '0'] {
            let is_right = if expected == '-' { other == '-' } else { other == '0' };
            let mut header = TRACEPARENT.to_owned();
            header.replace_range(place..=place, &other.to_string());
            assert_eq!(read(&header).is_valid(), is_right, "{header:?}");
        }
    }
}

#[test]
fn parts_of_another_length_are_refused() {
    assert_refused(&[
        "000-12345678901234567890123456789012-1234567890123456-01",
        "0000-12345678901234567890123456789012-1234567890123456-01",
        "0-12345678901234567890123456789012-1234567890123456-01",
        "00-123456789012345678901234567890123-1234567890123456-01",
        "00-1234567890123456789012345678901-1234567890123456-01",
        "00-12345678901234567890123456789012-12345678901234567-01",
        "00-12345678901234567890123456789012-123456789012345-01",
        "00-12345678901234567890123456789012-1234567890123456-001",
        "00-12345678901234567890123456789012-1234567890123456-1",
        "00-1234567890123456789012345678901-12345678901234567-01",
        "00-12345678901234567890123456789012-123456789012345-011",
    ]);
}

#[test]
fn letters_that_are_more_than_a_byte_are_refused() {
    assert_refused(&[&TRACEPARENT.replace('4', "٤"), &TRACEPARENT.replacen("4b", "é", 1)]);
}

#[test]
fn of_the_flags_sampled_and_random_are_kept_and_the_others_are_not() {
    for flags in 0..=255_u8 {
        let header = format!("00-{TRACE}-{SPAN}-{flags:02x}");
        let span = read(&header);
        assert_eq!(span.trace_flags(), TraceFlags::new(flags & 3), "{header}");
        let sent = inject(&Format::TraceContext.into(), &with_span(flags, TraceState::NONE));
        assert_eq!(sent["traceparent"], format!("00-{TRACE}-{SPAN}-{:02x}", flags & 3));
    }
}

#[test]
fn a_context_without_a_valid_span_is_not_sent() {
    let propagator = Propagator::from(Format::TraceContext);
    assert!(inject(&propagator, &Context::new()).is_empty());
    let no_id = SpanContext::new(1.into(), SpanId::INVALID, TraceFlags::SAMPLED, false, TraceState::NONE);
    assert!(inject(&propagator, &Context::new().with_remote_span_context(no_id)).is_empty());
}

#[test]
fn what_a_context_had_stays_where_nothing_valid_is_found() {
    let before = with_span(1, TraceState::NONE);
    for header in [
        "nonsense",
        "",
        "00-00000000000000000000000000000000-1234567890123456-01",
        "00-12345678901234567890123456789012-0000000000000000-01",
    ] {
        let after =
            Propagator::default().extract_with_context(&before, &Lines::of(&[("traceparent", header)]));
        assert_eq!(support::held(&after), support::held(&before), "{header}");
    }
}
