//! Under a `tracing` subscriber: what handlers make with the macros nests as what they make with the API.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use opentelemetry::Context;
use support::traced::Traced;
use support::{Script, get};
use tachograph_propagation::Propagator;
use tachograph_tracing::{ContextMode, SpanOptions, TelemetrySubscriber};
use tower::{Layer, ServiceExt, service_fn};
use tracing::{Instrument, info_span};

const MODES: [ContextMode; 2] = [ContextMode::Full, ContextMode::Lazy];

/// Runs `work` under our subscriber, whose spans go where the layer's go.
fn under_subscriber<F: Future>(traced: &Traced, mode: ContextMode, work: F) -> F::Output {
    let options = SpanOptions::default().with_context_mode(mode);
    let subscriber = TelemetrySubscriber::builder(traced.tracer()).with_options(options).build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber, || runtime.block_on(work))
}

#[test]
fn a_handlers_tracing_spans_are_under_the_requests_span_across_awaits_and_in_the_body() {
    for mode in MODES {
        let traced = Traced::new();
        let service = traced.layer().layer(service_fn(async |_: Request<Script>| {
            let work = async {
                tokio::task::yield_now().await;
                info_span!("inner").in_scope(|| {});
            };
            work.instrument(info_span!("work")).await;
            let mut frames = 0;
            let body = futures_stream(move || {
                info_span!("frame").in_scope(|| {});
                frames += 1;
                (frames < 2).then(|| Ok::<_, Infallible>(http_body::Frame::data(bytes::Bytes::from("frame"))))
            });
            Ok::<_, Infallible>(Response::new(http_body_util::StreamBody::new(body)))
        }));
        under_subscriber(&traced, mode, async {
            service.oneshot(get("/")).await.unwrap().into_body().collect().await.unwrap();
        });
        let (server, work, inner) = (traced.named("GET"), traced.named("work"), traced.named("inner"));
        assert_eq!(server.parent_span_id, None);
        assert_eq!(work.parent_span_id, Some(server.span_id), "{mode:?}");
        assert_eq!(inner.parent_span_id, Some(work.span_id), "{mode:?}");
        let spans = traced.spans();
        let frames: Vec<_> = spans.iter().filter(|span| span.name == "frame").collect();
        assert!(frames.len() == 2 && frames.iter().all(|span| span.parent_span_id == Some(server.span_id)));
        assert!(spans.iter().all(|span| span.trace_id == server.trace_id));
    }
}

fn futures_stream<T>(next: impl FnMut() -> Option<T> + Unpin) -> impl futures_core::Stream<Item = T> + Unpin {
    struct Stream<F>(F);
    impl<T, F: FnMut() -> Option<T> + Unpin> futures_core::Stream for Stream<F> {
        type Item = T;

        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<T>> {
            std::task::Poll::Ready((self.0)())
        }
    }
    Stream(next)
}

#[test]
fn a_request_served_inside_of_a_tracing_span_is_no_part_of_it() {
    for mode in MODES {
        let traced = Traced::new();
        let service = traced.layer().layer(service_fn(async |_: Request<Script>| {
            info_span!("work").in_scope(|| {});
            support::status(200)
        }));
        under_subscriber(&traced, mode, async {
            let request = service.oneshot(get("/"));
            request.instrument(info_span!("the accept loop")).await.unwrap();
        });
        let (server, work) = (traced.named("GET"), traced.named("work"));
        let outer = traced.named("the accept loop");
        assert_eq!(server.parent_span_id, None, "{mode:?}");
        assert_ne!(server.trace_id, outer.trace_id);
        assert_eq!((work.trace_id, work.parent_span_id), (server.trace_id, Some(server.span_id)), "{mode:?}");
    }
}

#[test]
fn what_is_injected_in_a_tracing_span_names_it() {
    let traced = Traced::new();
    let sent = Arc::new(Mutex::new(HeaderMap::new()));
    let keep = Arc::clone(&sent);
    let service = traced.layer().layer(service_fn(move |_: Request<Script>| {
        let call = || Propagator::default().inject_headers(&Context::current(), &mut keep.lock().unwrap());
        info_span!("call").in_scope(call);
        std::future::ready(support::status(200))
    }));
    let mut request = get("/");
    request.headers_mut().insert("baggage", "tenant=acme".parse().unwrap());
    under_subscriber(&traced, ContextMode::Full, service.oneshot(request)).unwrap();
    let call = traced.named("call");
    let sent = sent.lock().unwrap();
    assert_eq!(sent["traceparent"].to_str().unwrap(), format!("00-{}-{}-03", call.trace_id, call.span_id));
    assert_eq!(sent["baggage"], "tenant=acme");
}
