//! The body of a response, with whose end the request ends.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::in_flight::InFlight;
use super::series::{Failure, error_name};
use super::unwind::OnUnwind;

pin_project! {
    /// The body of an [`HttpServer`](crate::HttpServer)'s response.
    ///
    /// It passes frames, trailers, the size and the end on unchanged. When it ends, fails or is
    /// dropped, the request is recorded. `Default` is a body that accounts for nothing.
    #[derive(Debug, Default)]
    pub struct ResponseBody<B> {
        #[pin]
        inner: B,
        // `None` once the request has ended.
        in_flight: Option<InFlight>,
    }
}

impl<B: Body> ResponseBody<B> {
    /// Hands the request on to its response.
    pub(crate) fn wrap(response: Response<B>, mut in_flight: Option<InFlight>) -> Response<Self> {
        if let Some(request) = &mut in_flight {
            request.responded(&response);
            // A server does not poll a body that says it has ended, and drops it later.
            if response.body().is_end_stream() {
                InFlight::end(&mut in_flight, Failure::None);
            }
        }
        response.map(|inner| Self { inner, in_flight })
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let mut guard = OnUnwind::watch(this.in_flight);
        let attached = guard.request().and_then(|in_flight| in_flight.attach());
        let polled = this.inner.as_mut().poll_frame(cx);
        drop(attached);
        guard.disarm();
        let frame = ready!(polled);
        match &frame {
            Some(Ok(frame)) => {
                if let (Some(in_flight), Some(data)) = (&mut *this.in_flight, frame.data_ref()) {
                    in_flight.sent(data.remaining());
                }
                // The last frame need not be followed by another poll.
                if this.in_flight.is_some() && this.inner.is_end_stream() {
                    InFlight::end(this.in_flight, Failure::None);
                }
            }
            Some(Err(_)) => InFlight::end(this.in_flight, Failure::Error(error_name::<B::Error>())),
            None => InFlight::end(this.in_flight, Failure::None),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
