//! Series that callbacks observe no longer leave their places to others.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use opentelemetry::KeyValue;
use support::{observed, reports_of, rotate, snapshot};
use tachograph_sdk::metrics::{
    CardinalityOverflow, MeterProviderBuilder, MetricReader, NumberValue, OVERFLOW_ATTRIBUTE, PointValue,
    TemporalityPreference,
};
use tachograph_sdk::testing::{InMemoryReader, ManualClock};
use tachograph_sdk::{MeterProvider, Resource};

const OVERFLOW: [(&str, bool); 1] = [(OVERFLOW_ATTRIBUTE, true)];

fn builder(limit: usize) -> MeterProviderBuilder {
    MeterProvider::builder().with_resource(Resource::builder_empty().build()).with_cardinality_limit(limit)
}

/// How many points a collection of the reader has, all numbers of series being below a bound, and their sum.
fn collect(reader: &MetricReader, bound: usize) -> (usize, u64) {
    let (mut points, mut sum) = (0, 0);
    reader.collect().metrics().for_each(|metric| {
        assert!(metric.series_len() <= bound, "{}", metric.series_len());
        metric.for_each(|point| {
            points += 1;
            sum += if let PointValue::U64(value) = point.value { value } else { 0 };
        });
    });
    (points, sum)
}

#[test]
fn sets_that_rotate_never_meet_the_limit() {
    let provider = builder(20).build();
    let list = observed(&provider);
    let reader = provider.reader();
    for round in 0..200 {
        rotate(&list, round);
        // Those of the collection before are gone when it has ended.
        assert_eq!(collect(&reader, 20), (10, 70));
        assert!(provider.account().series <= 20);
    }
    assert_eq!(provider.account().overflowed, 0);
    list.lock().unwrap().clear();
    assert_eq!(collect(&reader, 20), (0, 0));
    assert_eq!(provider.account().series, 0);
}

#[test]
fn places_are_free_again_after_the_limit_was_met_and_the_overflow_series_stays() {
    let provider = builder(10).build();
    let list = observed(&provider);
    let fill = |range: std::ops::Range<i64>| *list.lock().unwrap() = range.map(|n| (n, 1)).collect();
    reports_of(|| {
        fill(0..15);
        snapshot(&provider).metric("n").assert_value(&OVERFLOW, 5_u64);
        fill(100..110);
        // Seen to be gone when this one has ended.
        snapshot(&provider).metric("n").assert_value(&OVERFLOW, 10_u64);
    });
    let there = snapshot(&provider);
    there.metric("n").assert_series(10);
    (100..110).for_each(|n| there.metric("n").assert_value(&[("n", n)], 1_u64));
    assert_eq!(provider.account().series, 11);
}

#[test]
fn what_returns_starts_anew_and_what_is_observed_each_time_does_not() {
    let clock = ManualClock::new(1_000);
    let provider = builder(10).with_clock(clock.clone()).build();
    let list = observed(&provider);
    let mut starts = Vec::new();
    for observed in [vec![(1, 10), (2, 20)], vec![(1, 11)], vec![(1, 12), (2, 22)], vec![(2, 23), (1, 13)]] {
        list.lock().unwrap().clone_from(&observed);
        let snapshot = snapshot(&provider);
        snapshot.metric("n").assert_series(observed.len());
        starts
            .push([1, 2].map(|n| snapshot.metric("n").find(&[("n", n)]).map(|point| point.start_unix_nanos)));
        clock.advance(Duration::from_nanos(100));
    }
    assert_eq!(
        starts,
        [
            [Some(1_000), Some(1_000)],
            [Some(1_000), None],
            // After the collection that missed it had begun.
            [Some(1_000), Some(1_100)],
            [Some(1_000), Some(1_100)]
        ]
    );
}

#[test]
fn a_callback_that_panics_takes_nothing_away() {
    let provider = builder(10).build();
    let round = AtomicU64::new(0);
    provider
        .meter("m")
        .as_otel()
        .u64_observable_counter("n")
        .with_callback(move |observer| {
            observer.observe(1, &[KeyValue::new("n", 1)]);
            assert!(round.fetch_add(1, Ordering::Relaxed) != 1, "on purpose");
            observer.observe(2, &[KeyValue::new("n", 2)]);
        })
        .build();
    let reader = provider.reader_builder().with_temporality(TemporalityPreference::Delta).build();
    reports_of(|| {
        assert_eq!(collect(&reader, 10), (2, 3));
        assert_eq!(collect(&reader, 10), (1, 0));
        assert_eq!(provider.account().series, 2);
        assert_eq!(collect(&reader, 10), (2, 0), "it is known what was given of the second");
    });
}

