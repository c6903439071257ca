//! Spans in a real axum router, and behind its server.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use http_body_util::BodyExt;
use opentelemetry::trace::{Span, Tracer};
use support::traced::{Traced, number, text};
use support::{Script, Step};
use tachograph_sdk::testing::SpanSnapshot;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, ServiceExt};

async fn fetch<S, B>(service: S, path: &str)
where
    S: tower::Service<Request, Response = Response<B>>,
    S::Error: std::fmt::Debug,
    B: http_body::Body<Error: std::fmt::Debug>,
{
    let request = Request::get(path).body(Body::empty()).unwrap();
    service.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
}

/// Puts the matched route where a layer outside of the router finds it.
async fn tell_route(path: MatchedPath, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(path);
    response
}

#[tokio::test]
async fn a_span_is_named_by_the_whole_template_of_its_route() {
    let traced = Traced::new();
    let orders = Router::new().route("/{id}", get(async || "an order"));
    let app = Router::new().nest("/shops/{shop}/orders", orders).layer(traced.layer());
    fetch(app, "/shops/1/orders/2").await;
    let span = traced.span();
    assert_eq!(span.name, "GET /shops/{shop}/orders/{id}");
    assert_eq!(text(&span, "http.route").as_deref(), Some("/shops/{shop}/orders/{id}"));
    assert_eq!(text(&span, "url.path").as_deref(), Some("/shops/1/orders/2"));
}

#[tokio::test]
async fn a_layer_inside_of_a_nested_router_reports_the_whole_path() {
    let traced = Traced::new();
    let orders = Router::new().route("/{id}", get(async || "an order")).layer(traced.layer());
    fetch(Router::new().nest("/shops/{shop}/orders", orders), "/shops/1/orders/2?full=1").await;
    let span = traced.span();
    assert_eq!(span.name, "GET /shops/{shop}/orders/{id}");
    assert_eq!(text(&span, "url.path").as_deref(), Some("/shops/1/orders/2"));
    assert_eq!(text(&span, "url.query").as_deref(), Some("full=1"));
}

#[tokio::test]
async fn a_fallback_is_named_by_its_method_alone() {
    let traced = Traced::new();
    let app = Router::new().route("/orders", get(async || "orders")).layer(traced.layer());
    fetch(app, "/elsewhere").await;
    let span = traced.span();
    assert_eq!((span.name.as_str(), text(&span, "http.route")), ("GET", None));
    assert_eq!(number(&span, "http.response.status_code"), Some(404));
}

#[tokio::test]
async fn a_route_that_is_known_only_with_the_response_renames_the_span_and_is_in_the_metrics() {
    let traced = Traced::new();
    let app =
        || Router::new().route("/orders/{id}", get(async || "an order")).route_layer(from_fn(tell_route));
    fetch(traced.layer().layer(app()), "/orders/17").await;
    let span = traced.span();
    assert_eq!(span.name, "GET /orders/{id}");
    assert_eq!(text(&span, "http.route").as_deref(), Some("/orders/{id}"));
    assert_eq!(traced.metrics.request().get("http.route").as_deref(), Some("/orders/{id}"));

    let own = Traced::new();
    let layer = own.layer().with_response_route(|extensions| {
        extensions.get::<MatchedPath>().map(|path| path.as_str().trim_end_matches("/{id}"))
    });
    fetch(layer.layer(app()), "/orders/17").await;
    assert_eq!(own.span().name, "GET /orders");
}

/// Sends `request` to a server with `traced`'s layer, reads `until` there is that in the answer or it ends, leaves,
/// and returns the server span, and the address it was sent from.
async fn exchange(traced: &Traced, request: &str, until: &str) -> (SpanSnapshot, SocketAddr) {
    let tracer = traced.tracer();
    let app = Router::new()
        .route("/sized", get(async || "sized"))
        .route("/endless", get(async || Body::new(Script::new([Step::Data("first"), Step::Hang]))))
        .route("/failing", get(async || Body::new(Script::new([Step::Data("first"), Step::Fail]))))
        .route("/hangs", get(std::future::pending::<()>))
        .route(
            "/panics",
            get(async move || {
                tracer.start("before").end();
                assert!(tracer.start("a temporary").span_context().is_remote(), "the handler panics");
            }),
        )
        .layer(traced.layer());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async {
        axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
    });
    let mut connection = TcpStream::connect(address).await.unwrap();
    let client = connection.local_addr().unwrap();
    connection.write_all(format!("{request}\r\nhost: Localhost:81\r\n\r\n").as_bytes()).await.unwrap();
    let mut read = Vec::new();
    while !until.is_empty() && !String::from_utf8_lossy(&read).contains(until) {
        // A body that fails closes the connection.
        if connection.read_buf(&mut read).await.unwrap() == 0 {
            break;
        }
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while until.is_empty() && traced.metrics.samples(support::ACTIVE).is_empty() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    drop(connection);
    while traced.metrics.requests().is_empty() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    server.abort();
    let mut spans = traced.spans();
    spans.retain(|span| span.scope == tachograph_tower::SCOPE_NAME && span.name.starts_with("GET"));
    assert_eq!(spans.len(), 1);
    (spans.remove(0), client)
}

fn outcome(span: &SpanSnapshot) -> (Option<i64>, Option<String>) {
    (number(span, "http.response.status_code"), text(span, "error.type"))
}

#[tokio::test]
async fn a_served_request_knows_its_peer_and_its_host() {
    let (span, client) = exchange(&Traced::new(), "GET /sized HTTP/1.1", "sized").await;
    assert_eq!(span.name, "GET /sized");
    assert_eq!(outcome(&span), (Some(200), None));
    assert_eq!(text(&span, "network.peer.address").as_deref(), Some("127.0.0.1"));
    assert_eq!(number(&span, "network.peer.port"), Some(i64::from(client.port())));
    assert_eq!(text(&span, "client.address").as_deref(), Some("127.0.0.1"));
    assert_eq!(text(&span, "server.address").as_deref(), Some("localhost"));
    assert_eq!(number(&span, "server.port"), Some(81));
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_span_with_or_without_a_response() {
    let (span, _) = exchange(&Traced::new(), "GET /endless HTTP/1.1", "first").await;
    assert_eq!(outcome(&span), (Some(200), Some("cancelled".to_owned())));
    let (span, _) = exchange(&Traced::new(), "GET /hangs HTTP/1.1", "").await;
    assert_eq!(outcome(&span), (None, Some("cancelled".to_owned())));
    assert_eq!(span.name, "GET /hangs");
}

#[tokio::test]
async fn a_handler_that_panics_and_a_body_that_fails_end_their_spans_as_errors() {
    let traced = Traced::new();
    let (span, _) = exchange(&traced, "GET /panics HTTP/1.1", "").await;
    assert_eq!(outcome(&span), (None, Some("panic".to_owned())));
    assert_eq!(traced.named("before").parent_span_id, Some(span.span_id));
    let (span, _) = exchange(&Traced::new(), "GET /failing HTTP/1.1", "never").await;
    assert_eq!(outcome(&span), (Some(200), Some("axum_core::error::Error".to_owned())));
    assert_eq!(span.status, support::traced::error());
}
