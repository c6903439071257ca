//! What a request is reported as.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::convert::Infallible;

use http::{Request, Response, Version};
use opentelemetry::Value;
use support::{ACTIVE, Recorder, Sample, Script, get, status};
use tachograph_tower::{HttpServerLayer, Scheme};
use tower::{Layer, ServiceExt, service_fn};

/// Sends `request` to a service that answers with `code`, through what `configure` makes.
async fn send(
    request: Request<Script>,
    code: u16,
    configure: impl FnOnce(HttpServerLayer) -> HttpServerLayer,
) -> Recorder {
    let recorder = Recorder::default();
    let layer = configure(HttpServerLayer::new(&recorder.meter()));
    let service = layer.layer(service_fn(move |_: Request<Script>| async move { status(code) }));
    service.oneshot(request).await.unwrap();
    recorder
}

async fn sample(request: Request<Script>, code: u16) -> Sample {
    send(request, code, |layer| layer).await.request()
}

fn method(method: &str) -> Request<Script> {
    Request::builder().method(method).uri("/").body(Script::default()).unwrap()
}

#[tokio::test]
async fn a_plain_request_has_the_required_attributes_and_no_more() {
    let sample = sample(get("/orders/17"), 200).await;
    let expected = [
        ("http.request.method", Value::from("GET")),
        ("http.response.status_code", Value::I64(200)),
        ("network.protocol.version", Value::from("1.1")),
        ("url.scheme", Value::from("http")),
    ];
    let expected = expected.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    assert_eq!(sample.attributes, expected);
}

#[tokio::test]
async fn an_unknown_method_is_other() {
    for (sent, reported) in
        [("QUERY", "QUERY"), ("PATCH", "PATCH"), ("BREW", "_OTHER"), ("get", "_OTHER"), ("_OTHER", "_OTHER")]
    {
        let sample = sample(method(sent), 200).await;
        assert_eq!(sample.get("http.request.method").as_deref(), Some(reported), "{sent}");
    }
}

#[tokio::test]
async fn known_methods_are_replaced_whole() {
    let purge = send(method("PURGE"), 200, |layer| layer.with_known_methods(["PURGE"])).await;
    assert_eq!(purge.request().get("http.request.method").as_deref(), Some("PURGE"));
    let owned = vec![String::from("PURGE")];
    let get = send(method("GET"), 200, |layer| layer.with_known_methods(owned)).await;
    assert_eq!(get.request().get("http.request.method").as_deref(), Some("_OTHER"));
}

#[tokio::test]
async fn only_a_server_error_has_an_error_type() {
    for (code, error) in
        [(200, None), (302, None), (400, None), (404, None), (500, Some("500")), (503, Some("503"))]
    {
        let sample = sample(get("/"), code).await;
        assert_eq!(sample.attributes["http.response.status_code"], Value::I64(i64::from(code)));
        assert_eq!(sample.get("error.type").as_deref(), error, "{code}");
    }
}

#[tokio::test]
async fn the_scheme_is_the_uris_or_else_the_configured_one() {
    for (uri, configured, expected) in [
        ("/", Scheme::Http, "http"),
        ("/", Scheme::Https, "https"),
        ("https://shop.example/", Scheme::Http, "https"),
        ("http://shop.example/", Scheme::Https, "http"),
        ("x91f3://shop.example/", Scheme::Https, "https"),
    ] {
        let recorder = send(get(uri), 200, |layer| layer.with_scheme(configured)).await;
        assert_eq!(recorder.request().get("url.scheme").as_deref(), Some(expected), "{uri}");
    }
}

#[tokio::test]
async fn the_protocol_has_its_version_and_never_its_name() {
    for (version, expected) in
        [(Version::HTTP_10, "1.0"), (Version::HTTP_11, "1.1"), (Version::HTTP_2, "2"), (Version::HTTP_3, "3")]
    {
        let mut request = get("/");
        *request.version_mut() = version;
        let sample = sample(request, 200).await;
        assert_eq!(sample.get("network.protocol.version").as_deref(), Some(expected));
        assert_eq!(sample.get("network.protocol.name"), None);
    }
}

