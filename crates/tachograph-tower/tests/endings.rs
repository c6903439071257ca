//! However a request ends, it ends once: one sample, one span that says the same, nothing left active.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use opentelemetry::Value;
use support::traced::{Traced, error};
use support::{Broken, Sample, Script, Step, get, status};
use tachograph_sdk::testing::StatusSnapshot;
use tachograph_tower::{HttpServer, HttpServerLayer, ResponseBody};
use tower::{Layer, Service, ServiceExt, service_fn};

fn layer(recorder: &Traced) -> HttpServerLayer {
    recorder.layer()
}

/// A service that answers with a scripted body.
fn scripted(
    recorder: &Traced,
    code: u16,
    steps: impl Fn() -> Vec<Step> + Clone,
) -> HttpServer<
    impl Service<Request<Script>, Response = Response<Script>, Error = Infallible, Future: Send> + Clone,
> {
    layer(recorder).layer(service_fn(move |_: Request<Script>| {
        let body = Script::new(steps());
        std::future::ready(Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap()))
    }))
}

/// The only sample, once all is accounted for.
fn ended(recorder: &Traced) -> Sample {
    assert_eq!(recorder.active(), 0, "nothing is left active");
    assert_eq!(recorder.samples(support::RESPONSE_SIZE).len(), 1);
    let (sample, span) = (recorder.request(), recorder.span());
    let said = |key| span.attribute(key).map(|value| value.as_str().into_owned());
    for key in ["error.type", "http.request.method", "http.response.status_code", "http.route"] {
        assert_eq!(said(key), sample.get(key), "the span and the sample agree on {key}");
    }
    let failed = sample.get("error.type").is_some();
    assert_eq!(span.status, if failed { error() } else { StatusSnapshot::Unset });
    sample
}

fn outcome(sample: &Sample) -> (Option<String>, Option<String>) {
    (sample.get("http.response.status_code"), sample.get("error.type"))
}

fn is(code: Option<&str>, error: Option<&str>) -> (Option<String>, Option<String>) {
    (code.map(str::to_owned), error.map(str::to_owned))
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn catch<T>(code: impl FnOnce() -> T) -> bool {
    std::panic::catch_unwind(AssertUnwindSafe(code)).is_err()
}

#[tokio::test]
async fn three_handlers_dropped_midway_leave_three_samples_and_no_active_request() {
    let recorder = Traced::new();
    let service = layer(&recorder).layer(service_fn(async |_: Request<Script>| {
        pending::<Result<Response<String>, Infallible>>().await
    }));
    let mut futures: Vec<_> = (0..3).map(|_| Box::pin(service.clone().oneshot(get("/")))).collect();
    for future in &mut futures {
        assert!(poll_once(future.as_mut()).is_pending());
    }
    assert_eq!(recorder.active(), 3);
    assert!(recorder.requests().is_empty());
    assert!(recorder.spans().is_empty());

    drop(futures);
    assert_eq!(recorder.active(), 0);
    assert_eq!(recorder.spans().len(), 3);
    let requests = recorder.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert_eq!(outcome(&request), is(None, Some("cancelled")));
    }
}

#[tokio::test]
async fn a_future_that_is_dropped_unpolled_was_a_request_too() {
    let recorder = Traced::new();
    let mut service = layer(&recorder).layer(service_fn(async |_: Request<Script>| status(200)));
    drop(service.call(get("/")));
    assert_eq!(outcome(&ended(&recorder)), is(None, Some("cancelled")));
}

#[tokio::test]
async fn a_panic_in_the_handlers_future_is_recorded_when_it_happens() {
    let recorder = Traced::new();
    let layer = layer(&recorder).with_route(|_| Some("/boom"));
    let service = layer.layer(service_fn(async |request: Request<Script>| {
        tokio::task::yield_now().await;
        assert!(request.uri().path() == "/never", "the handler panics");
        status(200)
    }));
    let mut future = Box::pin(service.oneshot(get("/")));
    assert!(poll_once(future.as_mut()).is_pending());
    assert!(catch(|| poll_once(future.as_mut())));

    // Before the future is dropped, and not once more when it is.
    assert_eq!(outcome(&ended(&recorder)), is(None, Some("panic")));
    drop(future);
    let sample = ended(&recorder);
    assert_eq!(outcome(&sample), is(None, Some("panic")));
    assert_eq!(sample.get("http.route").as_deref(), Some("/boom"));
}

