//! Spans across `.await`, tasks, threads and streams, on every flavour of runtime.
#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod support;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use futures_core::Stream;
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use support::{Rig, all, assert_root, assert_under, named, names};
use tachograph_tracing::{Carry as _, ContextMode, SpanExt as _, in_current, in_span};
use tokio::runtime::{Builder, Runtime};
use tracing::instrument::WithSubscriber as _;
use tracing::{Instrument as _, Span, info, info_span};

fn runtimes() -> Vec<Runtime> {
    vec![
        Builder::new_current_thread().enable_time().build().unwrap(),
        Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap(),
        Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap(),
    ]
}

/// Runs something on every runtime with every product, each with an exporter of its own.
fn everywhere<F: Future<Output = ()> + Send + 'static>(
    work: impl Fn(Arc<Rig>) -> F,
    check: impl Fn(&Rig, &[tachograph_sdk::testing::SpanSnapshot]),
) {
    for runtime in runtimes() {
        for rig in all() {
            let rig = Arc::new(rig);
            // Tasks take the subscriber with them as they would a global one.
            let future = work(Arc::clone(&rig)).with_subscriber(rig.dispatch.clone());
            runtime.block_on(async { tokio::spawn(future).await.unwrap() });
            check(&rig, &rig.spans());
        }
    }
}

#[tracing::instrument]
async fn outer() {
    tokio::time::sleep(Duration::from_millis(1)).await;
    inner(1).await;
    tokio::join!(inner(2), inner(3));
}

#[tracing::instrument]
async fn inner(n: i64) {
    tokio::task::yield_now().await;
    info!(n, "between");
    tokio::time::sleep(Duration::from_millis(1)).await;
    info_span!("leaf", n).in_scope(|| ());
}

#[test]
fn spans_of_async_functions_keep_their_parents_across_await_and_when_interleaved() {
    everywhere(
        |_| outer(),
        |_, spans| {
            assert_root(spans, "outer");
            let outer = named(spans, "outer");
            let inners: Vec<_> = spans.iter().filter(|span| span.name == "inner").collect();
            assert_eq!(inners.len(), 3);
            for inner in inners {
                assert_eq!(inner.parent_span_id, Some(outer.span_id));
                assert_eq!(inner.events.len(), 1, "each has the event of its own");
                let n = inner.attribute("n");
                let leaf = spans.iter().find(|span| span.name == "leaf" && span.attribute("n") == n).unwrap();
                assert_eq!(leaf.parent_span_id, Some(inner.span_id));
            }
        },
    );
}

#[test]
fn a_spawned_task_and_a_blocking_one_are_under_the_span_that_spawned_them() {
    everywhere(
        |rig| async move {
            let span = info_span!("request");
            async {
                let dispatch = rig.dispatch.clone();
                let task = async { info_span!("in task").in_scope(|| ()) };
                tokio::spawn(task.carry().with_subscriber(dispatch.clone())).await.unwrap();
                let task = async { info_span!("in instrumented task").in_scope(|| ()) };
                tokio::spawn(task.in_current_span().with_subscriber(dispatch.clone())).await.unwrap();
                let work = in_current(|| info_span!("in blocking").in_scope(|| ()));
                let there = dispatch.clone();
                tokio::task::spawn_blocking(move || tracing::dispatcher::with_default(&there, work))
                    .await
                    .unwrap();
                let work = in_span(info_span!("thread"), || info_span!("in thread").in_scope(|| ()));
                std::thread::spawn(move || tracing::dispatcher::with_default(&dispatch, work))
                    .join()
                    .unwrap();
            }
            .instrument(span)
            .await;
        },
        |_, spans| {
            for name in ["in task", "in instrumented task", "in blocking", "thread"] {
                assert_under(spans, name, "request");
            }
            assert_under(spans, "in thread", "thread");
        },
    );
}

#[test]
fn baggage_and_a_foreign_span_go_with_what_is_carried() {
    everywhere(
        |rig| async move {
            let tracer = rig.provider.tracer("foreign");
            let dispatch = rig.dispatch.clone();
            let context = Context::current_with_span(tracer.start("otel"))
                .with_baggage([KeyValue::new("tenant", "blue")]);
            let task = {
                let _here = context.attach();
                async {
                    assert_eq!(Context::current().baggage().get("tenant").map(|v| v.as_str()), Some("blue"));
                    tokio::task::yield_now().await;
                    info_span!("in task").in_scope(|| ());
                }
                .carry()
            };
            tokio::spawn(task.with_subscriber(dispatch)).await.unwrap();
        },
        |_, spans| assert_under(spans, "in task", "otel"),
    );
}

struct Three(i64);

