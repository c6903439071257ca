//! What a layer is configured with, and what all its services share.

use std::fmt;

use http::Extensions;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter, UpDownCounter};

use super::metrics::{self, BodySizes};
use super::route::{Extractor, RequestHead, ResponseExtractor, Route, Routes};
use super::series::SeriesCache;
use super::spans::Spans;
use crate::semconv::{HTTP_REQUEST_METHOD, KnownMethods, Scheme, URL_SCHEME};

#[derive(Clone)]
pub(crate) struct Config {
    /// Kept for the instruments that are opted into after the layer is made.
    pub(crate) meter: Meter,
    pub(crate) duration: Histogram<f64>,
    pub(crate) active: Option<UpDownCounter<i64>>,
    pub(crate) sizes: Option<BodySizes>,
    pub(crate) server_address: bool,
    pub(crate) scheme: Scheme,
    pub(crate) methods: KnownMethods,
    pub(crate) route: Option<Extractor>,
    pub(crate) response_route: Option<ResponseExtractor>,
    pub(crate) spans: Spans,
}

impl Config {
    pub(crate) fn new(meter: &Meter) -> Self {
        Self {
            meter: meter.clone(),
            duration: metrics::duration(meter),
            active: None,
            sizes: None,
            server_address: false,
            scheme: Scheme::default(),
            methods: KnownMethods::default(),
            route: None,
            response_route: None,
            spans: Spans::default(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("active_requests", &self.active.is_some())
            .field("body_sizes", &self.sizes.is_some())
            .field("server_address", &self.server_address)
            .field("scheme", &self.scheme)
            .field("known_methods", &self.methods)
            .field("route", &self.route.as_ref().map(|_| "an extractor"))
            .field("spans", &self.spans.tracer.is_some())
            .field("propagator", &self.spans.propagator)
            .finish_non_exhaustive()
    }
}

/// One layer's configuration and what it remembers, shared by its clones, the services it made
/// and the requests in flight.
///
/// Aligned, so that the reference count in front of it, which every request changes, is on cache
/// lines of its own: all else is only read.
#[repr(align(128))]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) routes: Routes,
    pub(crate) series: SeriesCache,
    /// The attributes of `http.server.active_requests`, by method and then scheme; empty where it
    /// is not opted into.
    active: Box<[[KeyValue; 2]]>,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        let pair = |method: &opentelemetry::StringValue, scheme: Scheme| {
            [KeyValue::new(HTTP_REQUEST_METHOD, method.clone()), KeyValue::new(URL_SCHEME, scheme.as_str())]
        };
        let names = config.methods.names().iter().filter(|_| config.active.is_some());
        let active = names.flat_map(|name| Scheme::ALL.map(|scheme| pair(name, scheme))).collect();
        Self { active, config, routes: Routes::new(), series: SeriesCache::new() }
    }

    pub(crate) fn active_attributes(&self, method: u16, scheme: Scheme) -> &[KeyValue] {
        let at = usize::from(method) * Scheme::ALL.len() + scheme as usize;
        self.active.get(at).map_or(&[], |pair| pair.as_slice())
    }

    pub(crate) fn route(&self, head: RequestHead<'_>) -> Route {
        let template = match &self.config.route {
            Some(extractor) => extractor(head),
            #[cfg(feature = "axum")]
            None => head.matched_path(),
            #[cfg(not(feature = "axum"))]
            None => None,
        };
        self.routes.route(template)
    }

    /// The route that a response says it came by.
    pub(crate) fn response_route(&self, response: &Extensions) -> Route {
        if response.is_empty() {
            return Route::None;
        }
        let template = match &self.config.response_route {
            Some(extractor) => extractor(response),
            #[cfg(feature = "axum")]
            None => super::route::matched_path(response),
            #[cfg(not(feature = "axum"))]
            None => None,
        };
        self.routes.route(template)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.fmt(f)
    }
}
