//! [tower] layers that record the telemetry of HTTP services, over any [OpenTelemetry] SDK.
//!
//! [`HttpServerLayer`] records the server metrics of the HTTP semantic conventions (1.44):
//! durations, and by choice requests in flight and sizes of bodies. Every request is accounted for
//! exactly once, whatever becomes of it: answered, streamed for an hour, cancelled, or lost to a
//! panic.
//!
//! ```
//! use axum::{Router, routing::get};
//! use tachograph_tower::HttpServerLayer;
//!
//! # let meter = opentelemetry::global::meter_with_scope(tachograph_tower::scope());
//! let app: Router = Router::new()
//!     .route("/orders/{id}", get(async || "an order"))
//!     .layer(HttpServerLayer::new(&meter).with_active_requests(true));
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
//! A layer takes its [`Meter`](opentelemetry::metrics::Meter) as a value; [`scope`] is the scope to
//! build it with. Nothing here depends on an SDK, reads the environment, or needs a runtime.
//!
//! # Features
//!
//! - `axum`: the route is axum 0.8's `MatchedPath`, and axum's request bodies are counted as they
//!   stream. Without it there is no route unless an extractor is given.
//!
//! [tower]: https://docs.rs/tower
//! [OpenTelemetry]: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/

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
