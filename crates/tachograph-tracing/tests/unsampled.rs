//! Spans that are not sampled.
#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, Tracer as _,
};
use support::{all_sampled, assert_root, assert_under, names};
use tachograph_sdk::MeterProvider;
use tachograph_sdk::pipeline::Deadline;
use tachograph_sdk::self_metrics::observe_traces;
use tachograph_sdk::testing::MetricsSnapshot;
use tachograph_sdk::trace::{AlwaysOff, AlwaysOn, Decision, ParentBased, Sampler, Sampling, SamplingInput};
use tachograph_tracing::{ContextMode, SpanExt as _};
use tracing::{Instrument as _, info, info_span};

#[test]
fn children_of_an_unsampled_span_are_not_recorded_and_have_its_ids() {
    for rig in all_sampled(|| Box::new(ParentBased::new(AlwaysOff))) {
        let spans = rig.run(|| {
            let root = info_span!("root").entered();
            let ids = root.ids().expect("context passes through what is not sampled");
            let child = info_span!("child").entered();
            assert_eq!(child.ids(), Some(ids));
            let context = child.context();
            assert_eq!(context.span().span_context().trace_id(), ids.0);
            assert!(!context.span().span_context().is_sampled());
            info!("nowhere");
        });
        assert!(spans.is_empty(), "{:?}", names(&spans));
    }
}

#[test]
fn a_sampler_is_asked_once_for_an_unsampled_trace() {
    #[derive(Debug, Default)]
    struct Counting(Arc<AtomicUsize>);
    impl Sampler for Counting {
        fn sample(&self, _: &SamplingInput<'_>) -> Sampling {
            self.0.fetch_add(1, Ordering::Relaxed);
            Sampling::of(Decision::Drop)
        }
    }
    let asked = Arc::new(AtomicUsize::new(0));
    for rig in all_sampled(|| Box::new(ParentBased::new(Counting(Arc::clone(&asked))))) {
        asked.store(0, Ordering::Relaxed);
        rig.run(|| {
            info_span!("root").in_scope(|| {
                for _ in 0..10 {
                    info_span!("child").in_scope(|| info_span!("grandchild").in_scope(|| ()));
                }
            });
        });
        assert_eq!(asked.load(Ordering::Relaxed), 1, "{:?}", rig.product);
    }
}

#[test]
fn a_sampler_that_looks_at_each_span_is_asked_for_each() {
    #[derive(Debug)]
    struct ByName;
    impl Sampler for ByName {
        fn sample(&self, input: &SamplingInput<'_>) -> Sampling {
            Sampling::of(if input.name == "wanted" { Decision::RecordAndSample } else { Decision::Drop })
        }
    }
    for rig in all_sampled(|| Box::new(ByName)) {
        let spans = rig.run(|| {
            info_span!("root")
                .in_scope(|| info_span!("wanted").in_scope(|| info_span!("other").in_scope(|| ())));
        });
        assert_eq!(names(&spans), ["wanted"]);
    }
}

#[test]
fn foreign_code_under_an_unsampled_span_is_not_sampled_either_on_another_thread_too() {
    for rig in all_sampled(|| Box::new(ParentBased::new(AlwaysOff))) {
        if rig.mode == ContextMode::Lazy {
            continue;
        }
        // One that would sample what it takes for a root.
        let others =
            tachograph_sdk::trace::TracerProvider::builder().with_sampler(ParentBased::new(AlwaysOn));
        let exporter = tachograph_sdk::testing::InMemorySpanExporter::new();
        let others = others
            .with_batch_exporter(exporter.clone(), tachograph_sdk::pipeline::BatchConfig::spans())
            .build();
        let tracer = others.tracer("foreign");
        rig.run(|| {
            let root = info_span!("root").entered();
            let child = info_span!("child");
            child.in_scope(|| tracer.in_span("here", |_| ()));
            let dispatch = rig.dispatch.clone();
            let tracer = tracer.clone();
            std::thread::spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    child.in_scope(|| {
                        assert!(Context::current().has_active_span());
                        tracer.in_span("there", |_| ());
                    });
                    assert!(!Context::current().has_active_span());
                });
            })
            .join()
            .unwrap();
            drop(root);
        });
        others.flush(Deadline::NEVER).unwrap();
        assert!(exporter.spans().is_empty(), "{:?}", names(&exporter.spans()));
    }
}

