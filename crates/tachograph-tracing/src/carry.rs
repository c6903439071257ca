//! Spans and contexts across tasks, threads and streams.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use futures_core::Stream;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, ContextGuard};
use pin_project_lite::pin_project;
use tracing::Span;
use tracing::span::Entered;

use crate::ext::SpanExt as _;
use crate::local;

pin_project! {
    /// A future or a stream that runs in a span and in the context that was current when this was made; see [`Carry`].
    ///
    /// Both are entered whenever it is polled and left when that returns, and once more while what it holds is dropped.
    #[derive(Debug)]
    #[must_use = "futures and streams do nothing unless they are polled"]
    pub struct Carried<T> {
        // Drops the future inside of the span.
        #[pin]
        inner: Option<T>,
        place: Place,
    }

    impl<T> PinnedDrop for Carried<T> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _inside = this.place.enter();
            this.inner.set(None);
        }
    }
}

/// A span, and the context around or inside of it.
#[derive(Clone, Debug)]
struct Place {
    span: Span,
    context: Context,
    /// The context is the span's own, perhaps with values that were attached inside of it.
    is_inside: bool,
}

/// A place that was entered, left from the innermost to the outermost.
struct Inside<'a> {
    _inner: Option<ContextGuard>,
    _span: Entered<'a>,
    _outer: Option<ContextGuard>,
}

impl Place {
    fn of(span: Span) -> Self {
        let context = local::current_context();
        let of_context = context.span().span_context().clone();
        let is_inside = span.ids() == Some((of_context.trace_id(), of_context.span_id()));
        Place { span, context, is_inside }
    }

    /// Enters the span inside of the context, or the other way round where the context is the span's: entering attaches
    /// the one that the span was made with.
    fn enter(&self) -> Inside<'_> {
        let attach = |yes: bool| (yes && local::has_context()).then(|| self.context.clone().attach());
        let outer = attach(!self.is_inside);
        let span = self.span.enter();
        Inside { _inner: attach(self.is_inside), _span: span, _outer: outer }
    }
}

/// Takes the current span, and the current OpenTelemetry context with its baggage, to wherever something runs.
///
/// `tracing`'s own [`Instrument`](tracing::Instrument) takes the span alone, and futures alone. In full mode the span's context goes
/// with it; other values of the context, and spans of the `opentelemetry` API, do not.
///
/// ```
/// # async fn example() {
/// use tachograph_tracing::{Carry, in_span};
///
/// // A task, under the span that spawns it:
/// // tokio::spawn(async { .. }.carry());
/// let task = async { tracing::info!("in the same trace") }.carry();
///
/// // A thread, or tokio::task::spawn_blocking:
/// let handle = std::thread::spawn(in_span(tracing::info_span!("hash"), || 42));
/// # task.await;
/// # handle.join();
/// # }
/// ```
pub trait Carry: Sized {
    /// In the current span and context.
    fn carry(self) -> Carried<Self> {
        self.carry_in(Span::current())
    }

    /// In a span, and in the current context.
    fn carry_in(self, span: Span) -> Carried<Self> {
        Carried { inner: Some(self), place: Place::of(span) }
    }
}

impl<T> Carry for T {}

impl<T: Future> Future for Carried<T> {
    type Output = T::Output;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<T::Output> {
        let this = self.project();
        let _inside = this.place.enter();
        match this.inner.as_pin_mut() {
            Some(inner) => inner.poll(task),
            // It is there until this is dropped.
            None => Poll::Pending,
        }
    }
}

impl<T: Stream> Stream for Carried<T> {
    type Item = T::Item;

    fn poll_next(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Option<T::Item>> {
        let this = self.project();
        let _inside = this.place.enter();
        match this.inner.as_pin_mut() {
            Some(inner) => inner.poll_next(task),
            None => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

/// A function that runs in the current span and context, wherever it is called: on another thread, in
/// `spawn_blocking`, in a pool.
pub fn in_current<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    in_span(Span::current(), work)
}

/// A function that runs in a span, and in the context that is current here.
pub fn in_span<T>(span: Span, work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let place = Place::of(span);
    move || {
        let _inside = place.enter();
        work()
    }
}
