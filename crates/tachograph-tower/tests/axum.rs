//! In a real axum router.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use http_body_util::BodyExt;
use support::{REQUEST_SIZE, RESPONSE_SIZE, Recorder, Script, Step};
use tachograph_tower::HttpServerLayer;
use tower::{ServiceBuilder, ServiceExt, service_fn};

fn layer(recorder: &Recorder) -> HttpServerLayer {
    HttpServerLayer::new(&recorder.meter()).with_active_requests(true).with_body_sizes(true)
}

async fn send(app: &Router, method: Method, path: &str, body: Body) -> (StatusCode, Bytes) {
    let request = Request::builder().method(method).uri(path).body(body).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    (status, response.into_body().collect().await.unwrap().to_bytes())
}

async fn fetch(app: &Router, path: &str) -> StatusCode {
    send(app, Method::GET, path, Body::empty()).await.0
}

fn routes(recorder: &Recorder) -> Vec<Option<String>> {
    assert_eq!(recorder.active(), 0);
    recorder.requests().iter().map(|sample| sample.get("http.route")).collect()
}

fn some(route: &str) -> Option<String> {
    Some(route.to_owned())
}

#[tokio::test]
async fn the_route_is_the_template_and_never_the_path() {
    let recorder = Recorder::default();
    let app = Router::new().route("/orders/{id}", get(async || "an order")).layer(layer(&recorder));
    for id in 0..5 {
        assert_eq!(fetch(&app, &format!("/orders/{id}?q={id}")).await, StatusCode::OK);
    }
    assert_eq!(routes(&recorder), vec![some("/orders/{id}"); 5]);
    let requests = recorder.requests();
    assert!(requests.windows(2).all(|pair| pair[0].address == pair[1].address), "one set, held once");
}

