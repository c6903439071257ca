//! The layer.

use std::sync::Arc;
use tachograph_sdk::trace::Tracer;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::core::{Asked, Core};
use crate::ids::Numbers;
use crate::options::SpanOptions;

/// Spans of `tracing` in the engine, as a layer over tracing-subscriber's `Registry`.
///
/// It is for those who stack other layers: `fmt`, per-layer filters. Which spans it gets is the filters' matter
/// (`.with_filter(..)`); it has none of its own, and so none that would hide spans from other layers. Who needs only spans and
/// console output has them for less with [`TelemetrySubscriber`](crate::TelemetrySubscriber).
///
/// A span ends when the registry closes it: when its last handle is dropped, and its last child has closed.
///
/// ```
/// use tachograph_sdk::trace::TracerProvider;
/// use tachograph_tracing::TelemetryLayer;
/// use tracing_subscriber::filter::{EnvFilter, LevelFilter};
/// use tracing_subscriber::layer::{Layer, SubscriberExt};
///
/// let provider = TracerProvider::builder().build();
/// let subscriber = tracing_subscriber::registry()
///     .with(TelemetryLayer::new(provider.tracer("shop")).with_filter(LevelFilter::INFO))
///     .with(tracing_subscriber::fmt::layer().with_filter(EnvFilter::new("warn")));
/// # drop(subscriber);
/// ```
#[derive(Debug)]
pub struct TelemetryLayer {
    core: Arc<Core>,
    numbers: Numbers,
}

impl TelemetryLayer {
    /// A layer whose spans a tracer starts.
    pub fn new(tracer: Tracer) -> Self {
        Self::with_options(tracer, SpanOptions::default())
    }

    /// As [`new`](Self::new), with options.
    pub fn with_options(tracer: Tracer, options: SpanOptions) -> Self {
        TelemetryLayer { core: Core::new(tracer, options), numbers: Numbers::default() }
    }

    /// How many spans there was no room for; see [`SpanOptions::with_max_spans`].
    pub fn refused_spans(&self) -> u64 {
        self.core.refused()
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// The number of a span; zero, which is nobody's, where it is not known.
    pub(crate) fn number(&self, id: &Id) -> u64 {
        self.numbers.get(id.into_u64()).unwrap_or(0)
    }

    /// The number of an explicit parent, or of the nearest span above it that is known: it may have been filtered out.
    fn explicit<S>(&self, id: &Id, ctx: &Context<'_, S>) -> u64
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if let Some(number) = self.numbers.get(id.into_u64()) {
            return number;
        }
        let above = |span: tracing_subscriber::registry::SpanRef<'_, S>| {
            span.scope().find_map(|span| self.numbers.get(span.id().into_u64()))
        };
        ctx.span(id).and_then(above).unwrap_or(0)
    }
}

impl<S> tracing_subscriber::Layer<S> for TelemetryLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let number = match attributes.parent() {
            None => self.core.new_traced(attributes).into_u64(),
            Some(_) => {
                let asked = Asked::by(attributes, |parent| self.explicit(parent, &ctx));
                self.core.new_span(attributes, asked, true)
            }
        };
        self.numbers.insert(id.into_u64(), number);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.core.record(self.number(id), values);
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, _: Context<'_, S>) {
        self.core.follows_from(self.number(id), self.number(follows));
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        if crate::event::is_own(event.metadata()) {
            return;
        }
        let asked = Asked::by_event(event, |parent| self.explicit(parent, &ctx));
        self.core.event(event, asked);
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        self.core.enter(self.number(id));
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        self.core.exit(self.number(id));
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        if let Some(number) = self.numbers.remove(id.into_u64()) {
            self.core.close(number);
        }
    }
}
