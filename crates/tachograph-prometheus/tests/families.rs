//! How metrics become families: names, types, comments, and what happens where they clash.

mod support;

use opentelemetry::KeyValue;
use support::{bare_provider, open_metrics, samples, short_exporter, text};
use tachograph_prometheus::PrometheusExporter;
use tachograph_sdk::metrics::{Aggregation, View};
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider, Resource, UpDownCounter};

/// The comment lines of a page.
fn comments(page: &str) -> Vec<&str> {
    page.lines().filter(|line| line.starts_with('#')).collect()
}

fn add(provider: &MeterProvider, scope: &'static str, name: &'static str) {
    let counter: Counter<u64> = provider.meter(scope).counter(name).build();
    counter.add(1, &());
}

fn set(provider: &MeterProvider, scope: &'static str, name: &'static str) {
    let gauge: Gauge<u64> = provider.meter(scope).gauge(name).build();
    gauge.record(1, &());
}

#[test]
fn a_sum_that_may_fall_is_no_counter_whether_or_not_the_smallest_measurement_is_recorded() {
    for record_min_max in [true, false] {
        let aggregation =
            Aggregation::ExplicitBucketHistogram { boundaries: vec![0.0, 10.0], record_min_max };
        let view = View::all().with_aggregation(aggregation);
        let provider =
            MeterProvider::builder().with_resource(Resource::builder_empty().build()).with_view(view).build();
        let levels: Histogram<f64> = provider.meter("").histogram("levels").build();
        for (value, has_sum) in [(5.0, true), (-1.0, false)] {
            levels.record(value, &());
            let page = open_metrics(&PrometheusExporter::new(provider.reader()));
            assert_eq!(page.contains("levels_sum"), has_sum, "{record_min_max} {page}");
        }
    }
}

#[test]
fn metrics_of_one_name_from_two_scopes_are_one_family_in_one_piece() {
    let provider = bare_provider();
    add(&provider, "first", "requests");
    add(&provider, "first", "other");
    add(&provider, "second", "requests");
    let page = text(&PrometheusExporter::new(provider.reader()));
    assert_eq!(
        page,
        "# TYPE requests_total counter\n\
         requests_total{otel_scope_name=\"first\"} 1\n\
         requests_total{otel_scope_name=\"second\"} 1\n\
         # TYPE other_total counter\n\
         other_total{otel_scope_name=\"first\"} 1\n"
    );
}

#[test]
fn an_up_down_counter_and_a_gauge_of_one_name_are_both_gauges() {
    let provider = bare_provider();
    let sum: UpDownCounter<i64> = provider.meter("a").up_down_counter("stock").build();
    sum.add(-2, &());
    set(&provider, "b", "stock");
    let page = text(&PrometheusExporter::new(provider.reader()));
    assert_eq!(comments(&page), ["# TYPE stock gauge"]);
    assert_eq!(samples(&page).len(), 2);
}

#[test]
fn a_metric_whose_name_has_another_type_already_is_dropped() {
    let provider = bare_provider();
    set(&provider, "a", "requests.total");
    add(&provider, "b", "requests");
    let histogram: Histogram<u64> = provider.meter("c").histogram("requests_total").build();
    histogram.record(1, &());
    let exporter = PrometheusExporter::new(provider.reader());
    for page in [text(&exporter), open_metrics(&exporter)] {
        assert_eq!(comments(&page)[0], "# TYPE requests_total gauge");
        assert_eq!(samples(&page).into_keys().collect::<Vec<_>>(), ["requests_total{otel_scope_name=\"a\"}"]);
    }
}

#[test]
fn a_metric_that_is_called_like_a_sample_of_a_histogram_is_dropped() {
    for suffix in ["requests.count", "requests.sum", "requests.bucket"] {
        let provider = bare_provider();
        let histogram: Histogram<u64> = provider.meter("").histogram("requests").with_boundaries([]).build();
        histogram.record(1, &());
        set(&provider, "", suffix);
        let exporter = short_exporter(&provider);
        for page in [text(&exporter), open_metrics(&exporter)] {
            assert_eq!(samples(&page).len(), 3, "{page}");
        }
    }
}

