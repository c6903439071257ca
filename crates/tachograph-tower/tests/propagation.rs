//! Whose child a request's span is, and whose parent.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use http::header::HeaderValue;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::{Span, SpanId, TraceContextExt, TraceId, Tracer};
use opentelemetry::{Context, KeyValue};
use support::traced::Traced;
use support::{Script, Step, get, status};
use tachograph_propagation::{Format, Propagator};
use tachograph_sdk::trace::{AlwaysOn, ParentBased};
use tachograph_tower::HttpServerLayer;
use tower::{Layer, Service, ServiceExt, service_fn};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn sampled_parent() -> (&'static str, String) {
    ("traceparent", format!("00-{TRACE}-{CALLER}-01"))
}

fn with(headers: &[(&'static str, String)]) -> Request<Script> {
    let mut request = get("/");
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    request
}

/// A service that makes a span of its own, and answers.
fn handler(
    traced: &Traced,
) -> impl Service<Request<Script>, Response = Response<String>, Error = Infallible, Future: Send> + Clone {
    let tracer = traced.tracer();
    service_fn(move |_: Request<Script>| {
        let tracer = tracer.clone();
        async move {
            tokio::task::yield_now().await;
            tracer.start("work").end();
            status(200)
        }
    })
}

/// What is current where this runs.
fn current() -> (TraceId, SpanId, Option<String>) {
    Context::map_current(|cx| {
        let span = cx.span().span_context().clone();
        (span.trace_id(), span.span_id(), cx.baggage().get("tenant").map(ToString::to_string))
    })
}

const NOTHING: (TraceId, SpanId, Option<String>) = (TraceId::INVALID, SpanId::INVALID, None);

#[tokio::test]
async fn the_span_is_a_child_of_the_callers_and_the_parent_of_the_handlers() {
    let traced = Traced::new();
    let state = ("tracestate", "vendor=1".to_owned());
    traced.layer().layer(handler(&traced)).oneshot(with(&[sampled_parent(), state])).await.unwrap();
    let (server, work) = (traced.named("GET"), traced.named("work"));
    assert_eq!(server.trace_id.to_string(), TRACE);
    assert_eq!(server.parent_span_id.unwrap().to_string(), CALLER);
    assert!(server.parent_is_remote);
    assert_eq!(server.trace_state, "vendor=1");
    assert_eq!((work.trace_id, work.parent_span_id), (server.trace_id, Some(server.span_id)));
    assert!(!work.parent_is_remote);
}

#[tokio::test]
async fn a_request_without_a_parent_begins_a_trace_whatever_is_current_where_it_is_served() {
    let traced = Traced::new();
    let outer = Context::current_with_span(traced.tracer().start("the accept loop"))
        .with_baggage([KeyValue::new("tenant", "nobody's")]);
    let seen = Arc::new(Mutex::new(None));
    let see = Arc::clone(&seen);
    let mut service = traced.layer().layer(service_fn(move |_: Request<Script>| {
        *see.lock().unwrap() = Some(current());
        std::future::ready(status(200))
    }));
    let attached = outer.clone().attach();
    let future = service.call(get("/"));
    assert_eq!(current().1, outer.span().span_context().span_id(), "and it is current again after");
    drop(attached);
    future.await.unwrap();
    let span = traced.named("GET");
    assert_eq!(span.parent_span_id, None);
    assert_ne!(span.trace_id, outer.span().span_context().trace_id());
    assert_eq!(seen.lock().unwrap().take().unwrap(), (span.trace_id, span.span_id, None));
}

#[tokio::test]
async fn the_context_is_current_in_each_poll_and_not_between() {
    let traced = Traced::new();
    let baggage = ("baggage", "tenant=acme".to_owned());
    let log = Arc::new(Mutex::new(Vec::new()));
    let (in_call, in_poll) = (Arc::clone(&log), Arc::clone(&log));
    let mut service = traced.layer().layer(service_fn(move |_: Request<Script>| {
        in_call.lock().unwrap().push(current());
        let log = Arc::clone(&in_poll);
        async move {
            for _ in 0..3 {
                log.lock().unwrap().push(current());
                tokio::task::yield_now().await;
            }
            let body_log = Arc::clone(&log);
            let mut frames = 0;
            let body = http_body_util::StreamBody::new(Stream(move || {
                body_log.lock().unwrap().push(current());
                frames += 1;
                (frames < 3).then(|| Ok::<_, Infallible>(http_body::Frame::data(bytes::Bytes::from("frame"))))
            }));
            Ok::<_, Infallible>(Response::new(body))
        }
    }));
    let mut future = Box::pin(service.call(with(&[sampled_parent(), baggage])));
    assert_eq!(current(), NOTHING);
    let response = poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        assert_eq!(current(), NOTHING, "between the polls");
        polled
    })
    .await
    .unwrap();
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        frame.unwrap();
        assert_eq!(current(), NOTHING);
    }
    let span = traced.span();
    let log = log.lock().unwrap();
    assert_eq!(log.len(), 1 + 3 + 3);
    assert!(
        log.iter().all(|seen| *seen == (span.trace_id, span.span_id, Some("acme".to_owned()))),
        "{log:?}"
    );
}

