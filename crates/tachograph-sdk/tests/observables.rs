//! Observable instruments: callbacks may do what they like, and what they observe is of one collection.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use opentelemetry::KeyValue;
use support::{only, provider, reports_of, snapshot};
use tachograph_sdk::metrics::NumberValue;
use tachograph_sdk::testing::InMemoryReader;
use tachograph_sdk::{Counter, MeterProvider};

/// An observable counter of one series per number in the list, which a test can change.
fn observed(provider: &MeterProvider, name: &'static str) -> Arc<Mutex<Vec<(i64, u64)>>> {
    let list = Arc::new(Mutex::new(Vec::new()));
    let shown = Arc::clone(&list);
    provider
        .meter("m")
        .as_otel()
        .u64_observable_counter(name)
        .with_callback(move |observer| {
            for (n, value) in shown.lock().unwrap().iter() {
                observer.observe(*value, &[KeyValue::new("n", *n)]);
            }
        })
        .build();
    list
}

#[test]
fn a_series_that_is_not_observed_any_more_vanishes_and_may_come_back() {
    let provider = provider();
    let list = observed(&provider, "n");
    let reader = InMemoryReader::new(&provider);
    for (observed, expected) in
        [(vec![(1, 10), (2, 20)], 2), (vec![(2, 21)], 1), (vec![], 0), (vec![(1, 11), (3, 30)], 2)]
    {
        list.lock().unwrap().clone_from(&observed);
        let snapshot = reader.snapshot();
        snapshot.metric("n").assert_series(expected);
        for (n, value) in observed {
            snapshot.metric("n").assert_value(&[("n", n)], value);
        }
    }
}

#[test]
fn what_is_observed_twice_in_one_collection_is_what_was_observed_last() {
    let provider = provider();
    let list = observed(&provider, "n");
    *list.lock().unwrap() = vec![(1, 10), (1, 5)];
    snapshot(&provider).metric("n").assert_value(&[("n", 1)], 5);
    snapshot(&provider).metric("n").assert_value(&[("n", 1)], 5);
}

#[test]
fn several_callbacks_of_one_instrument_all_run() {
    let provider = provider();
    let meter = provider.meter("m").as_otel();
    meter
        .i64_observable_up_down_counter("n")
        .with_callback(|observer| observer.observe(-1, &[KeyValue::new("callback", 1)]))
        .with_callback(|observer| observer.observe(2, &[KeyValue::new("callback", 2)]))
        .build();
    // Declared again, alike: the same instrument, with one callback more.
    let again = meter.i64_observable_up_down_counter("n");
    again.with_callback(|observer| observer.observe(3, &[KeyValue::new("callback", 3)])).build();
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.metrics().len(), 1);
    snapshot.metric("n").assert_series(3);
    snapshot.metric("n").assert_total(4);
}

#[test]
fn each_callback_runs_once_in_each_collection_of_each_reader() {
    let provider = provider();
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    provider
        .meter("m")
        .as_otel()
        .u64_observable_gauge("n")
        .with_callback(move |observer| observer.observe(counted.fetch_add(1, Ordering::Relaxed), &[]))
        .build();
    let readers = [InMemoryReader::new(&provider), InMemoryReader::new(&provider)];
    for round in 0..3 {
        for (at, reader) in readers.iter().enumerate() {
            reader.snapshot().metric("n").assert_value(&(), 2 * round + at as u64);
        }
    }
    assert_eq!(runs.load(Ordering::Relaxed), 6);
}

#[test]
fn an_instrument_without_a_callback_observes_nothing() {
    let provider = provider();
    provider.meter("m").as_otel().f64_observable_gauge("n").build();
    snapshot(&provider).assert_absent("n");
}

#[test]
fn a_panicking_callback_does_not_stop_collection_and_is_reported() {
    let provider = provider();
    let meter = provider.meter("m").as_otel();
    meter
        .u64_observable_gauge("panicking")
        .with_callback(|observer| {
            observer.observe(1, &[KeyValue::new("when", "before")]);
            panic!("on purpose: {}", 42);
        })
        .with_callback(|observer| observer.observe(2, &[KeyValue::new("when", "after")]))
        .build();
    let list = observed(&provider, "later");
    *list.lock().unwrap() = vec![(1, 3)];
    let reader = InMemoryReader::new(&provider);
    let mut snapshots = Vec::new();
    let reports = reports_of(|| (0..2).for_each(|_| snapshots.push(reader.snapshot())));
    let report = only(&reports, "callback.panic");
    assert_eq!(report.subject, "panicking");
    assert!(report.message.contains("on purpose: 42"), "{}", report.message);
    for snapshot in snapshots {
        snapshot.metric("panicking").assert_series(2);
        snapshot.metric("later").assert_total(3);
    }
}

