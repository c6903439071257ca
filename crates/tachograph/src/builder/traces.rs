//! What can be set of spans.

use std::sync::Arc;

use tachograph_sdk::pipeline::{BatchConfig, Exporter};
use tachograph_sdk::trace::{Sampler, SpanLimits, SpanProcessor, Spans, TailSampling};

use super::TelemetryBuilder;

impl TelemetryBuilder {
    /// Which spans are recorded, unless the environment says it.
    pub fn default_sampler(mut self, sampler: impl Sampler) -> Self {
        self.traces.default_sampler = Some(Arc::new(sampler));
        self
    }

    /// Which spans are recorded, whatever the environment says. It can be exchanged later, by
    /// [`TracerProvider::set_sampler`](crate::trace::TracerProvider::set_sampler).
    pub fn with_sampler(mut self, sampler: impl Sampler) -> Self {
        self.traces.sampler = Some(Arc::new(sampler));
        self
    }

    /// Holds the spans that the sampler took until their trace is over in this process, and exports only those of traces
    /// that are worth it. Off unless set.
    pub fn with_tail_sampling(mut self, sampling: TailSampling) -> Self {
        self.traces.tail = Some(sampling);
        self
    }

    /// How much a span may hold, whatever the environment says.
    pub fn with_span_limits(mut self, limits: SpanLimits) -> Self {
        self.traces.limits = Some(limits);
        self
    }

    /// How spans are queued and batched for each exporter, whatever the environment says.
    pub fn with_span_batches(mut self, batches: BatchConfig) -> Self {
        self.traces.batches = Some(batches);
        self
    }

    /// Exports spans to something of your own, in batches, from a thread of its own. Then OTLP is used as well only
    /// if the environment or code asks for it expressly.
    pub fn with_span_exporter(mut self, exporter: impl Exporter<Spans>) -> Self {
        self.traces.export(exporter);
        self
    }

    /// Hands spans to something of your own as they start and end, on the threads on which they do.
    pub fn with_span_processor(mut self, processor: impl SpanProcessor) -> Self {
        self.traces.process(processor);
        self
    }

    /// Sends spans by OTLP as this says, whatever the environment says.
    #[cfg(feature = "otlp")]
    pub fn with_otlp_traces(mut self, config: crate::OtlpConfig) -> Self {
        self.traces.otlp = Some(config);
        self
    }

    /// What is recorded of spans of `tracing`.
    #[cfg(feature = "tracing")]
    pub fn with_span_options(mut self, options: crate::SpanOptions) -> Self {
        self.subscriber.options = options;
        self
    }

    /// Which spans of `tracing`, and which events in them, become spans and their events: level INFO unless set. It is
    /// not the console's filter, so that a quiet console does not turn traces off.
    #[cfg(feature = "tracing")]
    pub fn with_trace_filter(mut self, filter: crate::Filter) -> Self {
        self.subscriber.filter = Some(filter);
        self
    }

    /// Where the subscriber that [`install`](Self::install) sets prints events: to standard output, and those that
    /// `RUST_LOG` names or else those of level INFO, unless set. `None` is nowhere.
    #[cfg(feature = "tracing")]
    pub fn with_console(mut self, console: impl Into<Option<crate::Console>>) -> Self {
        self.subscriber.console = Some(console.into());
        self
    }
}
