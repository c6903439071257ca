//! What the layer is told of spans and of propagation.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Extensions, HeaderName};
use opentelemetry::metrics::{MeterProvider, NoopMeterProvider};
use opentelemetry::trace::Tracer;
use tachograph_propagation::Propagator;

use super::layer::HttpServerLayer;
use super::route::RequestHead;
use super::spans::CapturedHeaders;

impl HttpServerLayer {
    /// A layer that makes spans with `tracer`, and records no metrics.
    #[must_use]
    pub fn spans_only<T>(tracer: T) -> Self
    where
        T: Tracer + Send + Sync + 'static,
        T::Span: Send + Sync + 'static,
    {
        Self::new(&NoopMeterProvider::new().meter_with_scope(crate::scope())).with_tracer(tracer)
    }

    /// Makes a span of each request, with a tracer of any SDK, best built with this crate's
    /// [`scope`](crate::scope). Without it there are no spans.
    ///
    /// The tracer is a value: whatever becomes of the API's global one, this one is used. A
    /// `BoxedTracer` will do too, at the cost of a box for each span.
    #[must_use]
    pub fn with_tracer<T>(self, tracer: T) -> Self
    where
        T: Tracer + Send + Sync + 'static,
        T::Span: Send + Sync + 'static,
    {
        self.configure(|config| {
            config.spans.tracer = Some(Arc::new(tracer));
            config.spans.propagator.get_or_insert_with(Propagator::global);
        })
    }

    /// Reads the context of each request from its headers with `propagator`.
    ///
    /// That context, with the trace and the baggage it names, is the parent of the request's span,
    /// and current while the service runs; without a [tracer](Self::with_tracer) it is just that.
    ///
    /// **Without a propagator given**, a layer with a tracer reads the headers with the API's global
    /// one, [`Propagator::global`]: none, until someone sets it. A layer with neither reads nothing.
    /// This crate reads no environment; a program that honours `OTEL_PROPAGATORS` gives what it
    /// says here, as the facade does.
    #[must_use]
    pub fn with_propagator(self, propagator: Propagator) -> Self {
        self.configure(|config| config.spans.propagator = Some(propagator))
    }

    /// Headers of requests to put on the span, as `http.request.header.{name}`: an array of all the
    /// values by that name, absent where there is none. None by default; what was named before is
    /// replaced.
    ///
    /// Values are shown as they are, except those that are marked as sensitive
    /// ([`HeaderValue::is_sensitive`](http::HeaderValue::is_sensitive)). Do not name headers that
    /// carry secrets, such as `authorization` and `cookie`.
    #[must_use]
    pub fn with_request_headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let headers = CapturedHeaders::new("http.request.header.", names);
        self.configure(|config| config.spans.request_headers = headers)
    }

    /// Headers of responses to put on the span, as `http.response.header.{name}`; else as
    /// [`with_request_headers`](Self::with_request_headers). Do not name `set-cookie`.
    #[must_use]
    pub fn with_response_headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let headers = CapturedHeaders::new("http.response.header.", names);
        self.configure(|config| config.spans.response_headers = headers)
    }

    /// Where the peer of a connection is known from: `network.peer.address`, and `client.address`
    /// where no header names the client.
    ///
    /// The default is [`RequestHead::peer`], a `SocketAddr` among the request's extensions; axum puts
    /// one there for `into_make_service_with_connect_info::<SocketAddr>()`.
    #[must_use]
    pub fn with_peer<F>(self, find: F) -> Self
    where
        F: Fn(RequestHead<'_>) -> Option<SocketAddr> + Send + Sync + 'static,
    {
        self.configure(|config| config.spans.peer = Some(Arc::new(find)))
    }

    /// Where `http.route` comes from if no route was known before the service: a function from a
    /// response's extensions to a template, as [`with_route`](Self::with_route) is one from a request.
    ///
    /// For a layer outside of its router. The default is axum's `MatchedPath` with the feature `axum`,
    /// which a middleware inside must copy to the response:
    #[cfg_attr(feature = "axum", doc = "```")]
    #[cfg_attr(not(feature = "axum"), doc = "```ignore")]
    /// use axum::extract::{MatchedPath, Request};
    /// use axum::middleware::{Next, from_fn};
    /// use axum::response::Response;
    ///
    /// async fn tell_route(path: MatchedPath, request: Request, next: Next) -> Response {
    ///     let mut response = next.run(request).await;
    ///     response.extensions_mut().insert(path);
    ///     response
    /// }
    /// # fn with(router: axum::Router) -> axum::Router {
    /// router.route_layer(from_fn(tell_route))
    /// # }
    /// ```
    ///
    /// A request that gets no response (it was cancelled, or its handler panicked) then has no route.
    #[must_use]
    pub fn with_response_route<F>(self, extractor: F) -> Self
    where
        F: for<'a> Fn(&'a Extensions) -> Option<&'a str> + Send + Sync + 'static,
    {
        self.configure(|config| config.response_route = Some(Arc::new(extractor)))
    }
}
