//! One request's place in its trace: the context that came with it, and its span.

use std::sync::Arc;

use http::HeaderMap;
use http::header::USER_AGENT;
use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt};
use opentelemetry::{Context, ContextGuard, KeyValue};

use super::config::Shared;
use super::route::RequestHead;
use super::series::SeriesKey;
use super::spans::{StartSpan, header_text};
use crate::semconv::{
    CLIENT_ADDRESS, HTTP_REQUEST_METHOD, HTTP_REQUEST_METHOD_ORIGINAL, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE,
    NETWORK_PEER_ADDRESS, NETWORK_PEER_PORT, NETWORK_PROTOCOL_VERSION, OTHER, SERVER_ADDRESS, SERVER_PORT,
    URL_PATH, URL_QUERY, URL_SCHEME, USER_AGENT_ORIGINAL, address_text, client_address, protocol_version,
    redacted, server_address,
};

/// The context of a request, and in it the request's span, whose only owner this is.
#[derive(Debug)]
pub(crate) struct Trace {
    context: Context,
    /// Whether there is a span that records: what is not recorded is not made up either.
    recording: bool,
}

impl Trace {
    /// Reads the context that came with a request, and starts a span in it. `None` where neither is
    /// asked for, or where telemetry is suppressed.
    ///
    /// What is current is not looked at: the parent of a request is its sender, never whatever span
    /// the server happens to run in.
    pub(crate) fn start(
        shared: &Shared,
        head: RequestHead<'_>,
        key: SeriesKey,
        route: impl FnOnce() -> Option<Arc<str>>,
    ) -> Option<Self> {
        let spans = &shared.config.spans;
        if spans.tracer.is_none() && spans.propagator.is_none() || Context::is_current_telemetry_suppressed()
        {
            return None;
        }
        let sent = Context::new();
        let sent = match &spans.propagator {
            Some(propagator) => propagator.extract_headers(&sent, head.headers()),
            None => sent,
        };
        Some(match &spans.tracer {
            Some(tracer) => Self::span(&**tracer, shared, head, key, route(), &sent),
            None => Self { context: sent, recording: false },
        })
    }

    fn span(
        tracer: &dyn StartSpan,
        shared: &Shared,
        head: RequestHead<'_>,
        key: SeriesKey,
        route: Option<Arc<str>>,
        sent: &Context,
    ) -> Self {
        let (spans, methods) = (&shared.config.spans, &shared.config.methods);
        let method = methods.name(key.method);
        let is_other = method.as_str() == OTHER;
        let name = span_name(method.as_str(), route.as_deref());
        let peer = spans.peer(head);
        let client = client_address(head.headers(), peer);
        let client = client.map(|client| (client, address_text(client)));

        // What the conventions want a sampler to see, and what costs nothing.
        let mut attributes = Vec::with_capacity(10 + spans.request_headers.len());
        attributes.push(KeyValue::new(HTTP_REQUEST_METHOD, method));
        attributes.push(KeyValue::new(URL_SCHEME, key.scheme.as_str()));
        let uri = head.received_uri();
        attributes.push(KeyValue::new(URL_PATH, uri.path().to_owned()));
        if let Some(query) = uri.query() {
            attributes.push(KeyValue::new(URL_QUERY, redacted(query).into_owned()));
        }
        attributes.extend(route.map(|route| KeyValue::new(HTTP_ROUTE, route)));
        let version = protocol_version(key.version);
        attributes.extend(version.map(|version| KeyValue::new(NETWORK_PROTOCOL_VERSION, version)));
        if let Some(address) = server_address(uri, head.headers()) {
            attributes.push(KeyValue::new(SERVER_ADDRESS, address.name));
            let port = address.port.map(i64::from);
            attributes.extend(port.map(|port| KeyValue::new(SERVER_PORT, port)));
        }
        if let Some((_, text)) = &client {
            attributes.push(KeyValue::new(CLIENT_ADDRESS, Arc::clone(text)));
        }
        if let Some(agent) = head.headers().get(USER_AGENT) {
            attributes.push(KeyValue::new(USER_AGENT_ORIGINAL, header_text(agent)));
        }
        attributes.extend(spans.request_headers.attributes(head.headers()));

        let builder = SpanBuilder {
            span_kind: Some(SpanKind::Server),
            attributes: Some(attributes),
            ..SpanBuilder::from_name(name)
        };
        let (context, recording) = tracer.start(builder, sent);
        let trace = Self { context, recording };
        if recording {
            let sent = head.method().as_str();
            let original = (is_other && sent != OTHER)
                .then(|| KeyValue::new(HTTP_REQUEST_METHOD_ORIGINAL, sent.to_owned()));
            let peer = peer.into_iter().flat_map(|peer| {
                let address = peer.ip().to_canonical();
                let text = match &client {
                    Some((client, text)) if *client == address => Arc::clone(text),
                    _ => address_text(address),
                };
                [
                    KeyValue::new(NETWORK_PEER_ADDRESS, text),
                    KeyValue::new(NETWORK_PEER_PORT, i64::from(peer.port())),
                ]
            });
            trace.context.span().set_attributes(original.into_iter().chain(peer));
        }
        trace
    }

    /// Makes the context current on this thread until the guard is dropped, which must not be held
    /// across an await.
    pub(crate) fn attach(&self) -> ContextGuard {
        self.context.clone().attach()
    }

    /// The headers of a response have been made.
    pub(crate) fn responded(&self, shared: &Shared, headers: &HeaderMap) {
        let captured = &shared.config.spans.response_headers;
        if self.recording && captured.len() > 0 {
            self.context.span().set_attributes(captured.attributes(headers));
        }
    }

    /// A route became known after the span had started.
    pub(crate) fn routed(&self, method: &str, route: &Arc<str>) {
        if self.recording {
            let span = self.context.span();
            span.update_name(span_name(method, Some(route)));
            span.set_attribute(KeyValue::new(HTTP_ROUTE, Arc::clone(route)));
        }
    }

    /// Ends the span with the outcome that `key` says.
    pub(crate) fn end(self, key: SeriesKey) {
        if !self.recording {
            return;
        }
        let span = self.context.span();
        let error = key.error_type();
        if error.is_some() {
            // No description: the status code or `error.type` says all that is known.
            span.set_status(Status::error(""));
        }
        let status = key.status.map(|status| KeyValue::new(HTTP_RESPONSE_STATUS_CODE, i64::from(status)));
        span.set_attributes(status.into_iter().chain(error));
        span.end();
    }
}

/// `{method} {route}`, or `{method}`; a method that is not known is `HTTP`.
fn span_name(method: &str, route: Option<&str>) -> String {
    let method = if method == OTHER { "HTTP" } else { method };
    match route {
        None => method.to_owned(),
        Some(route) => [method, " ", route].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_named_by_the_method_and_the_route() {
        assert_eq!(span_name("GET", Some("/orders/{id}")), "GET /orders/{id}");
        assert_eq!(span_name("GET", None), "GET");
        assert_eq!(span_name(OTHER, Some("/orders/{id}")), "HTTP /orders/{id}");
        assert_eq!(span_name(OTHER, None), "HTTP");
    }
}
