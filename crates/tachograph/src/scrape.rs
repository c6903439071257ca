//! The ways to reach the Prometheus page of a `Telemetry`.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use tachograph_prometheus::PrometheusExporter;

use crate::telemetry::Telemetry;

impl Telemetry {
    /// Answers a scrape, for frameworks other than axum: `GET` or `HEAD` of whatever path it is called for.
    ///
    /// The format follows `Accept` (protobuf, OpenMetrics 1.0, text 1.0.0 or 0.0.4), gzip follows `Accept-Encoding`. It
    /// runs the callbacks of observable instruments on this thread and writes the whole page, some 30 ns
    /// for each series: where that matters, call it from a thread that may block.
    ///
    /// ```
    /// use tachograph::Telemetry;
    ///
    /// let telemetry = Telemetry::builder().without_environment().build()?;
    /// telemetry.meter("shop").counter("order.created.total").build::<u64, tachograph::Dynamic>().add(1, &());
    ///
    /// let response = telemetry.metrics_response(&http::Request::new(()));
    /// let page = std::str::from_utf8(response.body()).unwrap();
    /// assert!(page.contains("order_created_total{otel_scope_name=\"shop\"} 1"));
    /// # Ok::<(), tachograph::Error>(())
    /// ```
    pub fn metrics_response<B>(&self, request: &Request<B>) -> Response<Bytes> {
        self.parts.exposition.respond(request)
    }

    /// What makes the page, to serve it in another way: in pieces
    /// ([`respond_streaming`](PrometheusExporter::respond_streaming)), or pushed to a Pushgateway at the end of a batch job.
    pub fn prometheus_exporter(&self) -> PrometheusExporter {
        self.parts.exposition.exporter()
    }

    /// Where the port for Prometheus listens: nowhere unless one was asked for, in code or by
    /// `OTEL_METRICS_EXPORTER=prometheus`. A host name may stand for several addresses.
    pub fn prometheus_addresses(&self) -> &[SocketAddr] {
        self.parts.port.as_ref().map_or(&[], |port| port.addresses())
    }
}
