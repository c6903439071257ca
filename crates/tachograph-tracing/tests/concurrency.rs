//! Threads and a runtime that make spans while the provider is flushed, its sampler changes, and it shuts down.
#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod support;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
use support::{Product, Rig};
use tachograph_sdk::pipeline::{Batch, BatchConfig, Deadline, ExportOutcome, Exporter};
use tachograph_sdk::trace::{AlwaysOff, AlwaysOn, ParentBased, Spans, TraceIdRatio, TracerProvider};
use tachograph_tracing::{ContextMode, SpanExt as _, SpanOptions, TelemetryLayer, TelemetrySubscriber};
use tracing::instrument::WithSubscriber as _;
use tracing::{Dispatch, Instrument as _, Span, info, info_span};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

fn work(n: u64, remote: &Context) {
    let root = info_span!("root", n, later = tracing::field::Empty);
    let _inside = root.enter();
    if n.is_multiple_of(5) {
        root.set_parent(remote);
    }
    for depth in 0..4_u64 {
        let child = info_span!("child", depth);
        child.follows_from(&root);
        let clone = child.clone();
        child.in_scope(|| {
            info!(n, "event");
            root.record("later", n);
            Span::current().set_attribute("more", "text");
            assert_eq!(Span::current().ids().map(|ids| ids.0), root.ids().map(|ids| ids.0));
        });
        drop(child);
        clone.in_scope(|| drop(clone.context()));
    }
}

/// Counts spans whose id another of the batch has.
#[derive(Clone, Debug, Default)]
struct Count(Arc<AtomicUsize>);

impl Exporter<Spans> for Count {
    fn export(&mut self, batch: Batch<'_, Spans>, _: Deadline) -> ExportOutcome {
        let ids: HashSet<_> = batch.iter().map(|span| span.span_id()).collect();
        self.0.fetch_add(batch.len() - ids.len(), Ordering::Relaxed);
        ExportOutcome::done()
    }
}

/// Runs everything at once, and fails where that does not end.
fn chaos(product: Product, mode: ContextMode, shut_down: bool) {
    let (done, finished) = mpsc::channel();
    std::thread::spawn(move || {
        let twice = Count::default();
        let builder = TracerProvider::builder().with_batch_exporter(twice.clone(), BatchConfig::spans());
        let provider = builder.build();
        let options = SpanOptions::new().with_context_mode(mode);
        let tracer = provider.tracer("test");
        let dispatch = match product {
            Product::Subscriber => {
                Dispatch::new(TelemetrySubscriber::builder(tracer).with_options(options).build())
            }
            Product::Layer => Dispatch::new(registry().with(TelemetryLayer::with_options(tracer, options))),
        };
        let remote = Context::new().with_span(provider.tracer("foreign").start("remote"));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        // Some that are exported for certain, before the sampler begins to change.
        tracing::dispatcher::with_default(&dispatch, || work(0, &remote));
        let busy = AtomicUsize::new(8);
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (dispatch, remote, busy) = (dispatch.clone(), remote.clone(), &busy);
                scope.spawn(move || {
                    tracing::dispatcher::with_default(&dispatch, || {
                        (0..200).for_each(|n| work(thread * 1_000 + n, &remote));
                        assert!(!Context::current().has_active_span(), "nothing stays attached");
                    });
                    busy.fetch_sub(1, Ordering::Relaxed);
                });
            }
            let tasks: Vec<_> = (0..50)
                .map(|n| {
                    let remote = remote.clone();
                    let task = async move {
                        work(n, &remote);
                        tokio::task::yield_now().await;
                        work(n, &remote);
                    };
                    let span = tracing::dispatcher::with_default(&dispatch, || info_span!("task"));
                    runtime.spawn(task.instrument(span).with_subscriber(dispatch.clone()))
                })
                .collect();
            let mut round = 0;
            while busy.load(Ordering::Relaxed) > 0 {
                match round % 3 {
                    0 => provider.set_sampler(ParentBased::new(AlwaysOff)),
                    1 => provider.set_sampler(ParentBased::new(AlwaysOn)),
                    _ => provider.set_sampler(ParentBased::new(TraceIdRatio::new(0.5))),
                }
                // It may run out of time: spans keep coming.
                let _ = provider.flush(Deadline::after(Duration::from_millis(20)));
                round += 1;
                if shut_down && round == 10 {
                    drop(provider.shutdown(Deadline::after(Duration::from_secs(10))));
                }
            }
            runtime.block_on(async {
                for task in tasks {
                    task.await.unwrap();
                }
            });
        });
        drop(remote);
        let ledger = provider.shutdown(Deadline::NEVER).exports[0].1.clone();
        let dropped: u64 = ledger.dropped.iter().map(|(_, count)| count).sum();
        assert_eq!(ledger.created, ledger.exported + dropped + ledger.queued, "{ledger:?}");
        assert!(ledger.exported > 0);
        assert_eq!(twice.0.load(Ordering::Relaxed), 0, "no two spans have one id");
        done.send(()).unwrap();
    });
    if finished.recv_timeout(Duration::from_secs(60)).is_err() {
        panic!("{product:?} {mode:?} did not end, or failed");
    }
}

#[test]
fn the_subscriber_survives_flushes_samplers_and_a_shutdown_from_everywhere() {
    for mode in [ContextMode::Full, ContextMode::Lazy] {
        chaos(Product::Subscriber, mode, false);
        chaos(Product::Subscriber, mode, true);
    }
}

#[test]
fn the_layer_survives_flushes_samplers_and_a_shutdown_from_everywhere() {
    for mode in [ContextMode::Full, ContextMode::Lazy] {
        chaos(Product::Layer, mode, false);
        chaos(Product::Layer, mode, true);
    }
}

#[test]
fn a_span_made_on_one_thread_and_closed_on_another_leaves_its_place_to_others() {
    let options = SpanOptions::new().with_max_spans(2_000);
    let rig = Rig::new(Product::Subscriber, options, None);
    let (send, receive) = mpsc::sync_channel::<Span>(500);
    std::thread::scope(|scope| {
        scope.spawn(move || receive.into_iter().for_each(drop));
        tracing::dispatcher::with_default(&rig.dispatch, || {
            for n in 0..50_000 {
                send.send(info_span!("moved", n)).unwrap();
            }
            drop(send);
        });
    });
    let subscriber = rig.dispatch.downcast_ref::<TelemetrySubscriber>().unwrap();
    assert_eq!(subscriber.refused_spans(), 0);
}
