//! Pages that other libraries get wrong. Each test names whose defect it is.

mod support;

use opentelemetry::KeyValue;
use support::{bare_provider, open_metrics, samples, short_exporter, text};
use tachograph_sdk::{Counter, Histogram};

#[test]
fn suffixes_are_not_added_twice_and_label_names_are_legal() {
    // opentelemetry-prometheus 0.33: req_total_total, dur_seconds_seconds_total, hits_ratio_total, and
    // labels `0x=` and `a:b=` as they are.
    let provider = bare_provider();
    let build = |name: &'static str, unit: &'static str| -> Counter<u64> {
        provider.meter("").counter(name).with_unit(unit).build()
    };
    build("req_total", "").add(1, &());
    build("dur_seconds", "s").add(1, &());
    build("hits", "1").add(1, &[("0x=", "x"), ("a:b=", "y")]);
    let page = samples(&text(&short_exporter(&provider)));
    assert_eq!(
        page.into_keys().collect::<Vec<_>>(),
        ["dur_seconds_total", "hits_total{a_b_=\"y\",key_0x_=\"x\"}", "req_total"]
    );
}

#[test]
fn values_that_run_together_alike_are_two_series() {
    // prometheus 0.14 hashes values without a separator: ("ab","c") and ("a","bc") are one series to it.
    let provider = bare_provider();
    let requests: Counter<u64> = provider.meter("").counter("requests").build();
    requests.add(1, &[("x", "ab"), ("y", "c")]);
    requests.add(2, &[("x", "a"), ("y", "bc")]);
    requests.add(3, &[("x", "a\",y=\"bc")]);
    let page = samples(&text(&short_exporter(&provider)));
    assert_eq!(page.len(), 3);
    assert_eq!(page["requests_total{x=\"ab\",y=\"c\"}"], "1");
    assert_eq!(page["requests_total{x=\"a\",y=\"bc\"}"], "2");
}

#[test]
fn one_label_value_cannot_break_the_page() {
    // metriken, fast-telemetry: label values are not escaped.
    let provider = bare_provider();
    let requests: Counter<u64> = provider.meter("").counter("requests").build();
    requests.add(1, &[("path", "\"} 7\nup 0\n# EOF\n")]);
    for page in [text(&short_exporter(&provider)), open_metrics(&short_exporter(&provider))] {
        assert_eq!(
            samples(&page).into_keys().collect::<Vec<_>>(),
            [r#"requests_total{path="\"} 7\nup 0\n# EOF\n"}"#]
        );
    }
}

#[test]
fn a_key_that_is_given_twice_is_one_label() {
    // opentelemetry_sdk 0.33 exports both.
    let provider = bare_provider();
    let requests: Counter<u64> = provider.meter("").counter("requests").build();
    requests.add(1, &[KeyValue::new("k", 1), KeyValue::new("k", 2)]);
    let page = samples(&text(&short_exporter(&provider)));
    assert_eq!(page.into_keys().collect::<Vec<_>>(), ["requests_total{k=\"2\"}"]);
}

#[test]
fn counts_above_the_largest_signed_integer_are_exact() {
    // opentelemetry_sdk 0.33 exports 0.
    let provider = bare_provider();
    let requests: Counter<u64> = provider.meter("").counter("requests").build();
    requests.add(u64::MAX, &());
    let _observed = provider
        .meter("")
        .as_otel()
        .u64_observable_gauge("observed")
        .with_callback(|observer| observer.observe(u64::MAX - 1, &[]))
        .build();
    for page in [text(&short_exporter(&provider)), open_metrics(&short_exporter(&provider))] {
        let page = samples(&page);
        assert_eq!(page["requests_total"], "18446744073709551615");
        assert_eq!(page["observed"], "18446744073709551614");
    }
}

#[test]
fn a_callback_that_panics_leaves_the_rest_on_the_page() {
    // opentelemetry_sdk 0.33 ends the collection.
    let provider = bare_provider();
    let meter = provider.meter("").as_otel();
    let _before =
        meter.u64_observable_gauge("before").with_callback(|observer| observer.observe(1, &[])).build();
    let _panics = meter.u64_observable_gauge("panics").with_callback(|_| panic!("in a callback")).build();
    let _after =
        meter.u64_observable_gauge("after").with_callback(|observer| observer.observe(2, &[])).build();
    let requests: Counter<u64> = provider.meter("").counter("requests").build();
    requests.add(3, &());
    let exporter = short_exporter(&provider);
    for _ in 0..2 {
        let page = samples(&text(&exporter));
        assert_eq!(page.into_values().collect::<Vec<_>>(), ["2", "1", "3"]);
    }
}

#[test]
fn seconds_have_buckets_for_seconds() {
    // The default boundaries of others are for milliseconds, whatever the unit.
    let provider = bare_provider();
    let duration: Histogram<f64> = provider.meter("").histogram("request.duration").with_unit("s").build();
    duration.record(0.004, &());
    let page = samples(&text(&short_exporter(&provider)));
    assert_eq!(page["request_duration_seconds_bucket{le=\"0.005\"}"], "1");
}