#[test]
fn names_that_clash_in_open_metrics_only_lose_nothing() {
    // Either order; the counter's family is `order` in OpenMetrics, and could have `order_created`.
    for (first, second) in [("order", "gauge"), ("gauge", "order")] {
        for gauge in ["order", "order.created"] {
            let provider = bare_provider();
            for which in [first, second] {
                match which {
                    "gauge" => set(&provider, "", gauge),
                    counter => add(&provider, "", counter),
                }
            }
            let exporter = short_exporter(&provider);
            let page = open_metrics(&exporter);
            assert!(comments(&page).contains(&"# TYPE order_total unknown"), "{page}");
            assert_eq!(samples(&page).len(), 2);
            let page = text(&exporter);
            assert!(comments(&page).contains(&"# TYPE order_total counter"), "{page}");
            assert_eq!(samples(&page).len(), 2);
        }
    }
}

#[test]
fn two_counters_one_called_like_the_other_and_created_are_both_there() {
    let provider = bare_provider();
    add(&provider, "", "order");
    add(&provider, "", "order.created");
    let page = open_metrics(&short_exporter(&provider));
    assert_eq!(comments(&page), ["# TYPE order counter", "# TYPE order_created_total unknown", "# EOF"]);
    assert_eq!(samples(&page).len(), 2);
}

#[test]
fn the_first_unit_and_description_are_kept_and_all_points() {
    let provider = bare_provider();
    for (scope, description, name, unit) in [
        ("a", "", "sent", "By"),
        ("b", "first", "sent", "By"),
        ("c", "second", "sent.bytes", ""),
        ("d", "first", "sent_bytes_total", "{b}"),
    ] {
        let counter: Counter<u64> =
            provider.meter(scope).counter(name).with_unit(unit).with_description(description).build();
        counter.add(1, &());
    }
    let page = open_metrics(&PrometheusExporter::new(provider.reader()));
    assert_eq!(
        comments(&page),
        ["# TYPE sent_bytes counter", "# UNIT sent_bytes bytes", "# HELP sent_bytes first", "# EOF"]
    );
    assert_eq!(samples(&page).len(), 4);
}

#[test]
fn a_metric_without_series_is_not_on_the_page() {
    let provider = bare_provider();
    let _never_recorded: Counter<u64> = provider.meter("a").counter("requests").build();
    let _never_set: Gauge<f64> = provider.meter("a").gauge("temperature").build();
    let exporter = short_exporter(&provider);
    assert_eq!(text(&exporter), "");
    assert_eq!(open_metrics(&exporter), "# EOF\n");
    // Its family begins where its first series is.
    add(&provider, "b", "requests");
    assert_eq!(text(&exporter), "# TYPE requests_total counter\nrequests_total 1\n");
}

#[test]
fn a_family_is_in_one_piece_whichever_of_its_metrics_records_first() {
    let provider = bare_provider();
    let build = |scope: &'static str, name: &'static str| -> Counter<u64> {
        provider.meter(scope).counter(name).build()
    };
    let (first, other, second) = (build("first", "a"), build("", "other"), build("second", "a"));
    let exporter = PrometheusExporter::new(provider.reader());
    for counter in [&second, &other, &first] {
        counter.add(1, &());
        text(&exporter);
    }
    let page = text(&exporter);
    let families: Vec<_> = page.lines().filter(|line| line.starts_with("# TYPE")).collect();
    assert_eq!(families, ["# TYPE other_total counter", "# TYPE a_total counter"]);
    assert_eq!(samples(&page).len(), 3);
}

#[test]
fn metrics_and_series_that_come_between_scrapes_are_on_the_next_page() {
    let provider = bare_provider();
    let exporter = PrometheusExporter::new(provider.reader());
    assert_eq!(text(&exporter), "");
    let counter: Counter<u64> = provider.meter("").counter("a").build();
    counter.add(1, &());
    assert_eq!(samples(&text(&exporter)).len(), 1);
    counter.add(1, &[("k", "v")]);
    set(&provider, "", "b");
    add(&provider, "later", "a");
    let page = text(&exporter);
    assert_eq!(samples(&page).len(), 4, "{page}");
    assert!(page.find("later") < page.find("# TYPE b"), "{page}");
}

#[test]
fn a_gauge_that_is_set_late_appears_when_it_is_set() {
    let provider = bare_provider();
    let gauge: Gauge<f64> = provider.meter("").gauge("g").build();
    let bound = gauge.bind(&[("a", "1")]);
    gauge.record(2.0, &[("a", "2")]);
    let exporter = short_exporter(&provider);
    assert_eq!(samples(&text(&exporter)).len(), 1);
    bound.record(1.0);
    assert_eq!(samples(&text(&exporter)).len(), 2);
}

