use super::processor::{FinishedSpan, SpanProcessor};
use super::record::{Body, Head, SpanShared, Spans};
use crate::pipeline::{BatchConfig, BatchPipeline, Deadline, Exporter, FlushError, OwnLane, PipelineState};

use std::sync::Arc;

/// Exports sampled spans in batches, from a thread of its own.
///
/// Ending a span copies it into the thread's buffer and returns; it never waits for an export. What finds no
/// room is dropped and counted. See [`BatchConfig`] for the bounds and [`BatchPipeline`] for how it ends.
#[derive(Debug)]
pub struct BatchSpanProcessor {
    pipeline: BatchPipeline<Spans>,
}

impl BatchSpanProcessor {
    /// Starts the worker.
    pub(crate) fn new(exporter: impl Exporter<Spans>, config: BatchConfig, shared: &SpanShared) -> Self {
        BatchSpanProcessor { pipeline: BatchPipeline::new(exporter, config, Arc::new(shared.clone())) }
    }
}

impl BatchSpanProcessor {
    /// A span of the engine that has this processor alone has ended, on a thread that has a place for its lane.
    #[inline(always)]
    pub(crate) fn take(&self, head: &Head, body: &Body, lane: &OwnLane) {
        if head.is_sampled() {
            self.take_sampled(head, body, lane);
        }
    }

    /// As [`take`](Self::take), of a span that is sampled.
    #[inline(always)]
    pub(crate) fn take_sampled(&self, head: &Head, body: &Body, lane: &OwnLane) {
        let len = body.record_len();
        if let Some(mut open) = self.pipeline.open(lane, len) {
            body.write(head, len, open.place());
            open.appended(len);
        }
    }
}

impl SpanProcessor for BatchSpanProcessor {
    fn hears_starts(&self) -> bool {
        false
    }

    #[inline]
    fn on_end(&self, span: &FinishedSpan<'_>) {
        if span.is_sampled() {
            let len = span.len();
            self.pipeline.push(len, |place| span.write(len, place));
        }
    }

    fn begin_flush(&self) {
        // Whether it can be flushed is said by the flush.
        let _ = self.pipeline.begin_flush();
    }

    fn flush(&self, deadline: Deadline) -> Result<(), FlushError> {
        self.pipeline.flush(deadline)
    }

    fn begin_shutdown(&self, deadline: Deadline) {
        self.pipeline.begin_shutdown(deadline);
    }

    fn shutdown(&self, deadline: Deadline) {
        self.pipeline.shutdown(deadline);
    }

    fn states(&self) -> Vec<PipelineState> {
        vec![self.pipeline.state()]
    }
}