/// A stream that is ready at once.
struct Stream<F>(F);

impl<T, F: FnMut() -> Option<T> + Unpin> futures_core::Stream for Stream<F> {
    type Item = T;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Option<T>> {
        Poll::Ready((self.0)())
    }
}

#[tokio::test]
async fn concurrent_requests_on_one_thread_keep_their_contexts_apart() {
    let traced = Traced::new();
    let service = traced.layer().layer(handler(&traced));
    let mut futures = Vec::new();
    for n in 1..=20_u64 {
        let parent = ("traceparent", format!("00-{n:032x}-{n:016x}-01"));
        futures.push(Box::pin(service.clone().oneshot(with(&[parent]))));
    }
    let mut cx = std::task::Context::from_waker(Waker::noop());
    while !futures.is_empty() {
        futures.retain_mut(|future| future.as_mut().poll(&mut cx).is_pending());
    }
    assert_eq!(current(), NOTHING);
    let spans = traced.spans();
    assert_eq!(spans.len(), 40);
    for server in spans.iter().filter(|span| span.name == "GET") {
        let n = u128::from_be_bytes(server.trace_id.to_bytes());
        assert_eq!(u64::from_be_bytes(server.parent_span_id.unwrap().to_bytes()), n as u64);
        let child = spans.iter().find(|span| span.parent_span_id == Some(server.span_id)).unwrap();
        assert_eq!((child.name.as_str(), child.trace_id), ("work", server.trace_id));
    }
}

#[tokio::test]
async fn a_panic_and_a_dropped_request_leave_no_context_behind() {
    let traced = Traced::new();
    let mut panicking = traced.layer().layer(service_fn(async |request: Request<Script>| {
        assert!(request.uri().path() == "/never", "the handler panics");
        status(200)
    }));
    let mut future = Box::pin(panicking.call(get("/")));
    let mut cx = std::task::Context::from_waker(Waker::noop());
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| future.as_mut().poll(&mut cx)));
    assert!(polled.is_err());
    assert_eq!(current(), NOTHING);

    let mut in_call = traced.layer().layer(service_fn(|request: Request<Script>| {
        assert!(request.uri().path() == "/never", "the service panics");
        std::future::ready(status(200))
    }));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| in_call.call(get("/")))).is_err());
    assert_eq!(current(), NOTHING);

    let mut hanging = traced
        .layer()
        .layer(service_fn(|_: Request<Script>| pending::<Result<Response<String>, Infallible>>()));
    let mut future = Box::pin(hanging.call(get("/")));
    assert!(future.as_mut().poll(&mut cx).is_pending());
    drop(future);
    assert_eq!(current(), NOTHING);
    assert_eq!(traced.spans().len(), 3);
}

#[tokio::test]
async fn measurements_are_made_while_the_spans_context_is_current_and_before_it_ends() {
    let traced = Traced::new();
    traced.layer().layer(handler(&traced)).oneshot(with(&[sampled_parent()])).await.unwrap();
    let span = traced.named("GET");
    for name in [support::DURATION, support::RESPONSE_SIZE] {
        let sample = traced.metrics.samples(name).remove(0);
        assert_eq!(sample.span, Some((span.trace_id, span.span_id)), "{name}");
        assert!(sample.recording, "{name}");
    }
}

#[tokio::test]
async fn an_unsampled_parent_is_followed_and_passed_on() {
    let traced = Traced::sampled(ParentBased::new(AlwaysOn));
    let sent = Arc::new(Mutex::new(HeaderMap::new()));
    let keep = Arc::clone(&sent);
    let service = traced.layer().layer(service_fn(move |_: Request<Script>| {
        Propagator::default().inject_headers(&Context::current(), &mut keep.lock().unwrap());
        std::future::ready(status(500))
    }));
    let request = with(&[
        ("traceparent", format!("00-{TRACE}-{CALLER}-00")),
        ("baggage", "tenant=acme".to_owned()),
        ("tracestate", "vendor=1".to_owned()),
    ]);
    service.oneshot(request).await.unwrap();
    assert!(traced.spans().is_empty());
    assert_eq!(traced.metrics.request().get("error.type").as_deref(), Some("500"));
    let sent = sent.lock().unwrap();
    let parent = sent["traceparent"].to_str().unwrap();
    assert!(parent.starts_with(&format!("00-{TRACE}-")) && parent.ends_with("-00"), "{parent}");
    assert!(!parent.contains(CALLER), "the server's own id: {parent}");
    assert_eq!(
        (&sent["baggage"], &sent["tracestate"]),
        (&"tenant=acme".parse().unwrap(), &"vendor=1".parse().unwrap())
    );
}

