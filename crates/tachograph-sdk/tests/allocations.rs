//! Recording into a series that exists allocates nothing, and nor does collecting in steady state.

#[path = "support/allocator.rs"]
mod allocator;
mod support;

// Where derived code looks for its traits unless told otherwise: the facade.
extern crate tachograph_sdk as tachograph;

use std::hint::black_box;
use std::sync::Arc;

use allocator::allocations;
use opentelemetry::{Array, KeyValue, Value};
use support::provider;
use tachograph_macros::{AttributeValue, Attributes};
use tachograph_sdk::metrics::PointValue;
use tachograph_sdk::{Counter, Gauge, Histogram, KeyRef, Meter, UpDownCounter};

#[derive(AttributeValue, Clone, Copy)]
enum Channel {
    Web,
    App,
}

#[derive(Attributes)]
struct Dense {
    channel: Channel,
    express: bool,
}

#[derive(Attributes)]
struct LookedUp<'a> {
    channel: &'a str,
    shard: i64,
}

/// Asserts that `record` allocates nothing, once the engine has learnt what there is to learn of it:
/// it tries so with up to 64 records of a stream.
#[track_caller]
fn assert_none(record: impl Fn()) {
    // Not compiled twice, for then its literals may be in two places, and each is learnt.
    let record: &dyn Fn() = black_box(&record);
    (0..70).for_each(|_| record());
    assert_eq!(allocations(|| (0..50).for_each(|_| record())), 0);
}

/// Asserts it for each kind of instrument, and for attributes that were made before.
#[track_caller]
fn assert_none_with(key_values: &[KeyValue]) {
    let provider = provider();
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("counter").build();
    let level: UpDownCounter<f64> = meter.up_down_counter("level").build();
    let gauge: Gauge<i64> = meter.gauge("gauge").build();
    let histogram: Histogram<f64> = meter.histogram("histogram").build();
    let api = meter.as_otel();
    let (api_counter, api_histogram) =
        (api.u64_counter("counter").build(), api.f64_histogram("histogram").build());
    assert_none(|| counter.add(1, key_values));
    assert_none(|| level.add(-0.5, key_values));
    assert_none(|| gauge.record(7, key_values));
    assert_none(|| histogram.record(0.3, key_values));
    assert_none(|| api_counter.add(1, key_values));
    assert_none(|| api_histogram.record(0.3, key_values));
}

#[test]
fn with_static_key_values_in_any_order() {
    let [a, b, c] = [KeyValue::new("a", "1"), KeyValue::new("b", 2), KeyValue::new("c", true)];
    assert_none_with(&[]);
    assert_none_with(&[a.clone(), b.clone(), c.clone()]);
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    let orders = [[a.clone(), b.clone(), c.clone()], [c.clone(), b.clone(), a.clone()], [b, a, c]];
    assert_none(|| orders.iter().for_each(|order| counter.add(1, order)));
}

#[test]
fn with_key_values_made_for_each_record() {
    let provider = provider();
    let counter = provider.meter("m").as_otel().u64_counter("n").build();
    assert_none(|| {
        counter
            .add(1, &[KeyValue::new("channel", "web"), KeyValue::new("region", "eu"), KeyValue::new("n", 1)])
    });
}

#[test]
fn with_owned_and_shared_strings() {
    assert_none_with(&[
        KeyValue::new("k", "owned".to_owned()),
        KeyValue::new("l".to_owned(), "w".to_owned()),
    ]);
    let shared: Arc<str> = "shared".into();
    assert_none_with(&[KeyValue::new("k", shared), KeyValue::new("l", "static")]);
}

#[test]
fn with_floats_and_arrays() {
    assert_none_with(&[KeyValue::new("k", f64::NAN), KeyValue::new("l", -0.0)]);
    assert_none_with(&[KeyValue::new("k", Value::Array(Array::F64(vec![1.0, f64::NAN])))]);
    assert_none_with(&[KeyValue::new("k", Value::Array(Array::String(vec!["a".into(), "b".into()])))]);
}

#[test]
fn with_duplicate_keys() {
    let owned = |text: &str| KeyValue::new("k", text.to_owned());
    assert_none_with(&[KeyValue::new("k", 1), KeyValue::new("l", 2), KeyValue::new("k", 3)]);
    assert_none_with(&[owned("first"), KeyValue::new("l", 2), owned("last"), owned("last")]);
}

#[test]
fn with_many_attributes() {
    let many: Vec<KeyValue> = (0..130).map(|n| KeyValue::new(format!("k{n}"), format!("v{n}"))).collect();
    assert_none_with(&many[..20]);
    assert_none_with(&many);
}

