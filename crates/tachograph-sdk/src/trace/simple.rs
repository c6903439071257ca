use std::sync::Arc;
use std::time::Duration;

use super::processor::{FinishedSpan, SpanProcessor};
use super::record::{SpanShared, Spans};
use crate::pipeline::{Deadline, Exporter, FlushError, PipelineState, SimplePipeline};

/// Exports each sampled span when it ends, on the thread that ends it: for tests, and for programs that print spans to
/// a console.
///
/// One span is exported at a time, and threads that end one meanwhile wait.
#[derive(Debug)]
pub struct SimpleSpanProcessor {
    pipeline: SimplePipeline<Spans>,
}

impl SimpleSpanProcessor {
    pub(crate) fn new(exporter: impl Exporter<Spans>, export_timeout: Duration, shared: &SpanShared) -> Self {
        SimpleSpanProcessor {
            pipeline: SimplePipeline::new(exporter, export_timeout, Arc::new(shared.clone())),
        }
    }
}

impl SpanProcessor for SimpleSpanProcessor {
    fn hears_starts(&self) -> bool {
        false
    }

    fn on_end(&self, span: &FinishedSpan<'_>) {
        if span.is_sampled() {
            self.pipeline.push(|buffer| span.append_to(buffer));
        }
    }

    fn flush(&self, deadline: Deadline) -> Result<(), FlushError> {
        self.pipeline.flush(deadline)
    }

    fn shutdown(&self, deadline: Deadline) {
        self.pipeline.shutdown(deadline);
    }

    fn states(&self) -> Vec<PipelineState> {
        vec![self.pipeline.state()]
    }
}