#[tokio::test]
async fn a_panic_in_a_spawned_handler_is_recorded() {
    let recorder = Traced::new();
    let service = layer(&recorder).layer(service_fn(async |request: Request<Script>| {
        assert!(request.uri().path() == "/never", "the handler panics");
        status(200)
    }));
    tokio::spawn(service.oneshot(get("/"))).await.unwrap_err();
    assert_eq!(outcome(&ended(&recorder)), is(None, Some("panic")));
}

#[tokio::test]
async fn a_panic_in_the_call_itself_is_recorded() {
    let recorder = Traced::new();
    let mut service =
        layer(&recorder).with_route(|_| Some("/boom")).layer(service_fn(|request: Request<Script>| {
            assert!(request.uri().path() == "/never", "the service panics");
            std::future::ready(status(200))
        }));
    assert!(catch(|| drop(service.call(get("/")))));
    let sample = ended(&recorder);
    assert_eq!(outcome(&sample), is(None, Some("panic")));
    assert_eq!(sample.get("http.route").as_deref(), Some("/boom"));
}

#[tokio::test]
async fn a_panic_in_the_route_extractor_is_recorded() {
    let recorder = Traced::new();
    let mut service = layer(&recorder)
        .with_route(|head| {
            assert!(head.uri().path() == "/never", "the extractor panics");
            None
        })
        .layer(service_fn(async |_: Request<Script>| status(200)));
    assert!(catch(|| drop(service.call(get("/")))));
    assert_eq!(outcome(&ended(&recorder)), is(None, Some("panic")));
}

#[tokio::test]
async fn a_request_dropped_by_anothers_panic_is_cancelled() {
    let recorder = Traced::new();
    let service = layer(&recorder).layer(service_fn(async |_: Request<Script>| {
        pending::<Result<Response<String>, Infallible>>().await
    }));
    let mut future = Box::pin(service.oneshot(get("/")));
    assert!(poll_once(future.as_mut()).is_pending());
    assert!(catch(move || {
        let _dropped_in_unwinding = future;
        panic!("elsewhere");
    }));
    assert_eq!(outcome(&ended(&recorder)), is(None, Some("cancelled")));
}

#[tokio::test]
async fn a_service_error_is_named_by_its_type() {
    let recorder = Traced::new();
    let service =
        layer(&recorder).layer(service_fn(async |_: Request<Script>| Err::<Response<String>, _>(Broken)));
    service.oneshot(get("/")).await.unwrap_err();
    let (code, error) = outcome(&ended(&recorder));
    assert_eq!(code, None);
    assert!(error.unwrap().ends_with("::Broken"));
}

#[tokio::test]
async fn an_erased_service_error_is_other() {
    let recorder = Traced::new();
    let service = layer(&recorder).layer(service_fn(async |_: Request<Script>| {
        Err::<Response<String>, tower::BoxError>(Box::new(Broken))
    }));
    service.oneshot(get("/")).await.unwrap_err();
    assert_eq!(outcome(&ended(&recorder)), is(None, Some("_OTHER")));
}

#[tokio::test]
async fn the_duration_covers_a_streamed_body() {
    let recorder = Traced::new();
    let steps = || vec![Step::Data("one"), Step::Sleep(60), Step::Data("two")];
    let response = scripted(&recorder, 200, steps).oneshot(get("/")).await.unwrap();
    assert!(recorder.requests().is_empty(), "a response is not the end");
    assert_eq!(recorder.active(), 1);

    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "onetwo");
    let sample = ended(&recorder);
    assert_eq!(outcome(&sample), is(Some("200"), None));
    assert!(sample.value >= 0.06, "{}", sample.value);
}

#[tokio::test]
async fn the_duration_covers_a_slow_handler_in_seconds() {
    let recorder = Traced::new();
    let service = layer(&recorder).layer(service_fn(async |_: Request<Script>| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        status(204)
    }));
    service.oneshot(get("/")).await.unwrap();
    let sample = ended(&recorder);
    assert!((0.05..30.0).contains(&sample.value), "{}", sample.value);
}

#[tokio::test]
async fn an_empty_body_ends_with_its_response() {
    let recorder = Traced::new();
    let service = layer(&recorder).layer(service_fn(async |_: Request<Script>| status(200)));
    let response = service.oneshot(get("/")).await.unwrap();
    assert_eq!(outcome(&ended(&recorder)), is(Some("200"), None));
    drop(response);
    assert_eq!(recorder.requests().len(), 1);
}

