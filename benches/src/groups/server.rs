//! A request through a server layer that makes its span and records its metrics.
//!
//! One operation is one request to an axum router, with the headers that a service's client sends, and its response's
//! body read to the end; the first floor is all of that without a layer, and the bar is on what a layer adds to it.
//! Each contender has spans and metrics: the duration and the requests in flight, and the sizes of bodies where that is its
//! default, as it is the peers'. Ours has them in a row of its own. Exporters only count; a reader is there for the metrics,
//! and is never asked.
//!
//! The peers are two ready-made sets, neither written here. *tracing-opentelemetry*: axum-tracing-opentelemetry's layer
//! over `tracing-subscriber`'s Registry with tracing-opentelemetry's layer, and around it tower-otel's metrics layer, which
//! is the leanest of those there are. *opentelemetry*: opentelemetry-instrumentation-tower, the OpenTelemetry project's
//! own, which makes both through the API. Both on opentelemetry_sdk. Both take a propagator, and the second all else,
//! from globals. The first is told to find the client's address, as ours does by itself; the second cannot. Neither's span
//! lasts until the body's end, and neither says the peer's address and port, so they do a little less.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::get;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::BodyExt;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use tachograph_propagation::Propagator;
use tachograph_tower::HttpServerLayer;
use tower_service::Service;
use tracing_subscriber::layer::SubscriberExt;

use super::spans;
use crate::alloc::counted;
use crate::bars::Bars;
use crate::contenders::{otel_sdk, ours};
use crate::harness::{Contender, Effort, Role, Table, compare};

const FLOOR: &str = "the router without a layer";
const OURS: &str = "tachograph";
const SIZES: &str = "tachograph, with sizes of bodies";
const METRICS: &str = "tachograph, metrics only";
const TRACING: &str = "axum-tracing-opentelemetry and tower-otel's metrics";
const OFFICIAL: &str = "opentelemetry-instrumentation-tower";

/// What becomes of the caller's trace.
#[derive(Clone, Copy, PartialEq)]
enum Caller {
    Sampled,
    Unsampled,
}

fn router() -> Router {
    Router::new().route("/orders/{id}", get(async || "an order"))
}

fn headers(caller: Caller) -> HeaderMap {
    let parent = match caller {
        Caller::Sampled => "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        Caller::Unsampled => "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
    };
    let headers = [
        ("host", "orders.internal:8080"),
        ("user-agent", "reqwest/0.13.1"),
        ("accept", "*/*"),
        ("traceparent", parent),
    ];
    headers
        .into_iter()
        .map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)))
        .collect()
}

/// Sends `n` requests.
fn serve(router: &mut Router, headers: &HeaderMap, n: usize) {
    let mut cx = Context::from_waker(Waker::noop());
    let peer: SocketAddr = ([10, 0, 0, 1], 40_000).into();
    for _ in 0..n {
        let mut request = Request::get("/orders/17?expand=items").body(Body::empty()).expect("a request");
        *request.headers_mut() = headers.clone();
        request.extensions_mut().insert(ConnectInfo(peer));
        let Poll::Ready(Ok(response)) = pin!(router.call(request)).poll(&mut cx) else {
            unreachable!("nothing here waits");
        };
        let mut body = response.into_body();
        while let Poll::Ready(Some(frame)) = pin!(body.frame()).poll(&mut cx) {
            std::hint::black_box(frame.is_ok());
        }
    }
}

/// What the peers take from globals: made once.
fn globals() -> &'static opentelemetry_sdk::metrics::SdkMeterProvider {
    static METERS: OnceLock<opentelemetry_sdk::metrics::SdkMeterProvider> = OnceLock::new();
    METERS.get_or_init(|| {
        opentelemetry::global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
        ]));
        let tracers = spans::peer(true);
        let layer = tracing_opentelemetry::layer().with_tracer(tracers.tracer("bench"));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber).expect("no other group sets one here");
        opentelemetry::global::set_tracer_provider(tracers);
        let (meters, _) = otel_sdk::provider(2_000);
        opentelemetry::global::set_meter_provider(meters.clone());
        meters
    })
}

