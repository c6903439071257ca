//! Equal attributes are one series, however they are spelled; unequal ones never are.

mod support;

// Where derived code looks for its traits unless told otherwise: the facade.
extern crate tachograph_sdk as tachograph;

use std::sync::Arc;

use opentelemetry::{Array, KeyValue, StringValue, Value};
use support::{provider, snapshot};
use tachograph_macros::{AttributeValue, Attributes};
use tachograph_sdk::{Counter, KeyRef, MeterProvider};

fn counter(provider: &MeterProvider) -> Counter<u64> {
    provider.meter("m").counter("n").build()
}

/// Records each spelling once; they are all one series.
#[track_caller]
fn assert_one_series(spellings: &[&[KeyValue]]) {
    let provider = provider();
    let counter = counter(&provider);
    for spelling in spellings {
        counter.add(1, *spelling);
    }
    let snapshot = snapshot(&provider);
    snapshot.metric("n").assert_series(1);
    snapshot.metric("n").assert_total(spellings.len() as u64);
}

/// Records each set twice; each is a series of its own.
#[track_caller]
fn assert_distinct(sets: &[&[KeyValue]]) {
    let provider = provider();
    let counter = counter(&provider);
    for set in sets.iter().chain(sets) {
        counter.add(1, *set);
    }
    let snapshot = snapshot(&provider);
    snapshot.metric("n").assert_series(sets.len());
    for set in sets {
        snapshot.metric("n").assert_value(*set, 2);
    }
}

fn pair(key: &'static str, value: impl Into<Value>) -> KeyValue {
    KeyValue::new(key, value)
}

#[test]
fn order_does_not_matter() {
    let [a, b, c] = [pair("a", "1"), pair("b", 2), pair("c", true)];
    assert_one_series(&[
        &[a.clone(), b.clone(), c.clone()],
        &[c.clone(), a.clone(), b.clone()],
        &[b.clone(), c.clone(), a.clone()],
        &[c, b, a],
    ]);
}

#[test]
fn the_last_of_duplicate_keys_wins() {
    let last = pair("a", "last");
    assert_one_series(&[
        &[last.clone(), pair("b", 1)],
        &[pair("a", "first"), pair("b", 1), last.clone()],
        &[pair("b", 0), pair("a", 3), pair("a", "second"), last.clone(), pair("b", 1)],
        &[pair("b", 1), last.clone(), last.clone(), last],
    ]);
    assert_distinct(&[&[pair("a", 1), pair("a", 2)], &[pair("a", 2), pair("a", 1)]]);
}

#[test]
fn values_do_not_run_into_each_other() {
    assert_distinct(&[
        &[pair("x", "ab"), pair("y", "c")],
        &[pair("x", "a"), pair("y", "bc")],
        &[pair("x", "abc"), pair("y", "")],
        &[pair("xa", "b"), pair("y", "c")],
        &[pair("x", "c"), pair("y", "ab")],
    ]);
}

#[test]
fn values_of_different_kinds_differ() {
    assert_distinct(&[
        &[pair("k", "1")],
        &[pair("k", 1)],
        &[pair("k", 1.0)],
        &[pair("k", true)],
        &[pair("k", Value::Array(Array::I64(vec![1])))],
        &[pair("k", Value::Array(Array::F64(vec![1.0])))],
        &[pair("k", Value::Array(Array::Bool(vec![true])))],
        &[pair("k", Value::Array(Array::String(vec!["1".into()])))],
        &[],
        &[pair("", "")],
        &[pair("k", "")],
    ]);
}

#[test]
fn a_float_is_its_bits() {
    assert_distinct(&[
        &[pair("k", f64::NAN)],
        &[pair("k", 0.0)],
        &[pair("k", -0.0)],
        &[pair("k", f64::INFINITY)],
        &[pair("k", 5e-324)],
        &[pair("k", Value::Array(Array::F64(vec![f64::NAN])))],
        &[pair("k", Value::Array(Array::F64(vec![0.0])))],
        &[pair("k", Value::Array(Array::F64(vec![-0.0])))],
    ]);
}

