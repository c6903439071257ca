//! Metrics of producers stand on the page after the engine's, in every format, and no name is two things.

mod support;

use std::error::Error;
use std::sync::{Arc, Mutex};

use opentelemetry::{InstrumentationScope, KeyValue};
use support::proto::decode;
use support::{bare_provider, open_metrics, samples, text};
use tachograph_prometheus::{EscapingScheme, Format, PrometheusExporter};
use tachograph_sdk::metrics::{
    MetricProducer, NumberValue, ProducedBatch, ProducedBucket, ProducedExemplar, ProducedHistogram,
    ProducedKind, ProducedMetric, ProducedPoint, ProducedSummary, ProducedValue,
};
use tachograph_sdk::{AttributeSet, Counter, Gauge, Histogram, MeterProvider};

/// A producer that gives what it is told.
struct Told {
    scope: InstrumentationScope,
    verbatim: bool,
    metrics: Mutex<Vec<ProducedMetric>>,
}

impl Told {
    fn new(verbatim: bool, metrics: Vec<ProducedMetric>) -> Arc<Self> {
        let scope = InstrumentationScope::builder("told").with_version("3").build();
        Arc::new(Told { scope, verbatim, metrics: Mutex::new(metrics) })
    }

    fn tell(&self, metrics: Vec<ProducedMetric>) {
        *self.metrics.lock().expect("no panic") = metrics;
    }
}

impl MetricProducer for Told {
    fn scope(&self) -> &InstrumentationScope {
        &self.scope
    }

    fn produce(&self, batch: &mut ProducedBatch) -> Result<(), Box<dyn Error + Send + Sync>> {
        batch.verbatim = self.verbatim;
        batch.metrics = self.metrics.lock().expect("no panic").clone();
        Ok(())
    }
}

const COUNTER: ProducedKind = ProducedKind::Sum { monotonic: true };

fn metric(name: &'static str, kind: ProducedKind, points: Vec<ProducedPoint>) -> ProducedMetric {
    let mut metric = ProducedMetric::new(name, kind);
    metric.points = points;
    metric
}

fn number(labels: &[(&'static str, &'static str)], value: impl Into<NumberValue>) -> ProducedPoint {
    ProducedPoint::new(AttributeSet::new(labels), value.into())
}

fn exporter(provider: &MeterProvider, producer: Arc<Told>) -> PrometheusExporter {
    PrometheusExporter::new(provider.reader_builder().with_producer(producer).build())
}

/// One metric of each kind, as a registry of Prometheus metrics would have them.
fn every_kind() -> Vec<ProducedMetric> {
    let mut counter = metric("jobs_total", COUNTER, vec![number(&[("queue", "a\"b\\\n")], 3_u64)]);
    counter.description = "Jobs \\ done,\nall of them".into();
    if let ProducedValue::Number { exemplar, .. } = &mut counter.points[0].value {
        *exemplar = Some(ProducedExemplar {
            attributes: AttributeSet::new(&[("trace_id", "abc")]),
            value: 1.0,
            unix_nanos: Some(12_500_000_000),
        });
    }
    let bucket = |upper_bound, count| ProducedBucket { upper_bound, count, exemplar: None };
    let histogram =
        ProducedHistogram { count: 9, sum: Some(4.5), buckets: vec![bucket(0.1, 1), bucket(1.0, 5)] };
    let summary = ProducedSummary { count: 4, sum: 8.5, quantiles: vec![(0.5, 2.0), (0.99, f64::NAN)] };
    let mut unit = metric("waited_seconds", ProducedKind::Gauge, vec![number(&[], 0.25)]);
    unit.unit = "seconds".into();
    let mut timed = metric("old", ProducedKind::Gauge, vec![number(&[], 1_u64)]);
    timed.points[0].unix_nanos = Some(7_000_000_000);
    vec![
        counter,
        metric("plain", COUNTER, vec![number(&[], 7_u64)]),
        metric("took", ProducedKind::Histogram, vec![ProducedPoint::new([("a", "b")], histogram)]),
        metric("waited", ProducedKind::Summary, vec![ProducedPoint::new([("a", "b")], summary)]),
        metric("what", ProducedKind::Unknown, vec![number(&[], -2_i64)]),
        metric("build_info", ProducedKind::Info, vec![number(&[("version", "1")], 1_u64)]),
        unit,
        timed,
        metric("empty", ProducedKind::Gauge, vec![]),
    ]
}

