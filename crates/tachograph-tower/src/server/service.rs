//! The service that the layer makes.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::body::ResponseBody;
use super::config::Shared;
use super::future::ResponseFuture;
use super::in_flight::InFlight;
use super::route::{RequestHead, Route};
use super::unwind::OnUnwind;

/// The service of an [`HttpServerLayer`](crate::HttpServerLayer): accounts for each request it
/// passes to `S`.
///
/// The type of the request's body stays as it is, so that what composes with `S` composes with
/// this; that of the response's becomes [`ResponseBody`].
#[derive(Clone, Debug)]
pub struct HttpServer<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> HttpServer<S> {
    pub(crate) fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }

    /// The service inside.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service inside, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The service inside, by value.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for HttpServer<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: Body + 'static,
    ResBody: Body,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let started = InFlight::start(Arc::clone(&self.shared), RequestHead::of(&request));
        let mut in_flight = Some(started);
        // Extractors and the service are the user's code.
        let mut guard = OnUnwind::watch(&mut in_flight);
        // A sampler wants to see the route, so the span starts after it; but it does start.
        let route = catch_unwind(AssertUnwindSafe(|| self.shared.route(RequestHead::of(&request))));
        let (route, panic) = match route {
            Ok(route) => (route, None),
            Err(panic) => (Route::None, Some(panic)),
        };
        let size = self.shared.request_size(&mut request);
        let attached = guard.request().and_then(|in_flight| {
            in_flight.routed(route, size);
            in_flight.traced(RequestHead::of(&request));
            in_flight.attach()
        });
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
        let future = self.inner.call(request);
        drop(attached);
        guard.disarm();
        ResponseFuture::new(future, in_flight)
    }
}
