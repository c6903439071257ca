//! At the cardinality limit further attribute sets are added up in one series, and those seen stay.

mod support;

use opentelemetry::KeyValue;
use support::{only, provider, reports_of, snapshot};
use tachograph_sdk::metrics::{DEFAULT_CARDINALITY_LIMIT, OVERFLOW_ATTRIBUTE};
use tachograph_sdk::{Counter, Dynamic, Gauge, Histogram, MeterProvider, Resource};

const OVERFLOW: [(&str, bool); 1] = [(OVERFLOW_ATTRIBUTE, true)];

fn limited(limit: usize) -> MeterProvider {
    MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_cardinality_limit(limit)
        .build()
}

#[test]
fn the_limit_is_2000_sets_unless_set() {
    assert_eq!(DEFAULT_CARDINALITY_LIMIT, 2_000);
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("limit.default").build();
    for n in 0..2_000 {
        counter.add(1, &[("n", n)]);
    }
    snapshot(&provider).metric("limit.default").assert_series(2_000);
    assert!(snapshot(&provider).metric("limit.default").find(&OVERFLOW).is_none());
    counter.add(1, &[("n", 2_000)]);
    counter.add(1, &[("n", 2_001)]);
    let snapshot = snapshot(&provider);
    snapshot.metric("limit.default").assert_series(2_001);
    snapshot.metric("limit.default").assert_value(&OVERFLOW, 2);
}

#[test]
fn a_meters_limit_holds_for_all_its_instruments_that_have_none_of_their_own() {
    let provider = limited(10);
    let meter = provider.meter_builder("m").with_cardinality_limit(3).build();
    let plain: Counter<u64> = meter.counter("limit.of_meter").build();
    let own: Counter<u64> = meter.counter("limit.own").with_cardinality_limit(5).build();
    let of_api = meter.as_otel().u64_counter("limit.of_api").build();
    let _observable = meter
        .as_otel()
        .u64_observable_gauge("limit.observable")
        .with_callback(|observer| (0..20).for_each(|n| observer.observe(1, &[KeyValue::new("n", n)])))
        .build();
    for n in 0..20 {
        plain.add(1, &[("n", n)]);
        own.add(1, &[("n", n)]);
        of_api.add(1, &[KeyValue::new("n", n)]);
    }
    let other: Counter<u64> = provider.meter("other").counter("limit.other").build();
    (0..20).for_each(|n| other.add(1, &[("n", n)]));
    let snapshot = snapshot(&provider);
    for (name, limit) in [
        ("limit.of_meter", 3),
        ("limit.own", 5),
        ("limit.of_api", 3),
        ("limit.observable", 3),
        ("limit.other", 10),
    ] {
        snapshot.metric(name).assert_series(limit + 1);
    }
}

#[test]
fn sets_seen_before_the_limit_keep_their_series_and_nothing_is_lost() {
    let provider = limited(10);
    let meter = provider.meter("m");
    let dynamic: Counter<u64> = meter.counter("limit.kept").build();
    let api = meter.as_otel().u64_counter("limit.kept").build();
    for round in 0..5 {
        for n in 0..40_i64 {
            match round % 3 {
                0 => dynamic.add(1, &[("n", n)]),
                1 => api.add(1, &[KeyValue::new("n", n)]),
                _ => dynamic.bind(&[("n", n)]).add(1),
            }
        }
    }
    let snapshot = snapshot(&provider);
    let metric = snapshot.metric("limit.kept");
    metric.assert_series(11);
    for n in 0..10_i64 {
        metric.assert_value(&[("n", n)], 5);
    }
    metric.assert_value(&OVERFLOW, 150);
}

#[test]
fn overflow_is_counted_and_reported_once() {
    let provider = limited(3);
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("limit.reported").build();
    let reports = reports_of(|| {
        for n in 0..10 {
            counter.add(1, &[("n", n)]);
        }
        counter.bind(&[("n", 99)]);
    });
    let report = only(&reports, "series.overflow");
    assert_eq!((report.level.as_str(), report.subject.as_str()), ("WARN", "limit.reported"));
    assert!(report.message.contains('3'), "the limit is named: {}", report.message);
    let account = provider.account();
    assert_eq!(account.overflowed, 7 + 1, "a bound handle counts once");
    assert_eq!(account.series, 4);
    assert!(account.to_string().contains("8 beyond a cardinality limit"), "{account}");
}

#[test]
fn an_instrument_may_have_a_limit_of_its_own() {
    let provider = limited(3);
    let meter = provider.meter("m");
    let more: Counter<u64> = meter.counter("limit.more").with_cardinality_limit(20).build();
    let fewer: Counter<u64> = meter.counter("limit.fewer").with_cardinality_limit(1).build();
    for n in 0..20 {
        more.add(1, &[("n", n)]);
        fewer.add(1, &[("n", n)]);
    }
    let snapshot = snapshot(&provider);
    snapshot.metric("limit.more").assert_series(20);
    snapshot.metric("limit.fewer").assert_series(2);
    snapshot.metric("limit.fewer").assert_value(&[("n", 0)], 1);
    snapshot.metric("limit.fewer").assert_value(&OVERFLOW, 19);
}