#[tokio::test]
async fn a_body_that_says_so_ends_with_its_last_frame() {
    let recorder = Traced::new();
    let service = layer(&recorder).layer(service_fn(async |_: Request<Script>| {
        Ok::<_, Infallible>(Response::new(String::from("all")))
    }));
    let mut body = service.oneshot(get("/")).await.unwrap().into_body();
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "all");
    assert_eq!(outcome(&ended(&recorder)), is(Some("200"), None));
    assert!(body.frame().await.is_none());
    drop(body);
    assert_eq!(recorder.requests().len(), 1);
}

#[tokio::test]
async fn a_body_dropped_halfway_is_cancelled() {
    let recorder = Traced::new();
    let steps = || vec![Step::Data("half"), Step::Hang];
    let mut body = scripted(&recorder, 200, steps).oneshot(get("/")).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    assert!(poll_once(pin!(body.frame())).is_pending());
    assert_eq!(recorder.active(), 1);
    drop(body);
    assert_eq!(outcome(&ended(&recorder)), is(Some("200"), Some("cancelled")));
    assert_eq!(recorder.samples(support::RESPONSE_SIZE)[0].value, 4.0);
}

#[tokio::test]
async fn a_body_dropped_unread_is_cancelled() {
    let recorder = Traced::new();
    drop(scripted(&recorder, 200, || vec![Step::Data("never read")]).oneshot(get("/")).await.unwrap());
    assert_eq!(outcome(&ended(&recorder)), is(Some("200"), Some("cancelled")));
}

#[tokio::test]
async fn a_client_error_has_no_error_type_whatever_becomes_of_its_body() {
    for steps in [vec![], vec![Step::Fail], vec![Step::Panic]] {
        let recorder = Traced::new();
        let steps = std::sync::Arc::new(std::sync::Mutex::new(Some(steps)));
        let take = move || steps.lock().unwrap().take().unwrap_or_default();
        let mut body = scripted(&recorder, 404, take).oneshot(get("/")).await.unwrap().into_body();
        let _ = catch(|| poll_once(pin!(body.frame())));
        drop(body);
        assert_eq!(outcome(&ended(&recorder)), is(Some("404"), None));
    }
}

#[tokio::test]
async fn a_body_that_fails_is_named_by_its_errors_type() {
    let recorder = Traced::new();
    let steps = || vec![Step::Data("half"), Step::Fail, Step::Fail];
    let mut body = scripted(&recorder, 200, steps).oneshot(get("/")).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    body.frame().await.unwrap().unwrap_err();
    body.frame().await.unwrap().unwrap_err();
    drop(body);
    let (code, error) = outcome(&ended(&recorder));
    assert_eq!(code.as_deref(), Some("200"));
    assert!(error.unwrap().ends_with("::Broken"));
}

#[tokio::test]
async fn a_body_that_panics_is_recorded_when_it_does() {
    let recorder = Traced::new();
    let steps = || vec![Step::Data("half"), Step::Panic];
    let mut body = scripted(&recorder, 200, steps).oneshot(get("/")).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    assert!(catch(|| poll_once(pin!(body.frame()))));
    assert_eq!(outcome(&ended(&recorder)), is(Some("200"), Some("panic")));
    drop(body);
    assert_eq!(recorder.requests().len(), 1);
}

/// Sends `request` and drops the response with its body unread, as a server does where no body is
/// to be sent.
async fn unread(mut request: Request<Script>, method: &str, code: u16, header: Option<&str>) -> Sample {
    *request.method_mut() = method.parse().unwrap();
    let recorder = Traced::new();
    let length = header.map(str::to_owned);
    let service = layer(&recorder).layer(service_fn(move |_: Request<Script>| {
        let mut response = Response::builder().status(code);
        if let Some(length) = &length {
            response = response.header("content-length", length);
        }
        std::future::ready(Ok::<_, Infallible>(response.body(Script::new([Step::Data("body")])).unwrap()))
    }));
    drop(service.oneshot(request).await.unwrap());
    ended(&recorder)
}

