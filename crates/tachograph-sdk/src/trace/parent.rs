use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// A span that another is made under, or linked to: a span context, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parent<'a> {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// Its W3C trace flags.
    pub trace_flags: TraceFlags,
    /// Whether it is in another process.
    pub is_remote: bool,
    /// The trace state; `None` where there is none.
    pub trace_state: Option<&'a TraceState>,
}

impl<'a> Parent<'a> {
    /// Whether the sampled flag is set.
    pub fn is_sampled(&self) -> bool {
        self.trace_flags.is_sampled()
    }

    /// Whether both ids are valid. What has an invalid one is no parent.
    pub fn is_valid(&self) -> bool {
        self.trace_id != TraceId::INVALID && self.span_id != SpanId::INVALID
    }

    /// The span context, owned. Copies the trace state, where there is one.
    pub fn to_span_context(&self) -> SpanContext {
        SpanContext::new(
            self.trace_id,
            self.span_id,
            self.trace_flags,
            self.is_remote,
            self.trace_state.cloned().unwrap_or_default(),
        )
    }
}

impl<'a> From<&'a SpanContext> for Parent<'a> {
    fn from(context: &'a SpanContext) -> Self {
        Parent {
            trace_id: context.trace_id(),
            span_id: context.span_id(),
            trace_flags: context.trace_flags(),
            is_remote: context.is_remote(),
            trace_state: Some(context.trace_state()),
        }
    }
}
