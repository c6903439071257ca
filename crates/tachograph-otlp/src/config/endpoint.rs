use std::fmt;

use http::HeaderValue;
use http::uri::{PathAndQuery, Scheme, Uri};
use percent_encoding::percent_decode_str;

use crate::error::OtlpError;

/// Where requests go.
#[derive(Clone, PartialEq)]
pub(crate) struct Endpoint {
    pub(crate) https: bool,
    /// A name or an address, an IPv6 one without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) path: PathAndQuery,
    /// What the `Host` header says.
    pub(crate) authority: HeaderValue,
    /// From the user's name and password in the URL.
    pub(crate) authorization: Option<HeaderValue>,
    /// The password, as it is in the URL.
    password: String,
    /// For messages: without user, password and query.
    shown: String,
}

impl Endpoint {
    /// A URL that is taken as it is; one without a path means `/`.
    pub(crate) fn exact(url: &str) -> Result<Self, OtlpError> {
        Self::parse(url.trim(), "")
    }

    /// A base URL, to whose path the signal's is added.
    pub(crate) fn base(url: &str, signal_path: &str) -> Result<Self, OtlpError> {
        Self::parse(url.trim(), signal_path)
    }

    fn parse(url: &str, signal_path: &str) -> Result<Self, OtlpError> {
        // The URL itself is not repeated: it may hold a password.
        let wrong = |what: &str| {
            OtlpError::config(format!(
                "the endpoint {what}; write a URL such as http://localhost:4318 or https://collector.example:4318"
            ))
        };
        if !url.contains("://") {
            return Err(wrong("does not begin with http:// or https://"));
        }
        let uri: Uri = url.parse().map_err(|error| wrong(&format!("is not a URL ({error})")))?;
        let https = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(wrong("is neither an http:// nor an https:// URL")),
        };
        let host = uri.host().unwrap_or_default();
        if host.is_empty() {
            return Err(wrong("names no host"));
        }
        let default_port = if https { 443 } else { 80 };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let (user, host_and_port) = authority.rsplit_once('@').unwrap_or(("", authority));
        let port = match host_and_port.strip_prefix(host).unwrap_or_default() {
            "" | ":" => default_port,
            _ => uri.port_u16().ok_or_else(|| wrong("has a port that is no number up to 65535"))?,
        };
        let path = path(uri.path(), signal_path, uri.query())
            .ok_or_else(|| wrong("has a path that cannot be sent"))?;
        let scheme = if https { "https" } else { "http" };
        Ok(Endpoint {
            https,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            shown: format!("{scheme}://{host}:{port}{}", path.path()),
            authority: HeaderValue::from_str(host_and_port)
                .map_err(|_| wrong("names a host that cannot be sent"))?,
            password: user.split_once(':').map_or("", |(_, password)| password).to_owned(),
            authorization: (!user.is_empty()).then(|| basic(user)).flatten(),
            path,
        })
    }

    /// What of the URL must not be shown: the password and the query, and each of its values, as they are there and decoded.
    pub(super) fn secrets(&self) -> Vec<String> {
        let query = self.path.query().unwrap_or_default();
        let values = query.split('&').filter_map(|pair| Some(pair.split_once('=')?.1));
        let texts = values.chain([query, self.password.as_str()]);
        texts
            .flat_map(|text| [text.to_owned(), percent_decode_str(text).decode_utf8_lossy().into_owned()])
            .collect()
    }

    /// Whether it is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    }
}

fn path(base: &str, signal: &str, query: Option<&str>) -> Option<PathAndQuery> {
    let path = match signal {
        "" if base.is_empty() => "/".to_owned(),
        "" => base.to_owned(),
        signal => format!("{}{signal}", base.trim_end_matches('/')),
    };
    match query {
        Some(query) => format!("{path}?{query}").parse().ok(),
        None => path.parse().ok(),
    }
}

/// `user:password` of a URL as the header that it stands for.
fn basic(user: &str) -> Option<HeaderValue> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let mut pair: Vec<u8> = percent_decode_str(name).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(password));
    let mut value = HeaderValue::try_from(format!("Basic {}", base64(&pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits: usize, at| bits << 8 | usize::from(*three.get(at).unwrap_or(&0)));
        for at in 0..4 {
            // Two digits hold one byte, three hold two.
            let digit = DIGITS.get(bits >> (18 - 6 * at) & 63).copied().unwrap_or(b'=');
            text.push(if at <= three.len() { digit.into() } else { '=' });
        }
    }
    text
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(url: &str) -> String {
        Endpoint::base(url, "/v1/traces").expect(url).to_string()
    }

    fn exact(url: &str) -> String {
        Endpoint::exact(url).expect(url).to_string()
    }

    #[test]
    fn a_base_gets_the_signals_path_added() {
        assert_eq!(base("http://localhost:4318"), "http://localhost:4318/v1/traces");
        assert_eq!(base("http://localhost:4318/"), "http://localhost:4318/v1/traces");
        assert_eq!(base("https://x/otlp"), "https://x:443/otlp/v1/traces");
        assert_eq!(base("https://x/otlp/"), "https://x:443/otlp/v1/traces");
    }

    #[test]
    fn a_signals_own_endpoint_is_used_as_it_is() {
        assert_eq!(exact("http://localhost:4318"), "http://localhost:4318/");
        assert_eq!(exact("http://localhost/api/traces"), "http://localhost:80/api/traces");
        assert_eq!(exact("http://localhost/v1/"), "http://localhost:80/v1/");
    }

    #[test]
    fn a_query_is_sent_and_never_shown() {
        let endpoint = Endpoint::base("http://x/a?key=s3cret", "/v1/traces").unwrap();
        assert_eq!(endpoint.path.as_str(), "/a/v1/traces?key=s3cret");
        assert!(!format!("{endpoint} {endpoint:?}").contains("s3cret"));
    }

    #[test]
    fn a_name_and_password_become_a_header_and_are_never_shown() {
        let endpoint = Endpoint::exact("https://Aladdin:open%20sesame@x:1/").unwrap();
        let header = endpoint.authorization.clone().expect("a header");
        assert_eq!(header, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(header.is_sensitive());
        assert_eq!(endpoint.authority, "x:1");
        let shown = format!("{endpoint} {endpoint:?}");
        assert!(!shown.contains("sesame") && !shown.contains("Aladdin"), "{shown}");
    }

    #[test]
    fn an_ipv6_address_loses_its_brackets_for_the_system_only() {
        let endpoint = Endpoint::exact("http://[::1]:4318/x").unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.port), ("::1", 4318));
        assert_eq!(endpoint.authority, "[::1]:4318");
        assert!(endpoint.is_local());
    }

    #[test]
    fn what_is_no_url_is_refused_with_advice_and_without_repeating_it() {
        for url in [
            "localhost:4318",
            "s3cret",
            "ftp://s3cret/",
            "http://",
            "http://s3cret:x/",
            "http://a b/s3cret",
            "",
        ] {
            let error = Endpoint::exact(url).expect_err(url).to_string();
            assert!(error.contains("http://localhost:4318"), "{url}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_it_accepts_can_be_sent(text in "(https?://)?[ -~é]{0,40}", any: String) {
            for url in [&text, &any] {
                if let Ok(endpoint) = Endpoint::base(url, "/v1/traces") {
                    let path = endpoint.path.path();
                    proptest::prop_assert!(path.starts_with('/') && path.ends_with("/v1/traces"), "{path}");
                    proptest::prop_assert!(!endpoint.authority.is_empty());
                }
            }
        }
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
