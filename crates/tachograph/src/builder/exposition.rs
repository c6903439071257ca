//! What can be set of the Prometheus page.

use super::TelemetryBuilder;

impl TelemetryBuilder {
    /// Opens a port for Prometheus at `host:port`, whatever the environment says of one: `0.0.0.0:9464`
    /// is reachable from outside, `localhost:0` is any free port of this host. `/metrics` there is the
    /// same as wherever else the page is mounted.
    ///
    /// That it cannot be opened is an [`Error`].
    pub fn with_prometheus_address(mut self, address: impl Into<String>) -> Self {
        self.prometheus_address = Some(address.into());
        self
    }

    /// Whether every sample on the Prometheus page says which scope it is from, by `otel_scope_name` and
    /// its siblings: on unless set. Without these labels lines are shorter, and series of two scopes
    /// that have the same name and labels are merged.
    pub fn with_prometheus_scope_labels(mut self, on: bool) -> Self {
        self.exposition.scope_labels = on;
        self
    }
}