#[tokio::test]
async fn two_services_that_call_each_other_by_hand_make_one_trace() {
    let (front, back) = (Traced::new(), Traced::new());
    let leaf = {
        let tracer = back.tracer();
        back.layer().with_route(|_| Some("/stock/{item}")).layer(service_fn(move |_: Request<Script>| {
            tracer.start("look up").end();
            let tenant = Context::current().baggage().get("tenant").map(ToString::to_string);
            std::future::ready(Ok::<_, Infallible>(Response::new(tenant.unwrap_or_default())))
        }))
    };
    let tracer = front.tracer();
    let service =
        front.layer().with_route(|_| Some("/orders")).layer(service_fn(move |_: Request<Script>| {
            let (leaf, tracer) = (leaf.clone(), tracer.clone());
            async move {
                let client = Context::current_with_span(tracer.start("call stock"));
                let mut request = get("/stock/17");
                Propagator::default().inject_headers(&client, request.headers_mut());
                let answer = leaf.oneshot(request).await?.into_body();
                client.span().end();
                Ok::<_, Infallible>(Response::new(answer))
            }
        }));
    let response = service.oneshot(with(&[("baggage", "tenant=a%25%20%C3%A9".to_owned())])).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "a% é");

    let (root, client) = (front.named("GET /orders"), front.named("call stock"));
    let (server, inner) = (back.named("GET /stock/{item}"), back.named("look up"));
    assert_eq!(root.parent_span_id, None);
    assert_eq!((client.parent_span_id, client.parent_is_remote), (Some(root.span_id), false));
    assert_eq!((server.parent_span_id, server.parent_is_remote), (Some(client.span_id), true));
    assert_eq!((inner.parent_span_id, inner.parent_is_remote), (Some(server.span_id), false));
    assert!([&client, &server, &inner].iter().all(|span| span.trace_id == root.trace_id));
}

