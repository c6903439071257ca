/// Which spans foreign code sees as [`Context::current()`](opentelemetry::Context::current).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContextMode {
    /// Every span, while it is entered: spans of the `opentelemetry` API, and propagators, find the right parent
    /// wherever they are used. Costs two allocations a span.
    #[default]
    Full,
    /// Spans of kind client, server, producer or consumer (by the field `otel.kind`, when the span is made), and those whose
    /// [`context()`](crate::SpanExt::context) was asked for, from the next time they are entered. Elsewhere foreign code sees
    /// the nearest of those around. Costs no allocation for other spans.
    ///
    /// So do exemplars of metrics: a measurement leads to the nearest of those around, in the same trace, and to no span where
    /// there is none. A program whose work does not begin with such a span (a loop, a timer) has exemplars if it gives its outermost
    /// spans the kind `consumer`, asks for their `context()` before they are entered, or takes [`Full`](Self::Full).
    Lazy,
}

/// What is recorded of spans and events beside their fields, and how much room there is. The same for both products.
#[derive(Clone, Debug)]
pub struct SpanOptions {
    pub(crate) mode: ContextMode,
    pub(crate) busy_idle: bool,
    pub(crate) location: bool,
    pub(crate) threads: bool,
    pub(crate) target: bool,
    pub(crate) error_status: bool,
    pub(crate) events: bool,
    pub(crate) max_spans: usize,
}

impl Default for SpanOptions {
    fn default() -> Self {
        SpanOptions {
            mode: ContextMode::Full,
            busy_idle: false,
            location: false,
            threads: false,
            target: false,
            error_status: true,
            events: true,
            max_spans: 262_144,
        }
    }
}

impl SpanOptions {
    /// Whether spans get attributes that are no fields.
    #[inline]
    pub(crate) fn has_extras(&self) -> bool {
        self.location | self.threads | self.target | self.busy_idle
    }

    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which spans foreign code sees. Default: [`ContextMode::Full`].
    #[must_use]
    pub fn with_context_mode(mut self, mode: ContextMode) -> Self {
        self.mode = mode;
        self
    }

    /// Whether spans get the attributes `busy_ns` and `idle_ns`: how long at least one thread was in the span, and how
    /// long none was. Default: no. Costs a reading of the clock whenever a span is entered or exited.
    #[must_use]
    pub fn with_busy_and_idle_time(mut self, yes: bool) -> Self {
        self.busy_idle = yes;
        self
    }

    /// Whether spans and events get `code.file.path`, `code.line.number` and `code.module.name`. Default: no.
    #[must_use]
    pub fn with_location(mut self, yes: bool) -> Self {
        self.location = yes;
        self
    }

    /// Whether spans get `thread.id` and `thread.name` of the thread that made them. Default: no.
    #[must_use]
    pub fn with_threads(mut self, yes: bool) -> Self {
        self.threads = yes;
        self
    }

    /// Whether spans get the attribute `target`, as events have it always. Default: no.
    #[must_use]
    pub fn with_target(mut self, yes: bool) -> Self {
        self.target = yes;
        self
    }

    /// Whether an event of level ERROR gives its span the status error, unless a field has set a status before. The
    /// description is the event's field `error`, else its message. Default: yes.
    #[must_use]
    pub fn with_errors_as_status(mut self, yes: bool) -> Self {
        self.error_status = yes;
        self
    }

    /// Whether events of `tracing` become events of their span. Default: yes.
    #[must_use]
    pub fn with_span_events(mut self, yes: bool) -> Self {
        self.events = yes;
        self
    }

    /// How many spans may live at once. What is made beyond, and under, is not recorded; it is counted and reported.
    /// Default: 262,144. The room of a span, about 830 bytes and its buffers, is used again and never
    /// given back.
    #[must_use]
    pub fn with_max_spans(mut self, spans: usize) -> Self {
        self.max_spans = spans;
        self
    }
}
