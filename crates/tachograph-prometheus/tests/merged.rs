//! Registries of other libraries on our page: what they have is there as their own page has it, and nothing they
//! do harms the engine's part.

mod support;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Unit;
use support::http_server::HttpServer;
use support::prometheus::Prometheus;
use support::{bare_provider, samples, text};
use tachograph_bridge_prometheus::PrometheusRegistry;
use tachograph_bridge_prometheus_client::PrometheusClientRegistry;
use tachograph_prometheus::{Format, PrometheusExporter};
use tachograph_sdk::{Counter, MeterProvider};

/// A registry of `prometheus` with one metric of each kind, a prefix and a constant label.
fn old_registry() -> prometheus::Registry {
    let constant = HashMap::from([("app".to_owned(), "shop \"1\"".to_owned())]);
    let registry =
        prometheus::Registry::new_custom(Some("old".to_owned()), Some(constant)).expect("a registry");
    let requests =
        IntCounterVec::new(Opts::new("requests_total", "Requests\nserved \\ so far"), &["code", "path"])
            .expect("a counter");
    requests.with_label_values(&["200", "/a\"b\\\n"]).inc_by(3);
    requests.with_label_values(&["500", "é日🦀"]).inc();
    let errors = IntCounter::new("errors", "A counter without a suffix").expect("a counter");
    errors.inc_by(1 << 50);
    let depth = IntGauge::new("queue_depth", "Depth").expect("a gauge");
    depth.set(-4);
    let took =
        HistogramVec::new(HistogramOpts::new("took_seconds", "Durations").buckets(vec![0.1, 1.0]), &["op"])
            .expect("a histogram");
    for seconds in [0.05, 0.5, 5.0, 0.1] {
        took.with_label_values(&["read"]).observe(seconds);
    }
    for collector in
        [Box::new(requests) as Box<dyn Collector>, Box::new(errors), Box::new(depth), Box::new(took)]
    {
        registry.register(collector).expect("registered");
    }
    registry
}

type Labels = Vec<(String, String)>;

/// A page with exemplars, which the checker of the engine's pages does not know.
fn unchecked(exporter: &PrometheusExporter, format: Format) -> String {
    String::from_utf8(exporter.render(format)).expect("a page is UTF-8")
}

/// A registry of `prometheus-client` with one metric of each kind.
fn new_registry() -> prometheus_client::registry::Registry {
    use prometheus_client::metrics::{counter, exemplar, gauge, histogram};
    let mut registry = prometheus_client::registry::Registry::with_prefix("new");
    let jobs = Family::<Labels, counter::Counter>::default();
    registry.register("jobs", "Jobs done", jobs.clone());
    jobs.get_or_create(&vec![("queue".to_owned(), "a\"b\\\nc".to_owned())]).inc_by(u64::MAX);
    jobs.get_or_create(&vec![("queue".to_owned(), "é日🦀".to_owned())]).inc();
    let waited = counter::Counter::<f64, std::sync::atomic::AtomicU64>::default();
    registry.register_with_unit("waited", "Time waited", Unit::Seconds, waited.clone());
    waited.inc_by(0.25);
    let level = gauge::Gauge::<i64>::default();
    registry.register("level", "Level", level.clone());
    level.set(-7);
    let size = exemplar::HistogramWithExemplars::<Labels>::new([1.0, 10.0].into_iter());
    registry.register("size", "Sizes", size.clone());
    size.observe(0.5, None, None);
    size.observe(5.0, Some(vec![("trace_id".to_owned(), "abc".to_owned())]), None);
    size.observe(50.0, None, None);
    let plain = histogram::Histogram::new([0.5]);
    registry.sub_registry_with_label(("zone".into(), "b".into())).register("plain", "Plain", plain.clone());
    plain.observe(0.1);
    registry.register("build", "Build", Info::new(vec![("version".to_owned(), "1.2".to_owned())]));
    registry
}

fn engine() -> MeterProvider {
    let provider = bare_provider();
    let orders: Counter<u64> = provider.meter("shop").counter("orders").build();
    orders.add(1, &());
    provider
}

fn merged(provider: &MeterProvider) -> PrometheusExporter {
    let reader = provider
        .reader_builder()
        .with_producer(Arc::new(PrometheusRegistry::new(old_registry())))
        .with_producer(Arc::new(PrometheusClientRegistry::new(Arc::new(new_registry()))))
        .build();
    PrometheusExporter::new(reader)
}

