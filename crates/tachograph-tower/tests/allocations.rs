//! What the layer allocates for a request, counted.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![allow(unsafe_code, reason = "an allocator cannot be written without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::convert::Infallible;
use std::future::ready;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::{Request, Response};
use http_body_util::{BodyExt, Either, Full};
use opentelemetry::metrics::{MeterProvider, NoopMeterProvider};
use tachograph_propagation::Propagator;
use tachograph_sdk::pipeline::BatchConfig;
use tachograph_sdk::testing::InMemorySpanExporter;
use tachograph_sdk::trace::{AlwaysOff, AlwaysOn, TracerProvider};
use tachograph_tower::HttpServerLayer;
use tower::util::MapResponseLayer;
use tower::{Layer, Service, service_fn};

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, which counts each thread's allocations.
struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; counting neither allocates nor
// unwinds (a constant-initialised thread-local without a destructor).
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are this function's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are this function's.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here waits"),
    }
}

/// Allocations of one request, after some that were not counted. Making the request counts, in all
/// measurements alike.
fn allocations<S, B, R>(mut service: S, request: impl Fn() -> Request<B>) -> usize
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    R: http_body::Body<Error: std::fmt::Debug>,
{
    let mut send = || {
        let mut body = pin!(now(service.call(request())).unwrap().into_body());
        while let Some(frame) = now(body.frame()) {
            drop(frame.unwrap());
        }
    };
    (0..3).for_each(|_| send());
    let before = COUNT.get();
    send();
    COUNT.get() - before
}

fn layer() -> HttpServerLayer {
    HttpServerLayer::new(&NoopMeterProvider::new().meter_with_scope(tachograph_tower::scope()))
}

fn bare(
    code: u16,
) -> impl Service<
    Request<Full<&'static [u8]>>,
    Response = Response<Full<&'static [u8]>>,
    Error = Infallible,
    Future: Send,
> + Clone {
    service_fn(move |_: Request<Full<&'static [u8]>>| {
        ready(Ok(Response::builder().status(code).body(Full::new(&b"body"[..])).unwrap()))
    })
}

fn get() -> Request<Full<&'static [u8]>> {
    Request::get("/orders/17").body(Full::default()).unwrap()
}

#[test]
fn a_request_like_one_before_allocates_nothing() {
    let floor = allocations(bare(200), get);
    let route = layer().with_route(|head| head.uri().path().starts_with("/orders").then_some("/orders/{id}"));
    for (what, layer) in [
        ("defaults", layer()),
        ("route", route),
        ("active requests", layer().with_active_requests(true)),
        ("sizes, no body in the request", layer().with_body_sizes(true)),
    ] {
        assert_eq!(allocations(layer.layer(bare(200)), get), floor, "{what}");
    }
    assert_eq!(allocations(layer().layer(bare(503)), get), allocations(bare(503), get));
}

#[test]
fn a_span_allocates_what_the_api_asks_for_and_a_recorded_one_no_more() {
    let floor = allocations(bare(200), get);
    for (what, provider) in [
        ("not sampled", TracerProvider::builder().with_sampler(AlwaysOff)),
        ("sampled", TracerProvider::builder().with_sampler(AlwaysOn)),
    ] {
        let provider =
            provider.with_batch_exporter(InMemorySpanExporter::new(), BatchConfig::spans()).build();
        let layer = layer().with_tracer(provider.tracer("test")).with_propagator(Propagator::default());
        // The name, the list of attributes and the path; the span in a box, in a context. Ten requests, so
        // that what the engine keeps of spans is warm.
        let mut service = layer.layer(bare(200));
        for _ in 0..10 {
            drop(now(service.call(get())).unwrap());
        }
        assert_eq!(allocations(service, get), floor + 5, "{what}");
    }
}

#[test]
fn the_counter_counts() {
    let before = COUNT.get();
    drop(std::hint::black_box(Box::new(17)));
    assert_eq!(COUNT.get() - before, 1);
}

#[test]
fn in_a_router_it_costs_what_any_layer_with_a_body_of_its_own_does() {
    let router = || Router::new().route("/orders/{id}", post(async |_: Body| "an order"));
    let request = || Request::post("/orders/17").body(Body::from("order")).unwrap();
    // With its state, as it is served; without, axum makes its routes anew for each request.
    let allocations = |router: Router| allocations(router.with_state(()), request);
    // A layer that does nothing but give the response a body of another type.
    let wrapping = MapResponseLayer::new(|response: Response<Body>| response.map(Either::<Body, Body>::Left));
    let floor = allocations(router().layer(wrapping));

    assert_eq!(allocations(router().layer(layer())), floor);
    assert_eq!(allocations(router().layer(layer().with_active_requests(true))), floor);
    // The counter, and the box of the request's body.
    assert_eq!(allocations(router().layer(layer().with_body_sizes(true))), floor + 2);
}
