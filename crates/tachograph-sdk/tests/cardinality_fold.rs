//! At the cardinality limit one attribute can be folded, so that what all others say stays right.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "support/allocator.rs"]
mod allocator;
mod support;

// Where derived code looks for its traits unless told otherwise: the facade.
extern crate tachograph_sdk as tachograph;

use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use allocator::allocations;
use opentelemetry::KeyValue;
use support::{only, reports_of, snapshot};
use tachograph_macros::{AttributeValue, Attributes};
use tachograph_sdk::metrics::{
    Aggregation, CardinalityOverflow, MeterProviderBuilder, OVERFLOW_ATTRIBUTE, TemporalityPreference, View,
};
use tachograph_sdk::testing::{InMemoryReader, ManualClock, MetricsSnapshot};
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider, Resource, UpDownCounter};

const OVERFLOW: [(&str, bool); 1] = [(OVERFLOW_ATTRIBUTE, true)];

fn builder(limit: usize) -> MeterProviderBuilder {
    MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_cardinality_limit(limit)
        .with_cardinality_overflow(CardinalityOverflow::FoldAttribute)
}

fn folding(limit: usize) -> MeterProvider {
    builder(limit).build()
}

fn request(method: i64, user: impl Into<opentelemetry::Value>) -> [KeyValue; 2] {
    [KeyValue::new("method", method), KeyValue::new("user", user)]
}

/// Ten users fill a limit of ten.
fn fill(counter: &Counter<u64>) {
    (0..10).for_each(|user| counter.add(1, &request(0, user)));
}

#[test]
fn beyond_the_limit_the_attribute_with_the_most_values_is_other_and_all_else_stays_right() {
    let provider = folding(10);
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("c").build();
    let api = meter.as_otel().u64_counter("c").build();
    for round in 0..30_i64 {
        for user in 0..40_i64 {
            let attributes = request(user % 2, user);
            match round % 3 {
                0 => counter.add(1, &attributes),
                1 => api.add(1, &attributes),
                _ => counter.bind(&[("user", user), ("method", user % 2)]).add(1),
            }
        }
    }
    let snapshot = snapshot(&provider);
    let metric = snapshot.metric("c");
    metric.assert_series(12);
    (0..10).for_each(|user| metric.assert_value(&request(user % 2, user), 30_u64));
    metric.assert_value(&request(0, "other"), 15 * 30_u64);
    metric.assert_value(&request(1, "other"), 15 * 30_u64);
    assert_eq!(provider.account().overflowed, 30 * 30, "they count as beyond the limit");
    assert_eq!(provider.account().series, 12);
}

#[test]
fn it_is_reported_once_with_the_attribute_and_again_when_the_places_beyond_are_taken() {
    let provider = folding(4);
    let counter: Counter<u64> = provider.meter("m").counter("fold.reported").build();
    let reports = reports_of(|| (0..50).for_each(|user| counter.add(1, &request(user % 2, user))));
    let report = only(&reports, "series.fold");
    assert_eq!((report.level.as_str(), report.subject.as_str()), ("WARN", "fold.reported"));
    let expected = r#"attribute "user" has 5 different values in the last 5 sets, and further sets are recorded with "other" in its place, in at most 4 series more"#;
    assert!(report.message.contains(expected), "{}", report.message);
    let reports =
        reports_of(|| (0..50).for_each(|method| counter.add(1, &[("method", method), ("user", 1_000)])));
    let report = only(&reports, "series.overflow");
    assert!(report.message.contains("those 4 are taken too now"), "{}", report.message);
    snapshot(&provider).metric("fold.reported").assert_total(100_u64);
}

#[test]
fn there_are_as_many_places_beyond_the_limit_as_it_has_and_then_the_overflow_series_takes_all() {
    let provider = folding(10);
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    fill(&counter);
    for method in 0..30 {
        for user in 10..13 {
            counter.add(1, &request(method, user));
        }
    }
    for _ in 0..3 {
        let snapshot = snapshot(&provider);
        let metric = snapshot.metric("c");
        metric.assert_series(10 + 10 + 1);
        (0..10).for_each(|method| metric.assert_value(&request(method, "other"), 3_u64));
        metric.assert_value(&OVERFLOW, 20 * 3_u64);
        metric.assert_total(100_u64);
    }
}

