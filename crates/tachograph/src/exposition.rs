//! The Prometheus page of one `Telemetry`, however it is reached.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Request, Response};
#[cfg(feature = "axum")]
use tachograph_prometheus::PageBody;
use tachograph_prometheus::PrometheusExporter;

/// Shared by the mounted routes and whoever calls for a response. The port counts its own scrapes.
#[derive(Clone, Debug)]
pub(crate) struct Exposition {
    exporter: PrometheusExporter,
    answered: Arc<AtomicU64>,
}

impl Exposition {
    pub(crate) fn new(exporter: PrometheusExporter) -> Self {
        Exposition { exporter, answered: Arc::default() }
    }

    pub(crate) fn exporter(&self) -> PrometheusExporter {
        self.exporter.clone()
    }

    pub(crate) fn respond<B>(&self, request: &Request<B>) -> Response<Bytes> {
        let response = self.exporter.respond(request);
        self.count(response)
    }

    /// As [`respond`](Self::respond), with a body that is made while it is sent.
    #[cfg(feature = "axum")]
    pub(crate) fn respond_streaming<B>(&self, request: &Request<B>) -> Response<PageBody> {
        let response = self.exporter.respond_streaming(request);
        self.count(response)
    }

    fn count<B>(&self, response: Response<B>) -> Response<B> {
        if response.status().is_success() {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
        response
    }

    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}
