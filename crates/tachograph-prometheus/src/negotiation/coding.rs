//! The content coding, by `Accept-Encoding`.

use http::{HeaderMap, header};

use super::header::for_each_clause;

/// Whether to compress with gzip: where it is accepted, and not less liked than no coding at all.
///
/// A missing or broken header means no coding, and so does one that refuses both: there is nothing
/// better to send.
pub(super) fn gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    for_each_clause(headers, header::ACCEPT_ENCODING, |clause| {
        let is = |coding: &str| clause.item.eq_ignore_ascii_case(coding);
        // RFC 9110 §8.4.1.3: `x-gzip` is the same.
        let weight = if is("gzip") || is("x-gzip") {
            &mut gzip
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
    gzip > 0 && gzip >= identity.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn gzip_for(line: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        gzip(&headers)
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
            "zstd, gzip;q=0.1",
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
        assert!(!gzip(&HeaderMap::new()));
    }
}