#[test]
fn the_overflow_series_is_not_there_before_it_is_needed() {
    let provider = folding(10);
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    fill(&counter);
    counter.add(1, &request(0, 10));
    let snapshot = snapshot(&provider);
    assert!(snapshot.metric("c").find(&OVERFLOW).is_none());
    assert!(!provider.reader().collect().metrics().next().unwrap().overflows());
}

#[test]
fn which_attribute_is_decided_once() {
    let provider = folding(10);
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    fill(&counter);
    // Now it is another that has many values.
    (0..1_000).for_each(|method| counter.add(1, &request(method, 1_000)));
    (0..10).for_each(|user| assert!(counter.remove(&request(0, user))));
    (0..1_000).for_each(|method| counter.add(1, &request(method, 1)));
    let snapshot = snapshot(&provider);
    let metric = snapshot.metric("c");
    metric.assert_total(2_000_u64);
    for point in metric.points() {
        assert!(
            point.attributes.get("user").is_none_or(|user| user.as_str() == "other" || user.as_str() == "1"),
            "{point:?}"
        );
    }
}

#[test]
fn a_set_without_the_attribute_is_recorded_as_it_is_and_is_not_beyond_the_limit() {
    let provider = folding(10);
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    fill(&counter);
    for _ in 0..20 {
        counter.add(1, &request(0, 10));
        counter.add(1, &[("health", true)]);
        counter.add(1, &());
    }
    let snapshot = snapshot(&provider);
    let metric = snapshot.metric("c");
    metric.assert_value(&[("health", true)], 20_u64);
    metric.assert_value(&(), 20_u64);
    metric.assert_value(&request(0, "other"), 20_u64);
    assert_eq!(provider.account().overflowed, 20);
}

#[test]
fn where_no_attribute_has_two_values_the_overflow_series_takes_all() {
    let provider = folding(2);
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    for key in ["a", "b", "c", "d"] {
        counter.add(1, &[(key, 1)]);
    }
    let snapshot = snapshot(&provider);
    snapshot.metric("c").assert_series(3);
    snapshot.metric("c").assert_value(&OVERFLOW, 2_u64);
}

#[test]
fn who_records_with_other_shares_that_series() {
    let provider = folding(3);
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    counter.add(1, &request(0, "other"));
    (0..10).for_each(|user| counter.add(10, &request(0, user)));
    counter.add(1, &request(0, "other"));
    counter.add(1, &request(1, "other"));
    let snapshot = snapshot(&provider);
    snapshot.metric("c").assert_series(4);
    snapshot.metric("c").assert_value(&request(0, "other"), 8 * 10 + 2_u64);
    snapshot.metric("c").assert_value(&request(1, "other"), 1_u64);
}

#[test]
fn duplicates_and_every_order_are_folded_alike() {
    let provider = folding(10);
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    fill(&counter);
    for _ in 0..20 {
        counter.add(1, &[("method", 0), ("user", 77)]);
        counter.add(1, &[("user", 78), ("method", 0)]);
        counter.add(1, &[("user", 3), ("method", 7), ("user", 79), ("method", 0)]);
        // The last one counts, and that is a set that has a series.
        counter.add(1, &[("user", 79), ("method", 0), ("user", 3)]);
    }
    let snapshot = snapshot(&provider);
    snapshot.metric("c").assert_value(&request(0, "other"), 60_u64);
    snapshot.metric("c").assert_value(&request(0, 3), 21_u64);
    snapshot.metric("c").assert_series(11);
}

#[test]
fn a_view_folds_its_stream_or_leaves_it_as_it_is() {
    let fold = CardinalityOverflow::FoldAttribute;
    let provider = MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_cardinality_limit(5)
        .with_view(View::of("folded").with_cardinality_overflow(fold))
        .build();
    let meter = provider.meter("m");
    let count = |name: &'static str| {
        let counter: Counter<u64> = meter.counter(name).build();
        (0..20).for_each(|user| counter.add(1, &request(0, user)));
    };
    count("folded");
    count("plain");
    let there = snapshot(&provider);
    there.metric("folded").assert_value(&request(0, "other"), 15_u64);
    there.metric("plain").assert_value(&OVERFLOW, 15_u64);

    let one_series = View::of("plain").with_cardinality_overflow(CardinalityOverflow::OneSeries);
    let provider = builder(5).with_view(one_series).build();
    let counter: Counter<u64> = provider.meter("m").counter("plain").build();
    (0..20).for_each(|user| counter.add(1, &request(0, user)));
    snapshot(&provider).metric("plain").assert_value(&OVERFLOW, 15_u64);
}

