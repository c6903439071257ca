//! What a team has already, by this crate's features: registries of other crates on the page, and what the `metrics` facade records.
#![cfg(all(feature = "bridge-prometheus", feature = "bridge-prometheus-client", feature = "metrics"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter as ClientCounter;
use prometheus_client::registry::Registry as ClientRegistry;
use tachograph::{Counter, MetricsRecorder, PrometheusClientRegistry, PrometheusRegistry, Telemetry};

#[test]
fn one_page_has_what_the_engine_has_and_two_registries_and_what_the_facade_records() {
    let registry = prometheus::Registry::new();
    let old = prometheus::IntCounter::new("old_total", "Of prometheus").unwrap();
    registry.register(Box::new(old.clone())).unwrap();
    let mut client = ClientRegistry::default();
    let other = ClientCounter::<u64>::default();
    client.register("other", "Of prometheus-client", other.clone());
    let telemetry = Telemetry::builder()
        .without_environment()
        .with_metric_producer(PrometheusRegistry::new(registry))
        .with_metric_producer(PrometheusClientRegistry::new(Arc::new(client)))
        .build()
        .unwrap();
    let own: Counter<u64> = telemetry.meter("shop").counter("own").build();
    own.add(1, &());
    old.inc_by(2);
    other.inc_by(3);
    metrics::with_local_recorder(&MetricsRecorder::new(telemetry.meter_provider()), || {
        metrics::counter!("facade").increment(4);
    });
    let page = support::page(&telemetry);
    for line in [
        r#"own_total{otel_scope_name="shop"} 1"#,
        "old_total 2",
        "other_total 3",
        r#"facade_total{otel_scope_name="metrics"} 4"#,
    ] {
        assert!(page.lines().any(|known| known == line), "{line} is not on the page:\n{page}");
    }
}
