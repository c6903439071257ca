//! Known methods: the closed set that keeps a peer from inventing values of `http.request.method`.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::StringValue;

use super::OTHER;

/// RFC 9110, and PATCH and QUERY; the frequent ones first, because the search is linear.
const DEFAULT: [&str; 10] =
    ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "QUERY", "CONNECT", "TRACE"];

/// The methods reported by their name, and after them `_OTHER`, which stands for all others.
#[derive(Clone, Debug)]
pub(crate) struct KnownMethods {
    names: Box<[StringValue]>,
}

impl Default for KnownMethods {
    fn default() -> Self {
        Self::new(DEFAULT.map(Cow::Borrowed))
    }
}

impl KnownMethods {
    pub(crate) fn new(methods: impl IntoIterator<Item = Cow<'static, str>>) -> Self {
        let known = methods
            .into_iter()
            .filter(|method| !method.is_empty())
            // An index is 16 bits wide. Nobody has that many methods; the rest are `_OTHER`.
            .take(usize::from(u16::MAX))
            .map(|method| match method {
                Cow::Borrowed(name) => StringValue::from(name),
                // Shared, so that attribute sets do not copy it.
                Cow::Owned(name) => StringValue::from(Arc::<str>::from(name)),
            });
        Self { names: known.chain([StringValue::from(OTHER)]).collect() }
    }

    /// The index of `method`, case-sensitively; that of `_OTHER` where it is not known.
    pub(crate) fn index(&self, method: &http::Method) -> u16 {
        let (method, other) = (method.as_str(), self.names.len() - 1);
        let found = self.names[..other].iter().position(|name| name.as_str() == method);
        found.unwrap_or(other) as u16
    }

    /// The names to report, by index.
    pub(crate) fn names(&self) -> &[StringValue] {
        &self.names
    }

    pub(crate) fn name(&self, index: u16) -> StringValue {
        self.names.get(usize::from(index)).cloned().unwrap_or_else(|| OTHER.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reported(known: &KnownMethods, method: &str) -> String {
        let method = http::Method::from_bytes(method.as_bytes()).unwrap();
        known.name(known.index(&method)).as_str().to_owned()
    }

    #[test]
    fn the_methods_of_the_conventions_are_known_by_default() {
        let known = KnownMethods::default();
        for method in
            ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"]
        {
            assert_eq!(reported(&known, method), method);
        }
    }

    #[test]
    fn methods_are_case_sensitive() {
        assert_eq!(reported(&KnownMethods::default(), "get"), "_OTHER");
    }

    #[test]
    fn a_list_of_ones_own_replaces_the_default_whole() {
        let known = KnownMethods::new([Cow::Borrowed("PURGE"), Cow::Owned("ACL".to_owned())]);
        assert_eq!(reported(&known, "PURGE"), "PURGE");
        assert_eq!(reported(&known, "ACL"), "ACL");
        assert_eq!(reported(&known, "GET"), "_OTHER");
    }

    #[test]
    fn an_empty_list_knows_no_method() {
        assert_eq!(reported(&KnownMethods::new([Cow::Borrowed("")]), "GET"), "_OTHER");
    }

    proptest! {
        #[test]
        fn whatever_a_peer_sends_is_one_of_eleven_values(method in "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}") {
            let name = reported(&KnownMethods::default(), &method);
            prop_assert!(name == method && DEFAULT.contains(&name.as_str()) || name == OTHER);
        }
    }
}