#[test]
fn views_that_fold_differently_make_two_streams_and_both_add_up() {
    let provider = MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_cardinality_limit(5)
        .with_view(View::of("c"))
        .with_view(
            View::of("c").with_name("folded").with_cardinality_overflow(CardinalityOverflow::FoldAttribute),
        )
        .build();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    let bound = counter.bind(&request(0, 99));
    for user in 0..20 {
        counter.add(1, &request(0, user));
        bound.add(1);
    }
    let snapshot = snapshot(&provider);
    snapshot.metric("c").assert_total(40_u64);
    snapshot.metric("folded").assert_total(40_u64);
    snapshot.metric("folded").assert_value(&request(0, 99), 20_u64);
    snapshot.metric("folded").assert_value(&request(0, "other"), 16_u64);
}

#[test]
fn an_attribute_that_a_view_takes_away_is_not_what_is_folded() {
    let provider = builder(5).with_view(View::of("c").without_attributes(["trace"])).build();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    for n in 0..100_i64 {
        counter.add(1, &[("trace", n), ("user", n % 10), ("method", n % 2)]);
    }
    let snapshot = snapshot(&provider);
    let metric = snapshot.metric("c");
    metric.assert_series(5 + 2);
    (0..5).for_each(|user| metric.assert_value(&request(user % 2, user), 10_u64));
    metric.assert_value(&request(1, "other"), 30_u64);
    metric.assert_value(&request(0, "other"), 20_u64);
}

#[test]
fn gauges_histograms_and_up_down_counters_fold_likewise() {
    let provider = builder(2)
        .with_view(View::of("e").with_aggregation(Aggregation::base2_exponential_bucket_histogram()))
        .build();
    let meter = provider.meter("m");
    let gauge: Gauge<i64> = meter.gauge("g").build();
    let histogram: Histogram<f64> = meter.histogram("h").build();
    let exponential: Histogram<f64> = meter.histogram("e").build();
    let level: UpDownCounter<i64> = meter.up_down_counter("l").build();
    for user in 0..6 {
        gauge.record(user, &request(0, user));
        histogram.record(1.0, &request(0, user));
        exponential.record(1.0, &request(0, user));
        level.add(-user, &request(0, user));
    }
    let snapshot = snapshot(&provider);
    let other = request(0, "other");
    snapshot.metric("g").assert_value(&other, 5_i64);
    snapshot.metric("h").assert_histogram(&other, 4, 4.0);
    assert_eq!(snapshot.metric("e").count(), 6);
    snapshot.metric("l").assert_value(&other, -(2 + 3 + 4 + 5_i64));
}

#[derive(AttributeValue, Clone, Copy)]
enum Method {
    Get,
    Put,
}

#[derive(Attributes)]
struct Dense {
    method: Method,
    cached: bool,
}

#[derive(Attributes)]
struct Typed<'a> {
    method: Method,
    user: &'a str,
}

#[test]
fn typed_attributes_are_folded_whether_or_not_their_number_is_known() {
    let provider = folding(4);
    let meter = provider.meter("m");
    let typed: Counter<u64, Typed> = meter.counter("t").build();
    let user: Vec<String> = (0..20).map(|user| user.to_string()).collect();
    for _ in 0..10 {
        user.iter().for_each(|user| typed.add(1, &Typed { method: Method::Get, user }));
    }
    let dense: Counter<u64, Dense> = meter.counter("d").build();
    let dynamic: Counter<u64> = meter.counter("d").build();
    ["a", "b", "c", "d"]
        .into_iter()
        .for_each(|cached| dynamic.add(1, &[("method", "get"), ("cached", cached)]));
    for _ in 0..10 {
        dense.add(1, &Dense { method: Method::Get, cached: true });
        dense.add(1, &Dense { method: Method::Put, cached: false });
        dense.add(1, &Dense { method: Method::Put, cached: true });
    }
    let bound = dense.bind(&Dense { method: Method::Put, cached: true });
    bound.add(1);
    let snapshot = snapshot(&provider);
    snapshot.metric("t").assert_value(&[("method", "get"), ("user", "other")], 160_u64);
    snapshot.metric("t").assert_series(5);
    snapshot.metric("d").assert_value(&[("method", "put"), ("cached", "other")], 21_u64);
    snapshot.metric("d").assert_value(&[("method", "get"), ("cached", "other")], 10_u64);
    snapshot.metric("d").assert_total(35_u64);
}