/// The lines of a page and their labels, both sorted: their order means nothing.
fn lines(page: &str) -> Vec<String> {
    let sorted = |line: &str| match (line.find('{'), line.find('}')) {
        (Some(open), Some(close)) if !line.starts_with('#') => {
            let mut labels: Vec<_> = line[open + 1..close].split(',').collect();
            labels.sort_unstable();
            format!("{}{{{}{}", &line[..open], labels.join(","), &line[close..])
        }
        _ => line.to_owned(),
    };
    let mut lines: Vec<_> = page.lines().filter(|line| *line != "# EOF").map(sorted).collect();
    lines.sort();
    lines
}

#[test]
fn a_registry_of_prometheus_is_there_as_its_own_encoder_has_it() {
    let provider = bare_provider();
    let producer = PrometheusRegistry::new(old_registry());
    let ours =
        text(&PrometheusExporter::new(provider.reader_builder().with_producer(Arc::new(producer)).build()));
    let theirs = prometheus::TextEncoder::new().encode_to_string(&old_registry().gather()).expect("a page");
    assert_eq!(lines(&ours), lines(&theirs));
}

#[test]
fn a_registry_of_prometheus_client_is_there_as_its_own_encoder_has_it() {
    let provider = bare_provider();
    let producer = PrometheusClientRegistry::new(Arc::new(new_registry()));
    let exporter =
        PrometheusExporter::new(provider.reader_builder().with_producer(Arc::new(producer)).build());
    let ours = unchecked(&exporter, Format::OpenMetrics100);
    let mut theirs = String::new();
    encode(&mut theirs, &new_registry()).expect("a page");
    assert_eq!(lines(&ours), lines(&theirs));
}

#[test]
fn both_are_merged_behind_the_engines_families() {
    let provider = engine();
    let exporter = merged(&provider);
    let page = text(&exporter);
    assert!(page.starts_with("# TYPE orders_total counter\n"), "{page}");
    let samples = samples(&page);
    assert_eq!(samples["old_errors{app=\"shop \\\"1\\\"\"}"], "1125899906842624");
    assert_eq!(samples["new_jobs_total{queue=\"a\\\"b\\\\\\nc\"}"], "18446744073709551615", "exact");
    assert_eq!(samples["new_waited_seconds_total"], "0.25");
    assert_eq!(samples["new_build_info{version=\"1.2\"}"], "1");
    assert!(page.contains("# TYPE new_build_info gauge\n") && !page.contains("otel_scope_name=\"prometheus"));
}

#[test]
fn equal_names_of_two_registries_are_one_family_and_a_type_that_differs_is_left_out() {
    let provider = bare_provider();
    let old = prometheus::Registry::new();
    let jobs = IntCounterVec::new(Opts::new("jobs_total", "Jobs"), &["from"]).expect("a counter");
    jobs.with_label_values(&["old"]).inc();
    old.register(Box::new(jobs)).expect("registered");
    let level = IntCounter::new("level", "A counter here").expect("a counter");
    old.register(Box::new(level)).expect("registered");
    let mut new = prometheus_client::registry::Registry::default();
    let jobs = Family::<Labels, prometheus_client::metrics::counter::Counter>::default();
    jobs.get_or_create(&vec![("from".to_owned(), "new".to_owned())]).inc();
    new.register("jobs", "Jobs", jobs);
    let level = prometheus_client::metrics::gauge::Gauge::<i64>::default();
    level.set(5);
    new.register("level", "A gauge there", level);
    let reader = provider
        .reader_builder()
        .with_producer(Arc::new(PrometheusRegistry::new(old)))
        .with_producer(Arc::new(PrometheusClientRegistry::new(Arc::new(new))))
        .build();
    let page = text(&PrometheusExporter::new(reader));
    assert_eq!(
        page,
        "# HELP jobs_total Jobs\n\
         # TYPE jobs_total counter\n\
         jobs_total{from=\"old\"} 1\n\
         jobs_total{from=\"new\"} 1\n\
         # HELP level A counter here\n\
         # TYPE level counter\n\
         level 0\n"
    );
}

/// A collector that does what it is told when it is asked.
struct Asked<F>(Desc, F);

impl<F: Fn() + Send + Sync> Collector for Asked<F> {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.0]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        (self.1)();
        let gauge = IntGauge::new("asked", "Asked").expect("a gauge");
        gauge.set(1);
        gauge.collect()
    }
}

fn registry_with(asked: impl Fn() + Send + Sync + 'static) -> prometheus::Registry {
    let registry = prometheus::Registry::new();
    let desc = Desc::new("asked".to_owned(), "Asked".to_owned(), vec![], HashMap::new()).expect("a desc");
    registry.register(Box::new(Asked(desc, asked))).expect("registered");
    registry
}

