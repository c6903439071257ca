//! Series whose labels are equal on the page: added up where that is right, else dropped, never twice.

mod support;

use opentelemetry::KeyValue;
use support::{bare_provider, open_metrics, samples, short_exporter, text};
use tachograph_prometheus::PrometheusExporter;
use tachograph_sdk::metrics::View;
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider, Resource, UpDownCounter};

fn counter(provider: &MeterProvider, scope: &'static str, name: &'static str) -> Counter<u64> {
    provider.meter(scope).counter(name).build()
}

#[test]
fn attribute_sets_that_become_equal_are_added_up() {
    let provider = bare_provider();
    let requests = counter(&provider, "", "requests");
    requests.add(1, &[("a.b", "x")]);
    requests.add(10, &[("a_b", "x")]);
    requests.add(100, &[("a-b", "x")]);
    requests.add(1000, &[("a.b", "y")]);
    let page = samples(&text(&short_exporter(&provider)));
    assert_eq!(page.len(), 2);
    assert_eq!(page["requests_total{a_b=\"x\"}"], "111");
    assert_eq!(page["requests_total{a_b=\"y\"}"], "1000");
}

#[test]
fn values_of_two_types_with_one_spelling_are_added_up() {
    let provider = bare_provider();
    let requests = counter(&provider, "", "requests");
    requests.add(1, &[KeyValue::new("status", 200)]);
    requests.add(10, &[KeyValue::new("status", "200")]);
    requests.add(100, &[KeyValue::new("status", 200.0)]);
    let page = samples(&text(&short_exporter(&provider)));
    assert_eq!(
        page.into_iter().collect::<Vec<_>>(),
        [("requests_total{status=\"200\"}".into(), "111".into())]
    );
}

#[test]
fn an_empty_value_is_the_same_as_no_label() {
    let provider = bare_provider();
    let requests = counter(&provider, "", "requests");
    requests.add(1, &());
    requests.add(10, &[("a", "")]);
    let page = samples(&text(&short_exporter(&provider)));
    assert_eq!(page.into_iter().collect::<Vec<_>>(), [("requests_total".into(), "11".into())]);
}

#[test]
fn sums_of_two_scopes_are_added_up_when_scope_labels_are_off() {
    let provider = bare_provider();
    let first = counter(&provider, "first", "requests");
    first.add(1, &[("k", "v")]);
    first.add(5, &[("k", "w")]);
    let second: Counter<f64> = provider.meter("second").counter("requests").build();
    second.add(0.5, &[("k", "v")]);
    let depth: UpDownCounter<i64> = provider.meter("first").up_down_counter("depth").build();
    depth.add(-7, &());
    let depth: UpDownCounter<i64> = provider.meter("second").up_down_counter("depth").build();
    depth.add(4, &());

    let page = samples(&text(&short_exporter(&provider)));
    assert_eq!(page["requests_total{k=\"v\"}"], "1.5");
    assert_eq!(page["requests_total{k=\"w\"}"], "5");
    assert_eq!(page["depth"], "-3");
    assert_eq!(page.len(), 3);
    // With the labels on nothing collides.
    assert_eq!(samples(&text(&PrometheusExporter::new(provider.reader()))).len(), 5);
}

#[test]
fn histograms_of_equal_bounds_are_added_up_bucket_by_bucket() {
    let provider = bare_provider();
    for (scope, value) in [("first", 1.5), ("second", 0.5), ("third", -1.0)] {
        let histogram: Histogram<f64> =
            provider.meter(scope).histogram("h").with_boundaries([1.0, 2.0]).build();
        histogram.record(value, &[("k", "v")]);
    }
    let exporter = short_exporter(&provider);
    let page = samples(&text(&exporter));
    assert_eq!(page["h_bucket{k=\"v\",le=\"1\"}"], "2");
    assert_eq!(page["h_bucket{k=\"v\",le=\"2\"}"], "3");
    assert_eq!(page["h_bucket{k=\"v\",le=\"+Inf\"}"], "3");
    assert_eq!(page["h_sum{k=\"v\"}"], "1");
    assert_eq!(page["h_count{k=\"v\"}"], "3");
    assert_eq!(page.len(), 5);
    // One of them has seen a negative number, so that no counter can be made of the sum.
    assert_eq!(samples(&open_metrics(&exporter)).len(), 3);
}