#[test]
fn a_bound_handle_pins_the_series_its_set_is_folded_into() {
    let provider = folding(10);
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    fill(&counter);
    // Learnt, so that the handle is not the first to come by.
    (0..10).for_each(|_| counter.add(1, &request(0, 10)));
    let bound = counter.bind(&request(0, 10));
    let clone = bound.clone();
    assert!(!counter.remove(&request(0, 10)), "it has no series of its own");
    assert!(!counter.remove(&request(0, "other")), "the handle pins it");
    bound.add(5);
    drop(bound);
    assert!(!counter.remove(&request(0, "other")), "and so does its clone");
    clone.add(5);
    snapshot(&provider).metric("c").assert_value(&request(0, "other"), 20_u64);
    drop(clone);
    assert!(counter.remove(&request(0, "other")));
    snapshot(&provider).metric("c").assert_total(10_u64);
}

#[test]
fn readers_with_other_limits_fold_each_at_its_own() {
    let provider = folding(10);
    let narrow = InMemoryReader::of(provider.reader_builder().with_cardinality_limit(3).build());
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    for _ in 0..3 {
        (0..20).for_each(|user| counter.add(1, &request(0, user)));
    }
    let (wide, narrow) = (snapshot(&provider), narrow.snapshot());
    wide.metric("c").assert_series(11);
    wide.metric("c").assert_value(&request(0, "other"), 30_u64);
    narrow.metric("c").assert_series(4);
    narrow.metric("c").assert_value(&request(0, "other"), 51_u64);
}

#[test]
fn removed_series_make_room_for_sets_as_they_are_and_beyond_the_limit_too() {
    let provider = folding(10);
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    fill(&counter);
    (0..20).for_each(|method| counter.add(1, &request(method, 10)));
    snapshot(&provider).metric("c").assert_value(&OVERFLOW, 10_u64);
    // A place beyond the limit: one of those that went to the overflow series has a series now.
    assert!(counter.remove(&request(3, "other")));
    counter.add(1, &request(15, 10));
    counter.add(1, &request(16, 10));
    let there = snapshot(&provider);
    there.metric("c").assert_value(&request(15, "other"), 1_u64);
    there.metric("c").assert_value(&OVERFLOW, 11_u64);
    assert!(there.metric("c").find(&request(3, "other")).is_none());
    // Places under the limit.
    (0..5).for_each(|user| assert!(counter.remove(&request(0, user))));
    (20..30).for_each(|user| counter.add(1, &request(0, user)));
    let there = snapshot(&provider);
    (20..25).for_each(|user| there.metric("c").assert_value(&request(0, user), 1_u64));
    there.metric("c").assert_value(&request(0, "other"), 1 + 5_u64);
    assert_eq!(provider.account().series, 10 + 10 + 1);
}

#[test]
fn what_is_folded_expires_as_everything_else() {
    let clock = ManualClock::new(1_000_000_000);
    let provider = builder(2).with_clock(clock.clone()).with_idle_expiry(Duration::from_secs(60)).build();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    (0..4).for_each(|user| counter.add(1, &request(0, user)));
    snapshot(&provider).metric("c").assert_series(3);
    clock.advance(Duration::from_secs(61));
    snapshot(&provider).metric("c").assert_series(0);
    // A thread of another test may have been in the way.
    while provider.account().series > 0 {
        provider.reader().collect().metrics().for_each(|metric| metric.for_each(|_| ()));
    }
    (7..9).for_each(|user| counter.add(1, &request(0, user)));
    let snapshot = snapshot(&provider);
    snapshot.metric("c").assert_series(2);
    (7..9).for_each(|user| snapshot.metric("c").assert_value(&request(0, user), 1_u64));
}

