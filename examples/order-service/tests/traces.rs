//! Each order is one trace through its steps, as a collector gets it.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::collections::{HashMap, HashSet};
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

/// The names from a span up to its root.
fn path(span: &Span, spans: &HashMap<Vec<u8>, Span>) -> Vec<String> {
    let mut names = vec![span.name.clone()];
    let mut at = span;
    while let Some(parent) = spans.get(&at.parent_span_id) {
        assert_eq!(parent.trace_id, at.trace_id);
        names.push(parent.name.clone());
        at = parent;
    }
    assert!(at.parent_span_id.is_empty(), "{} has a parent that nobody sent: {names:?}", at.name);
    names
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
    let ids: HashSet<_> = spans.iter().map(|span| &span.span_id).collect();
    assert_eq!(ids.len(), spans.len(), "no span twice");
    let by_id: HashMap<_, _> = spans.iter().map(|span| (span.span_id.clone(), span.clone())).collect();
    let paths: HashSet<String> = spans.iter().map(|span| path(span, &by_id).join(" < ")).collect();
    for expected in [
        "visit",
        "POST < visit",
        "POST /orders < POST < visit",
        "create < POST /orders < POST < visit",
        "reserve < create < POST /orders < POST < visit",
        "charge < pay < POST /orders/{number}/pay < POST < visit",
        "ship < POST /orders/{number}/ship < POST < visit",
        "refund < cancel < POST /orders/{number}/cancel < POST < visit",
        "release_stock < cancel < pay < POST /orders/{number}/pay < POST < visit",
    ] {
        assert!(paths.contains(expected), "{expected} is not among {paths:#?}");
    }

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