#[tokio::test]
async fn a_thousand_unknown_paths_leave_one_attribute_set() {
    let recorder = Recorder::default();
    let app = Router::new().route("/orders/{id}", get(async || "an order")).layer(layer(&recorder));
    for n in 0..1_000_u64 {
        let path = format!("/{:x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        assert_eq!(fetch(&app, &path).await, StatusCode::NOT_FOUND);
    }
    let requests = recorder.requests();
    assert_eq!(requests.len(), 1_000);
    assert!(requests.iter().all(|sample| sample.attributes == requests[0].attributes));
    assert_eq!(
        requests[0].keys(),
        ["http.request.method", "http.response.status_code", "network.protocol.version", "url.scheme"]
    );
}

#[tokio::test]
async fn nested_and_merged_routers_have_their_whole_template() {
    let recorder = Recorder::default();
    let order = || Router::new().route("/{id}", get(async || "an order"));
    let app = Router::new()
        .nest("/shops/{shop}/orders", order())
        .nest("/deep", Router::new().nest("/{a}", Router::new().nest("/deeper", order())))
        .merge(Router::new().route("/merged", get(async || "merged")))
        .layer(layer(&recorder));
    for path in ["/shops/1/orders/2", "/deep/1/deeper/2", "/merged"] {
        assert_eq!(fetch(&app, path).await, StatusCode::OK);
    }
    assert_eq!(
        routes(&recorder),
        [some("/shops/{shop}/orders/{id}"), some("/deep/{a}/deeper/{id}"), some("/merged")]
    );
}

#[tokio::test]
async fn what_is_added_after_the_layer_is_not_measured() {
    let recorder = Recorder::default();
    let app = Router::new()
        .route("/orders", get(async || "orders"))
        .layer(layer(&recorder))
        .merge(Router::new().route("/metrics", get(async || "a page")));
    assert_eq!(fetch(&app, "/metrics").await, StatusCode::OK);
    assert_eq!(fetch(&app, "/orders").await, StatusCode::OK);
    assert_eq!(routes(&recorder), [some("/orders")]);
}

#[tokio::test]
async fn a_fallback_has_no_route_and_a_wrong_method_has_one() {
    let recorder = Recorder::default();
    let app = Router::new()
        .route("/orders/{id}", get(async || "an order"))
        .fallback(async || (StatusCode::GONE, "gone"))
        .layer(layer(&recorder));
    assert_eq!(fetch(&app, "/elsewhere").await, StatusCode::GONE);
    let wrong = send(&app, Method::DELETE, "/orders/1", Body::empty()).await;
    assert_eq!(wrong.0, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(routes(&recorder), [None, some("/orders/{id}")]);
    assert!(recorder.requests().iter().all(|sample| sample.get("error.type").is_none()));
}

#[tokio::test]
async fn a_service_mounted_by_a_prefix_has_no_route_and_no_path() {
    let recorder = Recorder::default();
    let files =
        service_fn(async |_: Request| Ok::<_, std::convert::Infallible>(Response::new(Body::from("file"))));
    let app = Router::new().nest_service("/files", files).layer(layer(&recorder));
    assert_eq!(fetch(&app, "/files/a/b").await, StatusCode::OK);
    assert_eq!(routes(&recorder), [None]);
}

#[tokio::test]
async fn around_the_whole_router_the_route_is_unknown() {
    let recorder = Recorder::default();
    let app = Router::new().route("/orders/{id}", get(async || "an order"));
    let service = ServiceBuilder::new().layer(layer(&recorder)).service(app);
    let request = Request::get("/orders/1").body(Body::empty()).unwrap();
    let response = service.oneshot(request).await.unwrap();
    response.into_body().collect().await.unwrap();
    assert_eq!(routes(&recorder), [None]);
}

#[tokio::test]
async fn an_extractor_replaces_the_matched_path_and_may_use_it() {
    let recorder = Recorder::default();
    let layer = layer(&recorder).with_route(|head| head.matched_path().or(Some("unmatched")));
    let app = Router::new().route("/orders/{id}", get(async || "an order")).layer(layer);
    fetch(&app, "/orders/1").await;
    fetch(&app, "/elsewhere").await;
    assert_eq!(routes(&recorder), [some("/orders/{id}"), some("unmatched")]);
}

#[tokio::test]
async fn a_handler_reads_the_body_and_both_sizes_are_counted_as_streamed() {
    let recorder = Recorder::default();
    let app = Router::new()
        .route("/echo", post(async |body: String| body + "!"))
        .route("/ignore", post(async || "ignored"))
        .layer(layer(&recorder));
    let streamed = Body::new(Script::new([Step::Data("stre"), Step::Sleep(1), Step::Data("amed")]));
    assert_eq!(send(&app, Method::POST, "/echo", streamed).await.1, "streamed!");
    assert_eq!(send(&app, Method::POST, "/echo", Body::from("known")).await.1, "known!");
    assert_eq!(send(&app, Method::POST, "/ignore", Body::from("unread")).await.1, "ignored");
    assert_eq!(send(&app, Method::GET, "/ignore", Body::empty()).await.0, StatusCode::METHOD_NOT_ALLOWED);
    let sizes = |name| recorder.samples(name).iter().map(|sample| sample.value).collect::<Vec<_>>();
    assert_eq!(sizes(REQUEST_SIZE), [8.0, 5.0, 0.0, 0.0]);
    assert_eq!(sizes(RESPONSE_SIZE), [9.0, 6.0, 7.0, 0.0]);
}

#[tokio::test]
async fn a_counted_request_body_keeps_its_size() {
    let recorder = Recorder::default();
    let handler = async |request: Request| {
        use http_body::Body as _;
        request.body().size_hint().exact().unwrap_or(u64::MAX).to_string()
    };
    let app = Router::new().route("/", post(handler)).layer(layer(&recorder));
    assert_eq!(send(&app, Method::POST, "/", Body::from("known")).await.1, "5");
}

#[tokio::test]
async fn the_response_keeps_its_content_length() {
    let recorder = Recorder::default();
    let app = Router::new().route("/", get(async || "sized")).layer(layer(&recorder));
    let request = Request::get("/").body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-length"], "5");
}

#[tokio::test]
async fn a_head_request_is_complete() {
    let recorder = Recorder::default();
    let app = Router::new().route("/", get(async || "sized")).layer(layer(&recorder));
    let (status, body) = send(&app, Method::HEAD, "/", Body::empty()).await;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
    assert_eq!(routes(&recorder), [some("/")]);
    let sample = recorder.request();
    assert_eq!(sample.get("http.request.method").as_deref(), Some("HEAD"));
    assert_eq!(sample.get("error.type"), None);
}

#[tokio::test]
async fn it_composes_with_middleware_that_names_the_body_on_either_side() {
    async fn pass(request: Request, next: Next) -> Response {
        next.run(request).await
    }
    let recorder = Recorder::default();
    let layers = ServiceBuilder::new().layer(from_fn(pass)).layer(layer(&recorder)).layer(from_fn(pass));
    let app = Router::new().route("/orders/{id}", get(async || "an order")).layer(layers);
    assert_eq!(fetch(&app, "/orders/1").await, StatusCode::OK);
    assert_eq!(routes(&recorder), [some("/orders/{id}")]);
}

#[tokio::test]
async fn a_panicking_handler_is_accounted() {
    let recorder = Recorder::default();
    let handler = async |request: Request| {
        assert!(request.uri().path() == "/never", "the handler panics");
    };
    let app = Router::new().route("/boom/{id}", get(handler)).layer(layer(&recorder));
    let request = Request::get("/boom/1").body(Body::empty()).unwrap();
    tokio::spawn(app.oneshot(request)).await.unwrap_err();
    assert_eq!(routes(&recorder), [some("/boom/{id}")]);
    assert_eq!(recorder.request().get("error.type").as_deref(), Some("panic"));
}

#[tokio::test]
async fn a_stream_that_the_client_leaves_is_cancelled() {
    let recorder = Recorder::default();
    let stream = async || Body::new(Script::new([Step::Data("first"), Step::Hang]));
    let app = Router::new().route("/stream", get(stream)).layer(layer(&recorder));
    let request = Request::get("/stream").body(Body::empty()).unwrap();
    let mut body = app.oneshot(request).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(recorder.active(), 1);
    drop(body);
    assert_eq!(routes(&recorder), [some("/stream")]);
    assert_eq!(recorder.request().get("error.type").as_deref(), Some("cancelled"));
    assert_eq!(recorder.samples(RESPONSE_SIZE)[0].value, 5.0);
}

#[tokio::test]
async fn an_upgrade_ends_with_its_response() {
    let recorder = Recorder::default();
    let upgrade = async || (StatusCode::SWITCHING_PROTOCOLS, [("upgrade", "websocket")]);
    let app = Router::new().route("/socket", get(upgrade)).layer(layer(&recorder));
    let request = Request::get("/socket").body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(routes(&recorder), [some("/socket")], "while the connection goes on");
    assert_eq!(recorder.request().get("error.type"), None);
}
