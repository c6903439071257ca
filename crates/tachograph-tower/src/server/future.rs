//! The future of a response.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::ResponseBody;
use super::in_flight::InFlight;
use super::series::{Failure, error_name};
use super::unwind::OnUnwind;

pin_project! {
    /// The future of an [`HttpServer`](crate::HttpServer)'s response.
    ///
    /// Dropped before it is done, it records the request as cancelled.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        // `None` once the response has taken it on.
        in_flight: Option<InFlight>,
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn new(inner: F, in_flight: Option<InFlight>) -> Self {
        Self { inner, in_flight }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut guard = OnUnwind::watch(this.in_flight);
        let attached = guard.request().and_then(|in_flight| in_flight.attach());
        let polled = this.inner.poll(cx);
        drop(attached);
        guard.disarm();
        let result = ready!(polled);
        Poll::Ready(match result {
            Ok(response) => Ok(ResponseBody::wrap(response, this.in_flight.take())),
            Err(error) => {
                InFlight::end(this.in_flight, Failure::Error(error_name::<E>()));
                Err(error)
            }
        })
    }
}
