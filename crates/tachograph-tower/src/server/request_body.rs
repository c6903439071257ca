//! The size of a request's body, counted as it is read.
//!
//! Whether sizes are recorded is decided at run time, which the type of the body cannot depend on;
//! and to change it always would keep the layer from composing with middleware that names the
//! body's type, as axum's `from_fn` does. So the type stays. axum's `Body`, which is type-erased
//! anyway, is wrapped in place; other bodies are wrapped by [`count_request_body`], which the user
//! puts inside the layer, and finds the counter in the request's extensions.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::Request;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::config::Shared;

/// The count before anyone has taken on to count.
const UNCLAIMED: u64 = u64::MAX;

/// Bytes read. Relaxed accesses throughout: the number is all there is to see.
#[derive(Clone, Debug)]
pub(crate) struct Counter(Arc<AtomicU64>);

impl Counter {
    fn unclaimed() -> Self {
        Self(Arc::new(AtomicU64::new(UNCLAIMED)))
    }

    fn claim(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn claimed(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|bytes| *bytes != UNCLAIMED)
    }
}

/// What is known of the size of one request's body.
#[derive(Debug, Default)]
pub(crate) struct RequestSize {
    counter: Option<Counter>,
    declared: Option<u64>,
}

impl RequestSize {
    pub(crate) fn bytes(&self) -> Option<u64> {
        self.counter.as_ref().and_then(Counter::claimed).or(self.declared)
    }
}

impl Shared {
    /// Arranges for the request's body to be counted, where that is opted into.
    pub(crate) fn request_size<B: Body + 'static>(&self, request: &mut Request<B>) -> RequestSize {
        if self.config.sizes.is_none() {
            return RequestSize::default();
        }
        if request.body().is_end_stream() {
            return RequestSize { counter: None, declared: Some(0) };
        }
        let declared = request.body().size_hint().exact().or_else(|| content_length(request.headers()));
        let counter = Counter::unclaimed();
        if !wrap_in_place(request.body_mut(), &counter) {
            request.extensions_mut().insert(counter.clone());
        }
        RequestSize { counter: Some(counter), declared }
    }
}

pub(crate) fn content_length(headers: &http::HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// Wraps a body whose type survives it.
#[cfg(feature = "axum")]
fn wrap_in_place<B: 'static>(body: &mut B, counter: &Counter) -> bool {
    let body: &mut dyn std::any::Any = body;
    let Some(body) = body.downcast_mut::<axum::body::Body>() else {
        return false;
    };
    let inner = std::mem::take(body);
    *body = axum::body::Body::new(RequestBody::counted(inner, counter.clone()));
    true
}

#[cfg(not(feature = "axum"))]
fn wrap_in_place<B: 'static>(_body: &mut B, _counter: &Counter) -> bool {
    false
}

/// Has the body of a request counted as it is read, for
/// [`with_body_sizes`](crate::HttpServerLayer::with_body_sizes).
///
/// Put it between the layer and the service. It is not needed with axum's `Body` and the feature
/// `axum`. Where sizes are off, or there is no such layer outside, the body is only wrapped.
///
/// ```
/// # use opentelemetry::metrics::{MeterProvider, NoopMeterProvider};
/// use tachograph_tower::{HttpServerLayer, RequestBody, count_request_body};
/// use tower::{ServiceBuilder, service_fn};
///
/// # let meter = NoopMeterProvider::new().meter_with_scope(tachograph_tower::scope());
/// let service = ServiceBuilder::new()
///     .layer(HttpServerLayer::new(&meter).with_body_sizes(true))
///     .map_request(count_request_body)
///     .service(service_fn(async |_request: http::Request<RequestBody<String>>| {
///         Ok::<_, std::convert::Infallible>(http::Response::new(String::from("hello")))
///     }));
/// # fn is_service<S: tower::Service<http::Request<String>>>(_: S) {}
/// # is_service(service);
/// ```
pub fn count_request_body<B>(mut request: Request<B>) -> Request<RequestBody<B>> {
    let counter = request.extensions_mut().remove::<Counter>();
    if let Some(counter) = &counter {
        counter.claim();
    }
    request.map(|inner| RequestBody { inner, counter })
}

pin_project! {
    /// The body of a request, counted as it is read. See [`count_request_body`].
    ///
    /// It passes frames, trailers, the size and the end on unchanged.
    #[derive(Debug, Default)]
    pub struct RequestBody<B> {
        #[pin]
        inner: B,
        counter: Option<Counter>,
    }
}

impl<B> RequestBody<B> {
    #[cfg(feature = "axum")]
    fn counted(inner: B, counter: Counter) -> Self {
        counter.claim();
        Self { inner, counter: Some(counter) }
    }
}

impl<B: Body> Body for RequestBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(cx));
        let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        if let (Some(counter), Some(data)) = (this.counter, data) {
            counter.add(data.remaining());
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
