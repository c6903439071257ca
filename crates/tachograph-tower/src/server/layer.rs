//! The layer: a builder of itself.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::metrics::Meter;
use tower_layer::Layer;

use super::config::{Config, Shared};
use super::metrics;
use super::route::RequestHead;
use super::service::HttpServer;
use crate::Scheme;

/// A [`Layer`] that records the server metrics of the HTTP semantic conventions and, given a
/// [tracer](Self::with_tracer), makes the server spans.
///
/// It is cheap to clone, and clones share what they remember. One layer may make any number of
/// services, as axum's `Router` does, which applies it to every route.
///
/// # Metrics
///
/// | metric | kind, unit | |
/// |---|---|---|
/// | `http.server.request.duration` | histogram, `s` | always |
/// | `http.server.active_requests` | up-down counter, `{request}` | [opt-in](Self::with_active_requests) |
/// | `http.server.request.body.size` | histogram, `By` | [opt-in](Self::with_body_sizes) |
/// | `http.server.response.body.size` | histogram, `By` | [opt-in](Self::with_body_sizes) |
///
/// # Attributes of the metrics
///
/// | attribute | when |
/// |---|---|
/// | `http.request.method` | always; `_OTHER` where it is not a [known method](Self::with_known_methods) |
/// | `url.scheme` | always; the first of `Forwarded`, `X-Forwarded-Proto` and the URI that says `http` or `https`, else [as configured](Self::with_scheme) |
/// | `http.route` | where a [route](Self::with_route) is known; a template, never the path |
/// | `http.response.status_code` | once there is a response |
/// | `error.type` | on a failure, see below |
/// | `network.protocol.version` | where the version is known: `1.0`, `1.1`, `2`, `3` |
/// | `server.address`, `server.port` | [opt-in](Self::with_server_address) |
///
/// `http.server.active_requests` has the method, the scheme and the opt-in address only.
/// `network.protocol.name` is reported where it is not `http`, so never here.
///
/// # The span
///
/// It is named `{method} {route}`, or `{method}` where there is no route; the method is `HTTP` where it
/// is `_OTHER`. Its kind is *server*, its parent the span that the request's headers name, as the
/// [propagator](Self::with_propagator) reads them, and none otherwise: never what happens to be current
/// where the server runs. It starts when the service is called, once the route is known, and ends when
/// the request does. Its status is an error where there is an `error.type`, and unset otherwise.
///
/// | attribute | when |
/// |---|---|
/// | those of the metrics | as there; `http.request.method`, `url.scheme`, `http.route` and `network.protocol.version` from the start |
/// | `http.request.method_original` | where the method is `_OTHER` |
/// | `url.path` | always, from the start; the whole one, with axum also in a nested router |
/// | `url.query` | where there is one, from the start; values of the keys of signed URLs, such as `sig`, are `REDACTED` |
/// | `server.address`, `server.port` | from the start: `Forwarded`, `X-Forwarded-Host`, the URI's authority, `Host` |
/// | `client.address` | from the start: `Forwarded`, `X-Forwarded-For`, the peer; only what is an IP address |
/// | `network.peer.address`, `network.peer.port` | where the [peer](Self::with_peer) is known |
/// | `user_agent.original` | where it was sent, from the start |
/// | `http.request.header.…`, `http.response.header.…` | [opt-in](Self::with_request_headers), those of the request from the start |
///
/// What is there from the start, a sampler sees. A layer outside of its router learns the route
/// [with the response](Self::with_response_route), and then renames the span.
///
/// The span is the request's own: nobody else needs to end it, and what handlers set on it, through
/// `Context::current().span()`, stays. Where telemetry is suppressed there is none.
///
/// # When a request ends, and how
///
/// A request ends when its response body has been read to its end, has failed or is dropped, so
/// that the duration of a streamed response covers the stream. It ends exactly once, whatever
/// happens; then every metric gets one sample, recorded while the request's context is current, and
/// the span ends. `error.type` is one of these:
///
/// | what happened | `http.response.status_code` | `error.type` |
/// |---|---|---|
/// | a response of 1xx to 3xx, body complete | it | — |
/// | a response of 4xx | it | never, whatever becomes of its body |
/// | a response of 5xx | it | the status, such as `503` |
/// | dropped before there was a response: the client went away, or a time-out outside this layer | — | `cancelled` |
/// | the response's body dropped before its end | it | `cancelled` |
/// | the service failed | — | the name of the error's type, `_OTHER` for a `Box<dyn Error>` |
/// | the response's body failed | it | the same |
/// | a panic in the service | — | `panic` |
/// | a panic in the response's body | it | `panic` |
///
/// The conventions leave a cancellation by a *client's own caller* without `error.type`, but have
/// a server set it when it could not send the response fully. To leave client disconnects out of
/// an error rate, exclude `error.type="cancelled"`.
///
/// A body that is dropped unread is complete if nothing more was due: the response to a `HEAD`, a
/// status that has no body, or when as many bytes were read as the body or `Content-Length`
/// declared. The response that upgrades a connection (101, or 2xx to a `CONNECT`) ends its
/// request; what the connection is used for afterwards is not measured. Panics that a layer inside
/// this one turns into a response are that response.
///
/// # Cost
///
/// With the defaults a request whose attributes have been seen before costs two clock readings,
/// one reference count and the record, and allocates nothing; what is remembered is read without a
/// lock. axum puts the body of every layer that has its own response body, as this one has, into a
/// box: one allocation. Opt-ins: active requests, no allocation; body sizes, up to three where
/// there is a request body; the server's address, several. Memory is bounded: up to 4,032 route
/// templates and as many attribute sets are remembered, and what comes beyond them is reported all
/// the same, from attributes built anew for each request.
///
/// A span costs what the API asks for: its name, its attributes in a list, a copy of each text that
/// the request brought, and the two boxes of a context. What is only for those who read it is not made
/// where the span does not record.
///
/// # Example
///
/// ```
/// use opentelemetry::metrics::{MeterProvider, NoopMeterProvider};
/// use tachograph_tower::HttpServerLayer;
/// use tower::{ServiceBuilder, service_fn};
///
/// let provider = NoopMeterProvider::new(); // or any SDK's
/// let meter = provider.meter_with_scope(tachograph_tower::scope());
///
/// let service = ServiceBuilder::new()
///     .layer(HttpServerLayer::new(&meter).with_active_requests(true))
///     .service(service_fn(async |_request: http::Request<String>| {
///         Ok::<_, std::convert::Infallible>(http::Response::new(String::from("hello")))
///     }));
/// # fn is_service<S: tower::Service<http::Request<String>>>(_: S) {}
/// # is_service(service);
/// ```
#[derive(Clone, Debug)]
pub struct HttpServerLayer {
    shared: Arc<Shared>,
}

