//! What a span may hold, and what becomes of more.

#[path = "support/exporters.rs"]
mod exporters;
mod support;

use std::collections::HashMap;

use exporters::{bare, ledger, soon};
use opentelemetry::trace::{Span as _, SpanContext, SpanId, TraceFlags, TraceId, TraceState, Tracer as _};
use opentelemetry::{Array, KeyValue, Value};
use proptest::prelude::*;
use support::reports_of;
use tachograph_sdk::testing::{InMemorySpanExporter, SpanSnapshot};
use tachograph_sdk::trace::{Span, SpanLimits};

/// The span that `change` made, within limits.
fn span_of(limits: SpanLimits, change: impl FnOnce(&mut Span)) -> SpanSnapshot {
    let exporter = InMemorySpanExporter::new();
    let provider = bare().with_limits(limits).with_simple_exporter(exporter.clone()).build();
    let mut span = provider.tracer("test").start("span");
    change(&mut span);
    drop(span);
    let account = provider.shutdown(soon());
    let span = exporter.spans().remove(0);
    assert_eq!((ledger(&account).exported, account.truncated), (1, u64::from(span.truncated)));
    span
}

fn limits(change: impl FnOnce(&mut SpanLimits)) -> SpanLimits {
    let mut limits = SpanLimits::default();
    change(&mut limits);
    limits
}

fn linked() -> SpanContext {
    SpanContext::new(TraceId::from(1), SpanId::from(2), TraceFlags::SAMPLED, false, TraceState::NONE)
}

#[test]
fn counts_beyond_the_limits_are_dropped_and_counted_and_known_keys_can_still_change() {
    let few = limits(|limits| {
        limits.attributes = 2;
        limits.events = 1;
        limits.links = 1;
        limits.attributes_per_event = 1;
        limits.attributes_per_link = 0;
    });
    let pairs = || vec![KeyValue::new("a", 1), KeyValue::new("b", 2), KeyValue::new("a", 3)];
    let span = span_of(few, |span| {
        for key in ["a", "b", "c", "d"] {
            span.set_attribute(KeyValue::new(key, 1));
        }
        span.set_attribute(KeyValue::new("a", 2));
        for _ in 0..3 {
            span.add_event("event", pairs());
            span.add_link(linked(), pairs());
        }
    });
    assert_eq!(span.attributes, [KeyValue::new("a", 2), KeyValue::new("b", 1)]);
    assert_eq!(span.dropped, [2, 2, 2]);
    assert_eq!(span.events[0].attributes, [KeyValue::new("a", 3)]);
    assert_eq!((span.events[0].dropped_attributes, span.links[0].dropped_attributes), (1, 3));
    assert_eq!(span.links[0].attributes, []);
}

#[test]
fn the_defaults_are_the_specifications() {
    let span = span_of(SpanLimits::default(), |span| {
        for n in 0..200 {
            span.set_attribute(KeyValue::new(format!("key {n}"), n));
            span.add_event(format!("event {n}"), vec![]);
            span.add_link(linked(), vec![]);
        }
    });
    assert_eq!((span.attributes.len(), span.events.len(), span.links.len()), (128, 128, 128));
    assert_eq!(span.dropped, [72, 72, 72]);
}

#[test]
fn strings_are_cut_by_characters_alone_and_in_arrays() {
    let short = limits(|limits| limits.value_length = Some(3));
    let span = span_of(short, |span| {
        span.set_attribute(KeyValue::new("s", "äöüß"));
        span.set_attribute(KeyValue::new(
            "as",
            Value::Array(Array::String(vec!["abcd".into(), "ab".into()])),
        ));
        span.set_attribute(KeyValue::new("i", 12_345));
        span.add_event("event names are not values", vec![KeyValue::new("e", "xyzzy")]);
    });
    let strings = Value::Array(Array::String(vec!["abc".into(), "ab".into()]));
    let expected = [KeyValue::new("s", "äöü"), KeyValue::new("as", strings), KeyValue::new("i", 12_345)];
    assert_eq!(span.attributes, expected);
    assert_eq!(span.events[0].name, "event names are not values");
    assert_eq!(span.events[0].attributes, [KeyValue::new("e", "xyz")]);
    assert_eq!(span.truncated, 0, "that is what was asked for");
}

