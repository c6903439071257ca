//! The HTTP layer, set up with what a `Telemetry` knows.

use opentelemetry::metrics::MeterProvider;
use tachograph_tower::HttpServerLayer;

use crate::telemetry::Telemetry;

impl Telemetry {
    /// A tower layer that makes the spans and records the HTTP metrics of the semantic conventions with this value: a server
    /// span of each request, in the trace that its headers name by this value's
    /// [propagator](Telemetry::propagator); `http.server.request.duration`, and by choice requests in flight and sizes of bodies.
    ///
    /// ```
    /// # use tachograph::Telemetry;
    /// # let telemetry = Telemetry::builder().without_environment().build()?;
    /// let app: axum::Router = axum::Router::new()
    ///     .route("/orders/{id}", axum::routing::get(async || "an order"))
    ///     .layer(telemetry.http_server_layer().with_active_requests(true).with_body_sizes(true))
    ///     .merge(telemetry.ops_routes());
    /// # Ok::<(), tachograph::Error>(())
    /// ```
    ///
    /// Call [`Router::layer`](https://docs.rs/axum/0.8/axum/struct.Router.html#method.layer) after the
    /// routes were added: then requests are told apart by the template of their route (feature `axum`),
    /// never by their path. The methods that are told apart are those of the environment, if it names any.
    pub fn http_server_layer(&self) -> HttpServerLayer {
        let meter = self.parts.provider.meter_with_scope(tachograph_tower::scope());
        let tracer = self.parts.tracers.tracer_with_scope(tachograph_tower::scope());
        let layer =
            HttpServerLayer::new(&meter).with_tracer(tracer).with_propagator(self.parts.propagator.clone());
        match &self.parts.known_methods {
            Some(methods) => layer.with_known_methods(methods.iter().cloned()),
            None => layer,
        }
    }
}
