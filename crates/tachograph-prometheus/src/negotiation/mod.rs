//! What to answer with: a format by `Accept`, a coding by `Accept-Encoding`.
//!
//! Follows RFC 9110 §12.4.2 and §12.5 and Prometheus's `content_negotiation.md`. A header that is
//! missing, broken or asks for what there is not leads to the fallback (text 0.0.4, not compressed),
//! never to an error: a scrape that gets something readable is worth more than a correct 406.

mod accept;
mod coding;
mod header;

use http::HeaderMap;

use crate::Format;

/// The outcome of a negotiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Negotiated {
    pub(crate) format: Format,
    pub(crate) gzip: bool,
}

impl Negotiated {
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        Negotiated { format: accept::format(headers), gzip: coding::gzip(headers) }
    }
}
