//! Real Prometheus servers scrape us and answer what was recorded.

mod support;

use std::collections::BTreeMap;

use http::{Response, StatusCode};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use opentelemetry::{Context, SpanId, TraceId};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use support::checker::{self, Sample};
use support::http_server::HttpServer;
use support::prometheus::Prometheus;
use support::{FORMATS, corpus};
use tachograph_prometheus::{Format, PrometheusExporter, TranslationStrategy};
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider, Resource, UpDownCounter};

const FEATURES: &str = "--enable-feature=exemplar-storage,native-histograms,created-timestamp-zero-ingestion";

struct Shop {
    provider: MeterProvider,
    created: Counter<u64>,
}

impl Shop {
    fn open() -> Self {
        let resource = Resource::builder_empty().with_service_name("shop \"one\"").build();
        let provider = MeterProvider::builder().with_resource(resource).build();
        let meter = provider.meter_builder("shop").with_version("1.0").build();
        let created: Counter<u64> = meter
            .counter("order.created.total")
            .with_unit("{order}")
            .with_description("Orders created: \"all\" of them,\nsince the start \\ so far")
            .build();
        created.add(3, &[("channel", "web"), ("region", "eu")]);
        created.add(1 << 53, &[("channel", "app"), ("region", "a\"b\\c\nd{}=,é日🦀\0\t")]);
        let sent: Counter<f64> =
            meter.counter("net.sent").with_unit("By").with_description("Bytes sent").build();
        sent.add(0.1, &());
        sent.add(1e300, &[("big", "yes")]);
        let stock: UpDownCounter<i64> = meter.up_down_counter("stock").build();
        stock.add(-(1 << 53), &[("item", 7)]);
        let temperature: Gauge<f64> = meter.gauge("temperature").with_unit("Cel").build();
        temperature.record(-0.000_012_5, &[("core", 1)]);
        let value: Histogram<f64> =
            meter.histogram("order.value").with_boundaries([0.5, 1.0, 2_500_000.0]).build();
        for euros in [0.25, 1.0, 1.5, 3e6] {
            value.record(euros, &[("channel", "web")]);
        }
        let size: Histogram<u64> = meter.histogram("order.size").with_unit("By").build();
        size.record(1 << 52, &());
        let offset: Histogram<f64> =
            meter.histogram("clock.offset").with_unit("s").with_boundaries([-1.0, 1.0]).build();
        offset.record(-2.0, &());
        Shop { provider, created }
    }

    fn serve(&self) -> (PrometheusExporter, HttpServer) {
        let exporter = PrometheusExporter::new(self.provider.reader());
        let server = exporter.clone();
        (exporter, HttpServer::start(move |request| server.respond(request)))
    }
}

type Series = BTreeMap<BTreeMap<String, String>, f64>;

/// The samples of a page as a server keeps them.
fn series_of_page(exporter: &PrometheusExporter, format: Format) -> Series {
    let page = String::from_utf8(exporter.render(format)).expect("a page is UTF-8");
    let families = checker::check(&page, format).expect("a page is right");
    let samples = families.into_iter().flat_map(|family| family.samples);
    let series = samples.map(|Sample { name, mut labels, value, .. }| {
        labels.insert("__name__".to_owned(), name);
        (labels, value.parse().expect("a number"))
    });
    normalized(series)
}

/// Bounds as numbers: servers from version 3 on write them their own way.
fn normalized(series: impl IntoIterator<Item = (BTreeMap<String, String>, f64)>) -> Series {
    let series = series.into_iter().map(|(mut labels, value)| {
        if let Some(le) = labels.get_mut("le") {
            *le = le.parse::<f64>().expect("a bound").to_string();
        }
        (labels, value)
    });
    series.collect()
}

/// What a server has of a job, but for what it makes itself.
fn series_of_job(server: &Prometheus, job: &str) -> Series {
    let all = server.query(&format!("{{job=\"{job}\"}}"));
    let ours = all.into_iter().filter(|(labels, _)| {
        let name = &labels["__name__"];
        name != "up" && !name.starts_with("scrape_")
    });
    normalized(ours.map(|(mut labels, value)| {
        labels.retain(|name, _| name != "job" && name != "instance");
        (labels, value)
    }))
}