#[test]
fn a_registry_that_panics_costs_its_own_part_of_that_page_and_nothing_else() {
    let panics = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&panics);
    let registry = registry_with(move || assert!(!asked.load(Ordering::Relaxed), "a collector that panics"));
    let provider = engine();
    let reader = provider
        .reader_builder()
        .with_producer(Arc::new(PrometheusRegistry::new(registry)))
        .with_producer(Arc::new(PrometheusClientRegistry::new(Arc::new(new_registry()))))
        .build();
    let exporter = PrometheusExporter::new(reader);
    for page in [text(&exporter), unchecked(&exporter, Format::OpenMetrics100)] {
        assert!(
            page.contains("orders_total") && page.contains("new_level") && !page.contains("asked"),
            "{page}"
        );
    }
    panics.store(false, Ordering::Relaxed);
    assert_eq!(samples(&text(&exporter))["asked"], "1");
}

#[test]
fn a_registry_that_is_slow_makes_its_page_slow_and_recording_does_not_wait() {
    let (begun, go_on) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (here, there) = (Arc::clone(&begun), Arc::clone(&go_on));
    let registry = registry_with(move || {
        here.wait();
        there.wait();
    });
    let provider = engine();
    let producer = PrometheusRegistry::new(registry);
    let exporter =
        PrometheusExporter::new(provider.reader_builder().with_producer(Arc::new(producer)).build());
    let other = PrometheusExporter::new(provider.reader());
    std::thread::scope(|scope| {
        let page = scope.spawn(|| text(&exporter));
        begun.wait();
        // While the registry is being asked: records, new series and another reader's pages go on.
        let orders: Counter<u64> = provider.meter("shop").counter("orders").build();
        orders.add(1, &());
        orders.add(1, &[("new", "series")]);
        assert_eq!(samples(&text(&other)).len(), 2);
        go_on.wait();
        let page = page.join().expect("a page");
        assert_eq!(
            samples(&page)["orders_total{otel_scope_name=\"shop\"}"],
            "2",
            "read after the registry was"
        );
    });
}

#[test]
fn what_a_registry_cannot_encode_is_reported_and_the_rest_is_there() {
    let provider = engine();
    let producer = PrometheusClientRegistry::encoded_by(|text| {
        text.push_str("# TYPE a gauge\na 1\nnot a line of the format\n# TYPE b gauge\nb 2\n");
        Err(std::fmt::Error)
    });
    let exporter =
        PrometheusExporter::new(provider.reader_builder().with_producer(Arc::new(producer)).build());
    let samples = samples(&text(&exporter));
    assert_eq!((samples["a"].as_str(), samples["b"].as_str(), samples.len()), ("1", "2", 3));
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn prometheus_3_keeps_a_merged_page_by_each_of_its_protocols() {
    let provider = engine();
    let exporter = merged(&provider);
    let http = HttpServer::start(move |request| exporter.respond(request));
    let protocols = ["PrometheusProto", "OpenMetricsText1.0.0", "PrometheusText1.0.0", "PrometheusText0.0.4"];
    let jobs: String = protocols
        .iter()
        .map(|protocol| {
            format!(
                "  - job_name: {protocol}\n    scrape_protocols: [{protocol}]\n    static_configs:\n      - targets: \
                 [\"{}\"]\n",
                http.address
            )
        })
        .collect();
    let server = Prometheus::start("prometheus-3", "prometheus-3-merged", &jobs, &[]);
    for job in protocols {
        let value = |metric: &str, labels: &str| {
            let query = format!("{metric}{{job=\"{job}\",{labels}}}");
            let found = server.until(&query, || Some(server.query(&query)).filter(|found| !found.is_empty()));
            assert_eq!(found.len(), 1, "{query}: {found:?}");
            found.into_values().next()
        };
        assert_eq!(value("orders_total", ""), Some(1.0));
        assert_eq!(value("old_requests_total", r#"code="200",path="/a\"b\\\n""#), Some(3.0));
        assert_eq!(value("old_errors", r#"app="shop \"1\"""#), Some((1_u64 << 50) as f64));
        assert_eq!(value("old_queue_depth", ""), Some(-4.0));
        assert_eq!(value("old_took_seconds_bucket", "le=~\"1|1.0\""), Some(3.0));
        assert_eq!(value("old_took_seconds_count", "op=\"read\""), Some(4.0));
        assert_eq!(value("new_jobs_total", "queue=\"é日🦀\""), Some(1.0));
        assert_eq!(value("new_waited_seconds_total", ""), Some(0.25));
        assert_eq!(value("new_size_bucket", "le=~\"10|10.0\""), Some(2.0));
        assert_eq!(value("new_plain_sum", "zone=\"b\""), Some(0.1));
        assert_eq!(value("new_build_info", "version=\"1.2\""), Some(1.0));
    }
    server.assert_quiet();
}
