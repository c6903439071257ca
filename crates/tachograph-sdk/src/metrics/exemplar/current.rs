//! The span that is current.

use std::panic::catch_unwind;

use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, SpanId, TraceId};

/// The current span, as far as exemplars care.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CurrentSpan {
    pub(super) ids: (TraceId, SpanId),
    pub(super) sampled: bool,
}

/// Whether the context can be asked on this thread.
///
/// What is thread-local is destroyed in the reverse order of its first use, and the context panics when it is asked after
/// that. It is used first here, so that it is there as long as this is.
struct Witness {
    usable: bool,
}

impl Witness {
    fn new() -> Self {
        Witness { usable: catch_unwind(|| Context::map_current(|_| ())).is_ok() }
    }
}

impl Drop for Witness {
    /// There is something to destroy, so that it is known when it has been.
    fn drop(&mut self) {
        self.usable = false;
    }
}

thread_local! {
    static WITNESS: Witness = Witness::new();
}

/// The current span, if there is one and its ids are valid.
pub(super) fn current_span() -> Option<CurrentSpan> {
    if !WITNESS.try_with(|witness| witness.usable).unwrap_or(false) {
        return None;
    }
    Context::map_current(|context| {
        if !context.has_active_span() {
            return None;
        }
        let span = context.span();
        let span = span.span_context();
        span.is_valid()
            .then(|| CurrentSpan { ids: (span.trace_id(), span.span_id()), sampled: span.is_sampled() })
    })
}