impl HttpServerLayer {
    /// A layer that records with `meter`, which is best built with this crate's
    /// [`scope`](crate::scope).
    #[must_use]
    pub fn new(meter: &Meter) -> Self {
        Self { shared: Arc::new(Shared::new(Config::new(meter))) }
    }

    /// Whether to count the requests in flight, as `http.server.active_requests`. Off by default.
    #[must_use]
    pub fn with_active_requests(self, enabled: bool) -> Self {
        self.configure(|config| {
            config.active = enabled.then(|| metrics::active_requests(&config.meter));
        })
    }

    /// Whether to record the sizes of bodies, as `http.server.request.body.size` and
    /// `http.server.response.body.size`. Off by default.
    ///
    /// A size is what was read of the body until the request ended, in bytes of payload: without
    /// headers, trailers and transfer framing, as transferred, so compressed where it was.
    ///
    /// Response bodies are counted as they stream. So are request bodies of axum's `Body` (with
    /// the feature `axum`), and any other that goes through
    /// [`count_request_body`](crate::count_request_body). For the rest the declared size is taken,
    /// from the body or from `Content-Length`, and where none is declared there is no sample.
    #[must_use]
    pub fn with_body_sizes(self, enabled: bool) -> Self {
        self.configure(|config| {
            config.sizes = enabled.then(|| metrics::body_sizes(&config.meter));
        })
    }