#[test]
fn a_limit_of_zero_is_one() {
    let provider = limited(0);
    let counter: Counter<u64> = provider.meter("m").counter("limit.zero").build();
    counter.add(1, &());
    counter.add(1, &[("n", 1)]);
    let snapshot = snapshot(&provider);
    snapshot.metric("limit.zero").assert_value(&(), 1);
    snapshot.metric("limit.zero").assert_value(&OVERFLOW, 1);
}

#[test]
fn a_user_who_records_with_the_overflow_attribute_shares_its_series() {
    let provider = limited(2);
    let counter: Counter<u64> = provider.meter("m").counter("limit.own").build();
    counter.add(1, &OVERFLOW);
    for n in 0..5 {
        counter.add(10, &[("n", n)]);
    }
    counter.add(1, &OVERFLOW);
    let snapshot = snapshot(&provider);
    let metric = snapshot.metric("limit.own");
    metric.assert_series(2);
    metric.assert_value(&OVERFLOW, 42);
    metric.assert_value(&[("n", 0)], 10);
}

#[test]
fn the_overflow_attribute_after_the_limit_is_the_overflow_series_too() {
    let provider = limited(1);
    let counter: Counter<u64> = provider.meter("m").counter("limit.own.late").build();
    counter.add(1, &());
    counter.add(1, &[("n", 1)]);
    counter.add(1, &OVERFLOW);
    let snapshot = snapshot(&provider);
    snapshot.metric("limit.own.late").assert_series(2);
    snapshot.metric("limit.own.late").assert_value(&OVERFLOW, 2);
}

#[test]
fn gauges_and_histograms_overflow_likewise() {
    let provider = limited(1);
    let meter = provider.meter("m");
    let gauge: Gauge<i64> = meter.gauge("limit.gauge").build();
    let histogram: Histogram<f64> = meter.histogram("limit.histogram").build();
    for n in 0..4 {
        gauge.record(n, &[("n", n)]);
        histogram.record(1.0, &[("n", n)]);
    }
    let snapshot = snapshot(&provider);
    snapshot.metric("limit.gauge").assert_value(&OVERFLOW, 3);
    snapshot.metric("limit.histogram").assert_histogram(&OVERFLOW, 3, 3.0);
}

#[test]
fn observed_sums_beyond_the_limit_add_up_and_observed_gauges_keep_the_last() {
    let provider = limited(1);
    let meter = provider.meter("m").as_otel();
    meter
        .u64_observable_counter("limit.observed.sum")
        .with_callback(|observer| (1..5).for_each(|n| observer.observe(n, &[KeyValue::new("n", n as i64)])))
        .build();
    meter
        .f64_observable_gauge("limit.observed.gauge")
        .with_callback(|observer| {
            (1..5_i32).for_each(|n| observer.observe(f64::from(n), &[KeyValue::new("n", i64::from(n))]))
        })
        .build();
    for _ in 0..2 {
        let snapshot = snapshot(&provider);
        assert_eq!(snapshot.metric("limit.observed.sum").value(&[("n", 1)]), 1);
        assert_eq!(snapshot.metric("limit.observed.sum").value(&OVERFLOW), 2 + 3 + 4);
        assert_eq!(snapshot.metric("limit.observed.gauge").value(&OVERFLOW), 4.0);
    }
}

#[test]
fn threads_that_meet_the_limit_together_lose_nothing() {
    let provider = limited(50);
    let counter: Counter<u64> = provider.meter("m").counter("limit.threads").build();
    std::thread::scope(|scope| {
        for thread in 0..4_i64 {
            let counter = &counter;
            scope.spawn(move || {
                for n in 0..200 {
                    counter.add(1, &[("n", (n * 7 + thread) % 100)]);
                }
            });
        }
    });
    let snapshot = snapshot(&provider);
    snapshot.metric("limit.threads").assert_series(51);
    snapshot.metric("limit.threads").assert_total(800);
    assert_eq!(snapshot.metric("limit.threads").value(&OVERFLOW), provider.account().overflowed);
}

#[test]
fn an_overflow_series_that_nothing_fell_into_is_not_shown() {
    let provider = limited(2);
    let counter = provider.meter("m").counter("limit.reached").build::<u64, Dynamic>();
    counter.add(1, &[("n", 1)]);
    counter.add(1, &[("n", 2)]);
    counter.add(1, &[("n", 2)]);
    snapshot(&provider).metric("limit.reached").assert_series(2);
}

#[test]
fn the_report_of_an_overflow_names_the_attribute_with_the_most_values() {
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("widest").with_cardinality_limit(100).build();
    let reports = reports_of(|| {
        for n in 0..200 {
            counter.add(1, &[("method", n % 3), ("user.id", n), ("status", n % 7)]);
        }
    });
    let report = only(&reports, "series.overflow");
    let expected =
        r#"attribute "user.id" has 100 different values in the last 100 sets: drop it with a view"#;
    assert!(report.message.contains(expected), "{}", report.message);
    snapshot(&provider).metric("widest").assert_total(200_u64);
}