#[test]
fn with_borrowed_pairs_that_are_not_static() {
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    let histogram: Histogram<u64> = provider.meter("m").histogram("h").build();
    let (key, text) = (String::from("key"), String::from("a text that is not static"));
    assert_none(|| counter.add(1, &[("channel", text.as_str()), ("region", &text[..3])]));
    assert_none(|| counter.add(1, &[(KeyRef::borrowed(&key), 7)]));
    assert_none(|| counter.add(1, &[("b", "2"), ("a", "1"), ("b", "3")]));
    assert_none(|| counter.add(1, &[("a", "1"), ("b", "3")]));
    assert_none(|| histogram.record(1, &[("channel", text.as_str())]));
    assert_none(|| counter.add(1, &()));
}

#[test]
fn with_typed_attributes_by_index_and_by_content() {
    let provider = provider();
    let meter = provider.meter("m");
    let dense: Counter<u64, Dense> = meter.counter("n").build();
    let looked_up: Counter<u64, LookedUp<'_>> = meter.counter("n").build();
    let dynamic: Counter<u64> = meter.counter("n").build();
    let histogram: Histogram<f64, Dense> = meter.histogram("h").build();
    let text = String::from("web");
    assert_none(|| dense.add(1, &Dense { channel: Channel::Web, express: true }));
    assert_none(|| looked_up.add(1, &LookedUp { channel: &text, shard: 7 }));
    assert_none(|| dynamic.add(1, &Dense { channel: Channel::App, express: black_box(false) }));
    assert_none(|| histogram.record(0.1, &Dense { channel: Channel::App, express: black_box(false) }));
}

#[test]
fn through_bound_handles() {
    let provider = provider();
    let meter = provider.meter("m");
    let counter = meter.counter("n").build::<f64, tachograph_sdk::Dynamic>().bind(&[("k", "v")]);
    let histogram = meter.histogram("h").build::<f64, tachograph_sdk::Dynamic>().bind(&[("k", "v")]);
    let api = meter.as_otel().u64_counter("a").build().bind(&[KeyValue::new("k", "v")]);
    assert_none(|| counter.add(0.5));
    assert_none(|| histogram.record(0.5));
    assert_none(|| api.add(1));
}

/// Fills an instrument up to its limit.
fn filled(meter: &Meter, name: &'static str) -> Counter<u64> {
    let counter: Counter<u64> = meter.counter(name).with_cardinality_limit(10).build();
    (0..11).for_each(|n| counter.add(1, &[("n", n)]));
    counter
}

#[test]
fn beyond_the_cardinality_limit() {
    // In one place, which a literal need not be: each place is learnt.
    static KEY: &str = "n";
    let provider = provider();
    let meter = provider.meter("m");
    let counter = filled(&meter, "n");
    let api = meter.as_otel().u64_counter("n").build();
    let typed: Counter<u64, Dense> = meter.counter("n").build();
    // The first sets beyond the limit are learnt like others, so that they are found as quickly.
    (1_000..1_200).for_each(|n| counter.add(1, &[(KEY, n)]));
    let sets: Vec<[KeyValue; 1]> = (100..150).map(|n| [KeyValue::new(KEY, format!("{n}"))]).collect();
    // Sets that nobody has seen before, each once.
    assert_eq!(allocations(|| sets.iter().for_each(|set| api.add(1, set))), 0);
    assert_eq!(allocations(|| (2_000..2_050).for_each(|n| counter.add(1, &[(KEY, n)]))), 0);
    assert_none(|| typed.add(1, &Dense { channel: Channel::Web, express: true }));
    assert_none(|| counter.add(1, &[(KEY, 3)]));
}

#[test]
fn collecting_in_steady_state() {
    let provider = provider();
    let meter = provider.meter("m");
    let counter = filled(&meter, "counter");
    let histogram: Histogram<f64> = meter.histogram("histogram").build();
    let gauge: Gauge<f64> = meter.gauge("gauge").build();
    meter
        .as_otel()
        .u64_observable_counter("observed")
        .with_callback(|observer| (0..5).for_each(|n| observer.observe(1, &[KeyValue::new("n", n)])))
        .build();
    for n in 0..20 {
        histogram.record(1.0, &[("n", n)]);
        gauge.record(1.0, &[("n", n)]);
    }
    let reader = provider.reader();
    let visit = || {
        let collection = reader.collect();
        let mut points = 0;
        for metric in collection.metrics() {
            metric.for_each(|point| {
                points += 1;
                if let PointValue::Histogram(histogram) = point.value {
                    black_box(histogram.bucket_counts());
                }
            });
        }
        assert_eq!(points, 11 + 20 + 20 + 5);
    };
    visit();
    assert_none(visit);
    counter.add(1, &[("n", 1)]);
    assert_none(visit);
}
