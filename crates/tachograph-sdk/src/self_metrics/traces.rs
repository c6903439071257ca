use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use super::tail;
use crate::pipeline::{PipelineState, reason};
use crate::trace::{ParentOrigin, SamplingOutcome, SpanCounts, TracerProvider, WeakTracerProvider};

/// Reasons of drops that the exporter had no part in.
const BEFORE_THE_EXPORTER: [&str; 6] = [
    reason::QUEUE_FULL,
    reason::ALREADY_SHUTDOWN,
    reason::SHUTDOWN_TIMEOUT,
    reason::REENTRANT,
    reason::NOT_KEPT,
    reason::WORKER_PANICKED,
];

const SPANS: &str = "{span}";

/// Where histograms of how long an operation took, in seconds, have their buckets' bounds: from a receiver beside the
/// program to all retries of a request.
const DURATIONS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Makes a provider's spans, processors and exporters observable as `otel.sdk.span.*`, `otel.sdk.processor.span.*` and
/// `otel.sdk.exporter.*`, what is lost before that as `tachograph.span.*`, and what tail sampling decides as
/// `tachograph.tail_sampling.*`.
///
/// Nothing is counted twice for it: each collection reads what the provider counts anyway. The metrics do not keep the
/// provider alive; without it they have no series but those of durations, which are recorded from now on, as they happen.
/// Called twice for one meter, it has them recorded twice.
pub fn observe_traces(meter: &Meter, provider: &TracerProvider) {
    observe_spans(meter, provider);
    observe_losses(meter, provider);
    observe_processors(meter, provider);
    observe_exporters(meter, provider);
    observe_operations(meter, provider);
    tail::observe(meter, provider);
}

fn observe_spans(meter: &Meter, provider: &TracerProvider) {
    let weak = provider.downgrade();
    meter
        .u64_observable_counter("otel.sdk.span.started")
        .with_unit(SPANS)
        .with_description("Spans that were started")
        .with_callback(move |observer| {
            let Some(counts) = counts(&weak) else { return };
            for outcome in SamplingOutcome::ALL {
                for origin in ParentOrigin::ALL {
                    let started = counts.started(outcome, origin);
                    if started > 0 {
                        let parent = KeyValue::new("otel.span.parent.origin", origin.as_str());
                        observer.observe(started, &[result(outcome), parent]);
                    }
                }
            }
        })
        .build();
    let weak = provider.downgrade();
    meter
        .i64_observable_up_down_counter("otel.sdk.span.live")
        .with_unit(SPANS)
        .with_description("Recorded spans that have not ended")
        .with_callback(move |observer| {
            let Some(counts) = counts(&weak) else { return };
            for outcome in [SamplingOutcome::RecordOnly, SamplingOutcome::RecordAndSample] {
                observer.observe(counts.live(outcome), &[result(outcome)]);
            }
        })
        .build();
}

/// What is lost before any exporter could count it. The conventions have no metrics for this.
fn observe_losses(meter: &Meter, provider: &TracerProvider) {
    for (name, unit, description, of) in [
        (
            "tachograph.span.refused",
            SPANS,
            "Spans that never started because too many lived at once",
            (|counts| counts.refused) as fn(&SpanCounts) -> u64,
        ),
        (
            "tachograph.span.truncated",
            "{value}",
            "Values of spans that were cut for want of room in their span",
            |counts| counts.truncated,
        ),
    ] {
        let weak = provider.downgrade();
        meter
            .u64_observable_counter(name)
            .with_unit(unit)
            .with_description(description)
            .with_callback(move |observer| {
                if let Some(counts) = counts(&weak) {
                    observer.observe(of(&counts), &[]);
                }
            })
            .build();
    }
}

fn counts(provider: &WeakTracerProvider) -> Option<SpanCounts> {
    provider.upgrade().map(|provider| provider.counts())
}

fn result(outcome: SamplingOutcome) -> KeyValue {
    KeyValue::new("otel.span.sampling_result", outcome.as_str())
}

fn observe_processors(meter: &Meter, provider: &TracerProvider) {
    let weak = provider.downgrade();
    meter
        .i64_observable_up_down_counter("otel.sdk.processor.span.queue.size")
        .with_unit(SPANS)
        .with_description("Spans that wait to be exported, in the queue and in threads' buffers")
        .with_callback(move |observer| {
            each(&weak, |names, state| {
                if state.capacity > 0 {
                    observer.observe(signed(state.queued), &names.processor);
                }
            });
        })
        .build();
    let weak = provider.downgrade();
    meter
        .i64_observable_up_down_counter("otel.sdk.processor.span.queue.capacity")
        .with_unit(SPANS)
        .with_description("Spans that the queue can hold; threads' buffers are beside it")
        .with_callback(move |observer| {
            each(&weak, |names, state| {
                if state.capacity > 0 {
                    observer.observe(signed(state.capacity), &names.processor);
                }
            });
        })
        .build();
    let weak = provider.downgrade();
    meter
        .u64_observable_counter("otel.sdk.processor.span.processed")
        .with_unit(SPANS)
        .with_description("Spans that were given to the exporter, or dropped before it")
        .with_callback(move |observer| {
            each(&weak, |names, state| {
                observer.observe(state.processed, &names.processor);
                for (reason, count) in dropped(state, true) {
                    observer.observe(count, &with_error(&names.processor, reason));
                }
            });
        })
        .build();
}

