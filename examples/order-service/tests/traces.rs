//! Each order is one trace through its steps, as a collector gets it.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;
use support::Service;
use support::tree::{Sent, assert_orders_are_traces};

/// Takes spans as a collector does.
struct Sink {
    endpoint: String,
    requests: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Sink {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::default();
        let app = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&requests));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, app).await.unwrap();
            });
        });
        Sink { endpoint, requests }
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.requests.lock().unwrap();
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        resources.flat_map(|of| &of.scope_spans).flat_map(|of| of.spans.clone()).collect()
    }
}

async fn take(State(requests): State<Arc<Mutex<Vec<ExportTraceServiceRequest>>>>, body: Bytes) {
    requests.lock().unwrap().push(ExportTraceServiceRequest::decode(body).unwrap());
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_step_of_an_order_is_under_its_request_and_all_of_them_in_one_trace() {
    let sink = Sink::start();
    let variables = [
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.endpoint),
    ];
    let service = Service::start_with(&["--for", "3", "--rps", "150"], &variables);
    let (code, said) = service.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("0 dropped, 0 queued"), "{said}");

    let spans = sink.spans();
    let sent = spans.iter().map(|span| Sent {
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        name: span.name.clone(),
    });
    assert_orders_are_traces(&sent.collect::<Vec<_>>());

    let kinds = |name: &str| -> HashSet<i32> {
        spans.iter().filter(|span| span.name == name).map(|span| span.kind).collect()
    };
    assert_eq!(kinds("POST /orders"), HashSet::from([SpanKind::Server as i32]));
    assert_eq!(kinds("charge"), HashSet::from([SpanKind::Client as i32]));
    let created = spans.iter().find(|span| span.name == "create" && !span.attributes.is_empty()).unwrap();
    let number = created.attributes.iter().find(|attribute| attribute.key == "order.number");
    assert!(matches!(number.unwrap().value.as_ref().unwrap().value, Some(Value::IntValue(1..))));
    let resource = sink.requests.lock().unwrap()[0].resource_spans[0].resource.clone().unwrap();
    assert!(resource.attributes.iter().any(|attribute| attribute.key == "service.name"));
}