#[test]
fn observable_instruments_are_there_as_they_are_observed() {
    let provider = bare_provider();
    let meter = provider.meter("obs").as_otel();
    let _counter = meter
        .u64_observable_counter("obs.counter")
        .with_callback(|observer| observer.observe(7, &[KeyValue::new("k", "v")]))
        .build();
    let _gauge =
        meter.f64_observable_gauge("obs.gauge").with_callback(|observer| observer.observe(0.5, &[])).build();
    let _sum = meter
        .i64_observable_up_down_counter("obs.sum")
        .with_callback(|observer| observer.observe(-5, &[]))
        .build();
    let exporter = short_exporter(&provider);
    for _ in 0..2 {
        let page = samples(&text(&exporter));
        assert_eq!(page["obs_counter_total{k=\"v\"}"], "7");
        assert_eq!(page["obs_gauge"], "0.5");
        assert_eq!(page["obs_sum"], "-5");
    }
}

#[test]
fn the_overflow_series_is_marked() {
    let provider = MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_cardinality_limit(3)
        .build();
    let counter: Counter<u64> = provider.meter("").counter("c").build();
    for n in 0..20 {
        counter.add(1, &[("n", n)]);
    }
    let page = samples(&text(&short_exporter(&provider)));
    assert!(page.contains_key("c_total{otel_metric_overflow=\"true\"}"), "{page:?}");
    assert_eq!(page.values().map(|value| value.parse::<u64>().unwrap()).sum::<u64>(), 20);
}

#[test]
fn after_the_provider_is_shut_down_the_page_has_no_metrics() {
    let provider = bare_provider();
    add(&provider, "", "a");
    let exporter = short_exporter(&provider);
    assert_eq!(samples(&text(&exporter)).len(), 1);
    provider.shutdown();
    assert_eq!(text(&exporter), "");
    assert_eq!(text(&short_exporter(&provider)), "");
}

mod target_info {
    use super::*;

    fn provider(attributes: &[KeyValue]) -> MeterProvider {
        let resource = Resource::builder_empty().with_attributes(attributes.to_vec()).build();
        MeterProvider::builder().with_resource(resource).build()
    }

    #[test]
    fn it_has_the_resources_attributes_and_comes_first() {
        let provider = provider(&[KeyValue::new("service.name", "s"), KeyValue::new("service_name", "t")]);
        add(&provider, "", "a");
        let exporter = PrometheusExporter::new(provider.reader());
        let expected = "# HELP target_info Target metadata\n# TYPE target_info gauge\ntarget_info{service_name=\"s;t\"} 1\n";
        assert!(text(&exporter).starts_with(expected));
        let expected =
            "# TYPE target info\n# HELP target Target metadata\ntarget_info{service_name=\"s;t\"} 1\n";
        assert!(open_metrics(&exporter).starts_with(expected));
    }

    #[test]
    fn an_empty_resource_has_none() {
        for attributes in [&[][..], &[KeyValue::new("a", "")]] {
            let exporter = PrometheusExporter::new(provider(attributes).reader());
            assert_eq!(text(&exporter), "");
        }
    }

    #[test]
    fn an_option_turns_it_off_and_frees_its_names() {
        let provider = provider(&[KeyValue::new("a", "b")]);
        set(&provider, "", "target.info");
        let exporter = PrometheusExporter::builder(provider.reader()).with_target_info(false).build();
        assert_eq!(open_metrics(&exporter), "# TYPE target_info gauge\ntarget_info 1\n# EOF\n");
    }

    #[test]
    fn there_is_at_most_one() {
        let provider = provider(&[KeyValue::new("a", "b")]);
        set(&provider, "", "target.info");
        let exporter = PrometheusExporter::new(provider.reader());
        for page in [text(&exporter), open_metrics(&exporter)] {
            assert_eq!(samples(&page).into_keys().collect::<Vec<_>>(), ["target_info{a=\"b\"}"]);
        }
    }

    #[test]
    fn beside_a_metric_called_target_it_is_a_gauge() {
        let provider = provider(&[KeyValue::new("a", "b")]);
        set(&provider, "", "target");
        let page = open_metrics(&PrometheusExporter::new(provider.reader()));
        assert_eq!(comments(&page)[0], "# TYPE target_info gauge");
        assert_eq!(samples(&page).len(), 2);
    }
}