fn observe_exporters(meter: &Meter, provider: &TracerProvider) {
    let weak = provider.downgrade();
    meter
        .i64_observable_up_down_counter("otel.sdk.exporter.span.inflight")
        .with_unit(SPANS)
        .with_description("Spans that the exporter is sending")
        .with_callback(move |observer| {
            each(&weak, |names, state| observer.observe(signed(state.in_flight), &names.exporter));
        })
        .build();
    let weak = provider.downgrade();
    meter
        .u64_observable_counter("otel.sdk.exporter.span.exported")
        .with_unit(SPANS)
        .with_description("Spans whose export ended, well or with an error")
        .with_callback(move |observer| {
            each(&weak, |names, state| {
                observer.observe(state.ledger.exported, &names.exporter);
                for (reason, count) in dropped(state, false) {
                    observer.observe(count, &with_error(&names.exporter, reason));
                }
            });
        })
        .build();
}

/// Operations are measured by the exporters, and cannot be read from them later: they are told where to record them.
fn observe_operations(meter: &Meter, provider: &TracerProvider) {
    let histogram = meter
        .f64_histogram("otel.sdk.exporter.operation.duration")
        .with_unit("s")
        .with_description("How long the export of a request took, with its retries")
        .with_boundaries(DURATIONS.to_vec())
        .build();
    each(&provider.downgrade(), |names, state| {
        if let Some(operations) = &state.operations {
            operations.observe(histogram.clone(), names.exporter.clone());
        }
    });
}

fn dropped(state: &PipelineState, before_the_exporter: bool) -> impl Iterator<Item = (&'static str, u64)> {
    let wanted = move |reason: &&str| BEFORE_THE_EXPORTER.contains(reason) == before_the_exporter;
    state.ledger.dropped.iter().filter(move |(reason, _)| wanted(reason))
}

fn with_error(names: &[KeyValue; 2], reason: &'static str) -> [KeyValue; 3] {
    let [kind, name] = names.clone();
    [kind, name, KeyValue::new("error.type", reason)]
}

/// A processor's attributes, and its exporter's.
struct Names {
    processor: [KeyValue; 2],
    exporter: [KeyValue; 2],
}

/// Every processor that exports, with its names; components of one kind are numbered.
fn each(provider: &WeakTracerProvider, mut visit: impl FnMut(&Names, &PipelineState)) {
    let Some(provider) = provider.upgrade() else { return };
    let mut kinds = Vec::new();
    for state in provider.states() {
        // What has no queue exports at once.
        let processor = if state.capacity > 0 { "batching_span_processor" } else { "simple_span_processor" };
        let names = Names {
            processor: component(processor, &mut kinds),
            exporter: component(state.component_type, &mut kinds),
        };
        visit(&names, &state);
    }
}

fn component(kind: &'static str, kinds: &mut Vec<&'static str>) -> [KeyValue; 2] {
    let number = kinds.iter().filter(|known| **known == kind).count();
    kinds.push(kind);
    [
        KeyValue::new("otel.component.type", kind),
        KeyValue::new("otel.component.name", format!("{kind}/{number}")),
    ]
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{BatchConfig, Exporter};
    use crate::testing::InMemorySpanExporter;

    #[test]
    fn what_a_panic_of_the_worker_cost_is_counted_before_the_exporter_alone() {
        let exporter: Box<dyn Exporter<_>> = Box::new(InMemorySpanExporter::new());
        let provider = TracerProvider::builder().with_batch_exporter(exporter, BatchConfig::spans()).build();
        let mut state = provider.states().remove(0);
        state.ledger.dropped.add(reason::WORKER_PANICKED, 3);
        state.ledger.dropped.add(reason::EXPORTER_PANICKED, 2);
        assert_eq!(dropped(&state, true).collect::<Vec<_>>(), [(reason::WORKER_PANICKED, 3)]);
        assert_eq!(dropped(&state, false).collect::<Vec<_>>(), [(reason::EXPORTER_PANICKED, 2)]);
    }
}
