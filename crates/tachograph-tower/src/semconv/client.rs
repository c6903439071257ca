//! `client.address`: who sent the request, as far as headers tell.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::HeaderMap;

use super::forwarded::{FORWARDED, X_FORWARDED_FOR, first, parameter, text};

/// The first of these that names an address: `for` in `Forwarded` (RFC 7239), `X-Forwarded-For`, the
/// peer of the connection.
///
/// The first element of a header is taken, which is the client's unless the client wrote one itself.
/// A name that is not an address (`unknown`, or one that hides it) is passed over, so that what is
/// reported is never a text of the client's choice.
pub(crate) fn client_address(headers: &HeaderMap, peer: Option<SocketAddr>) -> Option<IpAddr> {
    text(headers, &FORWARDED)
        .and_then(|header| parameter(header, "for"))
        .and_then(|node| parse(&node))
        .or_else(|| parse(first(text(headers, &X_FORWARDED_FOR)?)))
        .or_else(|| peer.map(|peer| peer.ip()))
        // What a socket for both families makes of a client's IPv4 address.
        .map(|address| address.to_canonical())
}

/// An address, with brackets and a port or without.
fn parse(node: &str) -> Option<IpAddr> {
    if let Ok(address) = node.parse() {
        return Some(address);
    }
    if let Ok(address) = node.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    // A port may be hidden: `192.0.2.1:_http`.
    let host = match node.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?.0,
        None => node.split_once(':')?.0,
    };
    host.parse().ok()
}

/// An address as text, without the machinery of formatting where it is a short one.
pub(crate) fn address_text(address: IpAddr) -> Arc<str> {
    let IpAddr::V4(address) = address else {
        return address.to_string().into();
    };
    let (mut text, mut len) = ([b'.'; "255.255.255.255.".len()], 0);
    for octet in address.octets() {
        for (is_written, digit) in
            [(octet >= 100, octet / 100), (octet >= 10, octet / 10 % 10), (true, octet % 10)]
        {
            if is_written {
                text[len] = b'0' + digit;
                len += 1;
            }
        }
        // The point is there already.
        len += 1;
    }
    len -= 1;
    std::str::from_utf8(&text[..len]).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    const PEER: &str = "10.0.0.1:40000";

    fn address(headers: &[(&'static str, &str)]) -> Option<String> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        client_address(&headers, Some(PEER.parse().unwrap())).map(|address| address.to_string())
    }

    #[test]
    fn what_proxies_say_comes_before_the_peer() {
        let list = ("x-forwarded-for", "192.0.2.1, 198.51.100.2");
        let forwarded = ("forwarded", r#"proto=http;for="[2001:DB8::17]:4711", for=198.51.100.2"#);
        assert_eq!(address(&[]).as_deref(), Some("10.0.0.1"));
        assert_eq!(address(&[list]).as_deref(), Some("192.0.2.1"));
        assert_eq!(address(&[list, forwarded]).as_deref(), Some("2001:db8::17"));
        assert_eq!(client_address(&HeaderMap::new(), None), None);
    }

    #[test]
    fn addresses_are_read_with_ports_brackets_and_hidden_ports() {
        for (node, expected) in [
            ("192.0.2.1:80", "192.0.2.1"),
            ("192.0.2.1:_http", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:_x", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(address(&[("x-forwarded-for", node)]).as_deref(), Some(expected), "{node}");
        }
    }

    #[test]
    fn what_is_not_an_address_is_passed_over() {
        for node in ["unknown", "_hidden", "\"192.0.2.1", "192.0.2", "<script>", "[::1", "a:1", ""] {
            let found = address(&[("forwarded", &format!("for={node}")), ("x-forwarded-for", node)]);
            assert_eq!(found.as_deref(), Some("10.0.0.1"), "{node}");
        }
    }

    proptest! {
        #[test]
        fn an_address_is_written_as_everyone_writes_it(v4 in any::<std::net::Ipv4Addr>(), v6 in any::<std::net::Ipv6Addr>()) {
            prop_assert_eq!(&*address_text(v4.into()), v4.to_string());
            prop_assert_eq!(&*address_text(v6.into()), v6.to_string());
        }

        #[test]
        fn no_header_makes_it_panic(value in r#"(for=)?["\[\]:.;,=_ 0-9a-f]{0,60}"#) {
            let _ = address(&[("forwarded", &value), ("x-forwarded-for", &value)]);
        }
    }
}