/// Ours, and what must live as long as it does.
fn ours_layer(with_spans: bool, with_sizes: bool) -> (HttpServerLayer, impl Sized + 'static) {
    let meters = ours::provider(2_000);
    let layer = HttpServerLayer::new(&meters.meter_with_scope(tachograph_tower::scope()))
        .with_active_requests(true)
        .with_body_sizes(with_sizes);
    let tracers = spans::ours(true);
    let layer = match with_spans {
        true => {
            let tracer = tracers.tracer_with_scope(tachograph_tower::scope());
            layer.with_tracer(tracer).with_propagator(Propagator::default())
        }
        false => layer,
    };
    (layer, (meters.reader(), meters, tracers))
}

fn contenders_of(caller: Caller) -> Vec<Contender<'static>> {
    let contender = |role, name: &'static str, router: Router| {
        let (mut router, headers) = (router.with_state(()), headers(caller));
        Contender::new(role, name, move |n| serve(&mut router, &headers, n))
    };
    let kept = |role, name: &'static str, with_spans: bool, with_sizes: bool| {
        let (layer, alive) = ours_layer(with_spans, with_sizes);
        let (mut router, headers) = (router().layer(layer).with_state(()), headers(caller));
        Contender::new(role, name, move |n| {
            let _alive = &alive;
            serve(&mut router, &headers, n);
        })
    };
    let meter = globals().meter("bench");
    let official = opentelemetry_instrumentation_tower::http::server::Layer::new();
    vec![
        contender(Role::Floor, FLOOR, router()),
        kept(Role::Ours, OURS, true, false),
        kept(Role::Ours, SIZES, true, true),
        kept(Role::Ours, METRICS, false, false),
        contender(
            Role::Peer,
            TRACING,
            router()
                .layer(
                    axum_tracing_opentelemetry::middleware::OtelAxumLayer::default()
                        .try_extract_client_ip(true),
                )
                .layer(tower_otel::metrics::HttpLayer::server(&meter)),
        ),
        contender(Role::Peer, OFFICIAL, router().layer(official)),
    ]
}

/// The loops that can be run alone.
pub(crate) fn contenders() -> Vec<Contender<'static>> {
    let mut all = Vec::new();
    for (caller, how) in [(Caller::Sampled, "sampled"), (Caller::Unsampled, "not sampled")] {
        all.extend(contenders_of(caller).into_iter().map(|mut contender| {
            contender.name = format!("{}, {how}", contender.name);
            contender
        }));
    }
    all
}

/// Allocations of a request by the calling thread.
fn allocations(router: Router) -> u64 {
    let (mut router, headers) = (router.with_state(()), headers(Caller::Sampled));
    serve(&mut router, &headers, 10_000);
    let ((), usage) = counted(|| serve(&mut router, &headers, 1_000));
    usage.calls / 1_000
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    for (caller, how) in [(Caller::Sampled, "sampled"), (Caller::Unsampled, "not sampled")] {
        let title = format!("A request with a span, {how}, and metrics");
        let table = Table::new(&title, "ns", compare(effort, contenders_of(caller)));
        table.print();
        let added = |name| table.median(name) - table.median(FLOOR);
        let each =
            [OURS, SIZES, METRICS, TRACING, OFFICIAL].map(|name| format!("{name} {:.0} ns", added(name)));
        println!("\nAdded to the floor: {}.", each.join(", "));
        if caller == Caller::Sampled {
            bars.ratio(
                0.4,
                added(OURS),
                added(TRACING),
                "the server layer, sampled span and metrics, per request",
                TRACING,
            );
        }
    }
    let (layer, _alive) = ours_layer(true, false);
    let (bare, ours) = (allocations(router()), allocations(router().layer(layer)));
    println!("\nAllocations per request: {bare} without a layer, {ours} with tachograph's.");
}
