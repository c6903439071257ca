//! Two `Telemetry` values in one process share nothing.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::time::Duration;

use support::{OWN_INSTRUMENTS, OWN_SERIES, get, page, sample, telemetry};
use tachograph::testing::ManualClock;
use tachograph::{Counter, Telemetry};

#[test]
fn two_values_have_instruments_resources_pages_and_ports_of_their_own() {
    let build = |tenant: &str| {
        Telemetry::builder()
            .without_environment()
            .with_service_name(tenant.to_owned())
            .with_prometheus_address("127.0.0.1:0")
            .build()
            .unwrap()
    };
    let (first, second) = (build("first"), build("second"));
    for (telemetry, value) in [(&first, 1), (&second, 20)] {
        let orders: Counter<u64> = telemetry.meter("shop").counter("orders").build();
        orders.add(value, &[("channel", "web")]);
    }
    for (telemetry, name, value) in [(&first, "first", 1.0), (&second, "second", 20.0)] {
        let url = format!("http://{}/metrics", telemetry.prometheus_addresses()[0]);
        let (_, page) = get(&url).unwrap();
        assert_eq!(sample(&page, "orders_total", &[]), Some(value));
        assert_eq!(sample(&page, "target_info", &[&format!("service_name=\"{name}\"")]), Some(1.0));
    }
    let ended = first.shutdown_blocking();
    assert_eq!((ended.service.as_str(), ended.scrapes, ended.metrics.series), ("first", 1, 1 + OWN_SERIES));
    assert_eq!(sample(&page(&second), "orders_total", &[]), Some(20.0));
}

#[test]
fn a_shut_down_value_records_no_more_and_gives_the_same_account_again() {
    let telemetry = telemetry();
    let orders: Counter<u64> = telemetry.meter("shop").counter("orders").build();
    orders.add(1, &());
    assert_eq!(sample(&page(&telemetry), "orders_total", &[]), Some(1.0));
    let report = telemetry.shutdown_blocking();
    assert_eq!(
        (report.metrics.instruments, report.metrics.series, report.scrapes),
        (1 + OWN_INSTRUMENTS, 1 + OWN_SERIES, 1)
    );
    let late: Counter<u64> = telemetry.meter("shop").counter("late").build();
    late.add(1, &());
    let response = telemetry.metrics_response(&http::Request::new(()));
    assert_eq!(response.status(), 503, "a scrape is told so");
    assert!(!String::from_utf8_lossy(response.body()).contains("_total"));
    assert_eq!(telemetry.shutdown_blocking().metrics, report.metrics);
    let text = report.to_string();
    assert!(
        text.starts_with("test: ") && text.contains("; /metrics was read 1 time; traces: 0 spans started"),
        "{text}"
    );
}

#[test]
fn what_is_refused_and_what_overflows_is_part_of_the_account() {
    let telemetry = Telemetry::builder().without_environment().with_cardinality_limit(2).build().unwrap();
    let weight = telemetry.meter("shop").gauge("weight").build::<f64, tachograph::Dynamic>();
    weight.record(f64::NAN, &());
    let orders: Counter<u64> = telemetry.meter("shop").counter("orders").build();
    for customer in 0..5 {
        orders.add(1, &[("customer", customer)]);
    }
    let page = page(&telemetry);
    assert!(page.contains("otel_metric_overflow=\"true\""), "{page}");
    let report = telemetry.shutdown_blocking();
    assert_eq!(report.metrics.refused, 1, "{report}");
    assert!(report.metrics.overflowed >= 3, "{report}");
}

#[test]
fn scope_labels_can_be_left_out() {
    let build = |on| {
        Telemetry::builder()
            .without_environment()
            .with_prometheus_page(move |page| page.with_scope_labels(on))
            .build()
            .unwrap()
    };
    for on in [true, false] {
        let telemetry = build(on);
        telemetry.meter("shop").counter("orders").build::<u64, ()>().add(1, &());
        assert_eq!(page(&telemetry).contains("otel_scope_name=\"shop\""), on);
    }
}

#[test]
fn times_are_those_of_the_clock_that_was_given() {
    let clock = ManualClock::new(5_000_000_000);
    let telemetry = Telemetry::builder().without_environment().with_clock(clock.clone()).build().unwrap();
    assert_eq!(telemetry.meter_provider().reader().collect().unix_nanos(), 5_000_000_000);
    clock.advance(Duration::from_secs(1));
    assert_eq!(telemetry.meter_provider().reader().collect().unix_nanos(), 6_000_000_000);
}
