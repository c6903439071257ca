//! What proxies write of the client: `Forwarded` (RFC 7239) and the lists of `X-Forwarded-…`.
//!
//! A proxy appends, so the first element is what the first proxy, or the client itself, wrote.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};

// Statics, so that they are found without being parsed.
pub(super) static FORWARDED: HeaderName = http::header::FORWARDED;
pub(super) static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(super) static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub(super) static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The first value by a name, where it is text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A parameter of the first element of a `Forwarded` header.
pub(super) fn parameter<'a>(header: &'a str, wanted: &str) -> Option<Cow<'a, str>> {
    let mut rest = header;
    while let Some((name, after)) = rest.split_once('=') {
        let (value, end) = value(after)?;
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        // A comma begins the next proxy's element.
        rest = after[end..].trim_start().strip_prefix(';')?;
    }
    None
}

/// The first element of a list.
pub(super) fn first(list: &str) -> &str {
    list.split(',').next().unwrap_or_default().trim()
}

/// A token or a quoted string at the start of `text`, and where it ends.
fn value(text: &str) -> Option<(Cow<'_, str>, usize)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        return Some((text[..end].trim().into(), end));
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            // One quote before, and one here.
            '"' => return Some((value.into(), at + 2)),
            _ => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_of_the_first_element_in_any_order_and_case() {
        let header = r#"FOR="[2001:db8::1]:4711" ; Proto=https;host="a\"b",for=192.0.2.9;by=edge"#;
        let of = |name| parameter(header, name).map(Cow::into_owned);
        assert_eq!(of("for").as_deref(), Some("[2001:db8::1]:4711"));
        assert_eq!(of("host").as_deref(), Some("a\"b"));
        assert_eq!(of("proto").as_deref(), Some("https"));
        assert_eq!(of("by"), None, "of another element");
    }

    #[test]
    fn a_quote_that_does_not_end_ends_the_search() {
        assert_eq!(parameter(r#"for="1;host=shop"#, "host"), None);
        assert_eq!(parameter("for", "for"), None);
        assert_eq!(parameter("", "for"), None);
    }
}