#[test]
fn a_series_stays_until_every_reader_of_deltas_has_seen_that_it_is_gone() {
    let clock = ManualClock::new(1_000);
    let provider = builder(10).with_clock(clock).build();
    let list = observed(&provider);
    let delta = || provider.reader_builder().with_temporality(TemporalityPreference::Delta).build();
    let (often, seldom) = (delta(), delta());
    *list.lock().unwrap() = vec![(1, 10)];
    assert_eq!((collect(&often, 10), collect(&seldom, 10)), ((1, 10), (1, 10)));
    list.lock().unwrap().clear();
    assert_eq!(collect(&often, 10), (0, 0));
    assert_eq!(provider.account().series, 1, "the other remembers what it gave");
    *list.lock().unwrap() = vec![(1, 15)];
    assert_eq!(
        (collect(&often, 10), collect(&seldom, 10)),
        ((1, 5), (1, 5)),
        "to both it is the same series"
    );
    list.lock().unwrap().clear();
    assert_eq!((collect(&often, 10), collect(&seldom, 10)), ((0, 0), (0, 0)));
    assert_eq!(provider.account().series, 0);
    // In the very place, while the clock stands still: nothing of what was there is taken off.
    *list.lock().unwrap() = vec![(2, 3)];
    assert_eq!((collect(&often, 1), collect(&seldom, 1)), ((1, 3), (1, 3)));
}

#[test]
fn a_reader_that_is_shut_down_or_gone_needs_nothing() {
    let provider = builder(10).build();
    let list = observed(&provider);
    let delta = || provider.reader_builder().with_temporality(TemporalityPreference::Delta).build();
    let (stopped, gone) = (delta(), delta());
    *list.lock().unwrap() = vec![(1, 10)];
    assert_eq!((collect(&stopped, 10), collect(&gone, 10)), ((1, 10), (1, 10)));
    stopped.shutdown();
    drop(gone);
    list.lock().unwrap().clear();
    assert_eq!(collect(&provider.reader(), 10), (0, 0));
    assert_eq!(provider.account().series, 0);
}

#[test]
fn numbers_mean_the_same_series_while_a_collection_lives_and_places_are_bounded_meanwhile() {
    let provider = builder(10).build();
    let list = observed(&provider);
    rotate(&list, 0);
    let reader = provider.reader();
    let old = reader.collect();
    let show = || {
        let mut shown = Vec::new();
        old.metrics().for_each(|metric| {
            metric.for_each(|point| shown.push((point.series, point.attributes.clone())));
        });
        shown
    };
    let before = show();
    assert_eq!(before.len(), 10);
    reports_of(|| {
        for round in 1..50 {
            rotate(&list, round);
            assert_eq!(collect(&reader, 2 * 10 + 64 + 1).1, 70, "whether in series of their own or not");
        }
    });
    assert_eq!(show(), before);
    drop(old);
    collect(&reader, 100);
    rotate(&list, 100);
    collect(&reader, 100);
    assert_eq!(snapshot(&provider).metric("n").points().len(), 10, "there is room again");
}

#[test]
fn folded_sets_leave_their_places_too() {
    let provider = builder(2).with_cardinality_overflow(CardinalityOverflow::FoldAttribute).build();
    let shift = Arc::new(AtomicI64::new(0));
    let by = Arc::clone(&shift);
    provider
        .meter("m")
        .as_otel()
        .u64_observable_counter("n")
        .with_callback(move |observer| {
            let kind = by.load(Ordering::Relaxed);
            for user in 0..4 {
                observer.observe(1, &[KeyValue::new("kind", kind), KeyValue::new("user", user + 10 * kind)]);
            }
        })
        .build();
    let reader = InMemoryReader::new(&provider);
    reports_of(|| {
        for kind in 0..20 {
            shift.store(kind, Ordering::Relaxed);
            reader.snapshot().metric("n").assert_total(4_u64);
            // What the collection before observed is gone now.
            let there = reader.snapshot();
            there.metric("n").assert_series(3);
            there.metric("n").assert_value(
                &[("kind", kind.into()), ("user", opentelemetry::Value::from("other"))]
                    .map(|(key, value): (&'static str, opentelemetry::Value)| KeyValue::new(key, value)),
                2_u64,
            );
        }
    });
}

#[test]
fn readers_that_collect_at_once_while_sets_rotate_each_have_what_was_observed() {
    let provider = builder(60).build();
    let list = observed(&provider);
    rotate(&list, 0);
    let readers = [(); 3].map(|()| InMemoryReader::new(&provider));
    reports_of(|| {
        thread::scope(|scope| {
            for reader in &readers {
                scope.spawn(|| {
                    for _ in 0..300 {
                        let snapshot = reader.snapshot();
                        let points = snapshot.metric("n").points();
                        let sum: u64 = points
                            .iter()
                            .map(|point| match point.value {
                                tachograph_sdk::testing::ValueSnapshot::Number(NumberValue::U64(value)) => {
                                    value
                                }
                                _ => unreachable!(),
                            })
                            .sum();
                        assert_eq!(sum, 70, "{points:?}");
                    }
                });
            }
            scope.spawn(|| {
                for round in 1..300 {
                    rotate(&list, round);
                    thread::yield_now();
                }
            });
        });
    });
    assert!(provider.account().series <= 61);
}
