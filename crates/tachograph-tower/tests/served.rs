//! Behind a real HTTP server, which decides when a body is polled and when it is dropped.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use support::{REQUEST_SIZE, RESPONSE_SIZE, Recorder, Sample, Script, Step};
use tachograph_tower::HttpServerLayer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A stream of four bytes, with the length it declares.
fn declared(length: &'static str) -> Response {
    let body = Body::new(Script::new([Step::Data("fo"), Step::Sleep(1), Step::Data("ur")]));
    ([("content-length", length)], body).into_response()
}

async fn serve() -> (Recorder, TcpStream) {
    let recorder = Recorder::default();
    let layer = HttpServerLayer::new(&recorder.meter()).with_active_requests(true).with_body_sizes(true);
    let chunked = || Body::new(Script::new([Step::Data("fo"), Step::Sleep(1), Step::Data("ur")]));
    let panics = async |request: Request| {
        assert!(request.uri().path() == "/never", "the handler panics");
    };
    let app = Router::new()
        .route("/sized", get(async || "sized"))
        .route("/declared", get(async || declared("4")))
        .route("/chunked", get(async move || chunked()))
        .route("/unmodified", get(async || StatusCode::NOT_MODIFIED))
        .route("/endless", get(async || Body::new(Script::new([Step::Data("first"), Step::Hang]))))
        .route("/failing", get(async || Body::new(Script::new([Step::Data("first"), Step::Fail]))))
        .route("/hangs", get(std::future::pending::<()>))
        .route("/panics", get(panics))
        .route("/echo", post(async |body: String| body))
        .layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, app).await });
    (recorder, TcpStream::connect(address).await.unwrap())
}

/// Sends a request and reads until `end` has been read.
async fn exchange(connection: &mut TcpStream, request: &str, end: &str) -> String {
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).ends_with(end) {
        let count = connection.read_buf(&mut read).await.unwrap();
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&read));
    }
    String::from_utf8(read).unwrap()
}

/// The samples, once there are `count`.
async fn samples(recorder: &Recorder, count: usize) -> Vec<Sample> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while recorder.requests().len() < count {
        assert!(Instant::now() < deadline, "{:?}", recorder.requests());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(recorder.requests().len(), count, "once each");
    assert_eq!(recorder.active(), 0);
    recorder.requests()
}

fn outcome(sample: &Sample) -> (Option<String>, Option<String>) {
    (sample.get("http.response.status_code"), sample.get("error.type"))
}

fn is(code: Option<&str>, error: Option<&str>) -> (Option<String>, Option<String>) {
    (code.map(str::to_owned), error.map(str::to_owned))
}

fn request(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}

#[tokio::test]
async fn complete_responses_are_complete_however_the_server_finds_their_end() {
    let (recorder, mut connection) = serve().await;
    for (count, (method, path, end, status)) in [
        ("GET", "/sized", "sized", "200"),
        ("HEAD", "/sized", "\r\n\r\n", "200"),
        ("GET", "/declared", "four", "200"),
        ("HEAD", "/declared", "\r\n\r\n", "200"),
        ("GET", "/chunked", "0\r\n\r\n", "200"),
        ("HEAD", "/chunked", "\r\n\r\n", "200"),
        ("GET", "/unmodified", "\r\n\r\n", "304"),
        ("GET", "/elsewhere", "\r\n\r\n", "404"),
    ]
    .into_iter()
    .enumerate()
    {
        exchange(&mut connection, &request(method, path), end).await;
        let last = samples(&recorder, count + 1).await.pop().unwrap();
        assert_eq!(outcome(&last), is(Some(status), None), "{method} {path}");
    }
    let sizes: Vec<_> = recorder.samples(RESPONSE_SIZE).iter().map(|sample| sample.value).collect();
    assert_eq!(sizes, [5.0, 0.0, 4.0, 0.0, 4.0, 0.0, 0.0, 0.0]);
}

#[tokio::test]
async fn a_sized_body_is_sent_with_its_length_and_not_in_chunks() {
    let (_recorder, mut connection) = serve().await;
    let response = exchange(&mut connection, &request("GET", "/sized"), "sized").await;
    assert!(response.contains("content-length: 5\r\n"), "{response}");
    assert!(!response.contains("transfer-encoding"), "{response}");
}

#[tokio::test]
async fn a_body_sent_in_chunks_is_counted_without_its_framing() {
    let (recorder, mut connection) = serve().await;
    let chunks = "POST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n\
                  3\r\nfou\r\n1\r\nr\r\n0\r\n\r\n";
    exchange(&mut connection, chunks, "four").await;
    let sample = samples(&recorder, 1).await.remove(0);
    assert_eq!(outcome(&sample), is(Some("200"), None));
    assert_eq!(recorder.samples(REQUEST_SIZE)[0].value, 4.0);
}

#[tokio::test]
async fn a_client_that_leaves_is_a_cancellation_with_or_without_a_response() {
    let (recorder, mut connection) = serve().await;
    exchange(&mut connection, &request("GET", "/endless"), "first\r\n").await;
    assert_eq!(recorder.active(), 1);
    drop(connection);
    let sample = samples(&recorder, 1).await.remove(0);
    assert_eq!(outcome(&sample), is(Some("200"), Some("cancelled")));

    let (recorder, mut connection) = serve().await;
    connection.write_all(request("GET", "/hangs").as_bytes()).await.unwrap();
    while recorder.active() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    drop(connection);
    let sample = samples(&recorder, 1).await.remove(0);
    assert_eq!(outcome(&sample), is(None, Some("cancelled")));
    assert_eq!(sample.get("http.route").as_deref(), Some("/hangs"));
}

#[tokio::test]
async fn a_panicking_handler_and_a_failing_body_are_failures() {
    let (recorder, mut connection) = serve().await;
    connection.write_all(request("GET", "/panics").as_bytes()).await.unwrap();
    let sample = samples(&recorder, 1).await.remove(0);
    assert_eq!(outcome(&sample), is(None, Some("panic")));

    let (recorder, mut connection) = serve().await;
    connection.write_all(request("GET", "/failing").as_bytes()).await.unwrap();
    let (status, error) = outcome(&samples(&recorder, 1).await.remove(0));
    assert_eq!(status.as_deref(), Some("200"));
    assert_eq!(error.as_deref(), Some("axum_core::error::Error"));
}