fn engine_and(metrics: Vec<ProducedMetric>) -> PrometheusExporter {
    let provider = bare_provider();
    let orders: Counter<u64> = provider.meter("shop").counter("orders").build();
    orders.add(1, &());
    exporter(&provider, Told::new(true, metrics))
}

/// A page with times and exemplars, which the checker of the engine's pages does not know.
fn unchecked(exporter: &PrometheusExporter, format: Format) -> String {
    String::from_utf8(exporter.render(format)).expect("a page is UTF-8")
}

#[test]
fn text_has_them_verbatim_behind_the_engines() {
    let page = unchecked(&engine_and(every_kind()), Format::Text004);
    assert_eq!(
        page,
        r#"# TYPE orders_total counter
orders_total{otel_scope_name="shop"} 1
# HELP jobs_total Jobs \\ done,\nall of them
# TYPE jobs_total counter
jobs_total{queue="a\"b\\\n"} 3
# TYPE plain counter
plain 7
# TYPE took histogram
took_bucket{a="b",le="0.1"} 1
took_bucket{a="b",le="1"} 6
took_bucket{a="b",le="+Inf"} 9
took_sum{a="b"} 4.5
took_count{a="b"} 9
# TYPE waited summary
waited{a="b",quantile="0.5"} 2
waited{a="b",quantile="0.99"} NaN
waited_sum{a="b"} 8.5
waited_count{a="b"} 4
# TYPE what untyped
what -2
# TYPE build_info gauge
build_info{version="1"} 1
# TYPE waited_seconds gauge
waited_seconds 0.25
# TYPE old gauge
old 1 7000
"#
    );
}

#[test]
fn open_metrics_calls_families_its_own_way_and_samples_as_they_are() {
    let page = unchecked(&engine_and(every_kind()), Format::OpenMetrics100);
    assert_eq!(
        page,
        r#"# TYPE orders counter
orders_total{otel_scope_name="shop"} 1
# TYPE jobs counter
# HELP jobs Jobs \\ done,\nall of them
jobs_total{queue="a\"b\\\n"} 3 # {trace_id="abc"} 1.0 12.500
# TYPE plain unknown
plain 7
# TYPE took histogram
took_bucket{a="b",le="0.1"} 1
took_bucket{a="b",le="1.0"} 6
took_bucket{a="b",le="+Inf"} 9
took_sum{a="b"} 4.5
took_count{a="b"} 9
# TYPE waited summary
waited{a="b",quantile="0.5"} 2.0
waited{a="b",quantile="0.99"} NaN
waited_sum{a="b"} 8.5
waited_count{a="b"} 4
# TYPE what unknown
what -2
# TYPE build info
build_info{version="1"} 1
# TYPE waited_seconds gauge
# UNIT waited_seconds seconds
waited_seconds 0.25
# TYPE old gauge
old 1 7.000
# EOF
"#
    );
}

