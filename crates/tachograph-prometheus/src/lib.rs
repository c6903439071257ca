//! Prometheus exposition for tachograph: what a [`MetricReader`](tachograph_sdk::metrics::MetricReader)
//! collects, as the pages that Prometheus servers scrape.
//!
//! ```
//! use tachograph_prometheus::{Format, PrometheusExporter};
//! use tachograph_sdk::{Counter, MeterProvider, Resource};
//!
//! let resource = Resource::builder_empty().with_service_name("shop").build();
//! let provider = MeterProvider::builder().with_resource(resource).build();
//! let orders: Counter<u64> = provider
//!     .meter("order")
//!     .counter("order.created.total")
//!     .with_unit("{order}")
//!     .with_description("Total number of orders created")
//!     .build();
//! orders.add(1, &[("channel", "web"), ("region", "eu")]);
//!
//! let exporter = PrometheusExporter::new(provider.reader());
//! let page = String::from_utf8(exporter.render(Format::Text004))?;
//! assert!(page.contains("TYPE order_created_total counter\n"));
//! assert!(page.ends_with("order_created_total{channel=\"web\",otel_scope_name=\"order\",region=\"eu\"} 1\n"));
//!
//! // A server's route answers with this; the path is the server's own.
//! let request = http::Request::get("/metrics").header("accept", "application/openmetrics-text").body(())?;
//! let response = exporter.respond(&request);
//! assert_eq!(response.headers()["content-type"], Format::OpenMetrics100.content_type());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is on a page
//!
//! By OpenTelemetry's *Prometheus and OpenMetrics Compatibility* and *Metrics Exporter - Prometheus*, with
//! the defaults they state:
//!
//! - **Formats**: text 0.0.4 and 1.0.0, OpenMetrics 1.0.0, protobuf; negotiated by `Accept`, see [`Format`] and
//!   [`PrometheusExporter::respond`].
//! - **Names** follow a [`TranslationStrategy`], by default `UnderscoreEscapingWithSuffixes`:
//!   `http.server.request.duration` in `s` is `http_server_request_duration_seconds`, a counter `foo.bar` in `By` is
//!   `foo_bar_bytes_total`. A suffix that the name has already is not added again. What a strategy leaves that is not
//!   legal in the classic grammar is escaped by the [`EscapingScheme`] that is asked for.
//! - **Kinds**: a counter (also an observable one) is a counter; an up-down counter and a gauge are gauges;
//!   a histogram is a histogram of classic buckets. An exponential histogram is a native histogram in protobuf, and
//!   in text one of classic buckets whose bounds are zero and powers of two (below zero the next number below each, for
//!   there a bucket ends before the power); in protobuf its scale must not be below -4, and is at most 8.
//! - **Labels** are the attributes, values that are not strings as JSON, and `otel_scope_name`,
//!   `otel_scope_version`, `otel_scope_schema_url` and `otel_scope_<attribute>` of the scope
//!   ([`with_scope_labels`](PrometheusExporterBuilder::with_scope_labels) turns these off), and attributes of the
//!   resource by [option](PrometheusExporterBuilder::with_resource_labels). Labels are
//!   sorted; those without a value are left out, which means the same to a server. Keys that
//!   become one label's name have their values joined by `;`. A histogram's attribute `le` is called
//!   `exported_le`, because `le` is the bucket's, and a produced summary's `quantile` `exported_quantile`; both are
//!   reported.
//! - **`target_info`** has the resource's attributes
//!   ([`with_target_info`](PrometheusExporterBuilder::with_target_info) turns it off).
//! - **Samples have no timestamps**: the server's time of scrape counts.
//! - **Exemplars** are in OpenMetrics, on counters and buckets, and in protobuf: the latest, with the ids of its trace
//!   and span.
//! - **Start times** are in protobuf, and in OpenMetrics by
//!   [option](PrometheusExporterBuilder::with_created_samples).
//! - **Integers** are exact in text, above 2^53 too; floats have the shortest digits that read back as the same
//!   number. Protobuf has doubles only.
//! - **In OpenMetrics** a histogram with a negative bound, or with a negative measurement, has no `_sum`
//!   and no `_count`: the format asks that both be counters. A counter whose name does not end in `_total` has
//!   the type `unknown`.
//!
//! Pages can be had whole ([`render`](PrometheusExporter::render), [`respond`](PrometheusExporter::respond)) or in pieces,
//! made as they are sent ([`stream`](PrometheusExporter::stream),
//! [`respond_streaming`](PrometheusExporter::respond_streaming)), for services of very many series.
//!
//! # Metrics of producers
//!
//! What the reader's [producers](tachograph_sdk::metrics::MetricProducer) give stands behind the engine's families, in
//! every format. Registries of the `prometheus` and `prometheus-client` crates are producers by the crates
//! `tachograph-bridge-prometheus` and `tachograph-bridge-prometheus-client`; their names and labels stay as they are
//! ([`ProducedBatch::verbatim`](tachograph_sdk::metrics::ProducedBatch::verbatim)), other producers' are translated as
//! instruments' are. A counter whose name does not end in `_total` is of type `unknown` in OpenMetrics, which knows no
//! such counters; a state set is a gauge. A name is held by who was on the page first, the engine or a producer, for as
//! long as the exporter lives; of series with equal labels the first is there. What is left out is reported.
//!
//! # When names or labels collide
//!
//! A page must not have a name of two types, nor a series twice: servers refuse the first and drop
//! arbitrary samples of the second. Whatever is left off a page, or is on it otherwise than a user may
//! expect, is reported through [`tachograph_sdk::diag`].
//!
//! - *Metrics of one translated name and type*, from one scope or several, are one family: its comments
//!   stand once. Where descriptions or units differ, the first is kept.
//! - *One name, two types*: the metric that was made later is dropped. A name counts as taken also where
//!   it is a sample's of another family: beside a histogram `a` no metric can be `a_count` or `a_created`.
//! - *Names that clash in OpenMetrics only* (a counter `a_total` is the family `a` there, and a gauge may
//!   be called `a`) lose nothing: the counter has the type `unknown` in OpenMetrics instead.
//! - *Two series with equal labels*: if they are of instruments of one name and are sums, or histograms
//!   with equal bounds or exponential ones, they are **added up**. They are parts of one thing, divided by what the page does
//!   not show (scopes when scope labels are off, attribute values of two types with one spelling), and
//!   their sum is what a query would have made of them; to drop one would make the other read as the
//!   whole. In all other cases the first is kept and **the later dropped**: last values have no sum, and
//!   instruments of two names (`a.b`, `a_b`) are two things, or one that is being renamed and would count
//!   twice.
//!
//! # Features
//!
//! All off by default; without them nothing here needs a runtime, and the route is the service's own.
//!
//! - `server`: `Server`, which opens a port for `/metrics`, and can ask for a token or a password.
//! - `push`: `Pushgateway`, for jobs that end before they are scraped. `push-tls`: over https, too.
//! - `zstd`: pages compressed with zstd for those who ask. Needs a C compiler to build.

mod arithmetic;
mod body;
mod claims;
mod clean;
mod coding;
mod escape;
mod escaping;
mod exemplar;
mod exponential;
mod exporter;
mod family;
mod format;
mod identity;
mod labels;
mod learn;
mod merge;
mod message;
mod name;
mod naming;
mod negotiation;
mod number;
mod page;
mod produced;
#[cfg(feature = "push")]
mod push;
mod registry;
mod report;
mod response;
#[cfg(feature = "server")]
mod server;
mod strategy;
mod stream;
mod target_info;
mod texts;
mod timestamp;
mod unit;
mod value;
mod wire;

pub use body::PageBody;
pub use escaping::EscapingScheme;
pub use exporter::{PrometheusExporter, PrometheusExporterBuilder};
pub use format::{Exposition, Format};
#[cfg(feature = "push")]
pub use push::{PushError, Pushgateway, PushgatewayBuilder};
#[cfg(feature = "server")]
pub use server::{Server, ServerBuilder, ServerError};
pub use strategy::TranslationStrategy;
pub use stream::PageStream;