fn assert_has(server: &Prometheus, query: &str, expected: f64) {
    let found = server.query(query);
    assert_eq!(found.values().copied().collect::<Vec<_>>(), [expected], "{query}");
}

/// Scrapes by each job, asks everything back, and once more after more was recorded.
fn check_scrapes(server: &Prometheus, shop: &Shop, exporter: &PrometheusExporter, jobs: &[(&str, Format)]) {
    for (job, format) in jobs {
        let expected = series_of_page(exporter, *format);
        server.until("everything was scraped", || {
            let found = series_of_job(server, job);
            (found.len() == expected.len()).then_some(())
        });
        assert_eq!(series_of_job(server, job), expected, "{job}");
        // By what was recorded, not by what our page says of it.
        let of = |metric: &str, labels: &str| format!("{metric}{{job=\"{job}\",{labels}}}");
        assert_has(server, &of("order_created_total", "channel=\"web\",region=\"eu\""), 3.0);
        let nasty = r#"channel="app",region="a\"b\\c\nd{}=,é日🦀\x00\t""#;
        assert_has(server, &of("order_created_total", nasty), 9_007_199_254_740_992.0);
        assert_has(server, &of("net_sent_bytes_total", "big=\"\""), 0.1);
        assert_has(server, &of("stock", "item=\"7\""), -9_007_199_254_740_992.0);
        assert_has(server, &of("temperature_celsius", "core=\"1\""), -0.000_012_5);
        assert_has(server, &of("order_value_sum", "channel=\"web\""), 3_000_002.75);
        assert_has(server, &of("order_value_count", "otel_scope_name=\"shop\""), 4.0);
        assert_has(server, &of("order_value_bucket", "le=~\"1|1.0\""), 2.0);
        assert_has(
            server,
            &of("order_size_bytes_sum", "otel_scope_version=\"1.0\""),
            4_503_599_627_370_496.0,
        );
        assert_has(server, &of("target_info", "service_name=\"shop \\\"one\\\"\""), 1.0);
    }
    shop.created.add(4, &[("channel", "web"), ("region", "eu")]);
    for (job, _) in jobs {
        let query = format!("order_created_total{{job=\"{job}\",channel=\"web\"}}");
        server.until("the counter has risen", || {
            server.query(&query).values().any(|value| *value == 7.0).then_some(())
        });
    }
    // The name of a counter's family is without `_total` in OpenMetrics; servers keep either.
    let expected = [
        ("order_created", "counter", "Orders created: \"all\" of them,\nsince the start \\ so far", ""),
        ("net_sent_bytes", "counter", "Bytes sent", "bytes"),
        ("temperature_celsius", "gauge", "", "celsius"),
        ("order_value", "histogram", "", ""),
    ];
    let metadata = server.metadata();
    for (name, kind, help, unit) in expected {
        let entries = [name.to_owned(), format!("{name}_total")]
            .iter()
            .filter_map(|name| metadata.get(name))
            .flatten()
            .cloned()
            .collect::<Vec<_>>();
        assert!(
            entries.iter().all(|entry| entry["type"] == kind && entry["help"] == help),
            "{name}: {entries:?}"
        );
        assert!(entries.iter().any(|entry| entry["unit"] == unit), "{name}: {entries:?}");
    }
    server.assert_quiet();
}

/// The protocols that a server of version 3 knows, and what each gets.
const PROTOCOLS: [(&str, Format); 4] = [
    ("PrometheusProto", Format::Protobuf),
    ("OpenMetricsText1.0.0", Format::OpenMetrics100),
    ("PrometheusText1.0.0", Format::Text100),
    ("PrometheusText0.0.4", Format::Text004),
];

