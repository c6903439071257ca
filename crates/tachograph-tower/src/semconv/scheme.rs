//! `url.scheme`.

use http::HeaderMap;

use super::forwarded::{FORWARDED, X_FORWARDED_PROTO, first, parameter, text};

/// The scheme of a request, as `url.scheme` reports it.
///
/// A closed set on purpose: in HTTP/2, in an absolute request target of HTTP/1 and in headers, the client
/// writes the scheme, and a metric's attribute must not take values a client can invent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http`, the default.
    #[default]
    Http,
    /// `https`: for a service that terminates TLS itself, or sits behind a proxy that does.
    Https,
}

impl Scheme {
    pub(crate) const ALL: [Self; 2] = [Self::Http, Self::Https];

    /// The scheme as it is reported: `http` or `https`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The scheme that the client used, as far as the request tells: the first of these that names one. `proto` in `Forwarded`
    /// (RFC 7239), `X-Forwarded-Proto`, the URI.
    pub(crate) fn sent(uri: &http::Uri, headers: &HeaderMap) -> Option<Self> {
        text(headers, &FORWARDED)
            .and_then(|header| parameter(header, "proto"))
            .and_then(|name| Self::named(&name))
            .or_else(|| Self::named(first(text(headers, &X_FORWARDED_PROTO)?)))
            .or_else(|| Self::of(uri))
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| name.eq_ignore_ascii_case(scheme.as_str()))
    }

    /// The scheme that `uri` names, if it names one of these.
    fn of(uri: &http::Uri) -> Option<Self> {
        let scheme = uri.scheme()?;
        if *scheme == http::uri::Scheme::HTTP {
            Some(Self::Http)
        } else if *scheme == http::uri::Scheme::HTTPS {
            Some(Self::Https)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uri: &str) -> Option<Scheme> {
        Scheme::of(&uri.parse().unwrap())
    }

    #[test]
    fn a_uri_names_its_scheme_only_in_absolute_form() {
        assert_eq!(of("http://shop.example/"), Some(Scheme::Http));
        assert_eq!(of("https://shop.example/"), Some(Scheme::Https));
        assert_eq!(of("/orders"), None);
        assert_eq!(of("*"), None);
    }

    #[test]
    fn a_scheme_that_a_client_invents_is_not_reported() {
        assert_eq!(of("x91f3://shop.example/"), None);
    }
}
