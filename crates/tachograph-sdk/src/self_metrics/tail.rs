//! What tail sampling decided. The conventions have no metrics for it, so that these have names of our own.

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use super::level::{Level, observe_levels};
use crate::trace::{TailAccount, TracerProvider, WeakTracerProvider};

const DECISION: &str = "tachograph.tail_sampling.decision";
const REASON: &str = "tachograph.tail_sampling.reason";
const KEPT: &str = "kept";
const DROPPED: &str = "dropped";
const TRACES: &str = "{trace}";

/// Observes a provider that samples tails; nothing of one that does not.
pub(super) fn observe(meter: &Meter, provider: &TracerProvider) {
    if provider.account().tail.is_some() {
        observe_decisions(meter, provider);
        observe_held(meter, provider);
    }
}

fn account(provider: &WeakTracerProvider) -> Option<TailAccount> {
    provider.upgrade()?.account().tail
}

fn observe_decisions(meter: &Meter, provider: &TracerProvider) {
    let weak = provider.downgrade();
    meter
        .u64_observable_counter("tachograph.tail_sampling.traces")
        .with_unit(TRACES)
        .with_description("Traces that tail sampling decided about")
        .with_callback(move |observer| {
            let Some(account) = account(&weak) else { return };
            for (count, decision, reason) in [
                (account.erroneous, KEPT, "error"),
                (account.slow, KEPT, "slow"),
                (account.marked, KEPT, "marked"),
                (account.by_ratio, KEPT, "ratio"),
                (account.dropped, DROPPED, "ratio"),
            ] {
                observer.observe(count, &[KeyValue::new(DECISION, decision), KeyValue::new(REASON, reason)]);
            }
        })
        .build();
    let weak = provider.downgrade();
    meter
        .u64_observable_counter("tachograph.tail_sampling.early")
        .with_unit(TRACES)
        .with_description(
            "Traces that were decided about before they were over, for want of room or at the shutdown",
        )
        .with_callback(move |observer| {
            if let Some(account) = account(&weak) {
                observer.observe(account.early, &[]);
            }
        })
        .build();
    let weak = provider.downgrade();
    meter
        .u64_observable_counter("tachograph.tail_sampling.spans")
        .with_unit("{span}")
        .with_description("Spans that tail sampling handed on or dropped")
        .with_callback(move |observer| {
            let Some(account) = account(&weak) else { return };
            for (count, decision) in
                [(account.spans.exported, KEPT), (account.spans.dropped.total(), DROPPED)]
            {
                observer.observe(count, &[KeyValue::new(DECISION, decision)]);
            }
        })
        .build();
}

fn observe_held(meter: &Meter, provider: &TracerProvider) {
    let weak = provider.downgrade();
    observe_levels(
        meter,
        move || account(&weak),
        [
            Level {
                name: "tachograph.tail_sampling.held.traces",
                unit: TRACES,
                description: "Traces that are not over, or not known to be",
                of: |account: &TailAccount| account.held_traces,
            },
            Level {
                name: "tachograph.tail_sampling.held.spans",
                unit: "{span}",
                description: "Ended spans of traces that are held",
                of: |account: &TailAccount| account.spans.queued,
            },
            Level {
                name: "tachograph.tail_sampling.held.bytes",
                unit: "By",
                description: "Bytes of the spans that are held",
                of: |account: &TailAccount| account.held_bytes,
            },
        ],
    );
}