/// A scrape job by one protocol, or by what the server prefers.
fn job(name: &str, protocol: Option<&str>, more: &str, target: &HttpServer) -> String {
    let protocols = match protocol {
        Some(protocol) => format!("    scrape_protocols: [{protocol}]\n"),
        None => String::new(),
    };
    let address = target.address;
    format!("  - job_name: {name}\n{protocols}{more}    static_configs:\n      - targets: [\"{address}\"]\n")
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn prometheus_3_answers_what_was_recorded_by_each_of_its_protocols() {
    let shop = Shop::open();
    let (exporter, http) = shop.serve();
    let mut jobs = job("default", None, "", &http);
    for (protocol, _) in PROTOCOLS {
        jobs += &job(protocol, Some(protocol), "", &http);
    }
    let server = Prometheus::start("prometheus-3", "prometheus-3-shop", &jobs, &[FEATURES]);
    // Messages say what lines of text say. A server that takes native histograms prefers protobuf.
    let page_of = |format| if format == Format::OpenMetrics100 { format } else { Format::Text004 };
    let mut jobs: Vec<_> = PROTOCOLS.map(|(protocol, format)| (protocol, page_of(format))).into();
    jobs.push(("default", Format::Text004));
    check_scrapes(&server, &shop, &exporter, &jobs);
    for (_, format) in PROTOCOLS {
        let (content_type, _) = format.content_type().rsplit_once(';').expect("a scheme");
        assert!(http.answered().iter().any(|answered| answered.starts_with(content_type)), "{content_type}");
    }
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn prometheus_3_knows_from_start_times_that_counters_began_at_zero() {
    let shop = Shop::open();
    let exporter = PrometheusExporter::builder(shop.provider.reader()).with_created_samples(true).build();
    let http = HttpServer::start(move |request| exporter.respond(request));
    let protocols = ["PrometheusProto", "OpenMetricsText1.0.0"];
    let jobs: String = protocols.iter().map(|protocol| job(protocol, Some(protocol), "", &http)).collect();
    let server = Prometheus::start("prometheus-3", "prometheus-3-created", &jobs, &[FEATURES]);
    for protocol in protocols {
        let of = |metric: &str| format!("{metric}{{job=\"{protocol}\",channel=\"web\"}}");
        server.until("the counter was scraped", || {
            (!server.query(&of("order_created_total")).is_empty()).then_some(())
        });
        // What was counted before the first scrape is an increase.
        assert_has(&server, &format!("min_over_time({}[10m])", of("order_created_total")), 0.0);
        assert_has(&server, &format!("min_over_time({}[10m])", of("order_value_count")), 0.0);
        // The times are none of its series.
        assert!(server.query(&of("order_created_created")).is_empty());
    }
    server.assert_quiet();
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn prometheus_3_has_names_as_they_are_where_it_asks_for_that() {
    let shop = Shop::open();
    let exporter = PrometheusExporter::builder(shop.provider.reader())
        .with_translation_strategy(TranslationStrategy::NoTranslation)
        .build();
    let http = HttpServer::start(move |request| exporter.respond(request));
    let mut jobs = String::new();
    let names = [
        ("allow-utf-8", "order.created.total"),
        ("underscores", "order_created_total"),
        ("dots", "order_dot_created_dot_total"),
        ("values", "U__order_2e_created_2e_total"),
    ];
    for (protocol, _) in PROTOCOLS {
        for (scheme, _) in names {
            let more = format!("    metric_name_escaping_scheme: {scheme}\n");
            jobs += &job(&format!("{protocol}-{scheme}"), Some(protocol), &more, &http);
        }
    }
    let server = Prometheus::start("prometheus-3", "prometheus-3-utf-8", &jobs, &[FEATURES]);
    for (protocol, format) in PROTOCOLS {
        for (scheme, name) in names {
            // Of these two the server asks for no scheme, whatever it is told.
            let name = match format {
                Format::Text004 | Format::Protobuf => "order_created_total",
                _ => name,
            };
            let job = format!("{protocol}-{scheme}");
            let query = format!("{{\"{name}\",job=\"{job}\",channel=\"web\"}}");
            let found =
                server.until(&format!("{query} was scraped"), || server.query(&query).into_iter().next());
            assert_eq!(found.1, 3.0, "{query}");
        }
    }
    server.assert_quiet();
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn prometheus_2_answers_what_was_recorded_by_what_it_asks_for() {
    let shop = Shop::open();
    let (exporter, http) = shop.serve();
    let jobs =
        format!("  - job_name: default\n    static_configs:\n      - targets: [\"{}\"]\n", http.address);
    let server = Prometheus::start("prometheus-2", "prometheus-2-shop", &jobs, &[]);
    check_scrapes(&server, &shop, &exporter, &[("default", FORMATS[1])]);
}

/// Random workloads, each a target at a path of its own.
fn check_corpus(version: &str, protocols: &[&str]) {
    const WORKLOADS: usize = 120;
    let mut runner = TestRunner::deterministic();
    let exporters: Vec<PrometheusExporter> = (0..WORKLOADS)
        .map(|_| {
            let workload = corpus::workload().new_tree(&mut runner).expect("a workload").current();
            workload.exporter(workload.record().reader())
        })
        .collect();
    let http = HttpServer::start(move |request| {
        let number = request.uri().path().trim_start_matches('/').parse::<usize>();
        match number.ok().and_then(|number| exporters.get(number)) {
            Some(exporter) => exporter.respond(request),
            None => {
                let mut response = Response::new(bytes::Bytes::new());
                *response.status_mut() = StatusCode::NOT_FOUND;
                response
            }
        }
    });
    let mut jobs = String::new();
    for protocol in protocols {
        let name = if protocol.is_empty() { "default" } else { protocol };
        for number in 0..WORKLOADS {
            let protocols = if protocol.is_empty() {
                String::new()
            } else {
                format!("    scrape_protocols: [{protocol}]\n")
            };
            jobs += &format!(
                "  - job_name: {name}-{number}\n    scrape_interval: 5s\n    scrape_timeout: 5s\n    metrics_path: /{number}\n\
                 {protocols}    static_configs:\n      - targets: [\"{}\"]\n",
                http.address
            );
        }
    }
    let features = if version == "prometheus-3" { &[FEATURES][..] } else { &[] };
    let server = Prometheus::start(version, &format!("{version}-corpus"), &jobs, features);
    let targets = protocols.len() * WORKLOADS;
    let up = server.until("every target was scraped", || {
        let up = server.query("up");
        (up.len() == targets).then_some(up)
    });
    let down: Vec<_> =
        up.iter().filter(|(_, value)| **value != 1.0).map(|(labels, _)| &labels["job"]).collect();
    assert!(down.is_empty(), "not scraped: {down:?}\n{:?}\n{}", server.scrape_errors(), server.log());
    assert!(server.query("sum(scrape_samples_scraped)").values().all(|samples| *samples > 1000.0));
    server.assert_quiet();
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn prometheus_3_scrapes_random_workloads_by_each_of_its_protocols() {
    check_corpus("prometheus-3", &PROTOCOLS.map(|(protocol, _)| protocol));
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn prometheus_2_scrapes_random_workloads() {
    check_corpus("prometheus-2", &[""]);
}

/// The control of what the other tests conclude from a quiet log. (Version 2 says nothing of it.)
#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn a_series_twice_would_be_in_the_log_of_prometheus_3() {
    let http = HttpServer::start(|_| {
        let mut response =
            Response::new(bytes::Bytes::from_static(b"# TYPE twice gauge\ntwice 1\ntwice 2\n"));
        let content_type = http::HeaderValue::from_static(Format::Text004.content_type());
        response.headers_mut().insert("content-type", content_type);
        response
    });
    let jobs = format!("  - job_name: bad\n    static_configs:\n      - targets: [\"{}\"]\n", http.address);
    let server = Prometheus::start("prometheus-3", "prometheus-3-bad", &jobs, &[]);
    server.until("the server complained", || server.complaints().pop());
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn prometheus_3_has_the_exemplars_that_were_measured() {
    let provider = MeterProvider::builder().with_resource(Resource::builder_empty().build()).build();
    let meter = provider.meter("shop");
    let orders: Counter<u64> = meter.counter("orders").build();
    let value: Histogram<f64> = meter.histogram("order.value").with_boundaries([1.0, 10.0]).build();
    let native: Histogram<f64> = meter.histogram("order.size").with_exponential_buckets().build();
    let span = SpanContext::new(
        TraceId::from(0xabc_u128),
        SpanId::from(0xd_u64),
        TraceFlags::SAMPLED,
        false,
        TraceState::NONE,
    );
    let current = Context::new().with_remote_span_context(span).attach();
    orders.add(3, &());
    value.record(0.5, &());
    native.record(2.5, &());
    drop(current);
    let exporter = PrometheusExporter::new(provider.reader());
    let http = HttpServer::start(move |request| exporter.respond(request));
    let protocols = ["PrometheusProto", "OpenMetricsText1.0.0"];
    let jobs: String = protocols.iter().map(|protocol| job(protocol, Some(protocol), "", &http)).collect();
    let server = Prometheus::start("prometheus-3", "prometheus-3-exemplars", &jobs, &[FEATURES]);
    let trace = [("trace_id", format!("{:032x}", 0xabc)), ("span_id", format!("{:016x}", 0xd))];
    let trace: BTreeMap<_, _> = trace.map(|(name, id)| (name.to_owned(), id)).into();
    for protocol in protocols {
        // A native histogram has its exemplars itself, a classic one in its buckets.
        let size = if protocol == "PrometheusProto" { "order_size" } else { "order_size_bucket" };
        for (metric, value) in [("orders_total", 3.0), ("order_value_bucket", 0.5), (size, 2.5)] {
            let query = format!("{metric}{{job=\"{protocol}\"}}");
            let found = server.until(&format!("{query} has exemplars"), || {
                let found = server.exemplars(&query);
                (!found.is_empty()).then_some(found)
            });
            assert!(found.iter().all(|exemplar| *exemplar == (trace.clone(), value)), "{query}: {found:?}");
        }
    }
    server.assert_quiet();
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn quantiles_of_native_histograms_are_those_of_what_was_recorded() {
    const VALUES: u32 = 5_000;
    let provider = MeterProvider::builder().with_resource(Resource::builder_empty().build()).build();
    let size: Histogram<f64> = provider.meter("shop").histogram("size").with_exponential_buckets().build();
    // From 1 to 1,000, evenly over the octaves, in no order.
    let values: Vec<f64> =
        (0..VALUES).map(|n| 1000_f64.powf(f64::from(n * 7 % VALUES) / f64::from(VALUES))).collect();
    values.iter().for_each(|value| size.record(*value, &()));
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    let exporter = PrometheusExporter::new(provider.reader());
    let http = HttpServer::start(move |request| exporter.respond(request));
    let protocols = ["PrometheusProto", "PrometheusText0.0.4"];
    let jobs: String = protocols.iter().map(|protocol| job(protocol, Some(protocol), "", &http)).collect();
    let server = Prometheus::start("prometheus-3", "prometheus-3-quantiles", &jobs, &[FEATURES]);
    // Ten octaves in 160 buckets: 16 for each. In text there is one for each.
    for (metric, protocol, factor) in
        [("size", protocols[0], 2_f64.powf(1.0 / 16.0)), ("size_bucket", protocols[1], 2.0)]
    {
        let of = format!("{metric}{{job=\"{protocol}\"}}");
        server.until(&format!("{of} was scraped"), || (!server.query(&of).is_empty()).then_some(()));
        for quantile in [0.01, 0.1, 0.5, 0.9, 0.99, 0.999] {
            let exact = sorted[(quantile * f64::from(VALUES)) as usize];
            let query = format!("histogram_quantile({quantile}, {of})");
            let found = server.query(&query).into_values().next().expect("a quantile");
            assert!(
                found <= exact * factor * 1.001 && found >= exact / factor / 1.001,
                "{query}: {found}, not {exact}"
            );
        }
    }
    assert_has(&server, &format!("histogram_count(size{{job=\"{}\"}})", protocols[0]), f64::from(VALUES));
    let sum: f64 = values.iter().sum();
    let found = server.query(&format!("histogram_sum(size{{job=\"{}\"}})", protocols[0]));
    assert!(found.into_values().all(|found| (found - sum).abs() <= sum * 1e-12));
    server.assert_quiet();
}
