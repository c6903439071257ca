//! The attribute sets of a server's metrics, built once each.
//!
//! A request's attributes come from closed sets (method, scheme, version, status, failure) and
//! from route templates, so there are few different sets, and every request's has most likely been
//! built before. Keeping them means that a request neither allocates nor builds and drops key-value
//! pairs, and that an SDK is handed the same allocations again and again.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use http::Version;
use opentelemetry::KeyValue;

use crate::semconv::{
    ERROR_TYPE, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, KnownMethods,
    NETWORK_PROTOCOL_VERSION, Scheme, URL_SCHEME, protocol_version,
};
use crate::table::AppendTable;

/// How a request failed, apart from what its status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Failure {
    None,
    /// Dropped before it was complete.
    Cancelled,
    /// The service or its body unwound.
    Panic,
    /// The service or its body returned an error of the type named here.
    Error(&'static str),
}

/// All that determines a request's attributes, but for its route's text and its opt-in address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SeriesKey {
    /// The position of the route's template; `None` where there is no route.
    pub(crate) route: Option<u32>,
    pub(crate) method: u16,
    /// `None` until a response has been made.
    pub(crate) status: Option<u16>,
    pub(crate) scheme: Scheme,
    pub(crate) version: Version,
    pub(crate) failure: Failure,
}

impl SeriesKey {
    /// The attributes, in the order of their keys.
    pub(crate) fn attributes(&self, methods: &KnownMethods, route: Option<Arc<str>>) -> Vec<KeyValue> {
        // One to spare, twice: the opt-in address and port.
        let mut attributes = Vec::with_capacity(8);
        attributes.extend(self.error_type());
        attributes.push(KeyValue::new(HTTP_REQUEST_METHOD, methods.name(self.method)));
        let status = self.status.map(i64::from);
        attributes.extend(status.map(|status| KeyValue::new(HTTP_RESPONSE_STATUS_CODE, status)));
        attributes.extend(route.map(|route| KeyValue::new(HTTP_ROUTE, route)));
        let version = protocol_version(self.version);
        attributes.extend(version.map(|version| KeyValue::new(NETWORK_PROTOCOL_VERSION, version)));
        attributes.push(KeyValue::new(URL_SCHEME, self.scheme.as_str()));
        attributes
    }

    /// `error.type`, where the request failed on the server's side.
    pub(crate) fn error_type(&self) -> Option<KeyValue> {
        let value = match (self.status, self.failure) {
            // The client's error, not the server's, whatever became of its body.
            (Some(400..=499), _) => return None,
            // The status was sent, and already says that the request failed.
            (Some(status @ 500..=599), _) => {
                return Some(KeyValue::new(ERROR_TYPE, Arc::<str>::from(status.to_string())));
            }
            (_, Failure::None) => return None,
            (_, Failure::Cancelled) => "cancelled",
            (_, Failure::Panic) => "panic",
            (_, Failure::Error(name)) => name,
        };
        Some(KeyValue::new(ERROR_TYPE, value))
    }
}

/// `error.type` for an error of type `E`: its type's name, or `_OTHER` where the type is erased
/// and its name says nothing.
pub(crate) fn error_name<E>() -> &'static str {
    let name = std::any::type_name::<E>();
    if name.contains("dyn ") { crate::semconv::OTHER } else { name }
}

struct Entry {
    key: SeriesKey,
    attributes: Box<[KeyValue]>,
}

/// The sets built so far.
pub(crate) struct SeriesCache {
    entries: AppendTable<Entry>,
    hasher: RandomState,
}

impl SeriesCache {
    pub(crate) fn new() -> Self {
        Self { entries: AppendTable::new(), hasher: RandomState::default() }
    }

    /// The attributes for `key`, from `make` the first time; `None` when there is no more room.
    pub(crate) fn get(&self, key: SeriesKey, make: impl Fn() -> Vec<KeyValue>) -> Option<&[KeyValue]> {
        let hash = self.hasher.hash_one(key);
        let make = || Entry { key, attributes: make().into_boxed_slice() };
        let (_, entry) = self.entries.find_or_insert(hash, |entry| entry.key == key, make)?;
        Some(&entry.attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::Value;

    const KEY: SeriesKey = SeriesKey {
        route: None,
        method: 0,
        status: Some(200),
        scheme: Scheme::Http,
        version: Version::HTTP_11,
        failure: Failure::None,
    };

    fn error_type(status: Option<u16>, failure: Failure) -> Option<String> {
        let key = SeriesKey { status, failure, ..KEY };
        let attributes = key.attributes(&KnownMethods::default(), None);
        let found = attributes.iter().find(|attribute| attribute.key.as_str() == ERROR_TYPE);
        found.map(|attribute| attribute.value.as_str().into_owned())
    }

    #[test]
    fn an_error_type_is_given_for_server_errors_and_failures_and_never_for_client_errors() {
        let error = Failure::Error("shop::Broken");
        for failure in [Failure::None, Failure::Cancelled, Failure::Panic, error] {
            assert_eq!(error_type(Some(404), failure), None);
            assert_eq!(error_type(Some(503), failure).as_deref(), Some("503"));
        }
        for status in [None, Some(101), Some(200), Some(302), Some(999)] {
            assert_eq!(error_type(status, Failure::None), None);
            assert_eq!(error_type(status, Failure::Cancelled).as_deref(), Some("cancelled"));
            assert_eq!(error_type(status, Failure::Panic).as_deref(), Some("panic"));
            assert_eq!(error_type(status, error).as_deref(), Some("shop::Broken"));
        }
    }

    #[test]
    fn an_erased_error_has_no_name_worth_reporting() {
        type Boxed = Box<dyn std::error::Error + Send + Sync>;
        assert_eq!(error_name::<Boxed>(), "_OTHER");
        assert_eq!(error_name::<std::fmt::Error>(), "core::fmt::Error");
    }

    #[test]
    fn attributes_are_sorted_typed_and_only_those_that_apply() {
        let key = SeriesKey { route: Some(0), status: Some(500), ..KEY };
        let attributes = key.attributes(&KnownMethods::default(), Some("/orders/{id}".into()));
        let expected = [
            KeyValue::new("error.type", "500"),
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("http.response.status_code", Value::I64(500)),
            KeyValue::new("http.route", "/orders/{id}"),
            KeyValue::new("network.protocol.version", "1.1"),
            KeyValue::new("url.scheme", "http"),
        ];
        assert_eq!(attributes, expected);
    }

    #[test]
    fn equal_requests_are_handed_the_same_attributes() {
        let cache = SeriesCache::new();
        let make = || KEY.attributes(&KnownMethods::default(), None);
        let (first, again) = (cache.get(KEY, make).unwrap(), cache.get(KEY, make).unwrap());
        assert!(std::ptr::eq(first, again));
        let other = cache.get(SeriesKey { status: None, ..KEY }, Vec::new).unwrap();
        assert!(!std::ptr::eq(first, other));
    }
}
