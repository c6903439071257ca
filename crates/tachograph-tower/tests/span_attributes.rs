//! What a request's span is named, and what it says.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::net::SocketAddr;

use http::header::{HeaderName, HeaderValue};
use http::{Request, Version};
use opentelemetry::trace::SpanKind;
use opentelemetry::{Array, StringValue, Value};
use support::traced::{Traced, error, keys, number, text};
use support::{Script, get, status};
use tachograph_sdk::testing::{SpanSnapshot, StatusSnapshot};
use tachograph_tower::{HttpServerLayer, Scheme};
use tower::{Layer, ServiceExt, service_fn};

/// The span of `request`, sent to a service that answers with `code`, through what `configure` makes.
async fn send(
    request: Request<Script>,
    code: u16,
    configure: impl FnOnce(HttpServerLayer) -> HttpServerLayer,
) -> SpanSnapshot {
    let traced = Traced::new();
    let layer = configure(traced.layer());
    layer
        .layer(service_fn(move |_: Request<Script>| async move { status(code) }))
        .oneshot(request)
        .await
        .unwrap();
    traced.span()
}

async fn span(request: Request<Script>) -> SpanSnapshot {
    send(request, 200, |layer| layer).await
}

fn method(method: &str) -> Request<Script> {
    Request::builder().method(method).uri("/").body(Script::default()).unwrap()
}

