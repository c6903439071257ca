//! A request, from the call to the end of its response.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use http::{Method, Response, StatusCode, Version};
use http_body::Body;
use opentelemetry::{ContextGuard, KeyValue};

use super::config::Shared;
use super::request_body::{RequestSize, content_length};
use super::route::{RequestHead, Route};
use super::series::{Failure, SeriesKey};
use super::trace::Trace;
use crate::semconv::{SERVER_ADDRESS, SERVER_PORT, Scheme, ServerAddress, server_address};

/// Which statuses have no body, by the request's method (RFC 9110, section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyRule {
    ByStatus,
    Head,
    Connect,
}

/// All that is known of one request: its start, what its attributes are made of, and what has been
/// counted so far, its span and its context. It owns the request's accounting: dropping it records the
/// request and ends the span.
#[derive(Debug)]
pub(crate) struct InFlight {
    shared: Arc<Shared>,
    started: Instant,
    method: u16,
    scheme: Scheme,
    version: Version,
    body_rule: BodyRule,
    route: Route,
    status: Option<u16>,
    /// What it ends as if it is dropped now.
    failure: Failure,
    /// For the metrics, where it is opted into.
    address: Option<Box<ServerAddress>>,
    trace: Option<Trace>,
    request_size: RequestSize,
    /// Bytes of the response's body, sent and, if known, due.
    sent: u64,
    due: Option<u64>,
}

impl InFlight {
    pub(crate) fn start(shared: Arc<Shared>, head: RequestHead<'_>) -> Self {
        let config = &shared.config;
        let in_flight = Self {
            started: Instant::now(),
            method: config.methods.index(head.method()),
            scheme: Scheme::sent(head.uri(), head.headers()).unwrap_or(config.scheme),
            version: head.version(),
            body_rule: match *head.method() {
                Method::HEAD => BodyRule::Head,
                Method::CONNECT => BodyRule::Connect,
                _ => BodyRule::ByStatus,
            },
            route: Route::None,
            status: None,
            failure: Failure::Cancelled,
            address: config
                .server_address
                .then(|| server_address(head.uri(), head.headers()))
                .flatten()
                .map(Box::new),
            trace: None,
            request_size: RequestSize::default(),
            sent: 0,
            due: None,
            shared,
        };
        in_flight.count_active(1);
        in_flight
    }

    pub(crate) fn routed(&mut self, route: Route, size: RequestSize) {
        self.route = route;
        self.request_size = size;
    }

    /// Reads the context that came with the request, and starts its span: as soon as the route is
    /// known, for a sampler to see it.
    pub(crate) fn traced(&mut self, head: RequestHead<'_>) {
        let route = || self.shared.routes.template(&self.route);
        self.trace = Trace::start(&self.shared, head, self.key(), route);
    }

    /// Makes the request's context current on this thread, if it has one, until the guard is dropped.
    pub(crate) fn attach(&self) -> Option<ContextGuard> {
        self.trace.as_ref().map(Trace::attach)
    }

    /// The service has made its response.
    pub(crate) fn responded<B: Body>(&mut self, response: &Response<B>) {
        let status = response.status();
        self.status = Some(status.as_u16());
        if matches!(self.route, Route::None) {
            self.route = self.shared.response_route(response.extensions());
            self.routed_late();
        }
        if let Some(trace) = &self.trace {
            trace.responded(&self.shared, response.headers());
        }
        self.due = if self.is_bodiless(status) {
            Some(0)
        } else {
            response.body().size_hint().exact().or_else(|| content_length(response.headers()))
        };
    }

    fn routed_late(&self) {
        if let (Some(trace), Some(route)) = (&self.trace, self.shared.routes.template(&self.route)) {
            trace.routed(self.shared.config.methods.name(self.method).as_str(), &route);
        }
    }

    fn is_bodiless(&self, status: StatusCode) -> bool {
        let by_method = match self.body_rule {
            BodyRule::ByStatus => false,
            BodyRule::Head => true,
            BodyRule::Connect => status.is_success(),
        };
        by_method
            || status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    }

    /// A frame of the response's body has been handed over.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// The request has ended, as `failure` says; what is in `slot` is recorded where it stands.
    pub(crate) fn end(slot: &mut Option<Self>, failure: Failure) {
        if let Some(in_flight) = slot {
            in_flight.failure = failure;
        }
        *slot = None;
    }

    fn count_active(&self, change: i64) {
        let Some(active) = &self.shared.config.active else {
            return;
        };
        let attributes = self.shared.active_attributes(self.method, self.scheme);
        match &self.address {
            None => active.add(change, attributes),
            Some(address) => active.add(change, &with_address(attributes.to_vec(), address)),
        }
    }

    fn key(&self) -> SeriesKey {
        SeriesKey {
            route: match self.route {
                Route::Known(position) => Some(position),
                Route::None | Route::Copied(_) => None,
            },
            method: self.method,
            status: self.status,
            scheme: self.scheme,
            version: self.version,
            failure: self.failure,
        }
    }

    fn attributes(&self) -> Cow<'_, [KeyValue]> {
        let (shared, key) = (&*self.shared, self.key());
        let make = || key.attributes(&shared.config.methods, shared.routes.template(&self.route));
        if let Some(address) = &self.address {
            return Cow::Owned(with_address(make(), address));
        }
        // The key does not say which template a copied route is.
        let known = match self.route {
            Route::Copied(_) => None,
            Route::None | Route::Known(_) => shared.series.get(key, make),
        };
        known.map_or_else(|| Cow::Owned(make()), Cow::Borrowed)
    }
}

fn with_address(mut attributes: Vec<KeyValue>, address: &ServerAddress) -> Vec<KeyValue> {
    attributes.push(KeyValue::new(SERVER_ADDRESS, address.name.clone()));
    let port = address.port.map(i64::from);
    attributes.extend(port.map(|port| KeyValue::new(SERVER_PORT, port)));
    attributes
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let seconds = self.started.elapsed().as_secs_f64();
        // Dropped, but with nothing left to send: servers do not poll a body past the length that
        // was declared, nor one that is not to be sent.
        if self.failure == Failure::Cancelled && self.due.is_some_and(|due| self.sent >= due) {
            self.failure = Failure::None;
        }
        // With the span's context, in which a measurement may find its exemplar.
        let attached = self.attach();
        self.count_active(-1);
        let attributes = self.attributes();
        let config = &self.shared.config;
        config.duration.record(seconds, &attributes);
        if let Some(sizes) = &config.sizes {
            if let Some(bytes) = self.request_size.bytes() {
                sizes.request.record(bytes, &attributes);
            }
            sizes.response.record(self.sent, &attributes);
        }
        drop(attached);
        if let Some(trace) = self.trace.take() {
            trace.end(self.key());
        }
    }
}