#[test]
fn arrays_differ_by_each_element_and_their_length() {
    let strings = |texts: &[&'static str]| {
        Value::Array(Array::String(texts.iter().map(|text| (*text).into()).collect()))
    };
    assert_distinct(&[
        &[pair("k", strings(&[]))],
        &[pair("k", strings(&[""]))],
        &[pair("k", strings(&["ab", "c"]))],
        &[pair("k", strings(&["a", "bc"]))],
        &[pair("k", strings(&["abc"]))],
        &[pair("k", Value::Array(Array::I64(vec![])))],
        &[pair("k", Value::Array(Array::I64(vec![1, 2])))],
        &[pair("k", Value::Array(Array::I64(vec![2, 1])))],
    ]);
}

#[test]
fn sets_of_any_size_are_found_in_any_order() {
    for size in [0, 1, 15, 16, 17, 63, 64, 65, 129, 300] {
        let pairs: Vec<KeyValue> =
            (0..size).map(|n| KeyValue::new(format!("key.{n}"), format!("{n}"))).collect();
        let reversed: Vec<KeyValue> = pairs.iter().rev().cloned().collect();
        let mut doubled = pairs.clone();
        doubled.extend_from_slice(&reversed);
        assert_one_series(&[&pairs, &reversed, &doubled, &pairs]);
        if size > 0 {
            let mut other = pairs.clone();
            other[size / 2].value = "other".into();
            assert_distinct(&[&pairs, &other, &pairs[1..]]);
        }
    }
}

#[test]
fn keys_of_one_length_and_end_are_told_apart_when_their_values_change_places() {
    assert_distinct(&[
        &[pair("a.status", "x"), pair("b.status", "y")],
        &[pair("a.status", "y"), pair("b.status", "x")],
    ]);
}

#[test]
fn a_series_keeps_its_attributes_sorted_with_each_key_once() {
    let provider = provider();
    counter(&provider).add(1, &[("b", "2"), ("c", "3"), ("a", "0"), ("a", "1")]);
    let snapshot = snapshot(&provider);
    let set = &snapshot.metric("n").points()[0].attributes;
    let pairs: Vec<_> = set.iter().map(|(key, value)| (key.as_str(), value.as_str().into_owned())).collect();
    assert_eq!(pairs, [("a", "1".into()), ("b", "2".into()), ("c", "3".into())]);
    assert_eq!(set.len(), 3);
}

#[test]
fn static_owned_shared_and_borrowed_strings_are_one_series() {
    let provider = provider();
    let counter = counter(&provider);
    let shared: Arc<str> = "v".into();
    let owned = String::from("v");
    counter.add(1, &[KeyValue::new("k", "v")]);
    counter.add(1, &[KeyValue::new("k", "v")]);
    counter.add(1, &[KeyValue::new("k", owned.clone())]);
    counter.add(1, &[KeyValue::new(String::from("k"), shared.clone())]);
    counter.add(1, &[KeyValue::new("k", shared.clone())]);
    counter.add(1, &[KeyValue::new("k", shared.clone())]);
    counter.add(1, &[("k", "v")]);
    counter.add(1, &[("k", owned.as_str())]);
    counter.add(1, &[("k", &owned)]);
    counter.add(1, &[("k", shared)]);
    counter.add(1, &[("k", StringValue::from("v"))]);
    counter.add(1, &[(String::from("k"), "v")]);
    counter.add(1, &[(KeyRef::borrowed(&String::from("k")), "v")]);
    counter.add(1, &[("k", "v")].as_slice());
    let snapshot = snapshot(&provider);
    snapshot.metric("n").assert_series(1);
    snapshot.metric("n").assert_value(&[("k", "v")], 14);
}

#[test]
fn a_string_that_came_to_the_address_of_another_is_not_taken_for_it() {
    let provider = provider();
    let counter = counter(&provider);
    // A shared string per round, dropped after it: the allocator is likely to reuse its place.
    for round in 0..100 {
        let text: Arc<str> = format!("{:04}", round % 10).into();
        counter.add(1, &[KeyValue::new("k", text.clone())]);
        counter.add(1, &[KeyValue::new("k", text)]);
        let owned = format!("{:04}", round % 10);
        counter.add(1, &[KeyValue::new("k", owned)]);
    }
    let snapshot = snapshot(&provider);
    snapshot.metric("n").assert_series(10);
    for n in 0..10 {
        snapshot.metric("n").assert_value(&[("k", format!("{n:04}"))], 30);
    }
}

