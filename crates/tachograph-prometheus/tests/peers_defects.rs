//! Pages that other libraries get wrong. Each test names whose defect it is.

mod support;

use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use opentelemetry::{Context, ContextGuard, KeyValue, SpanId, TraceId};
use support::proto::decode;
use support::{bare_provider, open_metrics, samples, short_exporter, text};
use tachograph_prometheus::Format;
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

/// Makes a sampled span current.
fn sampled() -> ContextGuard {
    let span = SpanContext::new(
        TraceId::from(1_u128),
        SpanId::from(2_u64),
        TraceFlags::SAMPLED,
        false,
        TraceState::NONE,
    );
    Context::new().with_remote_span_context(span).attach()
}

#[test]
fn exponential_histograms_and_exemplars_are_on_the_page() {
    // opentelemetry-prometheus 0.33 skips the first, and has neither OpenMetrics nor exemplars nor negotiation;
    // opentelemetry_sdk 0.33 collects no exemplars.
    let provider = bare_provider();
    let size: Histogram<f64> = provider.meter("").histogram("size").with_exponential_buckets().build();
    let requests: Counter<u64> = provider.meter("").counter("requests").build();
    let span = sampled();
    size.record(3.0, &());
    requests.add(1, &());
    drop(span);
    let exporter = short_exporter(&provider);
    let lines = samples(&text(&exporter));
    assert_eq!((&*lines["size_bucket{le=\"4\"}"], &*lines["size_count"]), ("1", "1"));
    let page = open_metrics(&exporter);
    for sample in ["size_bucket{le=\"4.0\"} 1", "requests_total 1"] {
        assert!(
            page.contains(&format!("\n{sample} # {{trace_id=\"00000000000000000000000000000001\"")),
            "{page}"
        );
    }
    let families = decode(&exporter.render(Format::Protobuf));
    let histogram = families[0].metric[0].histogram.as_ref().expect("a histogram");
    assert!(histogram.schema.is_some() && histogram.exemplars.len() == 1);
}

#[test]
fn a_page_is_of_the_format_that_its_header_names() {
    // prometheus-client 0.25 serves OpenMetrics as text 0.0.4.
    let provider = bare_provider();
    let requests: Counter<u64> = provider.meter("").counter("requests").build();
    requests.add(1, &());
    let exporter = short_exporter(&provider);
    for (accept, format) in [
        ("", Format::Text004),
        ("text/plain;version=1.0.0", Format::Text100),
        ("application/openmetrics-text;version=1.0.0", Format::OpenMetrics100),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            Format::Protobuf,
        ),
    ] {
        let request = http::Request::get("/metrics").header("accept", accept).body(()).expect("a request");
        let response = exporter.respond(&request);
        assert_eq!(response.headers()["content-type"], format.content_type());
        assert_eq!(response.body()[..], exporter.render(format));
        assert_eq!(response.body().ends_with(b"# EOF\n"), format == Format::OpenMetrics100);
    }
}

#[test]
fn a_callback_that_makes_an_instrument_does_not_hang_the_scrape() {
    // opentelemetry_sdk 0.33 deadlocks.
    let provider = bare_provider();
    let meter = provider.meter("inner");
    let _gauge = provider
        .meter("")
        .as_otel()
        .u64_observable_gauge("outer")
        .with_callback(move |observer| {
            let inner: Counter<u64> = meter.counter("inner").build();
            inner.add(1, &());
            observer.observe(1, &[]);
        })
        .build();
    let page = samples(&text(&short_exporter(&provider)));
    assert_eq!(page.into_keys().collect::<Vec<_>>(), ["inner_total", "outer"]);
}

#[test]
fn a_counter_never_falls() {
    // opentelemetry_sdk 0.33 accepts negative additions of floats.
    let provider = bare_provider();
    let spent: Counter<f64> = provider.meter("").counter("spent").build();
    spent.add(2.5, &());
    spent.add(-1.0, &());
    spent.add(f64::NAN, &());
    assert_eq!(samples(&text(&short_exporter(&provider)))["spent_total"], "2.5");
}

#[test]
fn a_histogram_is_a_histogram_and_keeps_no_measurements() {
    // metrics 0.24 keeps every measurement until it is scraped, and its exporter makes summaries unless told
    // otherwise, as axum-prometheus does of the histograms of its users.
    let provider = bare_provider();
    let took: Histogram<f64> = provider.meter("").histogram("took").with_boundaries([1.0]).build();
    for n in 0..200_000 {
        took.record(f64::from(n % 3), &());
    }
    let page = text(&short_exporter(&provider));
    assert!(page.contains("# TYPE took histogram\n"), "{page}");
    let page = samples(&page);
    assert_eq!((&*page["took_bucket{le=\"1\"}"], &*page["took_count"]), ("133334", "200000"));
    assert_eq!(page["took_sum"], "199999");
}
