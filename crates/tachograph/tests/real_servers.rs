//! A real Prometheus scrapes the port of its own and the mounted route alike.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![allow(dead_code, reason = "not every test uses all of them")]

mod support;

// The real servers are found and started as the exposition's own tests do it.
#[path = "../../tachograph-prometheus/tests/support/peers.rs"]
mod peers;
#[path = "../../tachograph-prometheus/tests/support/prometheus.rs"]
mod prometheus;

use prometheus::Prometheus;
use tachograph::{Counter, Environment, Telemetry};

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn a_real_prometheus_scrapes_the_port_and_the_route_and_sees_the_end() {
    let environment = [
        ("OTEL_METRICS_EXPORTER", "prometheus"),
        ("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
        ("OTEL_SERVICE_NAME", "shop"),
    ];
    let telemetry =
        Telemetry::builder().with_environment(Environment::from_iter(environment)).build().unwrap();
    let orders: Counter<u64> = telemetry.meter("shop").counter("orders").build();
    orders.add((1 << 53) - 1, &[("channel", "web")]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let route = runtime.block_on(support::serve(telemetry.ops_routes()));
    let port = telemetry.prometheus_addresses()[0];

    let jobs = format!("  - job_name: shop\n    static_configs:\n      - targets: ['{port}', '{route}']\n");
    let server = Prometheus::start("prometheus-3", "facade", &jobs, &[]);
    let expected = ((1_u64 << 53) - 1) as f64;
    let series = server
        .until("both were scraped", || Some(server.query("orders_total")).filter(|series| series.len() == 2));
    assert!(series.values().all(|value| *value == expected), "{series:?}");
    let named = server.query(r#"target_info{service_name="shop"}"#);
    assert_eq!(named.len(), 2, "{named:?}");

    orders.add(1, &[("channel", "web")]);
    server.until("the next value was scraped", || {
        (server.query(&format!("orders_total == {}", 1_u64 << 53)).len() == 2).then_some(())
    });
    server.assert_quiet();
    let report = telemetry.shutdown_blocking();
    assert!(report.scrapes >= 4, "{report}");
    server.until("the port is closed", || {
        (server.query(&format!("up{{instance=\"{port}\"}} == 0")).len() == 1).then_some(())
    });
}
