//! Every kind of instrument of the API, of every kind of number, records what it is given.

mod support;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider as _};
use support::{provider, snapshot};
use tachograph_sdk::metrics::{MetricKind, NumberValue};
use tachograph_sdk::testing::MetricsSnapshot;
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider, UpDownCounter};

const MONOTONIC: MetricKind = MetricKind::Sum { monotonic: true };
const SUM: MetricKind = MetricKind::Sum { monotonic: false };

fn attributes() -> [KeyValue; 1] {
    [KeyValue::new("k", "v")]
}

/// What the API's meter has recorded once `record` has run.
fn recorded(record: impl FnOnce(&Meter)) -> MetricsSnapshot {
    let provider = provider();
    record(&provider.meter_with_scope(opentelemetry::InstrumentationScope::builder("api").build()));
    snapshot(&provider)
}

#[track_caller]
fn assert_one(snapshot: &MetricsSnapshot, kind: MetricKind, expected: NumberValue) {
    let metric = snapshot.metric("n");
    assert_eq!(metric.kind(), kind);
    assert_eq!((metric.unit(), metric.description()), ("u", "d"));
    metric.assert_series(1);
    assert_eq!(metric.value(&attributes()), expected);
}

/// A test for each synchronous sum or gauge of the API: measured, bound and through a clone.
macro_rules! synchronous {
    ($($test:ident: $method:ident, $verb:ident, $kind:expr, $values:expr => $expected:expr;)*) => {$(
        #[test]
        fn $test() {
            let snapshot = recorded(|meter| {
                let instrument = meter.$method("n").with_unit("u").with_description("d").build();
                let bound = instrument.bind(&attributes());
                let [first, second, third] = $values;
                instrument.$verb(first, &attributes());
                bound.$verb(second);
                instrument.clone().$verb(third, &attributes());
            });
            assert_one(&snapshot, $kind, $expected);
        }
    )*};
}

synchronous! {
    a_u64_counter_adds_up_exactly_above_what_an_i64_holds:
        u64_counter, add, MONOTONIC, [i64::MAX.cast_unsigned(), 5, (1 << 63) - 7] => NumberValue::U64(u64::MAX - 2);
    an_f64_counter_adds_up:
        f64_counter, add, MONOTONIC, [0.5, 1.25, 0.0] => NumberValue::F64(1.75);
    an_i64_up_down_counter_goes_below_zero:
        i64_up_down_counter, add, SUM, [5, -7, i64::MIN + 2] => NumberValue::I64(i64::MIN);
    an_f64_up_down_counter_goes_below_zero:
        f64_up_down_counter, add, SUM, [0.5, -2.0, 0.25] => NumberValue::F64(-1.25);
    a_u64_gauge_keeps_the_last_value_exactly:
        u64_gauge, record, MetricKind::Gauge, [1, 2, u64::MAX] => NumberValue::U64(u64::MAX);
    an_i64_gauge_keeps_the_last_value:
        i64_gauge, record, MetricKind::Gauge, [1, 2, i64::MIN] => NumberValue::I64(i64::MIN);
    an_f64_gauge_keeps_the_last_value:
        f64_gauge, record, MetricKind::Gauge, [1.0, 2.0, -0.5] => NumberValue::F64(-0.5);
}

/// A test for each observable instrument of the API.
macro_rules! observable {
    ($($test:ident: $method:ident, $kind:expr, $value:expr => $expected:expr;)*) => {$(
        #[test]
        fn $test() {
            let snapshot = recorded(|meter| {
                meter.$method("n").with_unit("u").with_description("d")
                    .with_callback(|observer| observer.observe($value, &attributes()))
                    .build();
            });
            assert_one(&snapshot, $kind, $expected);
        }
    )*};
}

observable! {
    a_u64_observable_counter_is_what_was_observed:
        u64_observable_counter, MONOTONIC, u64::MAX => NumberValue::U64(u64::MAX);
    an_f64_observable_counter_is_what_was_observed:
        f64_observable_counter, MONOTONIC, 2.5 => NumberValue::F64(2.5);
    an_i64_observable_up_down_counter_is_what_was_observed:
        i64_observable_up_down_counter, SUM, -3 => NumberValue::I64(-3);
    an_f64_observable_up_down_counter_is_what_was_observed:
        f64_observable_up_down_counter, SUM, -2.5 => NumberValue::F64(-2.5);
    a_u64_observable_gauge_is_what_was_observed:
        u64_observable_gauge, MetricKind::Gauge, u64::MAX => NumberValue::U64(u64::MAX);
    an_i64_observable_gauge_is_what_was_observed:
        i64_observable_gauge, MetricKind::Gauge, i64::MIN => NumberValue::I64(i64::MIN);
    an_f64_observable_gauge_is_what_was_observed:
        f64_observable_gauge, MetricKind::Gauge, 1e300 => NumberValue::F64(1e300);
}

