//! The subscriber of our own.

use std::sync::Arc;

use tachograph_sdk::trace::Tracer;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::Current;

use crate::console::Console;
use crate::core::{Asked, Core};
use crate::event;
use crate::filter::Filter;
use crate::options::SpanOptions;

/// Spans of `tracing` in the engine, as a subscriber of its own: the fast way.
///
/// It has a filter for spans and another for its console, so that a quiet console does not turn traces off. It does
/// not support layers that look spans up in a registry (`fmt`, tracing-opentelemetry, most others): who stacks those takes
/// [`TelemetryLayer`](crate::TelemetryLayer).
///
/// A span ends when its last handle is dropped, whether or not spans under it live on.
///
/// ```
/// use tachograph_sdk::trace::TracerProvider;
/// use tachograph_tracing::{Console, Filter, TelemetrySubscriber};
///
/// let provider = TracerProvider::builder().build();
/// let subscriber = TelemetrySubscriber::builder(provider.tracer("shop"))
///     .with_trace_filter(Filter::parse("info,hyper=off")?)
///     .with_console(Console::pretty().with_filter(Filter::parse("warn")?))
///     .build();
/// let _guard = tracing::subscriber::set_default(subscriber);
/// tracing::info_span!("order", id = 7).in_scope(|| tracing::warn!("out of stock"));
/// # Ok::<(), tachograph_tracing::FilterError>(())
/// ```
#[derive(Debug)]
pub struct TelemetrySubscriber {
    core: Arc<Core>,
    traces: Filter,
    console: Option<Console>,
    /// Whether a filter has to be told of every span.
    scoped: bool,
    /// Nobody but the engine is told of spans.
    is_lean: bool,
}

/// Makes a [`TelemetrySubscriber`].
#[derive(Debug)]
#[must_use = "nothing is made before `build`"]
pub struct SubscriberBuilder {
    tracer: Tracer,
    options: SpanOptions,
    traces: Option<Filter>,
    console: Option<Console>,
}

impl SubscriberBuilder {
    /// What is recorded of spans. Default: [`SpanOptions::new`].
    pub fn with_options(mut self, options: SpanOptions) -> Self {
        self.options = options;
        self
    }

    /// Which spans, and which events in them, go to the engine. Default: level INFO.
    pub fn with_trace_filter(mut self, filter: Filter) -> Self {
        self.traces = Some(filter);
        self
    }

    /// Where events are printed. Default: nowhere.
    pub fn with_console(mut self, console: Console) -> Self {
        self.console = Some(console);
        self
    }

    /// The subscriber.
    pub fn build(self) -> TelemetrySubscriber {
        let traces = self.traces.unwrap_or_else(|| Filter::level(LevelFilter::INFO));
        let scoped = traces.is_scoped() || self.console.as_ref().is_some_and(|it| it.filter().is_scoped());
        TelemetrySubscriber {
            core: Core::new(self.tracer, self.options),
            scoped,
            is_lean: !scoped && self.console.is_none(),
            traces,
            console: self.console,
        }
    }
}

impl TelemetrySubscriber {
    /// One whose spans a tracer starts.
    pub fn builder(tracer: Tracer) -> SubscriberBuilder {
        SubscriberBuilder { tracer, options: SpanOptions::default(), traces: None, console: None }
    }

    /// How many spans there was no room for; see [`SpanOptions::with_max_spans`].
    pub fn refused_spans(&self) -> u64 {
        self.core.refused()
    }

    /// How many lines the console could not write: its writer failed or panicked, or logged itself.
    pub fn lost_lines(&self) -> u64 {
        self.console.as_ref().map_or(0, Console::lost)
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    fn console_filter(&self) -> Option<&Filter> {
        self.console.as_ref().map(Console::filter)
    }

    /// Tells both filters something, if they listen.
    #[inline]
    fn tell(&self, tell: impl Fn(&Filter)) {
        if self.scoped {
            self.tell_both(tell);
        }
    }

    #[cold]
    fn tell_both(&self, tell: impl Fn(&Filter)) {
        tell(&self.traces);
        if let Some(console) = self.console_filter() {
            tell(console);
        }
    }

    // What is done where a filter is told of it: out of line, so that nothing is kept for it otherwise.

    #[inline(never)]
    fn new_span_otherwise(&self, attributes: &Attributes<'_>) -> Id {
        let (traced, printed) = self.wanted(attributes.metadata());
        let id = match traced && attributes.parent().is_none() {
            true => self.core.new_traced(attributes),
            false => {
                let asked = Asked::by(attributes, Id::into_u64);
                Id::from_u64(self.core.new_span(attributes, asked, traced))
            }
        };
        if printed {
            self.core.show(id.into_u64(), attributes);
        }
        self.tell(|filter| filter.new_span(attributes, id.into_u64()));
        id
    }

    #[inline(never)]
    fn tell_and_enter(&self, span: &Id) {
        self.tell(|filter| filter.enter(span));
        self.core.enter(span.into_u64());
    }

    #[inline(never)]
    fn tell_and_exit(&self, span: &Id) {
        self.tell(|filter| filter.exit(span));
        self.core.exit(span.into_u64());
    }

    #[inline(never)]
    fn close_and_tell(&self, span: &Id) -> bool {
        let closed = self.core.close(span.into_u64());
        if closed {
            self.tell(|filter| filter.close(span));
        }
        closed
    }

    /// Whether the engine wants a span or an event that was enabled, and whether the console does.
    #[inline]
    fn wanted(&self, metadata: &Metadata<'_>) -> (bool, bool) {
        match self.console_filter() {
            // Then nobody else can have enabled it.
            None => (true, false),
            Some(console) => (self.traces.wants(metadata), console.wants(metadata)),
        }
    }
}

impl Subscriber for TelemetrySubscriber {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let traces = self.traces.interest(metadata);
        let Some(console) = self.console_filter().map(|filter| filter.interest(metadata)) else {
            return traces;
        };
        if traces.is_always() || console.is_always() {
            Interest::always()
        } else if traces.is_never() && console.is_never() {
            Interest::never()
        } else {
            Interest::sometimes()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.traces.wants(metadata) || self.console_filter().is_some_and(|filter| filter.wants(metadata))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let traces = self.traces.max_level();
        Some(self.console_filter().map_or(traces, |filter| traces.max(filter.max_level())))
    }

    #[inline]
    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        match self.is_lean && attributes.parent().is_none() {
            true => self.core.new_traced(attributes),
            false => self.new_span_otherwise(attributes),
        }
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.tell(|filter| filter.record(span, values));
        self.core.record(span.into_u64(), values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.core.follows_from(span.into_u64(), follows.into_u64());
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let (traced, printed) = self.wanted(metadata);
        let asked = Asked::by_event(event, Id::into_u64);
        let own = event::is_own(metadata);
        if traced && !own {
            self.core.event(event, asked);
        }
        if let (true, Some(console)) = (printed, &self.console) {
            console.print(&self.core, event, asked, own);
        }
    }

    fn enter(&self, span: &Id) {
        if self.scoped { self.tell_and_enter(span) } else { self.core.enter(span.into_u64()) }
    }

    fn exit(&self, span: &Id) {
        if self.scoped { self.tell_and_exit(span) } else { self.core.exit(span.into_u64()) }
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.core.add_handle(span.into_u64());
        span.clone()
    }

    fn try_close(&self, span: Id) -> bool {
        if self.scoped { self.close_and_tell(&span) } else { self.core.close(span.into_u64()) }
    }

    fn current_span(&self) -> Current {
        self.core.current()
    }
}
