//! An axum service over real TCP: what the layer, the routes and the drain make of it.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use support::{OWN_INSTRUMENTS, OWN_SERIES, get_async, page, sample, serve, telemetry};
use tachograph::{Counter, Telemetry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

const DURATION: &str = "http_server_request_duration_seconds_count";
const ACTIVE: &str = "http_server_active_requests";

/// Waits until the page is as expected: requests end a moment after their client has its answer.
async fn eventually(telemetry: &Telemetry, expected: impl Fn(&str) -> bool) {
    for _ in 0..500 {
        if expected(&page(telemetry)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the page did not become as expected:\n{}", page(telemetry));
}

/// Sends a request and keeps the connection, without waiting for an answer.
async fn begin(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn requests_are_told_apart_by_the_template_of_their_route_and_never_by_their_path() {
    let telemetry = telemetry();
    let nested = Router::new().route("/{item}", get(async |Path((_, item)): Path<(u32, String)>| item));
    let app = Router::new()
        .route("/orders/{id}", get(async |Path(id): Path<u32>| id.to_string()))
        .nest("/orders/{id}/items", nested)
        .layer(telemetry.http_server_layer())
        .merge(telemetry.ops_routes());
    let address = serve(app).await;
    for id in 0..50 {
        assert_eq!(get_async(format!("http://{address}/orders/{id}")).await.0, 200);
        assert_eq!(get_async(format!("http://{address}/orders/{id}/items/tea{id}")).await.0, 200);
    }
    let (_, page) = get_async(format!("http://{address}/metrics")).await;
    assert_eq!(sample(&page, DURATION, &["http_route=\"/orders/{id}\""]), Some(50.0));
    assert_eq!(sample(&page, DURATION, &["http_route=\"/orders/{id}/items/{item}\""]), Some(50.0));
    assert_eq!(page.matches(DURATION).count(), 2, "{page}");
}

#[tokio::test]
async fn paths_that_nothing_serves_make_no_series_each() {
    let telemetry = telemetry();
    // With a fallback of its own the application's requests are counted, whatever is merged.
    let app = Router::new()
        .route("/", get(async || "home"))
        .fallback(async || http::StatusCode::NOT_FOUND)
        .layer(telemetry.http_server_layer())
        .merge(telemetry.ops_routes());
    let address = serve(app).await;
    for number in 0..50 {
        assert_eq!(get_async(format!("http://{address}/wp-admin/{number}.php")).await.0, 404);
    }
    let page = page(&telemetry);
    assert!(!page.contains("wp-admin") && !page.contains("http_route"), "{page}");
    assert_eq!(sample(&page, DURATION, &["http_response_status_code=\"404\""]), Some(50.0));
}

#[tokio::test]
async fn scrapes_are_not_counted_among_the_requests() {
    let telemetry = telemetry();
    let app = Router::new()
        .route("/", get(async || "home"))
        .layer(telemetry.http_server_layer())
        .merge(telemetry.ops_routes());
    let address = serve(app).await;
    for _ in 0..3 {
        assert_eq!(get_async(format!("http://{address}/metrics")).await.0, 200);
    }
    assert_eq!(sample(&page(&telemetry), DURATION, &[]), None);
    assert_eq!(telemetry.shutdown().await.scrapes, 4);
}

#[tokio::test]
async fn requests_whose_clients_hang_up_end_and_are_recorded_as_cancelled() {
    let telemetry = telemetry();
    let app = Router::new()
        .route("/slow", get(std::future::pending::<()>))
        .layer(telemetry.http_server_layer().with_active_requests(true));
    let address = serve(app).await;
    let streams =
        [begin(address, "/slow").await, begin(address, "/slow").await, begin(address, "/slow").await];
    eventually(&telemetry, |page| sample(page, ACTIVE, &[]) == Some(3.0)).await;
    drop(streams);
    eventually(&telemetry, |page| sample(page, ACTIVE, &[]) == Some(0.0)).await;
    let page = page(&telemetry);
    assert_eq!(sample(&page, DURATION, &["error_type=\"cancelled\"", "http_route=\"/slow\""]), Some(3.0));
}

#[tokio::test]
async fn a_handler_that_panics_is_recorded_and_the_service_goes_on() {
    let telemetry = telemetry();
    let app = Router::new()
        .route("/broken", get(async || -> &'static str { panic!("as the test wants it") }))
        .route("/", get(async || "home"))
        .layer(telemetry.http_server_layer().with_active_requests(true));
    let address = serve(app).await;
    let mut stream = begin(address, "/broken").await;
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert_eq!(answer, "");
    assert_eq!(get_async(format!("http://{address}/")).await.0, 200);
    let page = page(&telemetry);
    assert_eq!(sample(&page, DURATION, &["error_type=\"panic\"", "http_route=\"/broken\""]), Some(1.0));
    assert_eq!(sample(&page, ACTIVE, &[]), Some(0.0));
}

#[tokio::test]
async fn what_is_under_way_when_the_service_drains_is_finished_and_part_of_the_account() {
    let telemetry = telemetry();
    let done: Counter<u64> = telemetry.meter("test").counter("done").build();
    let (stop, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let wait = Arc::clone(&finish);
    let app = Router::new()
        .route(
            "/work",
            get(async move || {
                wait.notified().await;
                done.add(1, &());
                "done"
            }),
        )
        .layer(telemetry.http_server_layer().with_active_requests(true))
        .merge(telemetry.ops_routes());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stopped = Arc::clone(&stop);
    let server = tokio::spawn(async move {
        axum::serve(listener, app).with_graceful_shutdown(async move { stopped.notified().await }).await
    });
    let client = tokio::spawn(get_async(format!("http://{address}/work")));
    eventually(&telemetry, |page| sample(page, ACTIVE, &[]) == Some(1.0)).await;
    stop.notify_one();
    finish.notify_one();
    assert_eq!(client.await.unwrap(), (200, "done".to_owned()));
    server.await.unwrap().unwrap();
    assert_eq!(sample(&page(&telemetry), "done_total", &[]), Some(1.0));
    assert_eq!(sample(&page(&telemetry), ACTIVE, &[]), Some(0.0));
    let report = telemetry.shutdown().await;
    let own = (3 + OWN_INSTRUMENTS, 3 + OWN_SERIES);
    assert_eq!((report.metrics.instruments, report.metrics.series), own, "{report}");
}

#[tokio::test]
async fn a_scrape_runs_callbacks_where_they_may_block() {
    let telemetry = telemetry();
    let _gauge = telemetry
        .meter("test")
        .as_otel()
        .u64_observable_gauge("blocking")
        .with_callback(|observer| {
            // Panics on a thread that drives asynchronous tasks.
            let answer = tokio::runtime::Handle::current().block_on(async { 42 });
            observer.observe(answer, &[]);
        })
        .build();
    let address = serve(telemetry.ops_routes()).await;
    let (_, page) = get_async(format!("http://{address}/metrics")).await;
    assert_eq!(sample(&page, "blocking", &[]), Some(42.0), "{page}");
}

#[tokio::test]
async fn head_gets_the_headers_only_and_other_methods_are_refused() {
    let telemetry = telemetry();
    let address = serve(telemetry.ops_routes()).await;
    let (head, post) = tokio::task::spawn_blocking(move || {
        let url = format!("http://{address}/metrics");
        let mut head = ureq::head(&url).call().unwrap();
        let text = head.body_mut().read_to_string().unwrap();
        ((head.headers()["content-length"].to_str().unwrap().to_owned(), text), ureq::post(&url).send_empty())
    })
    .await
    .unwrap();
    assert_ne!(head.0, "0");
    assert_eq!(head.1, "");
    assert!(matches!(post.unwrap_err(), ureq::Error::StatusCode(405)));
}
