//! Sizes of bodies: counted as they stream.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::convert::Infallible;

use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use support::{REQUEST_SIZE, RESPONSE_SIZE, Recorder, Script, Step};
use tachograph_tower::{HttpServerLayer, RequestBody, count_request_body};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

fn layer(recorder: &Recorder) -> HttpServerLayer {
    HttpServerLayer::new(&recorder.meter()).with_body_sizes(true)
}

fn post(steps: impl IntoIterator<Item = Step>) -> Request<Script> {
    Request::post("/").body(Script::new(steps)).unwrap()
}

fn sizes(recorder: &Recorder, name: &str) -> Vec<f64> {
    recorder.samples(name).iter().map(|sample| sample.value).collect()
}

#[tokio::test]
async fn streamed_bodies_are_counted_frame_by_frame() {
    let recorder = Recorder::default();
    let service = ServiceBuilder::new().layer(layer(&recorder)).map_request(count_request_body).service(
        service_fn(async |request: Request<RequestBody<Script>>| {
            let read = request.into_body().collect().await.unwrap();
            assert!(read.trailers().is_some());
            let body = Script::new([Step::Data("12345"), Step::Data(""), Step::Data("678")]);
            Ok::<_, Infallible>(Response::new(body))
        }),
    );
    let steps = [Step::Data("abc"), Step::Data("defg"), Step::Trailers(http::HeaderMap::new())];
    let response = service.oneshot(post(steps)).await.unwrap();
    assert!(sizes(&recorder, REQUEST_SIZE).is_empty(), "with the end of the response");
    response.into_body().collect().await.unwrap();
    assert_eq!(sizes(&recorder, REQUEST_SIZE), [7.0]);
    assert_eq!(sizes(&recorder, RESPONSE_SIZE), [8.0]);
    let (request, duration) = (recorder.samples(REQUEST_SIZE).remove(0), recorder.request());
    assert_eq!(request.attributes, duration.attributes);
}

#[tokio::test]
async fn what_was_not_read_of_a_counted_request_is_not_counted() {
    let recorder = Recorder::default();
    let service = ServiceBuilder::new().layer(layer(&recorder)).map_request(count_request_body).service(
        service_fn(async |request: Request<RequestBody<Script>>| {
            let mut body = request.into_body();
            body.frame().await.unwrap().unwrap();
            support::status(413)
        }),
    );
    service.oneshot(post([Step::Data("read"), Step::Data("not read")])).await.unwrap();
    assert_eq!(sizes(&recorder, REQUEST_SIZE), [4.0]);
}

#[tokio::test]
async fn a_body_that_nobody_counts_has_its_declared_size_or_none() {
    let full = |text: &'static str| Request::post("/").body(Full::new(text.as_bytes())).unwrap();
    let recorder = Recorder::default();
    let service = layer(&recorder).layer(service_fn(async |_: Request<Full<&[u8]>>| support::status(200)));
    service.clone().oneshot(full("four")).await.unwrap();
    service.oneshot(full("")).await.unwrap();
    assert_eq!(sizes(&recorder, REQUEST_SIZE), [4.0, 0.0]);

    let recorder = Recorder::default();
    let service = layer(&recorder).layer(service_fn(async |_: Request<Script>| support::status(200)));
    let mut declared = post([Step::Data("four")]);
    declared.headers_mut().insert("content-length", http::HeaderValue::from_static("4"));
    service.clone().oneshot(declared).await.unwrap();
    service.oneshot(post([Step::Data("four")])).await.unwrap();
    assert_eq!(sizes(&recorder, REQUEST_SIZE), [4.0], "an unknown size is not invented");
    assert_eq!(recorder.requests().len(), 2);
}

#[tokio::test]
async fn sizes_are_recorded_only_when_opted_into() {
    let recorder = Recorder::default();
    let service = ServiceBuilder::new()
        .layer(HttpServerLayer::new(&recorder.meter()))
        .map_request(count_request_body)
        .service(service_fn(async |request: Request<RequestBody<Script>>| {
            assert_eq!(request.into_body().collect().await.unwrap().to_bytes(), "abc");
            support::status(200)
        }));
    service.oneshot(post([Step::Data("abc")])).await.unwrap();
    assert!(recorder.samples(REQUEST_SIZE).is_empty() && recorder.samples(RESPONSE_SIZE).is_empty());
    assert_eq!(recorder.requests().len(), 1);
}

#[tokio::test]
async fn a_counted_body_keeps_its_size_and_its_end() {
    let request = Request::post("/").body(Full::new(&b"sized"[..])).unwrap();
    let body = count_request_body(request).into_body();
    assert_eq!(body.size_hint().exact(), Some(5));
    assert!(!body.is_end_stream());
    assert!(RequestBody::<Full<&[u8]>>::default().is_end_stream());
}