#[test]
fn a_panic_whose_payload_panics_when_dropped_is_contained() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("again");
        }
    }
    let provider = provider();
    let meter = provider.meter("m").as_otel();
    meter.u64_observable_gauge("bomb").with_callback(|_| std::panic::panic_any(Bomb)).build();
    let list = observed(&provider, "later");
    *list.lock().unwrap() = vec![(1, 3)];
    reports_of(|| snapshot(&provider).metric("later").assert_total(3));
}

#[test]
fn a_callback_may_create_instruments_record_and_observe() {
    let provider = provider();
    let meter = provider.meter("m");
    let inside = meter.clone();
    let runs = AtomicU64::new(0);
    meter
        .as_otel()
        .u64_observable_gauge("outer")
        .with_callback(move |observer| {
            let run = runs.fetch_add(1, Ordering::Relaxed) + 1;
            let made: Counter<u64> = inside.counter("made.inside").build();
            made.add(1, &[("n", run.cast_signed())]);
            inside
                .as_otel()
                .u64_observable_gauge(format!("observable.{run}"))
                .with_callback(move |observer| observer.observe(run, &[]))
                .build();
            observer.observe(run, &[]);
        })
        .build();
    let first = snapshot(&provider);
    first.metric("outer").assert_value(&(), 1);
    first.metric("made.inside").assert_total(1);
    first.assert_absent("observable.1");
    let second = snapshot(&provider);
    second.metric("made.inside").assert_series(2);
    second.metric("observable.1").assert_value(&(), 1);
    second.assert_absent("observable.2");
    // A callback that holds its own provider keeps it alive until the shutdown.
    provider.shutdown();
}

#[test]
fn a_callback_may_collect() {
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("counter").build();
    counter.add(1, &());
    let (inner, once) = (provider.reader(), AtomicBool::new(true));
    let seen = Arc::new(AtomicU64::new(0));
    let into = Arc::clone(&seen);
    provider
        .meter("m")
        .as_otel()
        .u64_observable_gauge("collecting")
        .with_callback(move |_| {
            if once.swap(false, Ordering::Relaxed) {
                inner.collect().metrics().for_each(|metric| {
                    metric.for_each(|_| {
                        into.fetch_add(1, Ordering::Relaxed);
                    })
                });
            }
        })
        .build();
    snapshot(&provider);
    assert_eq!(seen.load(Ordering::Relaxed), 1);
    provider.shutdown();
}

#[test]
fn readers_that_collect_at_once_each_see_their_own_observations() {
    let provider = provider();
    let calls = AtomicU64::new(0);
    provider
        .meter("m")
        .as_otel()
        .u64_observable_counter("n")
        .with_callback(move |observer| {
            // Two series that always agree within one run of the callback.
            let call = calls.fetch_add(1, Ordering::Relaxed);
            observer.observe(call, &[KeyValue::new("series", 1)]);
            thread::yield_now();
            observer.observe(call, &[KeyValue::new("series", 2)]);
        })
        .build();
    let shared = InMemoryReader::new(&provider);
    thread::scope(|scope| {
        for thread in 0..4 {
            let reader = if thread % 2 == 0 { shared.clone() } else { InMemoryReader::new(&provider) };
            scope.spawn(move || {
                for _ in 0..200 {
                    let snapshot = reader.snapshot();
                    let metric = snapshot.metric("n");
                    metric.assert_series(2);
                    assert_eq!(metric.point(&[("series", 1)]).value, metric.point(&[("series", 2)]).value);
                }
            });
        }
    });
}

#[test]
fn observed_metrics_may_be_visited_one_inside_the_other() {
    let provider = provider();
    *observed(&provider, "a").lock().unwrap() = vec![(1, 1), (2, 2)];
    *observed(&provider, "b").lock().unwrap() = vec![(1, 3), (2, 4)];
    let collection = provider.reader().collect();
    let mut visits = 0;
    for outer in collection.metrics() {
        outer.for_each(|_| collection.metrics().for_each(|inner| inner.for_each(|_| visits += 1)));
    }
    assert_eq!(visits, 4 * 4);
}

#[test]
fn observed_numbers_are_exact() {
    let provider = provider();
    let list = observed(&provider, "n");
    *list.lock().unwrap() = vec![(1, u64::MAX), (2, (1 << 53) + 1)];
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.metric("n").value(&[("n", 1)]), NumberValue::U64(u64::MAX));
    assert_eq!(snapshot.metric("n").value(&[("n", 2)]), (1_u64 << 53) + 1);
}
