//! What to answer with: a format and an escaping scheme by `Accept`, a coding by `Accept-Encoding`.
//!
//! Follows RFC 9110 §12.4.2 and §12.5 and Prometheus's `content_negotiation.md`. A header that is
//! missing, broken or asks for what there is not leads to the fallback (text 0.0.4 with underscores, not
//! compressed), never to an error: a scrape that gets something readable is worth more than a correct 406.

mod accept;
mod coding;
mod header;

use http::HeaderMap;

use crate::Exposition;
use crate::coding::Coding;

/// The outcome of a negotiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Negotiated {
    pub(crate) exposition: Exposition,
    pub(crate) coding: Coding,
}

impl Negotiated {
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        Negotiated { exposition: accept::exposition(headers), coding: coding::coding(headers) }
    }
}
