//! The assertions for tests fail when they should, and print what there was.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};

use opentelemetry::KeyValue;
use support::{provider, snapshot};
use tachograph_sdk::testing::{InMemoryReader, MetricsSnapshot};
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider};

fn recorded() -> (MeterProvider, MetricsSnapshot) {
    let provider = provider();
    let meter = provider.meter("shop");
    let orders: Counter<u64> = meter.counter("order.created.total").with_unit("{order}").build();
    orders.add(2, &[("region", "eu"), ("channel", "web")]);
    orders.add(1, &[KeyValue::new("channel", "app"), KeyValue::new("express", true)]);
    let stock: Gauge<f64> = meter.gauge("stock").build();
    stock.record(0.5, &());
    let sizes: Histogram<u64> = meter.histogram("sizes").with_boundaries([5.0]).build();
    sizes.record(3, &());
    sizes.record(30, &());
    meter.counter("idle").build::<u64, tachograph_sdk::Dynamic>();
    let snapshot = snapshot(&provider);
    (provider, snapshot)
}

/// What the assertion says when it fails.
#[track_caller]
fn failure<T>(assert: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(assert)) {
        Ok(_) => panic!("it should have failed"),
        Err(panic) => *panic.downcast::<String>().expect("a formatted message"),
    }
}

const PAGE: &str = r#"monotonic sum "order.created.total" of scope "shop", unit "{order}":
    {channel="web", region="eu"} 2
    {channel="app", express=true} 1
gauge "stock" of scope "shop":
    {} 0.5
histogram "sizes" of scope "shop":
    {} count 2, sum 33, from 3 to 30, buckets [1, 1]
monotonic sum "idle" of scope "shop": no series
"#;

#[test]
fn a_snapshot_prints_a_line_for_each_series() {
    let (_, snapshot) = recorded();
    assert_eq!(snapshot.to_string(), PAGE);
    assert_eq!(format!("{snapshot:?}"), PAGE);
    assert_eq!(MetricsSnapshot::of(&provider()).to_string(), "(no metrics)\n");
}

#[test]
fn what_is_looked_up_is_found_by_name_scope_and_attributes_in_any_order() {
    let (_, snapshot) = recorded();
    let orders = snapshot.metric_in("shop", "ORDER.created.total");
    assert_eq!(orders.value(&[("channel", "web"), ("region", "eu")]), 2);
    assert_eq!(orders.value(&[KeyValue::new("express", true), KeyValue::new("channel", "app")]), 1);
    assert!(orders.find(&[("channel", "web")]).is_none(), "the set, not a part of it");
    orders.assert_total(3);
    orders.assert_series(2);
    snapshot.metric("sizes").assert_histogram(&(), 2, 33);
    assert_eq!(snapshot.metric("sizes").count(), 2);
    assert_eq!(snapshot.metric("stock").total(), 0.5);
    snapshot.assert_absent("idle");
    snapshot.assert_absent("missing");
    assert!(snapshot.find("missing").is_none());
    assert!(snapshot.find_in(|scope| scope.name() == "other", "idle").is_none());
}

#[test]
fn failures_print_what_there_was() {
    let (_, snapshot) = recorded();
    let orders = snapshot.metric("order.created.total");
    let web = [("channel", "web"), ("region", "eu")];
    for (failed, says) in [
        (failure(|| snapshot.metric("missing").name().len()), "there is no metric \"missing\""),
        (failure(|| snapshot.metric_in("other", "idle").name().len()), "there is no metric \"idle\""),
        (failure(|| orders.value(&[("channel", "web")]).as_f64()), "there is no series {channel=\"web\"}"),
        (failure(|| orders.histogram(&web).count()), "this is no histogram"),
        (failure(|| orders.assert_value(&web, 3)), "is 2 and should be 3"),
        (failure(|| orders.assert_value(&web, 2.0)), "and should be 2.0"),
        (failure(|| orders.assert_total(4)), "and should be 4"),
        (failure(|| orders.assert_series(1)), "there are 2 series and should be 1"),
        (failure(|| snapshot.assert_absent("order.created.total")), "there should be nothing"),
    ] {
        assert!(failed.contains(says), "{failed}");
        if !says.contains("missing") && !says.contains("idle") {
            assert!(failed.contains("{channel=\"app\", express=true} 1"), "{failed}");
        }
    }
    let sizes = snapshot.metric("sizes");
    for failed in [
        failure(|| sizes.value(&()).as_f64()),
        failure(|| sizes.assert_histogram(&(), 1, 33)),
        failure(|| sizes.assert_histogram(&(), 2, 34)),
    ] {
        assert!(failed.contains("count 2, sum 33"), "{failed}");
    }
}

#[test]
fn several_metrics_of_one_name_have_to_be_told_apart() {
    let provider = provider();
    for scope in ["a", "b"] {
        provider.meter(scope).counter("n").build::<u64, tachograph_sdk::Dynamic>().add(1, &());
    }
    let snapshot = snapshot(&provider);
    assert!(failure(|| snapshot.metric("n").name().len()).contains("several"));
    assert_eq!(snapshot.metric_in("b", "n").scope().name(), "b");
    assert_eq!(snapshot.find("n").map(|metric| metric.scope().name()), Some("a"));
}

#[test]
fn a_snapshot_is_a_copy_and_its_reader_goes_on() {
    let (provider, before) = recorded();
    let reader = InMemoryReader::new(&provider);
    assert_eq!(reader.snapshot().metrics(), before.metrics());
    provider.meter("shop").gauge("stock").build::<f64, tachograph_sdk::Dynamic>().record(9.0, &());
    assert_eq!(before.metric("stock").value(&()), 0.5);
    assert_eq!(reader.clone().snapshot().metric("stock").value(&()), 9.0);
    assert!(reader.snapshot() != before);
    assert_eq!(before.resource(), provider.resource());
}
