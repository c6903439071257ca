//! How long exports take, as a metric.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use opentelemetry::KeyValue;
use support::receiver::{Act, Receiver, nobody};
use support::{LONG, account, config, make_spans, provider};
use tachograph_otlp::OtlpConfig;
use tachograph_sdk::pipeline::Deadline;
use tachograph_sdk::testing::{MetricSnapshot, MetricsSnapshot};
use tachograph_sdk::{MeterProvider, self_metrics};

const DURATION: &str = "otel.sdk.exporter.operation.duration";

/// The metric after one export of five spans.
fn exported(config: OtlpConfig) -> MetricSnapshot {
    let (metrics, traces) = (MeterProvider::new(), provider(config));
    self_metrics::observe_traces(&metrics.meter("test").as_otel(), &traces);
    make_spans(&traces, 5);
    account(&traces, Deadline::after(LONG));
    MetricsSnapshot::of(&metrics).metric(DURATION).clone()
}

/// What every operation of an exporter has.
fn common(server: &str) -> Vec<KeyValue> {
    let address: SocketAddr = server.trim_start_matches("http://").parse().expect("an address");
    vec![
        KeyValue::new("otel.component.type", "otlp_http_span_exporter"),
        KeyValue::new("otel.component.name", "otlp_http_span_exporter/0"),
        KeyValue::new("server.address", address.ip().to_string()),
        KeyValue::new("server.port", i64::from(address.port())),
    ]
}

#[test]
fn a_request_is_one_operation_with_its_server_and_what_became_of_it() {
    let status = |status: i64| KeyValue::new("http.response.status_code", status);
    let error = |error: &'static str| KeyValue::new("error.type", error);
    for (act, more) in [
        (Act::Take, vec![status(200)]),
        (Act::Answer(202, vec![], vec![]), vec![status(202)]),
        (Act::Partial(0, "a remark"), vec![status(200)]),
        (Act::Partial(2, "too old"), vec![status(200), error("rejected")]),
        (Act::Answer(401, vec![], vec![]), vec![status(401), error("401")]),
        (Act::Answer(505, vec![], vec![]), vec![status(505), error("5xx")]),
        (Act::Garbage, vec![error("bad_response")]),
    ] {
        let receiver = Receiver::start([act.clone()]);
        let duration = exported(config(&receiver.url()));
        let point = duration.histogram(&[common(&receiver.url()), more].concat()[..]);
        assert_eq!(point.count(), 1, "{act:?}");
        assert!((0.0..20.0).contains(&point.sum().as_f64()), "{act:?}: {point:?}");
        assert_eq!(duration.points().len(), 1, "{act:?}");
    }
}

#[test]
fn retries_and_the_waits_between_them_are_part_of_it() {
    let receiver = Receiver::start([Act::Answer(503, vec![], vec![])]);
    let duration = exported(config(&receiver.url()));
    let taken = [common(&receiver.url()), vec![KeyValue::new("http.response.status_code", 200)]].concat();
    let point = duration.histogram(&taken[..]);
    assert_eq!(point.count(), 1);
    // The first wait is between a quarter and half of a second.
    assert!(point.sum().as_f64() >= 0.25, "{point:?}");
}

#[test]
fn without_an_answer_there_is_no_status() {
    let url = format!("http://{}", nobody());
    let duration = exported(config(&url).with_timeout(Duration::from_millis(100)));
    let failed = [common(&url), vec![KeyValue::new("error.type", "connect_failed")]].concat();
    assert_eq!(duration.histogram(&failed[..]).count(), 1);
}

#[test]
fn a_batch_of_several_requests_is_as_many_operations() {
    let receiver = Receiver::start([]);
    let duration = exported(config(&receiver.url()).with_max_request_bytes(250));
    let requests = receiver.received().len() as u64;
    assert!(requests > 1, "{requests}");
    assert_eq!(duration.count(), requests);
}
