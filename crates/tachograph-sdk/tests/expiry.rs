//! Series that nobody records in any more.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "support/allocator.rs"]
mod allocator;
mod support;

// Where derived code looks for its traits unless told otherwise: the facade.
extern crate tachograph_sdk as tachograph;

use std::time::Duration;

use support::{alone, snapshot};
use tachograph_macros::Attributes;
use tachograph_sdk::metrics::{MeterProviderBuilder, View};
use tachograph_sdk::testing::ManualClock;
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider, Resource, UpDownCounter};

const MINUTE: Duration = Duration::from_secs(60);

fn builder(clock: &ManualClock) -> MeterProviderBuilder {
    MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_clock(clock.clone())
        .with_idle_expiry(10 * MINUTE)
}

fn clock() -> ManualClock {
    ManualClock::new(1_000_000_000)
}

/// How many series each of some metrics shows.
fn shown(provider: &MeterProvider, names: &[&str]) -> Vec<usize> {
    let snapshot = snapshot(provider);
    names.iter().map(|name| snapshot.metric(name).points().len()).collect()
}

#[test]
fn series_go_that_nobody_has_recorded_in_for_so_long_and_others_stay() {
    let _alone = alone();
    let clock = clock();
    let provider = builder(&clock).build();
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("c").build();
    let float: Counter<f64> = meter.counter("f").build();
    let gauge: Gauge<u64> = meter.gauge("g").build();
    let histogram: Histogram<f64> = meter.histogram("h").build();
    let record = |who: &str| {
        counter.add(1, &[("who", who)]);
        float.add(0.25, &[("who", who)]);
        // The same value again.
        gauge.record(7, &[("who", who)]);
        histogram.record(1.0, &[("who", who)]);
    };
    let names = ["c", "f", "g", "h"];
    record("idle");
    record("busy");
    for _ in 0..4 {
        assert_eq!(shown(&provider, &names), [2; 4]);
        clock.advance(3 * MINUTE);
        record("busy");
    }
    // Twelve minutes after the first collection saw it.
    assert_eq!(shown(&provider, &names), [1; 4]);
    assert_eq!(shown(&provider, &names), [1; 4]);
    record("busy");
    let snapshot = snapshot(&provider);
    snapshot.metric("c").assert_value(&[("who", "busy")], 6_u64);
    snapshot.metric("f").assert_value(&[("who", "busy")], 1.5);
    snapshot.metric("g").assert_value(&[("who", "busy")], 7_u64);
    snapshot.metric("h").assert_histogram(&[("who", "busy")], 6, 6.0);
    assert_eq!(snapshot.metric("c").points()[0].start_unix_nanos, 1_000_000_000);
}

#[test]
fn what_returns_starts_anew() {
    let _alone = alone();
    let clock = clock();
    let provider = builder(&clock).build();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    counter.add(41, &());
    assert_eq!(shown(&provider, &["c"]), [1]);
    clock.advance(10 * MINUTE);
    assert_eq!(shown(&provider, &["c"]), [0]);
    clock.advance(MINUTE);
    // Should a thread of another test have been in the way, it goes in this one.
    assert_eq!(shown(&provider, &["c"]), [0]);
    while provider.account().series > 0 {
        provider.reader().collect().metrics().for_each(|metric| metric.for_each(|_| ()));
    }
    counter.add(1, &());
    let snapshot = snapshot(&provider);
    snapshot.metric("c").assert_value(&(), 1_u64);
    let start = 1_000_000_000 + 11 * MINUTE.as_nanos() as u64;
    assert_eq!(snapshot.metric("c").point(&()).start_unix_nanos, start);
}

#[test]
fn without_an_expiry_all_stay() {
    let _alone = alone();
    let clock = clock();
    let provider = MeterProvider::builder().with_clock(clock.clone()).build();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    counter.add(1, &());
    assert_eq!(shown(&provider, &["c"]), [1]);
    clock.advance(1_000_000 * MINUTE);
    assert_eq!(shown(&provider, &["c"]), [1]);
}

#[derive(Attributes)]
struct Flag {
    flag: bool,
}

#[test]
fn what_handles_have_pinned_stays() {
    let _alone = alone();
    let clock = clock();
    let provider = builder(&clock).build();
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("c").build();
    let typed: Counter<u64, Flag> = meter.counter("t").build();
    let bound = counter.bind(&());
    typed.add(1, &Flag { flag: true });
    for _ in 0..3 {
        assert_eq!(shown(&provider, &["c", "t"]), [1, 1]);
        clock.advance(20 * MINUTE);
    }
    drop(bound);
    assert_eq!(shown(&provider, &["c", "t"]), [0, 1], "it has been idle all the time");
}