fn with(uri: &str, headers: &[(&'static str, &[u8])]) -> Request<Script> {
    let mut request = get(uri);
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    request
}

#[tokio::test]
async fn a_plain_request_has_the_required_attributes_and_no_more() {
    let span = span(get("/orders/17")).await;
    let expected = [
        "http.request.method",
        "http.response.status_code",
        "network.protocol.version",
        "url.path",
        "url.scheme",
    ];
    assert_eq!(keys(&span), expected);
    assert_eq!(text(&span, "http.request.method").unwrap(), "GET");
    assert_eq!(number(&span, "http.response.status_code"), Some(200));
    assert_eq!(text(&span, "network.protocol.version").unwrap(), "1.1");
    assert_eq!(text(&span, "url.path").unwrap(), "/orders/17");
    assert_eq!(text(&span, "url.scheme").unwrap(), "http");
    assert_eq!((span.kind, span.status), (SpanKind::Server, StatusSnapshot::Unset));
    assert_eq!((span.parent_span_id, span.scope.as_str()), (None, "tachograph-tower"));
}

#[tokio::test]
async fn a_request_of_which_all_is_known_says_it() {
    let mut request = with(
        "https://ignored.example/orders/17?q=1&sig=secret",
        &[("forwarded", b"for=192.0.2.1;host=\"Shop.example:8443\""), ("user-agent", b"curl/8.1")],
    );
    request.extensions_mut().insert("10.0.0.1:4711".parse::<SocketAddr>().unwrap());
    *request.version_mut() = Version::HTTP_2;
    let span = send(request, 503, |layer| layer.with_route(|_| Some("/orders/{id}"))).await;
    assert_eq!(span.name, "GET /orders/{id}");
    for (key, value) in [
        ("client.address", "192.0.2.1"),
        ("error.type", "503"),
        ("http.route", "/orders/{id}"),
        ("network.peer.address", "10.0.0.1"),
        ("network.protocol.version", "2"),
        ("server.address", "shop.example"),
        ("url.path", "/orders/17"),
        ("url.query", "q=1&sig=REDACTED"),
        ("url.scheme", "https"),
        ("user_agent.original", "curl/8.1"),
    ] {
        assert_eq!(text(&span, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(number(&span, "network.peer.port"), Some(4711));
    assert_eq!(number(&span, "server.port"), Some(8443));
    assert_eq!(span.status, error());
    assert_eq!(span.attributes.len(), 14);
}

#[tokio::test]
async fn a_span_is_named_by_method_and_route_and_an_unknown_method_is_http() {
    for (sent, route, name, reported, original) in [
        ("GET", Some("/orders/{id}"), "GET /orders/{id}", "GET", None),
        ("GET", None, "GET", "GET", None),
        ("GET", Some(""), "GET", "GET", None),
        ("BREW", Some("/pot"), "HTTP /pot", "_OTHER", Some("BREW")),
        ("get", None, "HTTP", "_OTHER", Some("get")),
        ("_OTHER", None, "HTTP", "_OTHER", None),
    ] {
        let span = send(method(sent), 200, |layer| layer.with_route(move |_| route)).await;
        assert_eq!(span.name, name, "{sent}");
        assert_eq!(text(&span, "http.request.method").as_deref(), Some(reported));
        assert_eq!(text(&span, "http.request.method_original").as_deref(), original);
    }
    let known = send(method("PURGE"), 200, |layer| layer.with_known_methods(["PURGE"])).await;
    assert_eq!((known.name.as_str(), text(&known, "http.request.method_original")), ("PURGE", None));
}

#[tokio::test]
async fn only_a_server_error_is_an_error() {
    for (code, status, kind) in [
        (200, StatusSnapshot::Unset, None),
        (302, StatusSnapshot::Unset, None),
        (400, StatusSnapshot::Unset, None),
        (404, StatusSnapshot::Unset, None),
        (500, error(), Some("500")),
        (503, error(), Some("503")),
    ] {
        let span = send(get("/"), code, |layer| layer).await;
        assert_eq!(number(&span, "http.response.status_code"), Some(i64::from(code)));
        assert_eq!(span.status, status, "{code}");
        assert_eq!(text(&span, "error.type").as_deref(), kind, "{code}");
    }
}

#[tokio::test]
async fn a_query_is_reported_without_its_secrets_and_only_where_there_is_one() {
    for (uri, query) in [
        ("/", None),
        ("/?", Some("")),
        ("/?a=1&b", Some("a=1&b")),
        ("/?X-Amz-Signature=s&x-amz-signature=t", Some("X-Amz-Signature=REDACTED&x-amz-signature=t")),
    ] {
        let span = span(get(uri)).await;
        assert_eq!(text(&span, "url.query").as_deref(), query, "{uri}");
        assert_eq!(text(&span, "url.path").as_deref(), Some("/"));
    }
}

#[tokio::test]
async fn the_servers_address_is_what_the_client_meant_whether_metrics_have_it_or_not() {
    let host: (&str, &[u8]) = ("host", b"internal:8080");
    for (uri, headers, address, port) in [
        ("/", vec![host], "internal", Some(8080)),
        ("http://authority/", vec![host], "authority", None),
        ("/", vec![host, ("x-forwarded-host", b"shop.example, edge")], "shop.example", None),
    ] {
        let span = send(with(uri, &headers), 200, |layer| layer.with_server_address(false)).await;
        assert_eq!(text(&span, "server.address").as_deref(), Some(address));
        assert_eq!(number(&span, "server.port"), port);
    }
}

#[tokio::test]
async fn the_peer_is_the_client_unless_a_proxy_names_another() {
    let peer: SocketAddr = "[::ffff:10.0.0.1]:4711".parse().unwrap();
    for (request, client) in
        [(get("/"), "10.0.0.1"), (with("/", &[("x-forwarded-for", b"192.0.2.1:80, 10.0.0.9")]), "192.0.2.1")]
    {
        let span = send(request, 200, |layer| layer.with_peer(move |_| Some(peer))).await;
        assert_eq!(text(&span, "client.address").as_deref(), Some(client));
        assert_eq!(text(&span, "network.peer.address").as_deref(), Some("10.0.0.1"));
        assert_eq!(number(&span, "network.peer.port"), Some(4711));
    }
}

#[tokio::test]
async fn headers_are_captured_where_they_are_named_and_sensitive_values_are_not_shown() {
    let mut request = with("/", &[("x-tenant", b"a"), ("x-tenant", b"b\xff"), ("x-other", b"c")]);
    let mut secret = HeaderValue::from_static("secret");
    secret.set_sensitive(true);
    request.headers_mut().insert("x-secret", secret);
    let names = ["x-tenant", "x-secret", "x-absent", "X-Tenant"]
        .map(|name| HeaderName::from_bytes(name.as_bytes()).unwrap());
    let traced = Traced::new();
    let layer = traced.layer().with_request_headers(names).with_response_headers([http::header::ETAG]);
    let service = layer.layer(service_fn(async |_: Request<Script>| {
        let mut response = status(200)?;
        response.headers_mut().insert("etag", HeaderValue::from_static("\"17\""));
        Ok::<_, std::convert::Infallible>(response)
    }));
    service.oneshot(request).await.unwrap();
    let span = traced.span();
    let values = |key: &str| match span.attribute(key) {
        Some(Value::Array(Array::String(values))) => values.iter().map(StringValue::as_str).collect(),
        None => Vec::new(),
        other => panic!("{other:?}"),
    };
    assert_eq!(values("http.request.header.x-tenant"), ["a", "b\u{fffd}"]);
    assert_eq!(values("http.request.header.x-secret"), ["REDACTED"]);
    assert_eq!(values("http.response.header.etag"), ["\"17\""]);
    assert!(!keys(&span).iter().any(|key| key.contains("other") || key.contains("absent")));
}

#[tokio::test]
async fn the_scheme_is_the_clients_where_a_proxy_tells_it() {
    let forwarded = ("forwarded", &b"for=192.0.2.1;proto=HTTPS, proto=http"[..]);
    let list = ("x-forwarded-proto", &b"https, http"[..]);
    let plain = ("x-forwarded-proto", &b"http"[..]);
    let invented = ("x-forwarded-proto", &b"x91f3"[..]);
    for (headers, expected) in [
        (&[forwarded][..], "https"),
        (&[list], "https"),
        (&[plain, forwarded], "https"),
        (&[invented], "http"),
        (&[], "http"),
    ] {
        let span = span(with("http://shop.example/", headers)).await;
        assert_eq!(text(&span, "url.scheme").as_deref(), Some(expected), "{headers:?}");
    }
    let span = send(with("/", &[plain]), 200, |layer| layer.with_scheme(Scheme::Https)).await;
    assert_eq!(text(&span, "url.scheme").as_deref(), Some("http"), "known, not assumed");
}

#[tokio::test]
async fn the_scheme_and_the_version_are_those_of_the_metrics() {
    let span = send(get("/"), 200, |layer| layer.with_scheme(Scheme::Https)).await;
    assert_eq!(text(&span, "url.scheme").as_deref(), Some("https"));
    let mut request = get("/");
    *request.version_mut() = Version::HTTP_3;
    let span = send(request, 200, |layer| layer).await;
    assert_eq!(text(&span, "network.protocol.version").as_deref(), Some("3"));
    assert_eq!(text(&span, "network.protocol.name"), None);
}

#[tokio::test]
async fn a_user_agent_that_is_no_text_is_shown_as_far_as_it_is() {
    let span = span(with("/", &[("user-agent", b"bot/\xff1")])).await;
    assert_eq!(text(&span, "user_agent.original").as_deref(), Some("bot/\u{fffd}1"));
}
