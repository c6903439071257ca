//! The Prometheus page of one `Telemetry`, however it is reached.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Request, Response};
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
        if response.status().is_success() {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
        response
    }

    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}
