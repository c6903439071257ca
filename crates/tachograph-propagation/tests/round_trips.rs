//! Whatever is written is read as it was; whatever is read does not panic, and is stable.

mod support;

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use support::{extract, held, inject};
use tachograph_propagation::{Format, Propagator, Selection};

/// The context with what is written of it in `format`, read again.
fn there_and_back(format: Format, cx: &Context) -> Context {
    let propagator = Propagator::from(format);
    let sent = inject(&propagator, cx);
    let lines: Vec<_> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    extract(&propagator, &lines)
}

fn spans() -> impl Strategy<Value = (TraceId, SpanId, u8)> {
    (1..=u128::MAX, 1..=u64::MAX, any::<u8>())
        .prop_map(|(trace, span, flags)| (trace.into(), span.into(), flags))
}

fn with_state((trace, span, flags): (TraceId, SpanId, u8), state: TraceState) -> Context {
    Context::new().with_remote_span_context(SpanContext::new(
        trace,
        span,
        TraceFlags::new(flags),
        true,
        state,
    ))
}

/// Lists that the grammar allows, the API holds, and that need not be cut.
fn states() -> impl Strategy<Value = Vec<(String, String)>> {
    let key = "[a-z0-9][a-z0-9_*/-]{0,40}(@[a-z0-9][a-z0-9_*/-]{0,12})?";
    let value = "[!-+--<>-~ ]{0,60}[!-+--<>-~]";
    vec((key, value), 0..=32)
}

/// Texts that baggage is made of: any, but likely those that are encoded.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("%".to_owned()),
        Just("%25".to_owned()),
        Just("%3B".to_owned()),
        Just("25".to_owned()),
        Just("3b".to_owned()),
        "[;,=\" \\\\]",
        "[a-z0-9]{1,5}",
        any::<char>().prop_map(String::from),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn members() -> impl Strategy<Value = BTreeMap<String, (String, String)>> {
    let properties = vec(("[a-z!#$&'*+.^_`|~0-9-]{1,5}", proptest::option::of(texts())), 0..4);
    // As metadata is written by hand: values without `;` and without white space at their ends.
    let metadata = properties.prop_map(|properties| {
        let texts = properties.into_iter().map(|(key, value)| match value {
            Some(value) => format!("{key}={}", value.replace(';', "").trim()),
            None => key,
        });
        texts.collect::<Vec<_>>().join(";")
    });
    btree_map("[a-zA-Z!#$%&'*+.^_`|~0-9-]{1,8}", (texts(), metadata), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn trace_context_comes_back_as_it_was(ids in spans(), members in states()) {
        let state = TraceState::from_key_value(members).expect("within the API's grammar");
        let sent = with_state(ids, state.clone());
        let back = there_and_back(Format::TraceContext, &sent);
        let (trace, span, flags) = ids;
        let expected = SpanContext::new(trace, span, TraceFlags::new(flags & 3), true, state);
        prop_assert_eq!(held(&back).0, expected);
    }

    #[test]
    fn every_other_format_brings_ids_and_the_sampling_decision_back(ids in spans()) {
        for format in [Format::B3, Format::B3Multi, Format::Jaeger] {
            let back = there_and_back(format, &with_state(ids, TraceState::NONE));
            let (trace, span, flags) = ids;
            let expected = SpanContext::new(trace, span, TraceFlags::new(flags & 1), true, TraceState::NONE);
            prop_assert_eq!(held(&back).0, expected);
        }
    }

    #[test]
    fn baggage_comes_back_as_it_was(members in members()) {
        let mut baggage = Baggage::new();
        for (key, (value, metadata)) in &members {
            baggage.insert_with_metadata(key.clone(), value.clone(), metadata.as_str());
        }
        let back = held(&there_and_back(Format::Baggage, &Context::new().with_baggage(baggage))).1;
        prop_assert_eq!(back.keys().collect::<Vec<_>>(), members.keys().collect::<Vec<_>>());
        for (key, (value, metadata)) in &members {
            prop_assert_eq!(&back[key].0, value);
            // `%3B` by hand is the semicolon that it would be, and is so either way.
            prop_assert_eq!(back[key].1.replace("%3B", "%3b"), metadata.replace("%3B", "%3b"));
        }
    }

    #[test]
    fn jaegers_items_come_back_as_they_were(members in btree_map("[a-z0-9.-]{1,8}", texts(), 0..8)) {
        let mut baggage = Baggage::new();
        for (key, value) in &members {
            baggage.insert(key.clone(), value.clone());
        }
        let back = held(&there_and_back(Format::Jaeger, &Context::new().with_baggage(baggage))).1;
        let back: BTreeMap<_, _> = back.into_iter().map(|(key, (value, _))| (key, value)).collect();
        prop_assert_eq!(back, members);
    }

    #[test]
    fn any_metadata_becomes_a_valid_header_that_says_the_same_ever_after(value in texts(), metadata in texts()) {
        let mut baggage = Baggage::new();
        baggage.insert_with_metadata("k", value.clone(), metadata.as_str());
        let cx = Context::new().with_baggage(baggage);
        let once = there_and_back(Format::Baggage, &cx);
        prop_assert_eq!(&held(&once).1["k"].0, &value);
        let twice = there_and_back(Format::Baggage, &once);
        let thrice = there_and_back(Format::Baggage, &twice);
        prop_assert_eq!(held(&thrice), held(&twice));
    }

    #[test]
    fn any_bytes_in_any_headers_are_survived_and_become_valid_ones(
        lines in vec((0..9_usize, vec(any::<u8>(), 0..80)), 0..6),
    ) {
        let names = [
            "traceparent", "tracestate", "baggage", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled",
            "uber-trace-id", "uberctx-key",
        ];
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                map.append(HeaderName::from_static(names[name]), value);
            }
        }
        let propagator = Propagator::new(Format::ALL);
        let cx = propagator.extract_headers(&Context::new(), &map);
        for value in inject(&propagator, &cx).into_values() {
            prop_assert!(value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '));
        }
    }

    #[test]
    fn any_list_of_names_selects_something_sensible(list in "[a-z0-9, \u{e9}]{0,60}") {
        let selection = Selection::parse(&list);
        for problem in selection.problems() {
            prop_assert!(!problem.to_string().is_empty());
        }
        prop_assert!(selection.formats().len() <= Format::ALL.len());
    }
}
