use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use http::{HeaderValue, Method, Request, Response, StatusCode};

use crate::PrometheusExporter;
use crate::negotiation::Negotiated;

impl PrometheusExporter {
    /// Answers a scrape: the path is the caller's to route, the body is not read.
    ///
    /// - `GET` and `HEAD` get 200; `HEAD` the headers that `GET` would have got, without the page. Any
    ///   other method gets 405 with `Allow`.
    /// - The format follows `Accept`: OpenMetrics 1.0.0 for whoever prefers it, as Prometheus servers do
    ///   from version 2.5 on, else text 0.0.4. A header that is missing, broken, or asks for what there
    ///   is not gets text 0.0.4, never an error; so does one that asks for text 1.0.0, unless it accepts
    ///   OpenMetrics. Whatever `escaping=` it asks for, names are escaped with underscores.
    /// - The body is compressed with gzip where `Accept-Encoding` wants it.
    ///
    /// Runs the callbacks of observable instruments on this thread, and takes some 30 ns for each series
    /// and several times that for gzip: a service with very many series may prefer to call it from a
    /// thread that may block.
    pub fn respond<B>(&self, request: &Request<B>) -> Response<Bytes> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return method_not_allowed();
        }
        let Negotiated { format, gzip } = Negotiated::from_headers(request.headers());
        let page = self.render(format);
        let (body, gzip) = match gzip.then(|| compress(&page)).flatten() {
            Some(compressed) => (compressed, true),
            None => (page, false),
        };
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, format.content_type_header());
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        if gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if *request.method() == Method::GET {
            *response.body_mut() = Bytes::from(body);
        }
        response
    }
}

fn method_not_allowed() -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(b"metrics are read with GET or HEAD\n"));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The page as gzip. Pages repeat themselves so much that the fastest level is nearly the smallest.
///
/// Writing to memory does not fail; if it ever did, the page would go out as it is.
fn compress(page: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(page.len() / 8 + 64), Compression::fast());
    encoder.write_all(page).ok()?;
    encoder.finish().ok()
}
