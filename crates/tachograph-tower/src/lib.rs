//! [tower] layers that record the telemetry of HTTP services, over any [OpenTelemetry] SDK.
//!
//! [`HttpServerLayer`] records the server metrics of the HTTP semantic conventions (1.44):
//! durations, and by choice requests in flight and sizes of bodies. Given a tracer, it also makes
//! the server span of each request, in the trace that the request's headers name. Every request is
//! accounted for exactly once, whatever becomes of it: answered, streamed for an hour, cancelled, or
//! lost to a panic.
//!
//! ```
//! use axum::{Router, routing::get};
//! use tachograph_propagation::Propagator;
//! use tachograph_tower::HttpServerLayer;
//!
//! # let meter = opentelemetry::global::meter_with_scope(tachograph_tower::scope());
//! # let tracer = opentelemetry::global::tracer_with_scope(tachograph_tower::scope());
//! let layer = HttpServerLayer::new(&meter)
//!     .with_active_requests(true)
//!     .with_tracer(tracer)
//!     .with_propagator(Propagator::default()); // trace context and baggage
//! let app: Router = Router::new().route("/orders/{id}", get(async || "an order")).layer(layer);
//! ```
//!
//! # Where to put the layer
//!
//! With axum, on the router, after its routes: `Router::layer` wraps what was added before it, and
//! there the matched route is known. Routes of a nested `Router` are reported by their whole
//! template. What `nest_service` mounts, and a service into which the router itself is wrapped,
//! have no route, unless [`HttpServerLayer::with_route`] finds one. Put the layer outside of layers
//! that catch panics or time out, to see the responses they make; and once only, since each layer
//! a request passes counts it.
//!
//! # Any SDK
//!
//! A layer takes its [`Meter`](opentelemetry::metrics::Meter), its
//! [`Tracer`](opentelemetry::trace::Tracer) and its `Propagator` as values; [`scope`] is the scope to
//! build the first two with. Nothing here depends on an SDK, reads the environment, or needs a
//! runtime. The API's globals are used where a tracer is given and no propagator, and by
//! `HttpServerLayer::default()`.
//!
//! # What nests under a request's span
//!
//! Whatever is made while the service runs or its response's body is polled, by the API or by a
//! `tracing` subscriber that knows the API's `Context`: that is current during each call and each
//! poll, and never in between. To call another service, inject `Context::current()` into its
//! request; a task that is spawned is given the context by its spawner
//! (`FutureExt::with_current_context` of the API).
//!
//! # Features
//!
//! - `axum`: the route is axum 0.8's `MatchedPath`, the peer its `ConnectInfo<SocketAddr>`, and axum's
//!   request bodies are counted as they stream. Without it there is no route unless an extractor is
//!   given.
//!
//! [tower]: https://docs.rs/tower
//! [OpenTelemetry]: https://opentelemetry.io/docs/specs/semconv/http/

mod scope;
mod semconv;
mod server;
mod table;

pub use scope::{SCHEMA_URL, SCOPE_NAME, SCOPE_VERSION, scope};
pub use semconv::Scheme;
pub use server::{
    BODY_SIZE_BOUNDARIES, DURATION_BOUNDARIES, HttpServer, HttpServerLayer, RequestBody, RequestHead,
    ResponseBody, ResponseFuture, count_request_body,
};
