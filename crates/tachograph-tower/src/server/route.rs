//! Where the route template of a request comes from.

use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use http::{Extensions, HeaderMap, Method, Request, Uri, Version};

use crate::table::AppendTable;

/// What a route extractor sees of a request: all but its body.
///
/// See [`HttpServerLayer::with_route`](crate::HttpServerLayer::with_route).
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    method: &'a Method,
    uri: &'a Uri,
    version: Version,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
}

impl<'a> RequestHead<'a> {
    pub(crate) fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }

    /// The method of the request.
    #[must_use]
    pub fn method(self) -> &'a Method {
        self.method
    }

    /// The URI of the request.
    #[must_use]
    pub fn uri(self) -> &'a Uri {
        self.uri
    }

    /// The URI as it was received: the request's, but in a nested router, which takes the prefix off, axum's `OriginalUri`.
    pub(crate) fn received_uri(self) -> &'a Uri {
        #[cfg(feature = "axum")]
        if let Some(original) = self.extensions.get::<axum::extract::OriginalUri>() {
            return &original.0;
        }
        self.uri
    }

    /// The HTTP version of the request.
    #[must_use]
    pub fn version(self) -> Version {
        self.version
    }

    /// The headers of the request.
    #[must_use]
    pub fn headers(self) -> &'a HeaderMap {
        self.headers
    }

    /// The extensions of the request, where routers put what they matched.
    #[must_use]
    pub fn extensions(self) -> &'a Extensions {
        self.extensions
    }

    /// The template of the route that axum matched; `None` for a fallback, and outside of a
    /// `Router::layer` or `Router::route_layer`.
    #[cfg(feature = "axum")]
    #[must_use]
    pub fn matched_path(self) -> Option<&'a str> {
        matched_path(self.extensions)
    }

    /// The peer of the connection: a [`SocketAddr`] among the request's extensions, by itself or, with
    /// the feature `axum`, as axum's `ConnectInfo`.
    #[must_use]
    pub fn peer(self) -> Option<SocketAddr> {
        #[cfg(feature = "axum")]
        if let Some(info) = self.extensions.get::<axum::extract::ConnectInfo<SocketAddr>>() {
            return Some(info.0);
        }
        self.extensions.get().copied()
    }
}

#[cfg(feature = "axum")]
pub(crate) fn matched_path(extensions: &Extensions) -> Option<&str> {
    extensions.get::<axum::extract::MatchedPath>().map(|path| path.as_str())
}

/// A route extractor of the user's.
pub(crate) type Extractor = Arc<dyn for<'a> Fn(RequestHead<'a>) -> Option<&'a str> + Send + Sync + 'static>;

/// A finder of routes in responses, of the user's.
pub(crate) type ResponseExtractor =
    Arc<dyn for<'a> Fn(&'a Extensions) -> Option<&'a str> + Send + Sync + 'static>;

/// The route of one request.
#[derive(Clone, Debug, Default)]
pub(crate) enum Route {
    #[default]
    None,
    /// A position in [`Routes`].
    Known(u32),
    /// The table is full: a copy for this request.
    Copied(Arc<str>),
}

/// The templates seen, each held once: attribute values are then the same allocation at every
/// request, which an SDK may recognise by its address.
pub(crate) struct Routes {
    templates: AppendTable<Arc<str>>,
    hasher: RandomState,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self { templates: AppendTable::new(), hasher: RandomState::default() }
    }

    pub(crate) fn route(&self, template: Option<&str>) -> Route {
        let Some(template) = template.filter(|template| !template.is_empty()) else {
            return Route::None;
        };
        let hash = self.hasher.hash_one(template);
        self.templates
            .find_or_insert(hash, |known| **known == *template, || template.into())
            .map_or_else(|| Route::Copied(template.into()), |(position, _)| Route::Known(position))
    }

    pub(crate) fn template(&self, route: &Route) -> Option<Arc<str>> {
        match route {
            Route::None => None,
            Route::Known(position) => self.templates.at(*position).cloned(),
            Route::Copied(template) => Some(template.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_one_allocation_however_often_it_is_seen() {
        let routes = Routes::new();
        let template = |text: &str| routes.template(&routes.route(Some(text))).unwrap();
        let (first, again) = (template("/orders/{id}"), template(&String::from("/orders/{id}")));
        assert_eq!(&*first, "/orders/{id}");
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!(&*template("/stock"), "/stock");
    }

    #[test]
    fn templates_beyond_the_bound_are_reported_and_not_kept() {
        let routes = Routes::new();
        let mut copied = 0;
        for n in 0..10_000 {
            let template = format!("/{n}");
            let route = routes.route(Some(&template));
            assert_eq!(routes.template(&route).as_deref(), Some(&*template));
            copied += usize::from(matches!(route, Route::Copied(_)));
        }
        assert!(copied >= 10_000 - 4_032, "{copied}");
    }

    #[test]
    fn no_template_and_an_empty_one_are_no_route() {
        let routes = Routes::new();
        for template in [None, Some("")] {
            assert!(matches!(routes.route(template), Route::None));
        }
    }
}