#[derive(AttributeValue, Clone, Copy, Debug)]
enum Channel {
    Web,
    App,
    #[attribute(other)]
    Other,
}

#[derive(Attributes)]
struct Created {
    express: bool,
    channel: Channel,
}

#[derive(Attributes)]
struct ByName<'a> {
    channel: &'a str,
    express: bool,
}

#[test]
fn typed_ad_hoc_and_key_value_records_reach_one_series() {
    let provider = provider();
    let meter = provider.meter("m");
    let dense: Counter<u64, Created> = meter.counter("n").build();
    let looked_up: Counter<u64, ByName<'_>> = meter.counter("n").build();
    let dynamic: Counter<u64> = meter.counter("n").build();
    let api = meter.as_otel().u64_counter("n").build();
    for _ in 0..3 {
        dense.add(1, &Created { channel: Channel::Web, express: true });
        dense.bind(&Created { channel: Channel::Web, express: true }).add(1);
        looked_up.add(1, &ByName { channel: "web", express: true });
        looked_up.bind(&ByName { channel: "web", express: true }).add(1);
        dynamic.add(1, &Created { channel: Channel::Web, express: true });
        dynamic.add(1, &[("channel", Value::from("web")), ("express", true.into())]);
        dynamic.add(1, &[KeyValue::new("express", true), KeyValue::new("channel", "web")]);
        api.add(1, &[KeyValue::new("channel", "web"), KeyValue::new("express", true)]);
        dense.add(100, &Created { channel: Channel::App, express: true });
        dense.add(100, &Created { channel: Channel::Other, express: true });
    }
    let snapshot = snapshot(&provider);
    let metric = snapshot.metric("n");
    metric.assert_series(3);
    metric.assert_value(&Created { channel: Channel::Web, express: true }, 24);
    metric.assert_value(&[("channel", Value::from("app")), ("express", true.into())], 300);
}

#[derive(AttributeValue, Clone, Copy)]
enum Digit {
    A,
    B,
    C,
    D,
}

/// 256 sets.
#[derive(Attributes)]
struct Word {
    a: Digit,
    b: Digit,
    c: Digit,
    d: Digit,
}

#[test]
fn typed_attributes_whose_sets_exceed_the_limit_are_looked_up_and_overflow() {
    let provider = provider();
    let typed: Counter<u64, Word> = provider.meter("m").counter("n").with_cardinality_limit(100).build();
    const DIGITS: [Digit; 4] = [Digit::A, Digit::B, Digit::C, Digit::D];
    for _ in 0..2 {
        for n in 0..256 {
            let digit = |at: usize| DIGITS[n >> (2 * at) & 3];
            typed.add(1, &Word { a: digit(0), b: digit(1), c: digit(2), d: digit(3) });
        }
    }
    let snapshot = snapshot(&provider);
    let metric = snapshot.metric("n");
    metric.assert_series(101);
    metric.assert_total(512);
    metric.assert_value(&[("otel.metric.overflow", true)], 2 * 156);
    metric.assert_value(&Word { a: Digit::A, b: Digit::A, c: Digit::A, d: Digit::A }, 2);
}

#[test]
fn typed_attributes_find_their_series_when_others_have_filled_the_limit() {
    let provider = provider();
    let meter = provider.meter("m");
    let typed: Counter<u64, Created> = meter.counter("n").with_cardinality_limit(6).build();
    let dynamic: Counter<u64> = meter.counter("n").with_cardinality_limit(6).build();
    typed.add(1, &Created { channel: Channel::Web, express: false });
    for n in 0..5 {
        dynamic.add(1, &[("n", n)]);
    }
    for _ in 0..3 {
        typed.add(1, &Created { channel: Channel::Web, express: false });
        typed.add(1, &Created { channel: Channel::App, express: false });
    }
    let snapshot = snapshot(&provider);
    snapshot.metric("n").assert_series(7);
    snapshot.metric("n").assert_value(&Created { channel: Channel::Web, express: false }, 4);
    snapshot.metric("n").assert_value(&[("otel.metric.overflow", true)], 3);
}
