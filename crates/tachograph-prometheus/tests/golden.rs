//! A fixed workload of every kind, in both formats, to the letter.

mod support;

use opentelemetry::KeyValue;
use support::{open_metrics, text};
use tachograph_prometheus::PrometheusExporter;
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider, Resource, UpDownCounter};

fn workload() -> MeterProvider {
    let resource = Resource::builder_empty()
        .with_service_name("shop")
        .with_attributes([KeyValue::new("service.instance.id", "a-1"), KeyValue::new("host.cpus", 4)])
        .build();
    let provider = MeterProvider::builder().with_resource(resource).build();
    let meter = provider.meter_builder("order").with_version("1.2.0").build();

    let created: Counter<u64> = meter
        .counter("order.created.total")
        .with_unit("{order}")
        .with_description("Total number of orders created")
        .build();
    created.add(2, &[("channel", "web"), ("region", "eu")]);
    created.add(u64::MAX - 1, &[("channel", "app"), ("region", "\"eu\"\\\n")]);

    let sent: Counter<f64> =
        meter.counter("net.sent").with_unit("By").with_description("Bytes \"sent\"").build();
    sent.add(1_500_000.0, &());

    let depth: UpDownCounter<i64> = meter.up_down_counter("queue.depth").with_unit("{message}").build();
    depth.add(-3, &[("queue", "out")]);

    let temperature: Gauge<f64> = meter.gauge("cpu.temperature").with_unit("Cel").build();
    temperature.record(36.0, &[("core", 0)]);

    let value: Histogram<f64> = meter
        .histogram("order.value")
        .with_unit("{EUR}")
        .with_description("What orders are worth")
        .with_boundaries([0.5, 10.0, 1_000_000.0])
        .build();
    for euros in [0.25, 5.0, 10.0, 99.5] {
        value.record(euros, &[("channel", "web")]);
    }

    let offset: Histogram<f64> =
        meter.histogram("clock.offset").with_unit("s").with_boundaries([-1.0, 1.0]).build();
    offset.record(-2.0, &());
    offset.record(0.5, &());
    provider
}

#[test]
fn the_text_page_is_this() {
    let page = text(&PrometheusExporter::new(workload().reader()));
    assert_eq!(page, include_str!("golden/text.txt"));
}

#[test]
fn the_open_metrics_page_is_this() {
    let page = open_metrics(&PrometheusExporter::new(workload().reader()));
    assert_eq!(page, include_str!("golden/open_metrics.txt"));
}

#[test]
fn without_scope_labels_and_target_info_the_samples_are_the_same_but_for_those() {
    let provider = workload();
    let exporter = PrometheusExporter::builder(provider.reader())
        .with_scope_labels(false)
        .with_target_info(false)
        .build();
    let scope = "otel_scope_name=\"order\",otel_scope_version=\"1.2.0\"";
    let expected: String = include_str!("golden/text.txt")
        .lines()
        .filter(|line| !line.contains("target_info"))
        .map(|line| {
            line.replace(&format!("{{{scope}}}"), "")
                .replace(&format!(",{scope}"), "")
                .replace(&format!("{scope},"), "")
                + "\n"
        })
        .collect();
    assert_eq!(text(&exporter), expected);
}
