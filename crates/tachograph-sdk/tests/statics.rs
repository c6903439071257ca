//! Instruments in a `static` follow the provider last given to `follow`, until its shutdown.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use support::{provider, reports_of, snapshot};
use tachograph_sdk::metrics::MetricKind;
use tachograph_sdk::testing::InMemoryReader;
use tachograph_sdk::{Counter, Gauge, Histogram, Static, UpDownCounter, declare, follow};

/// One test at a time: what statics follow is the process's.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> impl Drop {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn before_there_is_a_provider_nothing_is_recorded_and_it_is_told_later() {
    static EARLY: Static<Counter<u64>> = declare("shop", "early").build();
    let _alone = alone();
    let provider = provider();
    EARLY.add(100, &());
    EARLY.bind(&()).add(100);
    let reports = reports_of(|| follow(&provider));
    assert!(
        reports.iter().all(|report| report.kind == "static.unbound" && report.level == "INFO"),
        "{reports:?}"
    );
    EARLY.add(1, &());
    assert_eq!(snapshot(&provider).metric_in("shop", "early").value(&()), 1);
    provider.shutdown();
}

#[test]
fn every_kind_is_made_as_it_was_declared() {
    static COUNTER: Static<Counter<f64>> =
        declare("kinds", "counter").with_unit("{order}").with_description("Orders").build();
    static LEVEL: Static<UpDownCounter<i64>> = declare("kinds", "level").build();
    static GAUGE: Static<Gauge<u64>> = declare("kinds", "gauge").build();
    static SIZES: Static<Histogram<f64>> = declare("kinds", "sizes").with_boundaries(&[1.0, 2.0]).build();
    static TYPED: Static<Counter<u64, ()>> = declare("kinds", "typed").build();
    let _alone = alone();
    let provider = provider();
    follow(&provider);
    COUNTER.add(0.5, &[("k", "v")]);
    COUNTER.bind(&[("k", "v")]).add(0.5);
    LEVEL.add(-1, &());
    GAUGE.record(7, &());
    SIZES.record(1.5, &());
    TYPED.add(1, &());
    let snapshot = snapshot(&provider);
    let counter = snapshot.metric_in("kinds", "counter");
    assert_eq!((counter.unit(), counter.description()), ("{order}", "Orders"));
    assert_eq!(counter.kind(), MetricKind::Sum { monotonic: true });
    assert_eq!(counter.value(&[("k", "v")]), 1.0);
    assert_eq!(snapshot.metric("level").value(&()), -1);
    assert_eq!(snapshot.metric("gauge").value(&()), 7);
    assert_eq!(snapshot.metric("sizes").histogram(&()).bucket_counts(), [0, 1, 0]);
    assert_eq!(snapshot.metric("typed").value(&()), 1);
    provider.shutdown();
}

#[test]
fn a_static_and_an_instrument_declared_alike_are_one() {
    static ORDERS: Static<Counter<u64>> = declare("shop", "orders").with_unit("1").build();
    let _alone = alone();
    let provider = provider();
    follow(&provider);
    let reports = reports_of(|| {
        ORDERS.add(1, &());
        provider
            .meter("shop")
            .counter("orders")
            .with_unit("1")
            .build::<u64, tachograph_sdk::Dynamic>()
            .add(1, &());
    });
    assert_eq!(reports, []);
    assert_eq!(snapshot(&provider).metric("orders").value(&()), 2);
    provider.shutdown();
}

#[test]
fn another_provider_takes_over_and_each_keeps_what_it_got() {
    static MOVING: Static<Counter<u64>> = declare("m", "moving").build();
    let _alone = alone();
    let (first, second) = (provider(), provider());
    follow(&first);
    MOVING.add(1, &());
    let bound = MOVING.bind(&());
    follow(&second);
    MOVING.add(10, &());
    bound.add(100);
    follow(&first);
    MOVING.add(2, &());
    assert_eq!(snapshot(&first).metric("moving").value(&()), 103, "a bound handle stays where it was bound");
    assert_eq!(snapshot(&second).metric("moving").value(&()), 10);
    first.shutdown();
    second.shutdown();
}