#[test]
fn threads_that_meet_the_limit_together_lose_nothing_and_delta_readers_add_up() {
    const THREADS: i64 = 4;
    const EACH: i64 = 20_000;
    let provider = folding(50);
    let delta = provider.reader_builder().with_temporality(TemporalityPreference::Delta).build();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    let done = AtomicI64::new(0);
    let mut given = 0;
    let mut collect = || {
        delta.collect().metrics().for_each(|metric| {
            metric.for_each(|point| match point.value {
                tachograph_sdk::metrics::PointValue::U64(value) => given += value,
                _ => unreachable!(),
            });
        });
    };
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (counter, done) = (&counter, &done);
            scope.spawn(move || {
                for n in 0..EACH {
                    counter.add(1, &request(n % 60, (n * 7 + number) % 1_000));
                    if n % 500 == 0 {
                        counter.remove(&request(n % 60, "other"));
                    }
                }
                done.fetch_add(1, Ordering::Release);
            });
        }
        while done.load(Ordering::Acquire) < THREADS {
            collect();
        }
    });
    collect();
    collect();
    assert_eq!(given, (THREADS * EACH).cast_unsigned());
    assert!(provider.account().series <= 101, "{}", provider.account());
}

#[test]
fn without_removal_the_cumulative_series_of_threads_add_up() {
    let provider = folding(50);
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    thread::scope(|scope| {
        for number in 0..4_i64 {
            let counter = &counter;
            scope.spawn(move || {
                (0..20_000).for_each(|n| counter.add(1, &request(n % 80, (n * 7 + number) % 1_000)));
            });
        }
    });
    let snapshot = snapshot(&provider);
    snapshot.metric("c").assert_series(101);
    snapshot.metric("c").assert_total(80_000_u64);
    // What every method was recorded with, whoever the user was, is there or in the overflow series.
    let overflow = of(&snapshot, &OVERFLOW);
    assert!(overflow > 0 && overflow <= provider.account().overflowed);
}

fn of(snapshot: &MetricsSnapshot, attributes: &[(&'static str, bool)]) -> u64 {
    match snapshot.metric("c").value(attributes) {
        tachograph_sdk::metrics::NumberValue::U64(value) => value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn recording_at_the_limit_allocates_nothing() {
    let provider = folding(10);
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("c").build();
    let typed: Counter<u64, Typed> = meter.counter("c").build();
    let api = meter.as_otel().u64_counter("c").build();
    fill(&counter);
    let user: Vec<String> = (0..5_000).map(|user| user.to_string()).collect();
    let key_values: Vec<_> = (0..5_000).map(|user| request(1, user)).collect();
    let record = |from: usize| {
        for n in from..from + 1_000 {
            counter.add(1, &[("method", "get"), ("user", user[n].as_str())]);
            typed.add(1, &Typed { method: Method::Put, user: &user[n] });
            api.add(1, &key_values[n]);
        }
    };
    // What is learnt of spellings ends somewhere.
    (0..4).for_each(|round| record(round * 1_000));
    assert_eq!(allocations(|| record(4_000)), 0);
    snapshot(&provider).metric("c").assert_total(10 + 15_000_u64);
}

#[test]
fn observed_sums_add_up_under_other_and_observed_gauges_keep_the_last() {
    let provider = folding(2);
    let meter = provider.meter("m").as_otel();
    meter
        .u64_observable_counter("sum")
        .with_callback(|observer| {
            (0..6_i64).for_each(|user| observer.observe(10 + user.cast_unsigned(), &request(0, user)));
            // Its own set, and what the others are folded into.
            observer.observe(100, &request(0, "other"));
            observer.observe(1, &request(0, 1_000));
        })
        .build();
    meter
        .i64_observable_gauge("gauge")
        .with_callback(|observer| (0..6).for_each(|user| observer.observe(user, &request(0, user))))
        .build();
    for _ in 0..3 {
        let snapshot = snapshot(&provider);
        let sum = snapshot.metric("sum");
        sum.assert_value(&request(0, 1), 11_u64);
        sum.assert_value(&request(0, "other"), 12 + 13 + 14 + 15 + 100 + 1_u64);
        sum.assert_series(3);
        snapshot.metric("gauge").assert_value(&request(0, "other"), 5_i64);
    }
}
