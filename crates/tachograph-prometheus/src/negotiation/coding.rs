//! The content coding, by `Accept-Encoding`.

use http::{HeaderMap, header};

use super::header::for_each_clause;
use crate::coding::Coding;

/// The coding of the highest weight; of equal weights zstd before gzip before none.
///
/// `*` stands for gzip, which whoever says so knows. A missing or broken header means no coding, and so does
/// one that refuses all: there is nothing better to send.
pub(super) fn coding(headers: &HeaderMap) -> Coding {
    let (mut gzip, mut zstd, mut identity, mut any) = (None, None, None, None);
    for_each_clause(headers, header::ACCEPT_ENCODING, |clause| {
        let is = |coding: &str| clause.item.eq_ignore_ascii_case(coding);
        // RFC 9110 §8.4.1.3: `x-gzip` is the same.
        let weight = if is("gzip") || is("x-gzip") {
            &mut gzip
        } else if is("zstd") {
            &mut zstd
        } else if is("identity") {
            &mut identity
        } else if is("*") {
            &mut any
        } else {
            return;
        };
        *weight = (*weight).max(Some(clause.weight));
    });
    let gzip = gzip.or(any).unwrap_or(0);
    let identity = identity.unwrap_or(0);
    #[cfg(feature = "zstd")]
    if let Some(zstd) = zstd
        && zstd > 0
        && zstd >= gzip.max(identity)
    {
        return Coding::Zstd;
    }
    if gzip > 0 && gzip >= identity { Coding::Gzip } else { Coding::Identity }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn gzip_for(line: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        coding(&headers) == Coding::Gzip
    }

    #[test]
    #[cfg(feature = "zstd")]
    fn zstd_is_used_where_it_is_asked_for_and_not_less_liked() {
        let coding_for = |line: &'static str| {
            coding(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(line))]))
        };
        for line in ["zstd", "gzip, ZSTD", "gzip;q=0.5, zstd;q=0.5", "identity, zstd"] {
            assert_eq!(coding_for(line), Coding::Zstd, "{line}");
        }
        for line in ["zstd;q=0.4, gzip;q=0.5", "zstd;q=0, gzip", "*", "zstd;q=0, *"] {
            assert_eq!(coding_for(line), Coding::Gzip, "{line}");
        }
        assert_eq!(coding_for("zstd;q=0"), Coding::Identity);
    }

    #[test]
    fn gzip_is_used_where_it_is_accepted() {
        for line in [
            "gzip",
            "GZIP",
            "x-gzip",
            "gzip;q=0.5",
            "deflate, gzip;q=1.0, *;q=0.5",
            "br,gzip",
            "*",
            "identity;q=0, *",
            "gzip;q=0.5, identity;q=0.5",
            "gzip, identity;q=0",
        ] {
            assert!(gzip_for(line), "{line}");
        }
    }

    #[test]
    fn gzip_is_not_used_where_it_is_not_accepted_or_less_liked() {
        for line in [
            "",
            "identity",
            "gzip;q=0",
            "gzip;q=0, *",
            "*;q=0",
            "identity;q=0",
            "identity, gzip;q=0.5",
            "gzip;q=x",
            "gzipped",
            "br",
            ";;,,\"",
        ] {
            assert!(!gzip_for(line), "{line}");
        }
        assert_eq!(coding(&HeaderMap::new()), Coding::Identity);
    }
}