#[test]
fn a_u64_histogram_counts_by_size_and_keeps_sum_and_extremes_exactly() {
    let big = (1_u64 << 53) + 1;
    let snapshot = recorded(|meter| {
        let histogram = meter.u64_histogram("n").with_boundaries(vec![1.0, 9_007_199_254_740_992.0]).build();
        let bound = histogram.bind(&attributes());
        histogram.record(1, &attributes());
        histogram.record(2, &attributes());
        bound.record(big);
    });
    let point = snapshot.metric("n").histogram(&attributes());
    assert_eq!(snapshot.metric("n").boundaries(), [1.0, 9_007_199_254_740_992.0]);
    assert_eq!(point.bucket_counts(), [1, 1, 1]);
    assert_eq!((point.count(), point.sum()), (3, NumberValue::U64(big + 3)));
    assert_eq!((point.min(), point.max()), (Some(NumberValue::U64(1)), Some(NumberValue::U64(big))));
}

#[test]
fn an_f64_histogram_counts_by_size_and_keeps_sum_and_extremes() {
    let snapshot = recorded(|meter| {
        let histogram = meter.f64_histogram("n").with_boundaries(vec![0.0, 1.0]).build();
        for value in [-1.5, 0.0, 0.5, 1.0, 1.5] {
            histogram.record(value, &attributes());
        }
        histogram.bind(&attributes()).record(100.0);
    });
    let point = snapshot.metric("n").histogram(&attributes());
    assert_eq!(point.bucket_counts(), [2, 2, 2]);
    assert_eq!((point.count(), point.sum()), (6, NumberValue::F64(101.5)));
    assert_eq!((point.min(), point.max()), (Some(NumberValue::F64(-1.5)), Some(NumberValue::F64(100.0))));
}

#[test]
fn our_own_instruments_record_typed_ad_hoc_and_bound() {
    let provider = provider();
    let meter = provider.meter("ours");
    let counter: Counter<u64> = meter.counter("counter").build();
    counter.add(1, &());
    counter.add(2, &[("k", "v")]);
    counter.bind(&[("k", "v")]).add(3);
    let level: UpDownCounter<i64> = meter.up_down_counter("up_down").build();
    level.add(-1, &());
    level.bind(&()).add(-2);
    let gauge: Gauge<f64> = meter.gauge("gauge").build();
    gauge.record(1.0, &());
    gauge.bind(&()).record(2.0);
    let sizes: Histogram<u64> = meter.histogram("histogram").with_boundaries([10.0]).build();
    sizes.record(5, &());
    sizes.bind(&()).record(50);
    let typed: Counter<f64, ()> = meter.counter("typed").build();
    typed.add(0.5, &());
    typed.bind(&()).add(0.25);

    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.metric("counter").value(&()), 1);
    assert_eq!(snapshot.metric("counter").value(&[("k", "v")]), 5);
    assert_eq!(snapshot.metric("up_down").value(&()), -3);
    assert_eq!(snapshot.metric("gauge").value(&()), 2.0);
    assert_eq!(snapshot.metric("histogram").histogram(&()).bucket_counts(), [1, 1]);
    assert_eq!(snapshot.metric("typed").value(&()), 0.75);
}

#[test]
fn a_series_that_was_bound_is_there_before_its_first_measurement() {
    let provider = provider();
    let meter = provider.meter("ours");
    let counter: Counter<u64> = meter.counter("counter").build();
    let sizes: Histogram<f64> = meter.histogram("histogram").build();
    let gauge: Gauge<u64> = meter.gauge("gauge").build();
    let bound = (counter.bind(&()), sizes.bind(&()), gauge.bind(&()));
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.metric("counter").value(&()), 0);
    assert_eq!(snapshot.metric("histogram").histogram(&()).count(), 0);
    assert_eq!(snapshot.metric("histogram").histogram(&()).min(), None);
    snapshot.assert_absent("gauge");
    drop(bound);
}

#[test]
fn a_bound_handle_outlives_its_instrument_and_meter() {
    let provider = provider();
    let bound = provider.meter("m").counter("n").build::<u64, tachograph_sdk::Dynamic>().bind(&[("k", "v")]);
    bound.add(1);
    bound.clone().add(1);
    assert_eq!(snapshot(&provider).metric("n").value(&[("k", "v")]), 2);
}

#[test]
fn handles_outlive_their_provider_and_do_no_harm() {
    let provider = MeterProvider::new();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    let bound = counter.bind(&());
    let api = provider.meter("m").as_otel();
    drop(provider);
    counter.add(1, &());
    bound.add(1);
    api.u64_counter("n").build().add(1, &[]);
}
