//! Observability for a Rust service, with one dependency: metrics that any library can record and a
//! Prometheus server can scrape, and traces of `tracing` and of the `opentelemetry` API that any collector takes.
//!
//! ```no_run
//! use axum::{Router, extract::State, routing::post};
//! use tachograph::{AttributeValue, Attributes, Counter, Telemetry};
//!
//! #[derive(AttributeValue)]
//! enum Channel {
//!     Web,
//!     App,
//! }
//!
//! #[derive(Attributes)]
//! struct Created {
//!     channel: Channel,
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let telemetry = Telemetry::builder().default_service_name("order-service").install()?;
//!     let created: Counter<u64, Created> =
//!         telemetry.meter("order").counter("order.created.total").with_unit("{order}").build();
//!
//!     let app = Router::new()
//!         .route("/orders", post(create))
//!         .with_state(created)
//!         .layer(telemetry.http_server_layer())
//!         .merge(telemetry.ops_routes());
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//!     axum::serve(listener, app).with_graceful_shutdown(telemetry.drain_signal()).await?;
//!     println!("{}", telemetry.shutdown().await);
//!     Ok(())
//! }
//!
//! #[tracing::instrument(skip_all)] // an ordinary span of `tracing` is an OpenTelemetry span
//! async fn create(State(created): State<Counter<u64, Created>>) {
//!     created.add(1, &Created { channel: Channel::Web });
//! }
//! ```
//!
//! # Concepts
//!
//! - [`Telemetry`]: the telemetry of one service, and the guard that ends it. Set up by
//!   [`Telemetry::builder`], from code and from the `OTEL_*` variables of the [`Environment`].
//! - [`Meter`] makes instruments: [`Counter`], [`UpDownCounter`], [`Gauge`], [`Histogram`]. Their
//!   attributes are a type of yours ([`Attributes`]), borrowed pairs, or [`KeyValue`]s; equal ones are
//!   one series.
//! - [`Static`]: an instrument in a `static`, which follows the `Telemetry` that was installed last.
//! - Spans: those of `tracing`, by the subscriber that [`TelemetryBuilder::install`] sets or by a
//!   [layer](Telemetry::tracing_layer) for yours, and those of the API, by [`Telemetry::tracer`]. They nest in each other, go on from
//!   service to service by a [`Propagator`], and what becomes of each is in the [`Report`]. What `tracing` has no words for is
//!   [`SpanExt`]'s; into tasks, threads and streams they go by [`Carry`], [`in_current`] and [`in_span`].
//! - The API of the `opentelemetry` crate, re-exported as [`opentelemetry`], is implemented:
//!   [`Meter::as_otel`] and [`MeterProvider`] are its own, so that instrumented libraries work unchanged.
//!
//! Every variable that is read, with its default and range, is in the repository's `docs/environment.md`; how traces and
//! metrics are made, sampled, limited and exported in its `docs/guides`.
//!
//! Nothing needs a global: [`TelemetryBuilder::build`] sets none, [`TelemetryBuilder::install`] sets the
//! API's and those of static instruments.
//!
//! # Features
//!
//! They only add. On by default:
//!
//! - `axum`: `Telemetry::ops_routes`, and route templates for the HTTP layer (axum 0.8).
//! - `macros`: the derives.
//! - `otlp`: spans by OTLP over HTTP; `tls`: over https, trusting what the system trusts.
//! - `prometheus`: the page, as an `http::Response` and on a port of its own.
//! - `signal`: `Telemetry::drain_signal`.
//! - `tower`: `Telemetry::http_server_layer`.
//! - `tracing`: spans of the `tracing` crate, and its events on a console.
//!
//! Not on by default, for what they bring:
//!
//! - `bridge-prometheus`: `PrometheusRegistry`, and `bridge-prometheus-client`: `PrometheusClientRegistry`. Registries of these crates
//!   are on the page beside the engine's metrics, by `TelemetryBuilder::with_metric_producer`.
//! - `metrics`: `MetricsRecorder`, by which what code records through the `metrics` facade is in the engine.
//! - `push`: [`prometheus::Pushgateway`](https://docs.rs/tachograph-prometheus), for batch jobs; `push-tls`: over https, too.
//! - `zstd`: pages compressed with zstd where that is asked for.

mod builder;
#[cfg(feature = "prometheus")]
mod container;
mod elsewhere;
mod environment;
mod error;
#[cfg(feature = "prometheus")]
mod expose;
#[cfg(feature = "prometheus")]
mod exposition;
#[cfg(feature = "tower")]
mod http_server;
mod report;
#[cfg(feature = "axum")]
mod routes;
#[cfg(feature = "prometheus")]
mod scrape;
#[cfg(feature = "signal")]
mod signal;
#[cfg(feature = "tracing")]
mod subscriber;
mod telemetry;
mod traces;
#[cfg(feature = "tracing")]
mod tracing_spans;

pub use builder::TelemetryBuilder;
pub use environment::Environment;
pub use error::Error;
pub use report::Report;
pub use telemetry::Telemetry;

pub use opentelemetry;
#[cfg(feature = "bridge-prometheus")]
pub use tachograph_bridge_prometheus::PrometheusRegistry;
#[cfg(feature = "bridge-prometheus-client")]
pub use tachograph_bridge_prometheus_client::PrometheusClientRegistry;
#[cfg(feature = "metrics")]
pub use tachograph_metrics::{MetricsRecorder, MetricsRecorderBuilder};
#[cfg(feature = "otlp")]
pub use tachograph_otlp::{Compression, OtlpConfig, OtlpError, TlsConfig};
#[cfg(feature = "prometheus")]
pub use tachograph_prometheus as prometheus;
pub use tachograph_propagation as propagation;
pub use tachograph_propagation::Propagator;
#[cfg(feature = "macros")]
pub use tachograph_sdk::ErrorType;
pub use tachograph_sdk::resource::ResourceDetector;
pub use tachograph_sdk::{
    AttributeKey, AttributeSet, AttributeValue, Attributes, BoundCounter, BoundGauge, BoundHistogram,
    BoundUpDownCounter, Clock, Counter, Dynamic, Gauge, Histogram, InProgress, KeyRef, KeyValue, Meter,
    MeterProvider, Resource, Static, Timer, UpDownCounter, ValueRef, attributes, catalogue, declare, metrics,
    pipeline, testing, trace,
};
#[cfg(feature = "tower")]
pub use tachograph_tower::HttpServerLayer;
#[cfg(feature = "tracing")]
pub use tachograph_tracing::{
    Carried, Carry, Console, ContextMode, Filter, FilterError, SpanExt, SpanOptions, SubscriberBuilder,
    TelemetryLayer, TelemetrySubscriber, in_current, in_span,
};

/// The documents whose examples are compiled as this crate's.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../../docs/guides/metrics.md")]
    struct MetricsGuide;

    #[cfg(feature = "prometheus")]
    #[doc = include_str!("../../../docs/guides/migrate-opentelemetry.md")]
    struct MigrateOpenTelemetryGuide;

    #[doc = include_str!("../../../docs/guides/propagation.md")]
    struct PropagationGuide;

    #[cfg(all(feature = "otlp", feature = "tracing"))]
    #[doc = include_str!("../../../docs/guides/traces.md")]
    struct TracesGuide;
}