    /// Whether to add `server.address` and `server.port`. Off by default.
    ///
    /// They are taken from the first of `Forwarded`, `X-Forwarded-Host`, the URI's authority and
    /// `Host`; the port only where it is stated.
    ///
    /// **They are what a client writes.** Anyone who can reach the service can make a new series
    /// with every request, up to the SDK's cardinality limit, past which the metric says little.
    /// Opt in only where something before the service checks the host.
    #[must_use]
    pub fn with_server_address(self, enabled: bool) -> Self {
        self.configure(|config| config.server_address = enabled)
    }

    /// `url.scheme` where neither a proxy's header nor the URI says `http` or `https`. The default is
    /// [`Scheme::Http`].
    ///
    /// HTTP/1 requests commonly have no scheme in their URI, so a service behind a proxy that
    /// terminates TLS, and tells it by no header, wants [`Scheme::Https`] here.
    #[must_use]
    pub fn with_scheme(self, scheme: Scheme) -> Self {
        self.configure(|config| config.scheme = scheme)
    }

    /// The methods to report by their name; every other one is `_OTHER`. Case-sensitive.
    ///
    /// This **replaces** the default, which is the methods of RFC 9110, PATCH and QUERY. It is
    /// what the conventions' variable `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` sets; this crate
    /// does not read the environment. Empty names are ignored, and so are those past 65,535.
    #[must_use]
    pub fn with_known_methods<I>(self, methods: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Cow<'static, str>>,
    {
        let methods = crate::semconv::KnownMethods::new(methods.into_iter().map(Into::into));
        self.configure(|config| config.methods = methods)
    }

    /// Where `http.route` comes from: a function from a request to the template of its route.
    ///
    /// It is called once for each request, before the service. It must return a **template**
    /// (`/orders/{id}`) or another name from a small closed set; a path would make a series of
    /// every URL. `None` and an empty string are no route.
    ///
    /// The default is axum's `MatchedPath` with the feature `axum`, and no route without it. An
    /// extractor replaces the default, and may fall back to it
    #[cfg_attr(feature = "axum", doc = "by [`RequestHead::matched_path`].")]
    #[cfg_attr(not(feature = "axum"), doc = "by `RequestHead::matched_path`.")]
    ///
    /// ```
    /// # let meter = opentelemetry::global::meter("doc");
    /// #[derive(Clone)]
    /// struct Template(&'static str); // what some router put into the request
    ///
    /// let layer = tachograph_tower::HttpServerLayer::new(&meter)
    ///     .with_route(|head| head.extensions().get::<Template>().map(|found| found.0));
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn with_route<F>(self, extractor: F) -> Self
    where
        F: for<'a> Fn(RequestHead<'a>) -> Option<&'a str> + Send + Sync + 'static,
    {
        self.configure(|config| config.route = Some(Arc::new(extractor)))
    }

    /// A layer of the changed configuration. What was remembered under the old one is left to the
    /// services that use it.
    pub(crate) fn configure(self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = self.shared.config.clone();
        change(&mut config);
        Self { shared: Arc::new(Shared::new(config)) }
    }
}

/// A layer on the API's globals: a meter and a tracer of the providers that are installed when it is
/// made, with this crate's [`scope`](crate::scope), and whichever propagator is installed when a
/// request comes.
///
/// For a program that sets the globals and nothing else. What is given by value is not overridden by
/// any global, and costs less.
impl Default for HttpServerLayer {
    fn default() -> Self {
        Self::new(&opentelemetry::global::meter_with_scope(crate::scope()))
            .with_tracer(opentelemetry::global::tracer_with_scope(crate::scope()))
    }
}

impl<S> Layer<S> for HttpServerLayer {
    type Service = HttpServer<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpServer::new(inner, Arc::clone(&self.shared))
    }
}