#[tokio::test]
async fn hostile_headers_begin_a_new_trace_and_nothing_else_happens() {
    let many = |n: usize, member: &str| vec![member; n].join(",");
    let hostile: [(&'static str, Vec<u8>); 9] = [
        ("traceparent", vec![b'0'; 1 << 20]),
        ("traceparent", b"00-ab-cd-01".to_vec()),
        ("traceparent", b"00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_vec()),
        ("traceparent", b"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_vec()),
        ("traceparent", b"\xff\xfe\x80".to_vec()),
        ("tracestate", vec![b'a'; 1 << 20]),
        ("baggage", many(10_000, "key=value").into_bytes()),
        ("baggage", b"key=\xff\xfe%ff%zz".to_vec()),
        ("forwarded", vec![b'"'; 1 << 16]),
    ];
    for (name, value) in hostile {
        let traced = Traced::new();
        let mut request = get("/");
        request.headers_mut().insert(name, HeaderValue::from_bytes(&value).unwrap());
        traced.layer().layer(handler(&traced)).oneshot(request).await.unwrap();
        let (server, work) = (traced.named("GET"), traced.named("work"));
        assert_eq!((server.parent_span_id, server.trace_state.as_str()), (None, ""), "{name}");
        assert_eq!(work.parent_span_id, Some(server.span_id));
    }
    // Of a good parent and a bad state, the parent stays; of two parents, neither does.
    let traced = Traced::new();
    let state = ("tracestate", format!("{}=1", "a".repeat(1 << 20)));
    traced.layer().layer(handler(&traced)).oneshot(with(&[sampled_parent(), state])).await.unwrap();
    let span = traced.named("GET");
    assert_eq!((span.trace_id.to_string().as_str(), span.trace_state.as_str()), (TRACE, ""));
    let traced = Traced::new();
    traced
        .layer()
        .layer(handler(&traced))
        .oneshot(with(&[sampled_parent(), sampled_parent()]))
        .await
        .unwrap();
    assert_eq!(traced.named("GET").parent_span_id, None);
}

#[tokio::test]
async fn the_propagator_that_was_given_is_the_one_that_is_used() {
    let b3 = || ("b3", format!("{TRACE}-{CALLER}-1"));
    for (propagator, parent) in [
        (Propagator::new([Format::B3]), Some(CALLER)),
        (Propagator::default(), None),
        (Propagator::none(), None),
    ] {
        let traced = Traced::new();
        traced
            .layer()
            .with_propagator(propagator)
            .layer(handler(&traced))
            .oneshot(with(&[b3()]))
            .await
            .unwrap();
        let found = traced.named("GET").parent_span_id.map(|id| id.to_string());
        assert_eq!(found.as_deref(), parent);
    }
}

#[tokio::test]
async fn without_one_given_the_apis_global_propagator_is_used_and_a_given_one_is_never_overridden() {
    // The only test here that sets a global.
    opentelemetry::global::set_text_map_propagator(TextMapCompositePropagator::new(vec![Box::new(
        Propagator::new([Format::B3]),
    )]));
    let b3 = || ("b3", format!("{TRACE}-{CALLER}-1"));
    let traced = Traced::new();
    let layer = HttpServerLayer::spans_only(traced.tracer());
    layer.layer(handler(&traced)).oneshot(with(&[b3()])).await.unwrap();
    assert_eq!(traced.named("GET").parent_span_id.unwrap().to_string(), CALLER);

    for given_first in [true, false] {
        let (traced, given) = (Traced::new(), Propagator::default());
        let meter = traced.metrics.meter();
        let layer = match given_first {
            true => HttpServerLayer::new(&meter).with_propagator(given).with_tracer(traced.tracer()),
            false => HttpServerLayer::new(&meter).with_tracer(traced.tracer()).with_propagator(given),
        };
        layer.layer(handler(&traced)).oneshot(with(&[b3()])).await.unwrap();
        assert_eq!(traced.named("GET").parent_span_id, None);
    }
}

#[tokio::test]
async fn metrics_alone_read_no_header_and_leave_the_context_as_it_is() {
    let traced = Traced::new();
    let outer = Context::current_with_span(traced.tracer().start("outer"));
    let layer = HttpServerLayer::new(&traced.metrics.meter());
    let attached = outer.clone().attach();
    layer.layer(handler(&traced)).oneshot(with(&[sampled_parent()])).await.unwrap();
    drop(attached);
    assert_eq!(traced.named("work").parent_span_id, Some(outer.span().span_context().span_id()));
    assert_eq!(traced.metrics.requests().len(), 1);
}

#[tokio::test]
async fn a_propagator_without_a_tracer_passes_the_callers_context_to_the_handler() {
    let traced = Traced::new();
    let layer = HttpServerLayer::new(&traced.metrics.meter()).with_propagator(Propagator::default());
    layer.layer(handler(&traced)).oneshot(with(&[sampled_parent()])).await.unwrap();
    let work = traced.named("work");
    assert_eq!(work.parent_span_id.unwrap().to_string(), CALLER);
    assert!(work.parent_is_remote);
    assert_eq!(traced.spans().len(), 1);
}

#[tokio::test]
async fn spans_alone_leave_no_measurement() {
    let traced = Traced::new();
    let layer = HttpServerLayer::spans_only(traced.tracer()).with_active_requests(true).with_body_sizes(true);
    layer.layer(handler(&traced)).oneshot(get("/")).await.unwrap();
    assert_eq!(traced.named("GET").parent_span_id, None);
    assert!(traced.metrics.requests().is_empty());
}

#[tokio::test]
async fn a_server_of_telemetrys_own_makes_no_spans() {
    let traced = Traced::new();
    let mut service = traced.layer().layer(handler(&traced));
    let mut future = {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        Box::pin(service.call(get("/")))
    };
    poll_fn(|cx| {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        future.as_mut().poll(cx)
    })
    .await
    .unwrap();
    assert!(traced.spans().is_empty());
}

#[tokio::test]
async fn a_span_lasts_until_its_body_has_been_read() {
    let traced = Traced::new();
    let service = traced.layer().layer(service_fn(async |_: Request<Script>| {
        Ok::<_, Infallible>(Response::new(Script::new([Step::Data("a"), Step::Sleep(30), Step::Data("b")])))
    }));
    let mut body = pin!(service.oneshot(get("/")).await.unwrap().into_body());
    assert!(traced.spans().is_empty(), "there is a response, but it is not complete");
    while let Some(frame) = body.frame().await {
        frame.unwrap();
    }
    let span = traced.span();
    assert!(span.end_unix_nanos - span.start_unix_nanos >= 30_000_000);
}
