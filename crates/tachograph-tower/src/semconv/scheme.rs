//! `url.scheme`.

/// The scheme of a request, as `url.scheme` reports it.
///
/// A closed set on purpose: in HTTP/2, and in an absolute request target of HTTP/1, the client
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

    /// The scheme that `uri` names, if it names one of these.
    pub(crate) fn of(uri: &http::Uri) -> Option<Self> {
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