impl Stream for Three {
    type Item = i64;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<i64>> {
        self.0 += 1;
        info_span!("item", n = self.0).in_scope(|| ());
        Poll::Ready((self.0 <= 3).then_some(self.0))
    }
}

#[test]
fn each_item_of_a_stream_is_made_in_the_span_that_the_stream_carries() {
    everywhere(
        |_| async {
            let mut stream = std::pin::pin!(Three(0).carry_in(info_span!("stream")));
            while std::future::poll_fn(|task| stream.as_mut().poll_next(task)).await.is_some() {
                info_span!("consumer").in_scope(|| ());
                tokio::task::yield_now().await;
            }
        },
        |_, spans| {
            let stream = named(spans, "stream");
            let items: Vec<_> = spans.iter().filter(|span| span.name == "item").collect();
            assert_eq!(items.len(), 4);
            assert!(items.iter().all(|item| item.parent_span_id == Some(stream.span_id)));
            let outside = spans.iter().filter(|span| span.name == "consumer");
            assert!(
                outside.clone().count() == 3 && outside.into_iter().all(|span| span.parent_span_id.is_none())
            );
        },
    );
}

struct Logs;

impl Drop for Logs {
    fn drop(&mut self) {
        info!("dropped");
    }
}

#[test]
fn what_a_carried_future_holds_is_dropped_inside_of_its_span() {
    for rig in all() {
        let spans = rig.run(|| {
            let held = Logs;
            let future = async move {
                let _held = held;
                std::future::pending::<()>().await;
            };
            drop(future.carry_in(info_span!("span")));
        });
        assert_eq!(named(&spans, "span").events.len(), 1);
    }
}

#[test]
fn in_full_mode_foreign_code_in_a_task_sees_the_tasks_span_wherever_it_is_polled() {
    everywhere(
        |rig| async move {
            if rig.mode == ContextMode::Lazy {
                return;
            }
            let check = || {
                let current = Context::current().span().span_context().clone();
                assert_eq!(Some((current.trace_id(), current.span_id())), Span::current().ids());
            };
            let tasks: Vec<_> = (0..8)
                .map(|n| {
                    let work = async move {
                        for _ in 0..20 {
                            check();
                            tokio::task::yield_now().await;
                            info_span!("step", n).in_scope(check);
                        }
                    };
                    tokio::spawn(work.instrument(info_span!("task", n)).with_subscriber(rig.dispatch.clone()))
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            assert!(!Context::current().has_active_span(), "nothing stays attached");
        },
        |rig, spans| {
            if rig.mode == ContextMode::Full {
                assert_eq!(spans.len(), 8 * 21, "{:?}", names(spans));
            }
        },
    );
}

#[test]
fn a_span_that_is_entered_on_two_threads_at_once_is_both_threads() {
    for rig in all() {
        let spans = rig.run(|| {
            let span = info_span!("shared");
            let barrier = std::sync::Barrier::new(2);
            std::thread::scope(|scope| {
                for n in 0..2 {
                    let (span, barrier, dispatch) = (span.clone(), &barrier, rig.dispatch.clone());
                    scope.spawn(move || {
                        tracing::dispatcher::with_default(&dispatch, || {
                            span.in_scope(|| {
                                barrier.wait();
                                info_span!("child", n).in_scope(|| barrier.wait());
                                info!(n, "event");
                                if rig.mode == ContextMode::Full {
                                    let current = Context::current().span().span_context().clone();
                                    assert_eq!(Some(current.span_id()), span.ids().map(|ids| ids.1));
                                }
                                barrier.wait();
                            });
                            assert!(!Context::current().has_active_span());
                        });
                    });
                }
            });
        });
        let shared = named(&spans, "shared");
        assert_eq!(shared.events.len(), 2);
        let children: Vec<_> = spans.iter().filter(|span| span.name == "child").collect();
        assert!(children.len() == 2 && children.iter().all(|c| c.parent_span_id == Some(shared.span_id)));
    }
}

#[test]
fn what_is_attached_inside_of_a_span_is_carried_with_it() {
    for rig in all() {
        let spans = rig.run(|| {
            let outer = info_span!("outer", otel.kind = "server").entered();
            let with_baggage = Context::current().with_baggage([KeyValue::new("tenant", "blue")]);
            let attached = with_baggage.attach();
            let work = in_current(|| {
                assert_eq!(Context::current().baggage().get("tenant"), Some(&"blue".into()));
                info_span!("inner").in_scope(|| {
                    assert_eq!(Context::current().baggage().get("tenant"), Some(&"blue".into()));
                });
            });
            drop(attached);
            drop(outer);
            assert_eq!(Context::current().baggage().len(), 0);
            work();
            assert!(!Context::current().has_active_span() && Context::current().baggage().is_empty());
        });
        assert_under(&spans, "inner", "outer");
    }
}