#[test]
fn protobuf_has_every_kind_with_its_type() {
    let families = decode(&engine_and(every_kind()).render(Format::Protobuf));
    let kinds: Vec<_> = families
        .iter()
        .map(|family| (family.name.as_deref().expect("a name"), family.r#type.expect("a type")))
        .collect();
    assert_eq!(
        kinds,
        [
            ("orders_total", 0),
            ("jobs_total", 0),
            ("plain", 0),
            ("took", 4),
            ("waited", 2),
            ("what", 3),
            ("build_info", 1),
            ("waited_seconds", 1),
            ("old", 1),
        ]
    );
    let only = |at: usize| families[at].metric.first().expect("a series").clone();
    let jobs = only(1);
    assert_eq!(jobs.label[0].value.as_deref(), Some("a\"b\\\n"));
    let counter = jobs.counter.expect("a counter");
    assert_eq!(counter.value, Some(3.0));
    assert_eq!(counter.exemplar.expect("an exemplar").label[0].value.as_deref(), Some("abc"));
    let took = only(3).histogram.expect("a histogram");
    let buckets: Vec<_> =
        took.bucket.iter().map(|bucket| (bucket.upper_bound, bucket.cumulative_count)).collect();
    assert_eq!(buckets, [(Some(0.1), Some(1)), (Some(1.0), Some(6)), (Some(f64::INFINITY), Some(9))]);
    assert_eq!((took.sample_count, took.sample_sum), (Some(9), Some(4.5)));
    let waited = only(4).summary.expect("a summary");
    assert_eq!((waited.sample_count, waited.sample_sum, waited.quantile.len()), (Some(4), Some(8.5), 2));
    assert_eq!(only(5).untyped.expect("an untyped number").value, Some(-2.0));
    assert_eq!(families[7].unit.as_deref(), Some("seconds"));
    assert_eq!(only(8).timestamp_ms, Some(7_000));
}

/// A summary and a histogram whose attributes are named as the labels of their samples.
fn own_labels() -> Vec<ProducedMetric> {
    let summary = ProducedSummary { count: 4, sum: 8.5, quantiles: vec![(0.5, 2.0)] };
    let histogram = ProducedHistogram { count: 9, sum: Some(4.5), buckets: vec![] };
    let attributes = AttributeSet::new(&[("quantile", "q"), ("le", "l")]);
    vec![
        metric("s", ProducedKind::Summary, vec![ProducedPoint::new(attributes.clone(), summary)]),
        metric("h", ProducedKind::Histogram, vec![ProducedPoint::new(attributes, histogram)]),
    ]
}

#[test]
fn no_sample_has_a_label_twice() {
    for verbatim in [false, true] {
        let provider = bare_provider();
        let reader = provider.reader_builder().with_producer(Told::new(verbatim, own_labels())).build();
        let exporter = PrometheusExporter::builder(reader).with_scope_labels(false).build();
        for format in [Format::Text004, Format::OpenMetrics100] {
            let page = unchecked(&exporter, format);
            let lines: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
            assert_eq!(
                lines[0],
                "s{exported_quantile=\"q\",le=\"l\",quantile=\"0.5\"} 2.0"
                    .trim_end_matches(if format == Format::Text004 { ".0" } else { "" })
            );
            assert_eq!(lines[3], "h_bucket{exported_le=\"l\",quantile=\"q\",le=\"+Inf\"} 9");
        }
        let names = |family: usize| -> Vec<String> {
            let families = decode(&exporter.render(Format::Protobuf));
            families[family].metric[0].label.iter().map(|label| label.name().to_owned()).collect()
        };
        assert_eq!(names(0), ["exported_quantile", "le"]);
        assert_eq!(names(1), ["exported_le", "quantile"]);
    }
}

#[test]
fn quantiles_are_on_a_page_once_and_only_those_that_there_can_be() {
    let quantiles =
        vec![(0.5, 1.0), (0.5, 2.0), (f64::NAN, 3.0), (1.5, 4.0), (-0.1, 5.0), (0.0, 6.0), (-0.0, 7.0)];
    let summary = ProducedSummary { count: 4, sum: 8.5, quantiles };
    let exporter =
        engine_and(vec![metric("s", ProducedKind::Summary, vec![ProducedPoint::new((), summary)])]);
    for format in [Format::Text004, Format::OpenMetrics100] {
        let page = unchecked(&exporter, format);
        let found = page.lines().filter_map(|line| line.strip_prefix("s{quantile=\"")?.split_once('"'));
        let found: Vec<f64> = found.map(|(quantile, _)| quantile.parse().expect("a number")).collect();
        assert_eq!(found, [0.5, 0.0], "{page}");
    }
    let families = decode(&exporter.render(Format::Protobuf));
    let summary = families[1].metric[0].summary.as_ref().expect("a summary");
    assert_eq!(summary.quantile.iter().map(|one| one.value()).collect::<Vec<_>>(), [1.0, 6.0]);
}

#[test]
fn pages_in_pieces_are_the_page() {
    let many: Vec<_> = (0..3_000)
        .map(|at| {
            let name: &'static str = Box::leak(format!("metric_{at}_total").into_boxed_str());
            metric(name, COUNTER, vec![number(&[("some", "label of some length")], 1_u64)])
        })
        .collect();
    let exporter = engine_and(many);
    for format in [Format::Text004, Format::Text100, Format::OpenMetrics100, Format::Protobuf] {
        let pieces: Vec<_> = exporter.stream(format).collect();
        if format != Format::Protobuf {
            assert!(pieces.len() > 1);
        }
        assert_eq!(pieces.concat(), exporter.render(format));
    }
}

#[test]
fn what_is_not_verbatim_is_named_as_instruments_are_and_has_its_scope() {
    let provider = bare_provider();
    let mut load = metric("cpu.load", COUNTER, vec![number(&[("core.id", "1")], 2.5)]);
    load.unit = "s".into();
    let info = metric("build", ProducedKind::Info, vec![number(&[], 1_u64)]);
    let page = text(&exporter(&provider, Told::new(false, vec![load, info])));
    assert_eq!(
        page,
        "# TYPE cpu_load_seconds_total counter\n\
         cpu_load_seconds_total{core_id=\"1\",otel_scope_name=\"told\",otel_scope_version=\"3\"} 2.5\n\
         # TYPE build_info gauge\n\
         build_info{otel_scope_name=\"told\",otel_scope_version=\"3\"} 1\n"
    );
}

#[test]
fn a_label_with_two_underscores_stays_as_it_is() {
    let page =
        text(&engine_and(vec![metric("a__b", ProducedKind::Gauge, vec![number(&[("c__d", "1")], 1_u64)])]));
    assert!(page.ends_with("# TYPE a__b gauge\na__b{c__d=\"1\"} 1\n"), "{page}");
}

#[test]
fn names_outside_the_classic_grammar_are_escaped_where_the_server_asks_for_it() {
    let exporter = engine_and(vec![metric("a.b", ProducedKind::Gauge, vec![number(&[("c.d", "1")], 1_u64)])]);
    assert!(text(&exporter).ends_with("a_b{c_d=\"1\"} 1\n"));
    // The default strategy escapes all names; another leaves them to what is negotiated.
    let provider = bare_provider();
    let told =
        Told::new(true, vec![metric("a.b", ProducedKind::Gauge, vec![number(&[("c.d", "1")], 1_u64)])]);
    let reader = provider.reader_builder().with_producer(told).build();
    let exporter = PrometheusExporter::builder(reader)
        .with_translation_strategy(tachograph_prometheus::TranslationStrategy::NoTranslation)
        .build();
    let page = exporter.render(Format::Text100.with_escaping(EscapingScheme::AllowUtf8));
    assert_eq!(String::from_utf8_lossy(&page), "# TYPE \"a.b\" gauge\n{\"a.b\",\"c.d\"=\"1\"} 1\n");
}

#[test]
fn a_name_of_the_engines_is_the_engines_and_the_producers_is_left_out() {
    let provider = bare_provider();
    let meter = provider.meter("shop");
    let orders: Counter<u64> = meter.counter("orders").build();
    orders.add(1, &());
    let took: Histogram<f64> = meter.histogram("took").with_boundaries([1.0]).build();
    took.record(0.5, &());
    let one = || vec![number(&[], 9_u64)];
    let told = Told::new(
        true,
        vec![
            metric("orders_total", COUNTER, one()),
            metric("took_count", ProducedKind::Gauge, one()),
            metric("fine", ProducedKind::Gauge, one()),
        ],
    );
    let exporter = exporter(&provider, told);
    for page in [text(&exporter), open_metrics(&exporter)] {
        let samples = samples(&page);
        assert_eq!(samples["orders_total{otel_scope_name=\"shop\"}"], "1");
        assert!(!samples.contains_key("orders_total") && !samples.contains_key("took_count"), "{page}");
        assert_eq!(samples["fine"], "9");
    }
}

#[test]
fn a_name_that_a_producer_had_first_stays_the_producers() {
    let provider = bare_provider();
    let told = Told::new(true, vec![metric("orders_total", COUNTER, vec![number(&[], 9_u64)])]);
    let exporter = exporter(&provider, Arc::clone(&told));
    assert_eq!(samples(&text(&exporter))["orders_total"], "9");
    let orders: Counter<u64> = provider.meter("shop").counter("orders").build();
    orders.add(1, &());
    let page = text(&exporter);
    assert_eq!(samples(&page).len(), 1, "{page}");
    // Also while it is away: a name does not change hands between two scrapes.
    told.tell(vec![]);
    assert!(samples(&text(&exporter)).is_empty());
}

#[test]
fn names_that_clash_in_open_metrics_only_lose_nothing() {
    let provider = bare_provider();
    let orders: Counter<u64> = provider.meter("shop").counter("orders").build();
    orders.add(1, &());
    let depth: Gauge<u64> = provider.meter("shop").gauge("build").build();
    depth.record(2, &());
    let told = Told::new(
        true,
        vec![
            metric("orders", ProducedKind::Gauge, vec![number(&[], 9_u64)]),
            metric("build_info", ProducedKind::Info, vec![number(&[], 1_u64)]),
        ],
    );
    let page = open_metrics(&exporter(&provider, told));
    assert!(
        page.contains("# TYPE orders_total unknown\n") && page.contains("# TYPE orders gauge\n"),
        "{page}"
    );
    assert!(page.contains("# TYPE build gauge\n") && page.contains("# TYPE build_info gauge\n"), "{page}");
    assert_eq!(samples(&page).len(), 4);
}

#[test]
fn two_producers_of_one_name_are_one_family_and_equal_series_are_there_once() {
    let provider = bare_provider();
    let jobs = |labels, value: u64| vec![metric("jobs_total", COUNTER, vec![number(labels, value)])];
    let reader = provider
        .reader_builder()
        .with_producer(Told::new(true, jobs(&[("a", "1")], 1)))
        .with_producer(Told::new(true, jobs(&[("a", "2")], 2)))
        .with_producer(Told::new(true, jobs(&[("a", "1")], 3)))
        .with_producer(Told::new(
            true,
            vec![metric("jobs_total", ProducedKind::Gauge, vec![number(&[], 4_u64)])],
        ))
        .build();
    let page = text(&PrometheusExporter::new(reader));
    assert_eq!(page, "# TYPE jobs_total counter\njobs_total{a=\"1\"} 1\njobs_total{a=\"2\"} 2\n");
}

#[test]
fn points_and_buckets_that_make_no_sense_are_left_out_and_the_page_stays_right() {
    let bucket = |upper_bound, count| ProducedBucket { upper_bound, count, exemplar: None };
    let broken = ProducedHistogram {
        count: 2,
        sum: Some(3.0),
        buckets: vec![bucket(1.0, 1), bucket(0.5, 2), bucket(f64::NAN, 4), bucket(2.0, 8)],
    };
    let exporter = engine_and(vec![
        metric(
            "a",
            ProducedKind::Histogram,
            vec![number(&[], 1_u64), ProducedPoint::new([("x", "y")], broken)],
        ),
        metric(
            "b",
            ProducedKind::Gauge,
            vec![ProducedPoint::new(AttributeSet::new(&()), ProducedSummary::default())],
        ),
        metric("", ProducedKind::Gauge, vec![number(&[], 1_u64)]),
    ]);
    let page = text(&exporter);
    assert!(
        page.contains(
            "a_bucket{x=\"y\",le=\"1\"} 1\na_bucket{x=\"y\",le=\"2\"} 15\na_bucket{x=\"y\",le=\"+Inf\"} 15\n"
        ),
        "{page}"
    );
    assert!(!page.contains("\nb") && page.contains("\n_ 1\n"), "{page}");
    open_metrics(&exporter);
    decode(&exporter.render(Format::Protobuf));
}

#[test]
fn the_resource_is_on_every_series_if_it_is_to_be() {
    let resource =
        tachograph_sdk::Resource::builder_empty().with_attribute(KeyValue::new("zone", "a")).build();
    let provider = MeterProvider::builder().with_resource(resource).build();
    let told = Told::new(true, vec![metric("up_since", ProducedKind::Gauge, vec![number(&[], 1_u64)])]);
    let reader = provider.reader_builder().with_producer(told).build();
    let exporter =
        PrometheusExporter::builder(reader).with_target_info(false).with_resource_labels(["zone"]).build();
    assert_eq!(text(&exporter), "# TYPE up_since gauge\nup_since{zone=\"a\"} 1\n");
}