#[test]
fn attributes_and_events_without_end_cost_a_bounded_span() {
    let all = limits(|limits| {
        limits.attributes = u32::MAX;
        limits.events = u32::MAX;
        limits.bytes = 10_000;
    });
    let span = span_of(all, |span| {
        // Of few keys, so that looking for a known one does not take all day.
        for n in 0..100_000_u32 {
            span.set_attribute(KeyValue::new(if n % 2 == 0 { "even" } else { "odd" }, format!("{n}")));
        }
        for n in 0..1_000_i64 {
            span.set_attribute(KeyValue::new(format!("key {n}"), n));
        }
        for _ in 0..100_000_u32 {
            span.add_event("event", vec![]);
        }
    });
    assert_eq!(span.attribute("even"), Some(&"99998".into()));
    assert!(span.attributes.len() < 1_000 && span.dropped[0] > 0);
    assert_eq!(span.attributes.len() as u32 + span.dropped[0], 1_002);
    assert_eq!(span.events.len() as u32 + span.dropped[1], 100_000);
}

#[test]
fn a_million_attributes_of_as_many_keys_are_refused_beyond_the_limit() {
    let span = span_of(SpanLimits::default(), |span| {
        for n in 0..1_000_000_u32 {
            span.set_attribute(KeyValue::new(format!("key {n}"), "value"));
        }
    });
    assert_eq!((span.attributes.len(), span.dropped[0]), (128, 1_000_000 - 128));
}

#[test]
fn that_limits_took_something_is_said_of_the_first_span() {
    let provider = bare().with_limits(limits(|limits| limits.attributes = 1)).build();
    let tracer = provider.tracer("library");
    let reports = reports_of(|| {
        for name in ["fits", "exceeds", "exceeds too"] {
            let mut span = tracer.start(name);
            span.set_attribute(KeyValue::new("a", 1));
            if name != "fits" {
                span.set_attribute(KeyValue::new("b", 1));
            }
        }
    });
    let [report] = &reports[..] else { panic!("one report: {reports:?}") };
    let text = format!("{report:?}");
    assert!(text.contains("exceeds") && text.contains("library") && text.contains("1 attributes"), "{text}");
    assert!(!text.contains("  "), "{text}");
}

#[test]
fn a_value_for_which_there_is_no_room_in_the_place_of_a_shorter_one_is_counted() {
    let span = span_of(limits(|limits| limits.bytes = 0), |span| {
        span.set_attribute(KeyValue::new("first", true));
        span.set_attribute(KeyValue::new("long", "x".repeat(10_000)));
        span.set_attribute(KeyValue::new("first", 7));
    });
    assert_eq!((span.attribute("first"), span.truncated), (Some(&true.into()), 2));
}

#[test]
fn texts_without_room_are_cut_at_a_character_and_counted() {
    let small = limits(|limits| limits.bytes = 0);
    let long = "ä".repeat(10_000);
    let span = span_of(small, |span| {
        span.set_attribute(KeyValue::new("first", 1));
        span.set_attribute(KeyValue::new("long", long.clone()));
        span.set_attribute(KeyValue::new("none left", 1));
        span.add_event("none left", vec![]);
        span.update_name(long.clone());
        span.set_status(opentelemetry::trace::Status::error(long.clone()));
    });
    let text = span.attribute("long").unwrap().as_str().into_owned();
    assert!(text.len() > 900 && text.len() < 1_024 && long.starts_with(&text), "{} bytes", text.len());
    assert_eq!((span.dropped, span.truncated), ([1, 1, 0], 3), "the value, the name and the description");
    assert_eq!(span.attribute("first"), Some(&1.into()));
}