#[tokio::test]
async fn a_body_that_is_not_to_be_sent_is_complete_unread() {
    for (method, code, header) in [
        ("HEAD", 200, None),
        ("HEAD", 200, Some("4")),
        ("GET", 101, None),
        ("GET", 204, None),
        ("GET", 304, None),
        ("CONNECT", 200, None),
        ("GET", 200, Some("0")),
    ] {
        let sample = unread(get("/"), method, code, header).await;
        assert_eq!(sample.get("error.type"), None, "{method} {code} {header:?}");
        assert_eq!(sample.attributes["http.response.status_code"], Value::I64(i64::from(code)));
    }
    for (method, code, header) in
        [("GET", 200, None), ("GET", 200, Some("4")), ("GET", 200, Some("four")), ("CONNECT", 302, None)]
    {
        let sample = unread(get("/"), method, code, header).await;
        assert_eq!(sample.get("error.type").as_deref(), Some("cancelled"), "{method} {code} {header:?}");
    }
}

#[tokio::test]
async fn a_body_read_to_its_declared_length_is_complete_though_its_end_was_not_polled() {
    let recorder = Traced::new();
    let service = layer(&recorder).layer(service_fn(async |_: Request<Script>| {
        let body = Script::new([Step::Data("four"), Step::Hang]);
        Ok::<_, Infallible>(Response::builder().header("content-length", "4").body(body).unwrap())
    }));
    let mut body = service.oneshot(get("/")).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(outcome(&ended(&recorder)), is(Some("200"), None));
}

#[tokio::test]
async fn trailers_sizes_and_ends_pass_through() {
    let recorder = Traced::new();
    let trailers: http::HeaderMap =
        [(http::HeaderName::from_static("checksum"), http::HeaderValue::from_static("7"))]
            .into_iter()
            .collect();
    let sent = trailers.clone();
    let steps = move || vec![Step::Data("data"), Step::Trailers(sent.clone())];
    let body = scripted(&recorder, 200, steps).oneshot(get("/")).await.unwrap().into_body();
    assert!(body.size_hint().exact().is_none());
    assert_eq!(body.collect().await.unwrap().trailers(), Some(&trailers));
    assert_eq!(outcome(&ended(&recorder)), is(Some("200"), None));

    let full = layer(&recorder).layer(service_fn(async |_: Request<Script>| {
        Ok::<_, Infallible>(Response::new(String::from("sized")))
    }));
    let body = full.oneshot(get("/")).await.unwrap().into_body();
    assert_eq!(body.size_hint().exact(), Some(5), "so that a server sends a Content-Length");
    assert!(!body.is_end_stream());
}

#[tokio::test]
async fn a_default_body_accounts_for_nothing() {
    let body = ResponseBody::<String>::default();
    assert!(body.is_end_stream());
    assert!(body.collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_requests_are_each_counted_once() {
    let recorder = Traced::new();
    let service = layer(&recorder).layer(service_fn(async |request: Request<Script>| {
        tokio::task::yield_now().await;
        match request.uri().path() {
            "/0" => status(200),
            "/1" => status(404),
            "/2" => status(503),
            _ => pending().await,
        }
    }));
    let tasks: Vec<_> =
        (0..400).map(|n| tokio::spawn(service.clone().oneshot(get(&format!("/{}", n % 4))))).collect();
    for (n, task) in tasks.into_iter().enumerate() {
        if n % 4 == 3 {
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        } else {
            task.await.unwrap().unwrap();
        }
    }
    assert_eq!(recorder.active(), 0);
    let requests = recorder.requests();
    for (code, error) in
        [(Some("200"), None), (Some("404"), None), (Some("503"), Some("503")), (None, Some("cancelled"))]
    {
        let count = requests.iter().filter(|sample| outcome(sample) == is(code, error)).count();
        // A task may be aborted before it has called the service: then there was no request.
        let expected = if code.is_some() { 100..=100 } else { 0..=100 };
        assert!(expected.contains(&count), "{code:?}: {count}");
    }
}

#[tokio::test]
async fn readiness_is_the_inner_services() {
    struct Busy;
    impl Service<Request<Script>> for Busy {
        type Response = Response<String>;
        type Error = Broken;
        type Future = std::future::Ready<Result<Response<String>, Broken>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
            Poll::Ready(Err(Broken))
        }

        fn call(&mut self, _: Request<Script>) -> Self::Future {
            unreachable!("not ready")
        }
    }
    let recorder = Traced::new();
    let mut service = layer(&recorder).layer(Busy);
    poll_fn(|cx| service.poll_ready(cx)).await.unwrap_err();
    assert!(recorder.requests().is_empty(), "no request has come yet");
}