#[test]
fn after_the_shutdown_nothing_is_recorded_until_another_is_followed() {
    static AGAIN: Static<Counter<u64>> = declare("m", "again").build();
    let _alone = alone();
    let first = provider();
    follow(&first);
    AGAIN.add(1, &());
    first.shutdown();
    AGAIN.add(1, &());
    AGAIN.bind(&()).add(1);
    let second = provider();
    follow(&second);
    AGAIN.add(5, &());
    assert_eq!(snapshot(&second).metric("again").value(&()), 5);
    second.shutdown();
}

#[test]
fn the_shutdown_of_a_provider_that_is_not_followed_any_more_changes_nothing() {
    static KEPT: Static<Counter<u64>> = declare("m", "kept").build();
    let _alone = alone();
    let (first, second) = (provider(), provider());
    follow(&first);
    KEPT.add(1, &());
    follow(&second);
    first.shutdown();
    KEPT.add(1, &());
    assert_eq!(snapshot(&second).metric("kept").value(&()), 1);
    second.shutdown();
}

#[test]
fn following_a_provider_that_was_shut_down_records_nothing_and_does_no_harm() {
    static LATE: Static<Counter<u64>> = declare("m", "late").build();
    let _alone = alone();
    let ended = provider();
    ended.shutdown();
    follow(&ended);
    LATE.add(1, &());
    let provider = provider();
    follow(&provider);
    LATE.add(1, &());
    assert_eq!(snapshot(&provider).metric("late").value(&()), 1);
    provider.shutdown();
}

#[test]
fn a_provider_that_is_followed_stays_alive_and_is_let_go_with_the_next() {
    static ALIVE: Static<Counter<u64>> = declare("m", "alive").build();
    let _alone = alone();
    let reader = {
        let provider = provider();
        follow(&provider);
        InMemoryReader::new(&provider)
    };
    ALIVE.add(1, &());
    assert_eq!(reader.snapshot().metric("alive").value(&()), 1);
    let next = provider();
    follow(&next);
    ALIVE.add(1, &());
    assert_eq!(reader.snapshot().metric("alive").value(&()), 1);
    next.shutdown();
}

#[test]
fn a_bad_declaration_is_reported_when_it_is_first_used() {
    static BAD: Static<Counter<u64>> = declare("m", "not a good name").build();
    let _alone = alone();
    let provider = provider();
    follow(&provider);
    let reports = reports_of(|| BAD.add(1, &()));
    assert_eq!(support::only(&reports, "instrument.name").subject, "not a good name");
    assert_eq!(snapshot(&provider).metric("not a good name").value(&()), 1);
    provider.shutdown();
}

#[test]
fn threads_that_use_it_first_at_once_make_one_instrument_and_lose_nothing() {
    static SHARED: Static<Counter<u64>> = declare("m", "shared").build();
    let _alone = alone();
    for _ in 0..50 {
        let provider = provider();
        follow(&provider);
        let start = std::sync::Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    (0..20).for_each(|n| SHARED.add(1, &[("n", n % 2)]));
                });
            }
        });
        let snapshot = snapshot(&provider);
        assert_eq!(snapshot.metrics().len(), 1);
        snapshot.metric("shared").assert_total(80);
        provider.shutdown();
    }
}

#[test]
fn what_threads_record_while_providers_change_lands_in_one_of_them() {
    static SWITCHED: Static<Counter<u64>> = declare("m", "switched").build();
    let _alone = alone();
    let providers: Vec<_> = (0..20).map(|_| provider()).collect();
    follow(&providers[0]);
    let stop = AtomicBool::new(false);
    let recorded: u64 = thread::scope(|scope| {
        let recorders: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut recorded = 0;
                    while !stop.load(Ordering::Relaxed) {
                        SWITCHED.add(1, &());
                        recorded += 1;
                    }
                    recorded
                })
            })
            .collect();
        for provider in &providers {
            follow(provider);
            thread::sleep(std::time::Duration::from_millis(1));
        }
        stop.store(true, Ordering::Relaxed);
        recorders.into_iter().map(|recorder| recorder.join().unwrap()).sum()
    });
    let landed: f64 = providers
        .iter()
        .map(|provider| snapshot(provider).find("switched").map_or(0.0, |metric| metric.total().as_f64()))
        .sum();
    assert_eq!(landed, recorded as f64);
    for provider in providers {
        provider.shutdown();
    }
}
