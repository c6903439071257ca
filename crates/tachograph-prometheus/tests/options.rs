//! What can be chosen of a page.

mod support;

use std::sync::Arc;

use opentelemetry::KeyValue;
use support::{open_metrics, samples, text};
use tachograph_prometheus::{EscapingScheme, Format, PrometheusExporter, TranslationStrategy};
use tachograph_sdk::testing::ManualClock;
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider, Resource};

fn provider() -> MeterProvider {
    let resource = Resource::builder_empty()
        .with_service_name("shop")
        .with_attributes([KeyValue::new("host.cpus", 4), KeyValue::new("le", "x")])
        .build();
    let clock = Arc::new(ManualClock::new(1_700_000_000_123_456_789));
    MeterProvider::builder().with_clock(clock).with_resource(resource).build()
}

#[test]
fn the_resources_attributes_are_labels_where_they_are_asked_for() {
    let provider = provider();
    let counter: Counter<u64> = provider.meter("lib").counter("c").build();
    counter.add(1, &[("host.cpus", "mine")]);
    counter.add(2, &());
    let histogram: Histogram<f64> = provider.meter("lib").histogram("h").with_boundaries([1.0]).build();
    histogram.record(0.5, &());
    let exporter = PrometheusExporter::builder(provider.reader())
        .with_resource_labels(["service.name", "host.cpus", "le", "nowhere"])
        .with_target_info(false)
        .build();
    let page = samples(&text(&exporter)).into_keys().collect::<Vec<_>>();
    let scope = r#"otel_scope_name="lib",service_name="shop""#;
    assert_eq!(
        page,
        [
            format!(r#"c_total{{host_cpus="4",le="x",{scope}}}"#),
            format!(r#"c_total{{host_cpus="mine;4",le="x",{scope}}}"#),
            format!(r#"h_bucket{{exported_le="x",host_cpus="4",{scope},le="+Inf"}}"#),
            format!(r#"h_bucket{{exported_le="x",host_cpus="4",{scope},le="1"}}"#),
            format!(r#"h_count{{exported_le="x",host_cpus="4",{scope}}}"#),
            format!(r#"h_sum{{exported_le="x",host_cpus="4",{scope}}}"#),
        ]
    );
    // Without the scope's labels they stay.
    let exporter = PrometheusExporter::builder(provider.reader())
        .with_resource_labels(["service.name"])
        .with_scope_labels(false)
        .build();
    assert!(text(&exporter).contains("\nc_total{service_name=\"shop\"} 2\n"));
}

#[test]
fn open_metrics_says_when_series_began_where_it_is_asked_to() {
    let provider = provider();
    let counter: Counter<u64> = provider.meter("").counter("c").build();
    counter.add(1, &[("a", "b")]);
    counter.add(1, &());
    let gauge: Gauge<u64> = provider.meter("").gauge("g").build();
    gauge.record(1, &());
    let histogram: Histogram<f64> = provider.meter("").histogram("h").with_boundaries([1.0]).build();
    histogram.record(0.5, &[("a", "b")]);
    let builder = PrometheusExporter::builder(provider.reader()).with_target_info(false);
    let exporter = builder.clone().with_created_samples(true).build();
    let created: Vec<_> =
        samples(&open_metrics(&exporter)).into_iter().filter(|(name, _)| name.contains("created")).collect();
    let time = "1700000000.123".to_owned();
    assert_eq!(
        created,
        [
            ("c_created".to_owned(), time.clone()),
            ("c_created{a=\"b\"}".to_owned(), time.clone()),
            ("h_created{a=\"b\"}".to_owned(), time),
        ]
    );
    assert!(!text(&exporter).contains("_created"));
    assert!(!open_metrics(&builder.build()).contains("_created"), "it is off by default");
}

#[test]
fn each_strategy_has_its_names_in_each_format() {
    use TranslationStrategy::{
        NoTranslation, NoUtf8EscapingWithSuffixes, UnderscoreEscapingWithSuffixes,
        UnderscoreEscapingWithoutSuffixes,
    };
    let provider = provider();
    let counter: Counter<u64> = provider.meter("").counter("foo.bar").with_unit("By").build();
    counter.add(1, &[("a.b", "x\"")]);
    for (strategy, escaping, sample, kind) in [
        (
            UnderscoreEscapingWithSuffixes,
            EscapingScheme::AllowUtf8,
            r#"foo_bar_bytes_total{a_b="x\""}"#,
            "counter",
        ),
        (UnderscoreEscapingWithoutSuffixes, EscapingScheme::AllowUtf8, r#"foo_bar{a_b="x\""}"#, "unknown"),
        (
            NoUtf8EscapingWithSuffixes,
            EscapingScheme::AllowUtf8,
            r#"{"foo.bar_bytes_total","a.b"="x\""}"#,
            "counter",
        ),
        (
            NoUtf8EscapingWithSuffixes,
            EscapingScheme::Underscores,
            r#"foo_bar_bytes_total{a_b="x\""}"#,
            "counter",
        ),
        (NoTranslation, EscapingScheme::AllowUtf8, r#"{"foo.bar","a.b"="x\""}"#, "unknown"),
        (NoTranslation, EscapingScheme::Dots, r#"foo_dot_bar{a_dot_b="x\""}"#, "unknown"),
        (NoTranslation, EscapingScheme::Values, r#"U__foo_2e_bar{U__a_2e_b="x\""}"#, "unknown"),
    ] {
        let exporter = PrometheusExporter::builder(provider.reader())
            .with_translation_strategy(strategy)
            .with_target_info(false)
            .build();
        for format in support::TEXT_FORMATS {
            let page = support::render(&exporter, format.with_escaping(escaping));
            assert!(page.contains(&format!("\n{sample} 1\n")), "{page}");
            let kind = if format == Format::OpenMetrics100 { kind } else { "counter" };
            let first = page.lines().next().expect("a comment");
            assert!(first.starts_with("# TYPE ") && first.ends_with(kind), "{page}");
        }
    }
}