#[test]
fn histograms_of_other_bounds_are_not_mixed() {
    let provider = bare_provider();
    for (scope, bound) in [("first", 1.0), ("second", 2.0)] {
        let histogram: Histogram<f64> = provider.meter(scope).histogram("h").with_boundaries([bound]).build();
        histogram.record(1.0, &());
    }
    let page = samples(&text(&short_exporter(&provider)));
    assert_eq!(page["h_count"], "1");
    assert!(page.contains_key("h_bucket{le=\"1\"}") && !page.contains_key("h_bucket{le=\"2\"}"), "{page:?}");
}

#[test]
fn of_gauges_the_first_is_kept() {
    let provider = bare_provider();
    for (scope, value) in [("first", 1.0), ("second", 2.0)] {
        let gauge: Gauge<f64> = provider.meter(scope).gauge("temperature").build();
        gauge.record(value, &[("a.b", "x")]);
        gauge.record(value + 10.0, &[("a_b", "x")]);
    }
    let page = samples(&text(&short_exporter(&provider)));
    assert_eq!(page.into_iter().collect::<Vec<_>>(), [("temperature{a_b=\"x\"}".into(), "1".into())]);
}

#[test]
fn instruments_of_two_names_are_not_added_up() {
    let provider = bare_provider();
    counter(&provider, "", "orders.created").add(5, &());
    counter(&provider, "", "orders_created").add(5, &());
    let page = samples(&text(&short_exporter(&provider)));
    assert_eq!(page.into_iter().collect::<Vec<_>>(), [("orders_created_total".into(), "5".into())]);
}

#[test]
fn an_attribute_that_looks_like_a_scope_label_makes_no_series_twice() {
    let provider = bare_provider();
    counter(&provider, "", "c").add(1, &[("otel.scope.name", "lib"), ("z", "1")]);
    counter(&provider, "lib", "c").add(10, &[("z", "1")]);
    let page = samples(&text(&PrometheusExporter::new(provider.reader())));
    let expected = ("c_total{otel_scope_name=\"lib\",z=\"1\"}".into(), "11".into());
    assert_eq!(page.into_iter().collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_collision_is_found_however_late_it_comes_and_stays_found() {
    let provider = bare_provider();
    let requests = counter(&provider, "", "requests");
    let exporter = short_exporter(&provider);
    for n in 0..100 {
        requests.add(1, &[("a.b", n)]);
    }
    assert_eq!(samples(&text(&exporter)).len(), 100);
    requests.add(1, &[("a_b", 42)]);
    for _ in 0..2 {
        let page = samples(&text(&exporter));
        assert_eq!(page.len(), 100);
        assert_eq!(page["requests_total{a_b=\"42\"}"], "2");
    }
    requests.add(1, &[("a_b", 1000)]);
    assert_eq!(samples(&text(&exporter)).len(), 101);
}

#[test]
fn streams_that_views_make_of_one_instrument_are_not_added_up_for_they_have_the_same_measurements() {
    let provider = MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_view(View::of("requests").with_attributes(["a"]))
        .with_view(View::of("requests").without_attributes(["b"]))
        .with_view(View::of("sizes").with_attributes(["a"]))
        .with_view(View::of("sizes").without_attributes(["b"]))
        .build();
    let requests = counter(&provider, "", "requests");
    let sizes: Histogram<u64> = provider.meter("").histogram("sizes").build();
    for b in 0..3 {
        requests.add(1, &[("a", 1), ("b", b)]);
        requests.add(1, &[("c", 1), ("b", b)]);
        sizes.record(1, &[("a", 1), ("b", b)]);
    }
    let page = samples(&text(&short_exporter(&provider)));
    assert_eq!(page["requests_total{a=\"1\"}"], "3");
    assert_eq!(page["requests_total"], "3");
    assert_eq!(page["requests_total{c=\"1\"}"], "3");
    assert_eq!(page["sizes_count{a=\"1\"}"], "3");
}
