use bytes::Bytes;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

use crate::body::PageBody;
use crate::coding::{Coding, Encoder};
use crate::negotiation::Negotiated;
use crate::{Exposition, PrometheusExporter};

impl PrometheusExporter {
    /// Answers a scrape: the path is the caller's to route, the body is not read.
    ///
    /// - `GET` and `HEAD` get 200; `HEAD` the headers that `GET` would have got, without the page. Any
    ///   other method gets 405 with `Allow`.
    /// - The format follows `Accept`: protobuf, OpenMetrics 1.0.0, text 1.0.0 or text 0.0.4, by weight, and
    ///   names are escaped as the clause asks by `escaping=`, else with underscores. A Prometheus server
    ///   prefers OpenMetrics, or protobuf where it takes native histograms. A header that is missing,
    ///   broken, or asks for what there is not gets text 0.0.4, never an error.
    /// - After the shutdown of the reader or the provider there is nothing to scrape: 503.
    /// - The body is compressed with gzip where `Accept-Encoding` wants it; with zstd, by the feature of that name,
    ///   where it is asked for and not liked less.
    ///
    /// Runs the callbacks of observable instruments on this thread, and takes some 30 ns for each series
    /// and several times that for gzip: a service with very many series may prefer to call it from a
    /// thread that may block, or [`respond_streaming`](Self::respond_streaming).
    pub fn respond<B>(&self, request: &Request<B>) -> Response<Bytes> {
        if !is_readable(request.method()) {
            return method_not_allowed().map(Bytes::from_static);
        }
        let Negotiated { exposition, coding } = Negotiated::from_headers(request.headers());
        let page = self.render(exposition);
        // Asked for when the page is there: it may have been empty because of that.
        if self.is_over() {
            return is_over(request.method()).map(Bytes::from_static);
        }
        let (body, coding) = match compress(&page, coding) {
            Some(compressed) => (compressed, coding),
            None => (page, Coding::Identity),
        };
        let mut response = Response::new(Bytes::new());
        set_headers(response.headers_mut(), exposition, coding, Some(body.len()));
        if *request.method() == Method::GET {
            *response.body_mut() = Bytes::from(body);
        }
        response
    }

    /// As [`respond`](Self::respond), with a body that is made, and compressed, as the client takes it: for
    /// services of very many series, whose page would be large in memory.
    ///
    /// Runs the callbacks of observable instruments on this thread, now; the body runs none. A page of more than
    /// one piece has no `Content-Length`. See [`PageStream`](crate::PageStream) for how much a piece is.
    pub fn respond_streaming<B>(&self, request: &Request<B>) -> Response<PageBody> {
        if !is_readable(request.method()) {
            return method_not_allowed().map(|text| PageBody::whole(Bytes::from_static(text)));
        }
        let Negotiated { exposition, coding } = Negotiated::from_headers(request.headers());
        let (body, coding) = match PageBody::of(self.stream(exposition), coding) {
            Ok(body) => (body, coding),
            // A page that is not compressed is better than none.
            Err(_) => (PageBody::whole(self.render(exposition)), Coding::Identity),
        };
        if self.is_over() {
            return is_over(request.method()).map(|text| PageBody::whole(Bytes::from_static(text)));
        }
        let mut response = Response::new(PageBody::whole(Bytes::new()));
        set_headers(response.headers_mut(), exposition, coding, body.len());
        if *request.method() == Method::GET {
            *response.body_mut() = body;
        }
        response
    }
}

fn is_readable(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn set_headers(headers: &mut HeaderMap, exposition: Exposition, coding: Coding, len: Option<usize>) {
    headers.insert(CONTENT_TYPE, exposition.content_type_header());
    if let Some(len) = len {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
    }
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if let Some(coding) = coding.name() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
}

fn method_not_allowed() -> Response<&'static [u8]> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, b"metrics are read with GET or HEAD\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// What is said where there is nothing to scrape any more.
fn is_over(method: &Method) -> Response<&'static [u8]> {
    let said: &[u8] = if *method == Method::HEAD { b"" } else { b"the metrics have been shut down\n" };
    text(StatusCode::SERVICE_UNAVAILABLE, said)
}

fn text(status: StatusCode, text: &'static [u8]) -> Response<&'static [u8]> {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The page coded; `None` if it is to stay as it is, or could not be coded.
fn compress(page: &[u8], coding: Coding) -> Option<Vec<u8>> {
    if coding == Coding::Identity {
        return None;
    }
    let mut encoder = Encoder::new(coding).ok()?;
    encoder.write(page).ok()?;
    encoder.finish().ok()
}