#[tokio::test]
async fn a_route_is_what_the_extractor_says_and_its_template_is_shared() {
    let recorder = Recorder::default();
    let layer = HttpServerLayer::new(&recorder.meter()).with_route(|head| {
        let path = head.uri().path();
        path.strip_prefix("/orders/").map(|_| "/orders/{id}").or((path == "/empty").then_some(""))
    });
    let service = layer.layer(service_fn(async |_: Request<Script>| status(200)));
    for path in ["/orders/1", "/orders/2", "/stock", "/empty"] {
        service.clone().oneshot(get(path)).await.unwrap();
    }
    let requests = recorder.requests();
    let routes: Vec<_> = requests.iter().map(|sample| sample.get("http.route")).collect();
    let template = Some("/orders/{id}".to_owned());
    assert_eq!(routes, [template.clone(), template, None, None]);
    assert_eq!(requests[0].address, requests[1].address, "equal requests share their attributes");
    assert_eq!(requests[2].address, requests[3].address);
}

#[tokio::test]
async fn routes_beyond_what_is_remembered_are_reported_all_the_same() {
    let recorder = Recorder::default();
    let layer = HttpServerLayer::new(&recorder.meter()).with_route(|head| Some(head.uri().path()));
    let service = layer.layer(service_fn(async |_: Request<Script>| status(200)));
    for n in 0..6_000 {
        service.clone().oneshot(get(&format!("/{n}"))).await.unwrap();
    }
    let routes: Vec<_> = recorder.requests().iter().map(|sample| sample.get("http.route")).collect();
    assert!(routes.into_iter().eq((0..6_000).map(|n| Some(format!("/{n}")))));
}

#[tokio::test]
async fn active_requests_have_the_method_and_the_scheme_only() {
    let recorder = send(method("BREW"), 500, |layer| {
        layer.with_active_requests(true).with_route(|_| Some("/")).with_scheme(Scheme::Https)
    })
    .await;
    let samples = recorder.samples(ACTIVE);
    assert_eq!(samples.iter().map(|sample| sample.value).collect::<Vec<_>>(), [1.0, -1.0]);
    for sample in samples {
        assert_eq!(sample.keys(), ["http.request.method", "url.scheme"]);
        assert_eq!(sample.get("http.request.method").as_deref(), Some("_OTHER"));
        assert_eq!(sample.get("url.scheme").as_deref(), Some("https"));
    }
}

#[tokio::test]
async fn the_servers_address_is_reported_when_it_is_opted_into() {
    let request = || Request::get("/").header("host", "shop.example:8443").body(Script::default()).unwrap();
    let without = send(request(), 200, |layer| layer).await.request();
    assert_eq!((without.get("server.address"), without.get("server.port")), (None, None));

    let recorder =
        send(request(), 200, |layer| layer.with_server_address(true).with_active_requests(true)).await;
    for sample in recorder.samples(ACTIVE).iter().chain([&recorder.request()]) {
        assert_eq!(sample.get("server.address").as_deref(), Some("shop.example"));
        assert_eq!(sample.attributes["server.port"], Value::I64(8443));
    }
    assert_eq!(recorder.active(), 0);
}

#[tokio::test]
async fn a_request_without_a_host_has_no_address() {
    let recorder = send(get("/"), 200, |layer| layer.with_server_address(true)).await;
    assert_eq!(recorder.request().get("server.address"), None);
}

#[tokio::test]
async fn a_clone_that_is_configured_further_leaves_the_first_as_it_was() {
    let recorder = Recorder::default();
    let first = HttpServerLayer::new(&recorder.meter());
    let second = first.clone().with_scheme(Scheme::Https);
    for layer in [first, second] {
        let service = layer
            .layer(service_fn(async |_: Request<Script>| Ok::<_, Infallible>(Response::new(String::new()))));
        service.oneshot(get("/")).await.unwrap();
    }
    let schemes: Vec<_> = recorder.requests().iter().map(|sample| sample.get("url.scheme")).collect();
    assert_eq!(schemes, [Some("http".to_owned()), Some("https".to_owned())]);
}
