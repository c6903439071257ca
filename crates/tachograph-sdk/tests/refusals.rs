//! NaN, infinities and negative counter adds are refused, counted, and reported once.

mod support;

use support::{only, provider, reports_of, snapshot};
use tachograph_sdk::testing::MetricsSnapshot;
use tachograph_sdk::{Counter, Dynamic, Gauge, Histogram, KeyValue, MeterProvider, UpDownCounter};

const NOT_FINITE: [f64; 3] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

/// `record` refuses `refused` measurements, says so once, and the metric is as before.
#[track_caller]
fn assert_refused(name: &str, refused: u64, record: impl FnOnce(&MeterProvider)) -> MetricsSnapshot {
    let provider = provider();
    let reports = reports_of(|| record(&provider));
    let report = only(&reports, "measurement.refused");
    assert_eq!((report.level.as_str(), report.subject.as_str()), ("WARN", name));
    assert_eq!(provider.account().refused, refused);
    snapshot(&provider)
}

#[test]
fn a_counter_refuses_what_is_not_finite_or_negative() {
    let snapshot = assert_refused("refused.counter", 12, |provider| {
        let meter = provider.meter("m");
        let counter: Counter<f64> = meter.counter("refused.counter").build();
        let typed: Counter<f64, ()> = meter.counter("refused.counter").build();
        let api = meter.as_otel().f64_counter("refused.counter").build();
        let bound = counter.bind(&());
        counter.add(1.5, &());
        for value in [f64::NAN, f64::INFINITY, -0.5] {
            counter.add(value, &());
            typed.add(value, &());
            api.add(value, &[]);
            bound.add(value);
        }
        counter.add(0.0, &());
        counter.add(-0.0, &());
    });
    assert_eq!(snapshot.metric("refused.counter").value(&()), 1.5);
}

#[test]
fn an_up_down_counter_refuses_what_is_not_finite() {
    let snapshot = assert_refused("refused.updown", 3, |provider| {
        let counter: UpDownCounter<f64> = provider.meter("m").up_down_counter("refused.updown").build();
        counter.add(-1.5, &());
        NOT_FINITE.iter().for_each(|value| counter.add(*value, &()));
    });
    assert_eq!(snapshot.metric("refused.updown").value(&()), -1.5);
}

#[test]
fn a_gauge_refuses_what_is_not_finite() {
    let snapshot = assert_refused("refused.gauge", 3, |provider| {
        let gauge: Gauge<f64> = provider.meter("m").gauge("refused.gauge").build();
        gauge.record(-1.5, &());
        NOT_FINITE.iter().for_each(|value| gauge.record(*value, &()));
    });
    assert_eq!(snapshot.metric("refused.gauge").value(&()), -1.5);
}

#[test]
fn a_histogram_refuses_what_is_not_finite() {
    let snapshot = assert_refused("refused.histogram", 3, |provider| {
        let histogram: Histogram<f64> = provider.meter("m").histogram("refused.histogram").build();
        histogram.record(1.5, &());
        NOT_FINITE.iter().for_each(|value| histogram.record(*value, &()));
    });
    snapshot.metric("refused.histogram").assert_histogram(&(), 1, 1.5);
}

#[test]
fn an_observation_is_refused_likewise() {
    let provider = provider();
    provider
        .meter("m")
        .as_otel()
        .f64_observable_counter("refused.observable")
        .with_callback(|observer| {
            observer.observe(1.5, &[]);
            observer.observe(f64::NAN, &[]);
            observer.observe(-1.0, &[KeyValue::new("k", 1)]);
        })
        .build();
    let mut taken = None;
    let reports = reports_of(|| taken = Some(snapshot(&provider)));
    only(&reports, "measurement.refused");
    let taken = taken.unwrap();
    taken.metric("refused.observable").assert_series(1);
    assert_eq!(taken.metric("refused.observable").value(&()), 1.5);
    assert_eq!(provider.account().refused, 2);
}

#[test]
fn a_refused_measurement_makes_no_series() {
    let provider = provider();
    let meter = provider.meter("m");
    let dynamic: Counter<f64> = meter.counter("refused.series").with_cardinality_limit(2).build();
    let typed: Counter<f64, ()> = meter.counter("refused.series").build();
    let histogram: Histogram<f64> = meter.histogram("refused.series.histogram").build();
    typed.add(-1.0, &());
    for n in 0..10 {
        dynamic.add(f64::NAN, &[("n", n)]);
        meter.as_otel().f64_counter("refused.series").build().add(-1.0, &[KeyValue::new("n", n)]);
        histogram.record(f64::NAN, &[("n", n)]);
    }
    assert_eq!(provider.account().series, 0);
    assert_eq!(provider.account().overflowed, 0);
    assert_eq!(provider.account().refused, 31);
    snapshot(&provider).assert_absent("refused.series");
}

#[test]
fn the_account_says_what_was_refused() {
    let provider = provider();
    let counter: Counter<f64> = provider.meter("m").counter("refused.account").build();
    counter.add(1.0, &());
    counter.add(-1.0, &());
    provider.meter("m").gauge("refused.gauge").build::<u64, Dynamic>();
    let account = provider.account();
    assert_eq!((account.instruments, account.series, account.refused), (2, 1, 1));
    let text = account.to_string();
    assert!(text.contains("2 instruments, 1 series; 1 measurements refused"), "{text}");
    assert_eq!(provider.shutdown(), account);
}

#[test]
fn minus_zero_is_recorded_as_zero_is() {
    let provider = provider();
    let meter = provider.meter("m");
    let counter: Counter<f64> = meter.counter("n").build();
    let typed: Counter<f64, ()> = meter.counter("n").build();
    let histogram: Histogram<f64> = meter.histogram("h").with_boundaries([0.0, 1.0]).build();
    let bound = histogram.bind(&());
    for value in [1.0, -0.0] {
        counter.add(value, &());
        typed.add(value, &());
        counter.bind(&()).add(value);
        histogram.record(value, &());
        bound.record(value);
    }
    let snapshot = snapshot(&provider);
    snapshot.metric("n").assert_total(3.0);
    assert_eq!((snapshot.metric("h").count(), snapshot.metric("h").total().as_f64()), (4, 2.0));
    assert_eq!(provider.account().refused, 0);
}
