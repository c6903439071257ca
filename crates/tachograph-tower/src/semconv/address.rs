//! `server.address` and `server.port`: the host that the client meant, as far as headers tell.

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};

use super::forwarded::{FORWARDED, X_FORWARDED_HOST, first, parameter, text};

/// The name and, where it was stated, the port that a client addressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerAddress {
    pub(crate) name: String,
    pub(crate) port: Option<u16>,
}

/// The first of these that is present and well formed: `host` in `Forwarded` (RFC 7239),
/// `X-Forwarded-Host`, the authority of the URI (`:authority`), `Host`.
///
/// A proxy appends to the first two, so the first element is the client's. A header that does not
/// parse is passed over, as if it were absent.
pub(crate) fn server_address(uri: &Uri, headers: &HeaderMap) -> Option<ServerAddress> {
    text(headers, &FORWARDED)
        .and_then(|header| parameter(header, "host"))
        .and_then(|host| parse(&host))
        .or_else(|| parse(first(text(headers, &X_FORWARDED_HOST)?)))
        .or_else(|| uri.authority().and_then(of_authority))
        .or_else(|| parse(text(headers, &HOST)?))
}

fn parse(host: &str) -> Option<ServerAddress> {
    plain(host).or_else(|| of_authority(&host.parse::<Authority>().ok()?))
}

/// A name of letters, digits, `.` and `-`, and a port if there is one: what nearly all are, and then
/// an authority need not be made.
fn plain(host: &str) -> Option<ServerAddress> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let end = host.as_bytes().iter().position(|byte| !is_plain(byte)).unwrap_or(host.len());
    let (name, rest) = host.split_at_checked(end)?;
    let port = match rest.strip_prefix(':') {
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(port.parse().ok()?),
        Some(_) => return None,
        None if rest.is_empty() => None,
        None => return None,
    };
    (!name.is_empty()).then(|| ServerAddress { name: name.to_ascii_lowercase(), port })
}

fn of_authority(authority: &Authority) -> Option<ServerAddress> {
    // `host()` leaves out user information, which is not the server's name and may be a secret.
    let name = authority.host();
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    (!name.is_empty()).then(|| ServerAddress { name: name.to_ascii_lowercase(), port: authority.port_u16() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    fn address(uri: &str, headers: &[(&'static str, &str)]) -> Option<(String, Option<u16>)> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        server_address(&uri.parse().unwrap(), &headers).map(|found| (found.name, found.port))
    }

    fn some(name: &str, port: Option<u16>) -> Option<(String, Option<u16>)> {
        Some((name.to_owned(), port))
    }

    #[test]
    fn what_the_client_meant_comes_before_what_the_last_proxy_wrote() {
        let host = ("host", "internal:8080");
        let given = ("x-forwarded-host", "shop.example, edge.example");
        let forwarded = ("forwarded", r#"for=192.0.2.1;Host="store.example:8443";proto=https, host=edge"#);
        assert_eq!(address("/", &[host]), some("internal", Some(8080)));
        assert_eq!(address("http://authority:81/", &[host]), some("authority", Some(81)));
        assert_eq!(address("http://authority:81/", &[host, given]), some("shop.example", None));
        assert_eq!(address("/", &[host, given, forwarded]), some("store.example", Some(8443)));
    }

    #[test]
    fn a_broken_header_is_passed_over() {
        let host = ("host", "shop.example");
        for broken in [r#"host="unclosed"#, "host", "for=1", "host=a b", "for=1, host=edge", ""] {
            let found = address("/", &[("forwarded", broken), host]);
            assert_eq!(found, some("shop.example", None), "{broken:?}");
        }
        assert_eq!(address("/", &[("host", "not a host")]), None);
        assert_eq!(address("/", &[]), None);
    }

    #[test]
    fn names_are_lower_case_and_bare() {
        assert_eq!(address("/", &[("host", "SHOP.example")]), some("shop.example", None));
        assert_eq!(address("/", &[("host", "[2001:DB8::1]:80")]), some("2001:db8::1", Some(80)));
        assert_eq!(address("http://user:secret@shop.example/", &[]), some("shop.example", None));
    }

    proptest! {
        #[test]
        fn the_short_way_finds_what_the_long_way_does(host in "[a-zA-Z0-9.:-]{0,12}(:[0-9]{0,6})?") {
            if let Some(found) = plain(&host) {
                prop_assert_eq!(Some(found), of_authority(&host.parse().unwrap()));
            }
        }

        #[test]
        fn no_header_makes_it_panic(value in "[ -~]{0,60}", forwarded in r#"([fh]ost?=)?["\\=;, a-z:0-9]{0,40}"#) {
            let _ = address("/", &[("host", &value), ("forwarded", &forwarded), ("x-forwarded-host", &value)]);
        }
    }
}