#[test]
fn a_trace_state_passes_through_spans_that_are_not_started() {
    fn from(value: &str) -> Context {
        let state = TraceState::from_key_value([("vendor", value)]).unwrap();
        let flags = TraceFlags::NOT_SAMPLED;
        let parent = SpanContext::new(TraceId::from(7_u128), SpanId::from(9_u64), flags, true, state);
        Context::new().with_remote_span_context(parent)
    }
    fn state(span: &tracing::Span) -> String {
        span.context().span().span_context().trace_state().header()
    }
    for rig in all_sampled(|| Box::new(ParentBased::new(AlwaysOn))) {
        rig.run(|| {
            {
                let _remote = from("old").attach();
                let _root = info_span!("root").entered();
                let call = info_span!("call", otel.kind = "client").entered();
                assert_eq!(state(&call), "vendor=old", "{:?}", rig.product);
            }
            let _remote = from("new").attach();
            let _root = info_span!("root").entered();
            // It has the place of the call before, and is not started.
            let plain = info_span!("plain").entered();
            let call = info_span!("call", otel.kind = "client").entered();
            assert_eq!(state(&call), "vendor=new", "{:?}", rig.product);
            assert_eq!(state(&plain), "vendor=new", "{:?}", rig.product);
            let plain = plain.exit();
            std::thread::spawn(move || assert_eq!(state(&plain), "vendor=new")).join().unwrap();
        });
    }
}

#[test]
fn a_sampler_that_changes_while_spans_live_counts_for_new_traces_only() {
    for rig in all_sampled(|| Box::new(ParentBased::new(AlwaysOff))) {
        let provider = rig.provider.clone();
        let spans = rig.run(|| {
            let dropped = info_span!("dropped").entered();
            provider.set_sampler(ParentBased::new(AlwaysOn));
            info_span!("under the dropped").in_scope(|| ());
            drop(dropped);
            let root = info_span!("root").entered();
            provider.set_sampler(ParentBased::new(AlwaysOff));
            info_span!("child").in_scope(|| ());
            drop(root);
        });
        assert_eq!(spans.len(), 2, "{:?}", names(&spans));
        assert_root(&spans, "root");
        assert_under(&spans, "child", "root");
    }
}

#[test]
fn the_ledger_balances_whatever_is_sampled() {
    for rig in all_sampled(|| Box::new(ParentBased::new(tachograph_sdk::trace::TraceIdRatio::new(0.3)))) {
        rig.run(|| {
            for _ in 0..300 {
                let root = info_span!("root");
                let work = async { info_span!("child").in_scope(|| info!("event")) };
                block_on(work.instrument(root));
            }
        });
        let account = rig.provider.shutdown(Deadline::NEVER);
        let ledger = &account.exports[0].1;
        assert!(ledger.created > 0 && ledger.created < 600 && ledger.created % 2 == 0, "{ledger:?}");
        assert_eq!(ledger.created, ledger.exported, "{ledger:?}");
    }
}

fn block_on(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work);
}

#[test]
fn the_trace_state_of_an_unsampled_span_of_the_api_goes_on_to_all_spans_under_it() {
    let state = TraceState::from_key_value([("vendor", "7")]).unwrap();
    let ids = (TraceId::from(5), SpanId::from(6));
    let foreign = SpanContext::new(ids.0, ids.1, TraceFlags::default(), false, state.clone());
    for rig in all_sampled(|| Box::new(ParentBased::new(AlwaysOn))) {
        let state_of = |span: &tracing::Span| span.context().span().span_context().trace_state().clone();
        let spans = rig.run(|| {
            for _ in 0..2 {
                let _foreign = Context::new().with_remote_span_context(foreign.clone()).attach();
                let span = info_span!("under it").entered();
                assert_eq!((span.ids(), state_of(&span)), (Some(ids), state.clone()));
                let child = info_span!("child").entered();
                let grandchild = info_span!("grandchild").entered();
                std::thread::scope(|scope| {
                    for span in [&child, &grandchild] {
                        scope.spawn(|| assert_eq!((span.ids(), state_of(span)), (Some(ids), state.clone())));
                    }
                });
            }
            // Nothing of it is left in the slots.
            let sampled = SpanContext::new(ids.0, ids.1, TraceFlags::default(), false, TraceState::NONE);
            let _foreign = Context::new().with_remote_span_context(sampled).attach();
            info_span!("under another").in_scope(|| {
                let child = info_span!("child");
                assert_eq!((child.ids(), state_of(&child)), (Some(ids), TraceState::NONE));
            });
        });
        assert!(spans.is_empty(), "{:?}", names(&spans));
    }
}

#[test]
fn each_root_that_is_dropped_is_counted_once_and_what_is_under_it_is_none() {
    for rig in all_sampled(|| Box::new(ParentBased::new(AlwaysOff))) {
        let metrics = MeterProvider::builder().build();
        observe_traces(&metrics.meter("test").as_otel(), &rig.provider);
        rig.run(|| {
            for _ in 0..70 {
                let _root = info_span!("root", plain = 1).entered();
                info_span!("child").in_scope(|| info_span!("grandchild").in_scope(|| ()));
            }
            for _ in 0..30 {
                let _root = info_span!(parent: None, "root").entered();
            }
        });
        let now = MetricsSnapshot::of(&metrics);
        let started = now.metric("otel.sdk.span.started");
        let dropped = [("otel.span.sampling_result", "DROP"), ("otel.span.parent.origin", "none")];
        assert_eq!(started.value(&dropped), 100, "{:?} {:?}", rig.product, rig.mode);
        assert_eq!(started.points().len(), 1, "what is under them is not started: {started:?}");
    }
}
