//! Who may read the metrics: a bearer token, or a name and a password.
//!
//! Follows RFC 9110 §11, RFC 6750 and RFC 7617.

use std::fmt;
use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use subtle::ConstantTimeEq;

/// One way to prove who one is.
#[derive(Clone)]
pub(super) struct Credentials {
    scheme: Scheme,
    /// What stands after the scheme in the header: the token, or name and password in base64.
    expected: Box<[u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Bearer,
    Basic,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Scheme::Bearer => "Bearer",
            Scheme::Basic => "Basic",
        }
    }
}

impl Credentials {
    /// A token, which must be one that a header can hold: not empty, no blanks and no control characters.
    pub(super) fn bearer(token: &str) -> io::Result<Self> {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid("the bearer token is empty, or has characters that no header can hold"));
        }
        Ok(Credentials { scheme: Scheme::Bearer, expected: token.as_bytes().into() })
    }

    /// A name without colons, and a password.
    pub(super) fn basic(user: &str, password: &str) -> io::Result<Self> {
        let has_control = |text: &str| text.chars().any(char::is_control);
        if user.contains(':') || has_control(user) || has_control(password) {
            return Err(invalid(
                "the name for basic credentials has a colon, or name or password a control character",
            ));
        }
        if user.is_empty() && password.is_empty() {
            return Err(invalid("name and password of basic credentials are both empty"));
        }
        let expected = BASE64_STANDARD.encode(format!("{user}:{password}")).into_bytes();
        Ok(Credentials { scheme: Scheme::Basic, expected: expected.into() })
    }

    /// What to say to whoever is refused: `WWW-Authenticate`.
    pub(super) fn challenge(&self) -> HeaderValue {
        HeaderValue::from_static(match self.scheme {
            Scheme::Bearer => "Bearer realm=\"metrics\"",
            Scheme::Basic => "Basic realm=\"metrics\", charset=\"UTF-8\"",
        })
    }

    /// Whether a header's scheme and token are these. How long it takes tells no more than the length.
    fn accepts(&self, scheme: &[u8], token: &[u8]) -> bool {
        scheme.eq_ignore_ascii_case(self.scheme.name().as_bytes()) && bool::from(self.expected.ct_eq(token))
    }
}

/// Without what is secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

/// Whether a request may read: where credentials are asked for, it has one of them, in one header.
pub(super) fn admits(credentials: &[Credentials], headers: &HeaderMap) -> bool {
    if credentials.is_empty() {
        return true;
    }
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    let Some((scheme, token)) = parse(line.as_bytes()) else { return false };
    // Each is looked at, whichever it is.
    credentials.iter().fold(false, |admits, known| known.accepts(scheme, token) | admits)
}

/// `Bearer abc`: a scheme, blanks, and what belongs to it.
pub(crate) fn parse(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii();
    let end = line.iter().position(|byte| *byte == b' ')?;
    let (scheme, token) = line.split_at(end);
    Some((scheme, token.trim_ascii()))
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let lines = lines.iter().map(|line| (AUTHORIZATION, HeaderValue::from_str(line).unwrap()));
        let mut headers = HeaderMap::new();
        lines.for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    }

    #[test]
    fn the_token_and_the_password_are_admitted_and_nothing_else_is() {
        let both = [
            Credentials::bearer("s3cret.~+/=").unwrap(),
            Credentials::basic("Aladdin", "open sesame").unwrap(),
        ];
        for line in [
            "Bearer s3cret.~+/=",
            "bearer   s3cret.~+/= ",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "BASIC QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ] {
            assert!(admits(&both, &headers(&[line])), "{line}");
        }
        for line in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer s3cret.~+/",
            "Bearer s3cret.~+/=x",
            "Bearer S3cret.~+/=",
            "Basic s3cret.~+/=",
            "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ",
            "s3cret.~+/=",
            "Bearer s3cret.~+/=, Bearer s3cret.~+/=",
        ] {
            assert!(!admits(&both, &headers(&[line])), "{line}");
        }
        assert!(!admits(&both, &headers(&[])));
        assert!(!admits(&both, &headers(&["Bearer s3cret.~+/=", "Bearer s3cret.~+/="])));
        assert!(admits(&[], &headers(&[])), "nobody is asked");
    }

    #[test]
    fn credentials_that_could_never_be_given_or_that_are_none_are_errors() {
        for token in ["", "a b", "a\n", "tokén"] {
            assert!(Credentials::bearer(token).is_err(), "{token}");
        }
        for (user, password) in [("a:b", "c"), ("", ""), ("a\n", "b"), ("a", "\0")] {
            assert!(Credentials::basic(user, password).is_err(), "{user}");
        }
        assert!(Credentials::basic("", "only a password").is_ok());
    }

    #[test]
    fn nothing_secret_is_shown() {
        for credentials in
            [Credentials::bearer("hunter2").unwrap(), Credentials::basic("me", "hunter2").unwrap()]
        {
            let shown = format!("{credentials:?} {credentials:#?}");
            assert!(!shown.contains("hunter2") && !shown.contains("bWU6"), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_refused_without_a_panic(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
                prop_assert!(!admits(&[Credentials::bearer("a-long-enough-token").unwrap()], &headers));
            }
        }
    }
}
