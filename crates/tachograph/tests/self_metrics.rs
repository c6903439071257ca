//! What a `Telemetry` says of itself on its page, and that the guide lists it.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use opentelemetry::trace::{Span, Status, Tracer};
use support::{page, sample};
use tachograph::testing::MetricsSnapshot;
use tachograph::trace::TailSampling;
use tachograph::{OtlpConfig, Telemetry};

const GUIDE: &str = include_str!("../../../docs/guides/self-metrics.md");

/// Answers every request with this status; requests are short enough to come in one piece.
fn collector(status: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut bytes = [0; 64 << 10];
                while stream.read(&mut bytes).is_ok_and(|len| len > 0) {
                    let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                }
            });
        }
    });
    address
}

/// With an OTLP exporter and tail sampling, after a trace that is kept and one that is not.
fn used(address: SocketAddr) -> Telemetry {
    let telemetry = Telemetry::builder()
        .without_environment()
        .with_otlp_traces(OtlpConfig::traces().with_endpoint(&format!("http://{address}")))
        .with_tail_sampling(TailSampling::new(0.0))
        .build()
        .unwrap();
    let tracer = telemetry.tracer("shop");
    tracer.start("plain").end();
    let mut span = tracer.start("erroneous");
    span.set_status(Status::error("sold out"));
    span.end();
    telemetry.flush_blocking(Duration::from_secs(20)).unwrap();
    telemetry
}

#[test]
fn how_long_requests_to_the_collector_take_is_on_the_page() {
    for (status, labels) in [
        ("200 OK", vec!["http_response_status_code=\"200\""]),
        ("403 Forbidden", vec!["http_response_status_code=\"403\"", "error_type=\"403\""]),
    ] {
        let address = collector(status);
        let page = page(&used(address));
        let port = format!("server_port=\"{}\"", address.port());
        let mut labels = labels;
        labels.extend([&port, "server_address=\"127.0.0.1\""]);
        labels.push("otel_component_name=\"otlp_http_span_exporter/0\"");
        let count = sample(&page, "otel_sdk_exporter_operation_duration_seconds_count", &labels);
        assert_eq!(count, Some(1.0), "{page}");
        let errors = page.lines().filter(|line| line.contains("duration") && line.contains("error_type"));
        assert_eq!(errors.count() == 0, status == "200 OK", "{page}");
    }
}

#[test]
fn what_tail_sampling_decided_is_on_the_page() {
    let page = page(&used(collector("200 OK")));
    let traces = |decision: &str, reason: &str| {
        let decision = format!("tail_sampling_decision=\"{decision}\"");
        let reason = format!("tail_sampling_reason=\"{reason}\"");
        sample(&page, "tachograph_tail_sampling_traces_total", &[&decision, &reason])
    };
    assert_eq!(traces("kept", "error"), Some(1.0), "{page}");
    assert_eq!(traces("dropped", "ratio"), Some(1.0), "{page}");
    assert_eq!(sample(&page, "tachograph_tail_sampling_held_traces", &[]), Some(0.0), "{page}");
    assert_eq!(sample(&page, "otel_sdk_exporter_span_exported_total", &[]), Some(1.0), "{page}");
}

#[test]
fn the_guide_lists_every_metric_with_its_unit_and_attributes_and_no_other() {
    let telemetry = used(collector("403 Forbidden"));
    let snapshot = MetricsSnapshot::of(telemetry.meter_provider());
    let rows: Vec<Vec<&str>> = GUIDE
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches(['|', ' ']).split('|').map(str::trim).collect())
        .collect();
    let listed: BTreeSet<_> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    let recorded: BTreeSet<_> = snapshot.metrics().iter().map(|metric| metric.name()).collect();
    assert_eq!(listed, recorded);
    for row in rows {
        let metric = snapshot.metric(row[0].trim_matches('`'));
        assert!(row[1].ends_with(&format!(", `{}`", metric.unit())), "{row:?}: {metric}");
        let named = row[2].replace("the component", "`otel.component.type`, `otel.component.name`");
        for point in metric.points() {
            for (key, _) in point.attributes.iter() {
                assert!(named.contains(&format!("`{key}`")), "{key} of {row:?}");
            }
        }
    }
}