#[test]
fn keys_that_cannot_be_are_cut_or_refused() {
    let long = "k".repeat(100_000);
    let span = span_of(SpanLimits::default(), |span| {
        span.set_attribute(KeyValue::new("", 1));
        span.set_attribute(KeyValue::new(long.clone(), 2));
        span.set_attribute(KeyValue::new(format!("{long} and more"), 3));
    });
    assert_eq!((span.attributes.len(), span.dropped[0]), (1, 1));
    assert_eq!(span.attributes[0].key.as_str().len(), 65_535);
    assert_eq!(span.attributes[0].value, 3.into(), "as far as they are kept they are one key");
}

#[test]
fn buffers_that_a_span_filled_do_not_show_in_the_next() {
    let exporter = InMemorySpanExporter::new();
    let provider = bare().with_simple_exporter(exporter.clone()).build();
    let tracer = provider.tracer("test");
    for full in [true, false, true] {
        let mut span = tracer.start("span");
        if full {
            span.set_attribute(KeyValue::new("k", "v".repeat(100_000)));
            span.add_event("event", vec![KeyValue::new("a", 1)]);
            span.add_link(linked(), vec![]);
            span.set_status(opentelemetry::trace::Status::error("bad"));
        }
    }
    let spans = exporter.spans();
    assert_eq!(spans[0].attributes, spans[2].attributes);
    let empty = &spans[1];
    assert_eq!((empty.attributes.len(), empty.events.len(), empty.links.len()), (0, 0, 0));
    assert_eq!(empty.status, tachograph_sdk::testing::StatusSnapshot::Unset);
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        ".{0,80}".prop_map(Value::from),
        proptest::collection::vec(any::<bool>(), 0..5).prop_map(|v| Value::Array(Array::Bool(v))),
        proptest::collection::vec(any::<i64>(), 0..5).prop_map(|v| Value::Array(Array::I64(v))),
        proptest::collection::vec(-1e300..1e300, 0..5).prop_map(|v| Value::Array(Array::F64(v))),
        proptest::collection::vec(".{0,9}", 0..5)
            .prop_map(|v| Value::Array(Array::String(v.into_iter().map(Into::into).collect()))),
    ]
}

proptest! {
    #[test]
    fn of_each_key_the_last_value_is_kept_at_the_first_place(
        pairs in proptest::collection::vec(("[a-e]{1,2}|.{1,40}", value()), 0..60)
    ) {
        let mut order = Vec::<String>::new();
        let mut last = HashMap::new();
        for (key, value) in &pairs {
            if last.insert(key.clone(), value.clone()).is_none() {
                order.push(key.clone());
            }
        }
        let set = || pairs.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        let span = span_of(SpanLimits::default(), |span| {
            set().for_each(|pair| span.set_attribute(pair));
            span.add_event("event", set().collect());
        });
        let expected: Vec<_> =
            order.iter().map(|key| KeyValue::new(key.clone(), last[key].clone())).collect();
        prop_assert_eq!(&span.attributes, &expected);
        prop_assert_eq!(&span.events[0].attributes, &expected);
        prop_assert_eq!(span.dropped, [0, 0, 0]);
    }

    #[test]
    fn whatever_is_done_within_whatever_room_the_span_can_be_read(
        bytes in 1_024_usize..4_096,
        length in proptest::option::of(0_usize..50),
        pairs in proptest::collection::vec((".{0,40}", value()), 0..100),
        names in proptest::collection::vec(".{0,200}", 0..20),
    ) {
        let tight = limits(|limits| {
            limits.bytes = bytes;
            limits.value_length = length;
        });
        let keys: std::collections::HashSet<_> = pairs.iter().map(|(key, _)| key).filter(|key| !key.is_empty()).collect();
        let span = span_of(tight, |span| {
            for (index, (key, value)) in pairs.iter().enumerate() {
                span.set_attribute(KeyValue::new(key.clone(), value.clone()));
                if let Some(name) = names.get(index) {
                    span.add_event(name.clone(), vec![KeyValue::new(key.clone(), value.clone())]);
                    span.update_name(name.clone());
                }
            }
        });
        prop_assert!(span.attributes.len() <= keys.len());
        prop_assert!(span.events.len() <= names.len());
    }
}
