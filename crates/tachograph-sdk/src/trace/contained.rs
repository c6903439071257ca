use std::any::type_name;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use opentelemetry::Context;

use super::live::LiveSpan;
use super::processor::{FinishedSpan, SpanProcessor};
use crate::diag;
use crate::pipeline::{Deadline, FlushError, PipelineState};

/// A processor of the user's, whose panics stay here. The engine's own are called without it.
pub(super) struct Contained<P>(pub(super) P);

impl<P: SpanProcessor> Contained<P> {
    #[inline]
    fn call<T>(&self, what: &str, call: impl FnOnce(&P) -> T) -> Option<T> {
        let panic = match catch_unwind(AssertUnwindSafe(|| call(&self.0))) {
            Ok(result) => return Some(result),
            Err(panic) => panic,
        };
        let name = type_name::<P>();
        diag::report(
            "processor.panic",
            name,
            format_args!(
                "the span processor {name} panicked in {what}: {}; that span or request is lost to it, and the other \
                 processors are called as usual; mend the processor",
                diag::text_of_panic(&*panic)
            ),
        );
        diag::let_go(panic);
        None
    }
}

impl<P: SpanProcessor> SpanProcessor for Contained<P> {
    fn on_start(&self, span: &mut LiveSpan, parent: Option<&Context>) {
        self.call("on_start", |processor| processor.on_start(span, parent));
    }

    fn hears_starts(&self) -> bool {
        self.call("hears_starts", P::hears_starts).unwrap_or(true)
    }

    fn on_end(&self, span: &FinishedSpan<'_>) {
        self.call("on_end", |processor| processor.on_end(span));
    }

    fn begin_flush(&self) {
        self.call("begin_flush", P::begin_flush);
    }

    fn flush(&self, deadline: Deadline) -> Result<(), FlushError> {
        self.call("flush", |processor| processor.flush(deadline)).unwrap_or(Err(FlushError::PANICKED))
    }

    fn begin_shutdown(&self, deadline: Deadline) {
        self.call("begin_shutdown", |processor| processor.begin_shutdown(deadline));
    }

    fn shutdown(&self, deadline: Deadline) {
        self.call("shutdown", |processor| processor.shutdown(deadline));
    }

    fn states(&self) -> Vec<PipelineState> {
        self.call("states", P::states).unwrap_or_default()
    }
}

impl<P: fmt::Debug> fmt::Debug for Contained<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