#[test]
fn an_up_down_counter_goes_only_when_nothing_is_left_of_what_it_counts() {
    let _alone = alone();
    let clock = clock();
    let provider = builder(&clock).build();
    let level: UpDownCounter<i64> = provider.meter("m").up_down_counter("l").build();
    level.add(5, &[("queue", "a")]);
    level.add(5, &[("queue", "b")]);
    level.add(-5, &[("queue", "b")]);
    assert_eq!(shown(&provider, &["l"]), [2]);
    clock.advance(60 * MINUTE);
    assert_eq!(shown(&provider, &["l"]), [1]);
    level.add(-2, &[("queue", "a")]);
    snapshot(&provider).metric("l").assert_value(&[("queue", "a")], 3_i64);
}

#[test]
fn ups_and_downs_between_collections_are_no_idleness_if_several_threads_make_them() {
    let _alone = alone();
    let clock = clock();
    let provider = builder(&clock).build();
    let level: UpDownCounter<i64> = provider.meter("m").up_down_counter("l").build();
    level.add(0, &());
    for _ in 0..5 {
        level.add(1, &());
        std::thread::scope(|scope| scope.spawn(|| level.add(-1, &())).join().unwrap());
        assert_eq!(shown(&provider, &["l"]), [1]);
        clock.advance(9 * MINUTE);
    }
}

#[test]
fn a_clock_that_goes_back_makes_nothing_go() {
    let _alone = alone();
    let clock = clock();
    let provider = builder(&clock).build();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    counter.add(1, &());
    clock.advance(60 * MINUTE);
    assert_eq!(shown(&provider, &["c"]), [1]);
    clock.set(1);
    assert_eq!(shown(&provider, &["c"]), [1]);
}

#[test]
fn room_under_the_limit_is_free_again() {
    let _alone = alone();
    let clock = clock();
    let provider = builder(&clock).with_cardinality_limit(5).build();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    for round in 0..20_i64 {
        (0..5).for_each(|n| counter.add(1, &[("n", round * 5 + n)]));
        assert_eq!(shown(&provider, &["c"]), [5]);
        clock.advance(11 * MINUTE);
        while provider.account().series > 0 {
            assert_eq!(shown(&provider, &["c"]), [0]);
            clock.advance(11 * MINUTE);
        }
    }
    assert_eq!(provider.account().overflowed, 0);
}

#[test]
fn collecting_allocates_nothing_while_series_are_idle_but_not_for_long() {
    let _alone = alone();
    let clock = clock();
    let provider = builder(&clock).build();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    (0..100).for_each(|n| counter.add(1, &[("n", n)]));
    let reader = provider.reader();
    let collect = || {
        let mut points = 0;
        reader.collect().metrics().for_each(|metric| metric.for_each(|_| points += 1));
        assert_eq!(points, 100);
    };
    collect();
    assert_eq!(allocator::allocations(|| (0..5).for_each(|_| collect())), 0);
}

#[test]
fn a_view_has_an_expiry_of_its_own_or_none_and_each_stream_of_an_instrument_its_own() {
    let _alone = alone();
    let clock = clock();
    let provider = builder(&clock)
        .with_view(View::of("short").with_idle_expiry(MINUTE))
        .with_view(View::of("never").without_idle_expiry())
        .with_view(View::of("both"))
        .with_view(View::of("both").with_name("both.short").with_idle_expiry(MINUTE))
        .build();
    let meter = provider.meter("m");
    let counters = ["default", "short", "never", "both"].map(|name| meter.counter(name).build());
    counters.iter().for_each(|counter: &Counter<u64>| counter.add(1, &[("a", 1)]));
    let names = ["default", "short", "never", "both", "both.short"];
    assert_eq!(shown(&provider, &names), [1; 5]);
    clock.advance(2 * MINUTE);
    assert_eq!(shown(&provider, &names), [1, 0, 1, 1, 0]);
    counters[3].add(1, &[("a", 1)]);
    snapshot(&provider).metric("both").assert_value(&[("a", 1)], 2_u64);
    snapshot(&provider).metric("both.short").assert_value(&[("a", 1)], 1_u64);
    clock.advance(11 * MINUTE);
    assert_eq!(shown(&provider, &names), [0, 0, 1, 0, 0]);
    clock.advance(1_000 * MINUTE);
    assert_eq!(shown(&provider, &["never"]), [1]);
}

#[test]
fn a_view_has_series_expire_where_the_provider_has_none() {
    let _alone = alone();
    let clock = clock();
    let provider = MeterProvider::builder()
        .with_clock(clock.clone())
        .with_view(View::of("short").with_idle_expiry(MINUTE))
        .build();
    let meter = provider.meter("m");
    let counters = ["default", "short"].map(|name| meter.counter(name).build());
    counters.iter().for_each(|counter: &Counter<u64>| counter.add(1, &()));
    assert_eq!(shown(&provider, &["default", "short"]), [1, 1]);
    clock.advance(2 * MINUTE);
    assert_eq!(shown(&provider, &["default", "short"]), [1, 0]);
}
