//! What can be set of the Prometheus page.

use tachograph_prometheus::{PrometheusExporterBuilder, ServerBuilder};

use super::TelemetryBuilder;

impl TelemetryBuilder {
    /// Opens a port for Prometheus at `host:port`, whatever the environment says of one: `0.0.0.0:9464`
    /// is reachable from outside, `localhost:0` is any free port of this host. `/metrics` there is the
    /// same as wherever else the page is mounted.
    ///
    /// That it cannot be opened is an [`Error`](crate::Error).
    pub fn with_prometheus_address(mut self, address: impl Into<String>) -> Self {
        self.exposition.address = Some(address.into());
        self
    }

    /// How the Prometheus page is written, wherever it is served: the strategy by which names are translated, labels of the
    /// scope and of the resource, start times. Called several times, each call adds to those before.
    ///
    /// ```
    /// use tachograph::Telemetry;
    /// use tachograph::prometheus::TranslationStrategy;
    ///
    /// let telemetry = Telemetry::builder()
    ///     .without_environment()
    ///     .with_prometheus_page(|page| {
    ///         page.with_translation_strategy(TranslationStrategy::NoUtf8EscapingWithSuffixes)
    ///             .with_resource_labels(["service.name"])
    ///     })
    ///     .build()?;
    /// # Ok::<(), tachograph::Error>(())
    /// ```
    pub fn with_prometheus_page(
        mut self,
        page: impl FnOnce(PrometheusExporterBuilder) -> PrometheusExporterBuilder + Send + 'static,
    ) -> Self {
        self.exposition.page.push(Box::new(page));
        self
    }

    /// Whom the port for Prometheus answers, and how many at a time: a bearer token, a name and a password, a limit of
    /// connections. It says nothing of whether there is a port, and nothing of the page that the service mounts itself.
    ///
    /// ```
    /// use tachograph::Telemetry;
    ///
    /// let telemetry = Telemetry::builder()
    ///     .without_environment()
    ///     .with_prometheus_address("localhost:0")
    ///     .with_prometheus_server(|server| server.with_bearer_token("a-secret"))
    ///     .build()?;
    /// # Ok::<(), tachograph::Error>(())
    /// ```
    pub fn with_prometheus_server(
        mut self,
        server: impl FnOnce(ServerBuilder) -> ServerBuilder + Send + 'static,
    ) -> Self {
        self.exposition.server.push(Box::new(server));
        self
    }
}
