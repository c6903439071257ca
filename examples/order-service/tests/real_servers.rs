//! Other people's programs read what the service serves.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::collector::Collector;
use support::prometheus::Prometheus;
use support::tree::{Sent, assert_orders_are_traces};
use support::{Service, peers, trade};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// What was traded, as PromQL asks for it and answers. Exact, as all of it is far below 2^53.
const ANSWERS: [(&str, f64); 16] = [
    (r#"order_created_total{channel="web",region="eu"}"#, 3.0),
    (r#"order_created_total{channel="app",region="us"}"#, 1.0),
    (r#"order_created_total{channel="partner",region="apac"}"#, 1.0),
    ("sum(order_created_total)", 6.0),
    ("sum(order_value_EUR_count)", 6.0),
    // Without the region, which a view takes away.
    (r#"order_value_EUR_sum{channel="web",region=""}"#, 9.0 + 5.0 * 349.0 + 4.5 + 54.0),
    (
        r#"order_value_EUR_bucket{channel="web",le="10.0"} or order_value_EUR_bucket{channel="web",le="10"}"#,
        2.0,
    ),
    (r#"order_value_EUR_bucket{channel="web",le="+Inf"}"#, 4.0),
    (r#"order_ended_total{channel="web",outcome="shipped"}"#, 1.0),
    (r#"sum(order_ended_total{outcome="cancelled"})"#, 3.0),
    (r#"order_queue_depth{channel="web",region="us"}"#, 1.0),
    (r#"order_compensation_total{step="release_stock"}"#, 3.0),
    (r#"order_compensation_total{step="refund"}"#, 1.0),
    (r#"stock_level{sku="tea"}"#, 500.0 - 2.0 - 12.0 - 1.0 + 100.0),
    (
        r#"http_server_request_duration_seconds_count{http_route="/orders",http_response_status_code="201"}"#,
        6.0,
    ),
    (
        r#"http_server_request_duration_seconds_count{http_route="/orders/{number}/pay",error_type="502"}"#,
        1.0,
    ),
];

fn is_scraped_by(version: &str, test: &str, protocols: &str) {
    let service = Service::start(&["--no-traffic"]);
    trade(&service);
    let target = service.base.strip_prefix("http://").unwrap();
    let jobs =
        format!("  - job_name: orders\n{protocols}    static_configs:\n      - targets: ['{target}']\n");
    let server = Prometheus::start(version, test, &jobs, &[]);
    server.until("the service was scraped", || {
        server.query("order_compensation_total").values().next().copied()
    });
    for (query, expected) in ANSWERS {
        let answers: Vec<f64> = server.query(query).into_values().collect();
        assert_eq!(answers, [expected], "{query}");
    }
    let about: Vec<BTreeMap<String, String>> = server.query("target_info").into_keys().collect();
    assert_eq!(about.len(), 1);
    assert_eq!(about[0]["service_name"], "order-service");
    server.assert_quiet();
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn prometheus_3_asks_for_open_metrics_and_answers_what_was_traded() {
    is_scraped_by("prometheus-3", "orders-3-openmetrics", "");
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn prometheus_3_asks_for_text_and_answers_what_was_traded() {
    is_scraped_by("prometheus-3", "orders-3-text", "    scrape_protocols: [PrometheusText0.0.4]\n");
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn prometheus_2_answers_what_was_traded() {
    is_scraped_by("prometheus-2", "orders-2", "");
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn promtool_reads_the_golden_text() {
    let page = std::fs::File::open(golden("text-0.0.4.txt")).unwrap();
    let mut promtool = Command::new(peers::program("prometheus-3/promtool"));
    let (code, said) = peers::run(promtool.args(["check", "metrics"]).stdin(Stdio::from(page)));
    // 3 is about style only: a currency in upper case is to be, 1 would be what cannot be read.
    assert!(matches!(code, Some(0 | 3)), "{code:?}: {said}");
    let complaints: Vec<&str> = said.lines().filter(|line| !line.contains("order_value_EUR")).collect();
    assert!(complaints.is_empty(), "{said}");
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn prometheus_client_reads_the_golden_open_metrics() {
    const READ: &str = "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
for family in text_string_to_metric_families(open(sys.argv[1]).read()):
    total = sum(s.value for s in family.samples if s.name.endswith(('_total', '_count')) or s.name == family.name)
    print(family.name, family.type, family.unit, total)
";
    let mut python = Command::new(peers::program("python/bin/python"));
    let (code, said) = peers::run(python.arg("-c").arg(READ).arg(golden("openmetrics-1.0.0.txt")));
    assert_eq!(code, Some(0), "{said}");
    for line in [
        "order_created counter  6",
        "order_value_EUR histogram EUR 6",
        "order_ended counter  4",
        "order_queue_depth gauge  1",
        "order_compensation counter  4",
    ] {
        assert!(said.lines().any(|found| found == line), "{line} is not in:\n{said}");
    }
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn a_real_collector_gets_each_order_as_one_trace() {
    let collector = Collector::start("orders", "");
    let endpoint = format!("http://{}", collector.address());
    let variables = [
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
    ];
    let (code, said) = Service::start_with(&["--for", "3", "--rps", "150"], &variables).end();
    assert_eq!(code, Some(0), "{said}");
    let exported = said.split(" exported, 0 dropped, 0 queued").next().unwrap();
    let exported = exported.rsplit(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{said}"));

    let printed = collector.spans(exported);
    assert_eq!(printed.len(), exported, "what the service says it exported");
    let field = |span: &str, name: &str| {
        let mut fields = span.lines().filter_map(|line| line.split_once(':'));
        fields
            .find(|(found, _)| found.trim() == name)
            .map_or_else(String::new, |(_, value)| value.trim().to_owned())
    };
    let sent = printed.iter().map(|span| Sent {
        trace: field(span, "Trace ID"),
        id: field(span, "ID"),
        parent: field(span, "Parent ID"),
        name: field(span, "Name"),
    });
    assert_orders_are_traces(&sent.collect::<Vec<_>>());
}

/// What Prometheus does not do unless it is told to.
const FEATURES: &str = "--enable-feature=exemplar-storage,native-histograms";

/// A server that scrapes the service by its own choice of formats, or by those that are given.
fn scraped(service: &Service, test: &str, protocols: &str) -> Prometheus {
    let target = service.base.strip_prefix("http://").unwrap();
    let jobs =
        format!("  - job_name: orders\n{protocols}    static_configs:\n      - targets: ['{target}']\n");
    Prometheus::start("prometheus-3", test, &jobs, &[FEATURES])
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn exemplars_that_prometheus_stores_lead_to_traces_that_a_collector_holds() {
    let collector = Collector::start("orders-exemplars", "");
    let endpoint = format!("http://{}", collector.address());
    let variables = [
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ];
    let service = Service::start_with(&["--no-traffic"], &variables);
    trade(&service);
    for protocols in
        ["    scrape_protocols: [OpenMetricsText1.0.0]\n", "    scrape_protocols: [PrometheusProto]\n"]
    {
        let test =
            if protocols.contains("Proto]") { "orders-exemplars-proto" } else { "orders-exemplars-text" };
        let server = scraped(&service, test, protocols);
        let stored = server.until("exemplars were stored", || {
            let stored = server.exemplars("order_value_EUR_bucket");
            (!stored.is_empty()).then_some(stored)
        });
        for (labels, value) in &stored {
            assert!(*value > 0.0, "{stored:?}");
            let trace = &labels["trace_id"];
            server.until("the collector printed the trace of an exemplar", || {
                collector.log().contains(&**trace).then_some(())
            });
        }
        // What the view takes away from the series is still told of the example.
        assert!(stored.iter().all(|(labels, _)| labels.contains_key("region")), "{stored:?}");
        server.assert_quiet();
    }
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn prometheus_3_asks_for_protobuf_and_stores_a_native_histogram() {
    let service = Service::start(&["--no-traffic"]);
    trade(&service);
    let server = scraped(&service, "orders-native", "    scrape_protocols: [PrometheusProto]\n");
    let paid = server.until("a native histogram was stored", || {
        server.query("sum(histogram_count(payment_duration_seconds))").into_values().next()
    });
    assert_eq!(paid, 5.0, "orders whose payment was asked for");
    let median = server.query("histogram_quantile(0.5, sum(payment_duration_seconds))");
    let median = median.into_values().next().unwrap();
    assert!(median > 0.0 && median < 5.0, "{median}");
    server.assert_quiet();
}
