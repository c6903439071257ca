//! What goes wrong with others, one test for each.
#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{SpanKind, TraceContextExt as _, Tracer as _};
use support::{Product, Rig, all, all_sampled, assert_root, assert_under, named, names};
use tachograph_sdk::diag;
use tachograph_sdk::pipeline::{Batch, BatchConfig, Deadline, ExportOutcome, Exporter};
use tachograph_sdk::testing::InMemorySpanExporter;
use tachograph_sdk::trace::{
    FinishedSpan, LiveSpan, Sampler, Sampling, SamplingInput, SpanProcessor, Spans, TracerProvider,
};
use tachograph_tracing::{SpanExt as _, SpanOptions, TelemetryLayer, TelemetrySubscriber};
use tracing::field::Empty;
use tracing::{Dispatch, Instrument as _, Span, error, info, info_span};
use tracing_subscriber::layer::SubscriberExt as _;

#[test]
fn a_name_and_a_kind_that_are_recorded_after_the_start_are_not_dropped() {
    for rig in all() {
        let spans = rig.run(|| {
            let span = info_span!("start", otel.name = Empty, otel.kind = Empty).entered();
            span.record("otel.name", "end");
            span.record("otel.kind", "producer");
        });
        assert_eq!(named(&spans, "end").kind, SpanKind::Producer);
    }
}

#[test]
fn set_parent_is_not_refused_on_a_span_that_was_entered() {
    for rig in all() {
        let tracer = rig.provider.tracer("foreign");
        let spans = rig.run(|| {
            let context = Context::current_with_span(tracer.start("otel"));
            let span = info_span!("span").entered();
            span.set_parent(&context);
        });
        assert_under(&spans, "span", "otel");
    }
}

#[test]
fn a_contextual_spans_parent_is_the_tracing_parent_and_not_an_older_context() {
    for rig in all() {
        let tracer = rig.provider.tracer("foreign");
        let spans = rig.run(|| {
            let _older = Context::current_with_span(tracer.start("older")).attach();
            let _tracing = info_span!("tracing parent").entered();
            info_span!("child").in_scope(|| ());
        });
        assert_under(&spans, "tracing parent", "older");
        assert_under(&spans, "child", "tracing parent");
    }
}

/// Logs, and makes spans, from everywhere that the engine calls it.
#[derive(Debug)]
struct Chatty;

fn chat() {
    info!("from within");
    Span::current().record("late", 1);
    Span::current().set_attribute("more", 2);
    let _ = Span::current().context();
    info_span!("chat").in_scope(|| error!("more from within"));
}

impl Sampler for Chatty {
    fn sample(&self, input: &SamplingInput<'_>) -> Sampling {
        if input.name != "chat" {
            chat();
        }
        Sampling::sample_if(input.name != "chat")
    }
}

impl SpanProcessor for Chatty {
    fn on_start(&self, live: &mut LiveSpan, _: Option<&Context>) {
        if live.name() != "chat" {
            chat();
        }
    }

    fn on_end(&self, _: &FinishedSpan<'_>) {
        chat();
    }
}

#[test]
fn a_sampler_a_processor_and_an_exporter_that_log_and_make_spans_block_nothing() {
    #[derive(Debug)]
    struct Loud(Arc<AtomicUsize>);
    impl Exporter<Spans> for Loud {
        fn export(&mut self, batch: Batch<'_, Spans>, _: Deadline) -> ExportOutcome {
            self.0.fetch_add(batch.len(), Ordering::Relaxed);
            info_span!("export").in_scope(|| info!("exporting"));
            ExportOutcome::done()
        }
    }
    for product in [Product::Subscriber, Product::Layer] {
        let count = Arc::new(AtomicUsize::new(0));
        let (done, finished) = std::sync::mpsc::channel();
        let exported = Arc::clone(&count);
        // On a thread of its own, so that a deadlock is a failure and not a test that hangs.
        std::thread::spawn(move || {
            let provider = TracerProvider::builder()
                .with_sampler(Chatty)
                .with_processor(Chatty)
                .with_batch_exporter(Loud(exported), BatchConfig::spans())
                .build();
            let tracer = provider.tracer("test");
            let dispatch = match product {
                Product::Subscriber => Dispatch::new(TelemetrySubscriber::builder(tracer).build()),
                Product::Layer => {
                    Dispatch::new(tracing_subscriber::registry().with(TelemetryLayer::new(tracer)))
                }
            };
            let remote = provider.tracer("foreign").start("remote");
            tracing::dispatcher::with_default(&dispatch, || {
                let span = info_span!("span", late = Empty).entered();
                span.set_parent(&Context::new().with_span(remote));
                drop(span);
            });
            provider.flush(Deadline::NEVER).unwrap();
            done.send(()).unwrap();
        });
        assert!(finished.recv_timeout(Duration::from_secs(20)).is_ok(), "{product:?} is blocked");
        assert!(count.load(Ordering::Relaxed) >= 1);
    }
}

#[test]
fn an_exporters_own_spans_and_events_are_never_exported() {
    /// As an HTTP client in an exporter would.
    #[derive(Debug, Default)]
    struct Client {
        memory: InMemorySpanExporter,
        dispatch: Arc<std::sync::OnceLock<Dispatch>>,
    }
    impl Exporter<Spans> for Client {
        fn export(&mut self, batch: Batch<'_, Spans>, deadline: Deadline) -> ExportOutcome {
            if let Some(dispatch) = self.dispatch.get() {
                tracing::dispatcher::with_default(dispatch, || {
                    let request = info_span!("http request").entered();
                    info!("sending");
                    // On another thread, with the span, as a connection's task is.
                    let (span, dispatch) = (request.clone(), dispatch.clone());
                    std::thread::spawn(move || {
                        tracing::dispatcher::with_default(&dispatch, || {
                            span.in_scope(|| {
                                info_span!("connection").in_scope(|| info!("sent"));
                                assert!(Context::is_current_telemetry_suppressed());
                            });
                        });
                    })
                    .join()
                    .unwrap();
                });
            }
            self.memory.export(batch, deadline)
        }
    }
    for product in [Product::Subscriber, Product::Layer] {
        let (memory, cell) = (InMemorySpanExporter::new(), Arc::new(std::sync::OnceLock::new()));
        let client = Client { memory: memory.clone(), dispatch: Arc::clone(&cell) };
        let provider = TracerProvider::builder().with_batch_exporter(client, BatchConfig::spans()).build();
        let tracer = provider.tracer("test");
        let dispatch = match product {
            Product::Subscriber => Dispatch::new(TelemetrySubscriber::builder(tracer).build()),
            Product::Layer => Dispatch::new(tracing_subscriber::registry().with(TelemetryLayer::new(tracer))),
        };
        cell.set(dispatch.clone()).unwrap();
        tracing::dispatcher::with_default(&dispatch, || info_span!("work").in_scope(|| ()));
        for _ in 0..3 {
            provider.flush(Deadline::NEVER).unwrap();
        }
        assert_eq!(names(&memory.spans()), ["work"], "{product:?}");
    }
}

#[test]
fn nothing_is_recorded_while_telemetry_is_suppressed() {
    for rig in all() {
        let spans = rig.run(|| {
            let outer = info_span!("outer").entered();
            let suppressed = Context::enter_telemetry_suppressed_scope();
            info_span!("inner").in_scope(|| info!("in inner"));
            info!("in outer");
            drop(suppressed);
            info!("again");
            drop(outer);
        });
        assert_eq!(names(&spans), ["outer"]);
        assert_eq!(spans[0].events.len(), 1);
    }
}

#[test]
fn the_sdks_own_reports_and_the_apis_are_no_events_of_spans() {
    for rig in all() {
        let spans = rig.run(|| {
            info_span!("span").in_scope(|| {
                diag::report("tracing.test", &format!("{:?} {:?}", rig.product, rig.mode), "a report");
                tracing::warn!(target: "opentelemetry", "the API's");
                info!("the user's");
                info!(target: "opentelemetry_demo::shop", "a user's whose crate is called so");
                info!(target: "tachograph_shop", "another's");
            });
        });
        assert_eq!(named(&spans, "span").events.len(), 3);
    }
}

#[test]
fn trace_context_is_not_lost_across_spawn_and_spawn_blocking() {
    for rig in all() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let spans = rig.run(|| {
            let root = info_span!("root");
            let dispatch = rig.dispatch.clone();
            runtime.block_on(async {
                let work = async move {
                    use tracing::instrument::WithSubscriber as _;
                    let there = dispatch.clone();
                    let task = async { info_span!("spawned").in_scope(|| ()) }.in_current_span();
                    tokio::spawn(task.with_subscriber(dispatch)).await.unwrap();
                    let blocking = tachograph_tracing::in_current(|| info_span!("blocking").in_scope(|| ()));
                    let blocking = move || tracing::dispatcher::with_default(&there, blocking);
                    tokio::task::spawn_blocking(blocking).await.unwrap();
                };
                work.instrument(root).await;
            });
        });
        assert_under(&spans, "spawned", "root");
        assert_under(&spans, "blocking", "root");
    }
}

#[test]
fn the_last_span_before_shutdown_is_not_lost() {
    for rig in all() {
        tracing::dispatcher::with_default(&rig.dispatch, || info_span!("last").in_scope(|| ()));
        let account = rig.provider.shutdown(Deadline::NEVER);
        assert_eq!(account.exports[0].1.exported, 1);
        // Afterwards nothing is recorded, and nothing breaks.
        let spans = tracing::dispatcher::with_default(&rig.dispatch, || {
            info_span!("after").in_scope(|| info!("nothing"));
            rig.exporter.spans()
        });
        assert_eq!(names(&spans), ["last"]);
    }
}

#[test]
fn more_spans_than_there_is_room_for_are_refused_and_counted() {
    let options = SpanOptions::new().with_max_spans(10);
    let provider = TracerProvider::builder().build();
    let subscriber = TelemetrySubscriber::builder(provider.tracer("test")).with_options(options).build();
    let dispatch = Dispatch::new(subscriber);
    tracing::dispatcher::with_default(&dispatch, || {
        let mut kept: Vec<Span> = (0..10).map(|n| info_span!("kept", n)).collect();
        for n in 0..5 {
            let beyond = info_span!("beyond", n);
            beyond.in_scope(|| info_span!("under it").in_scope(|| info!("nowhere")));
            beyond.set_attribute("a", 1);
            assert_eq!(beyond.ids(), None);
        }
        kept.clear();
        assert!(info_span!("again").ids().is_some());
    });
    let refused = dispatch.downcast_ref::<TelemetrySubscriber>().map(TelemetrySubscriber::refused_spans);
    assert_eq!(refused, Some(10));
    let account = provider.account();
    assert_eq!(account.refused, 10);
    assert!(account.to_string().contains("10 refused"), "{account}");
}

#[test]
fn a_span_that_is_closed_twice_or_on_another_thread_is_exported_once() {
    for rig in all() {
        let spans = rig.run(|| {
            let span = info_span!("moved");
            let clone = span.clone();
            let (id, dispatch) = (span.id().unwrap(), rig.dispatch.clone());
            drop(span);
            std::thread::spawn(move || drop(clone)).join().unwrap();
            if rig.product == Product::Subscriber {
                // A number that is nobody's any more.
                assert!(!dispatch.try_close(id.clone()));
                dispatch.enter(&id);
                dispatch.exit(&id);
            }
            info_span!("after").in_scope(|| ());
        });
        assert_eq!(names(&spans), ["moved", "after"]);
        assert_root(&spans, "after");
    }
}

#[test]
fn spans_of_two_subscribers_on_one_thread_do_not_mix() {
    let [first, second] = [(); 2].map(|()| Rig::new(Product::Subscriber, SpanOptions::new(), None));
    tracing::dispatcher::with_default(&first.dispatch, || {
        let _outer = info_span!("first outer").entered();
        tracing::dispatcher::with_default(&second.dispatch, || {
            info_span!("second").in_scope(|| ());
        });
        info_span!("first inner").in_scope(|| ());
    });
    assert_under(&first.spans(), "first inner", "first outer");
    // To the second subscriber the first one's span is foreign code's.
    let second = second.spans();
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].parent_span_id, Some(named(&first.spans(), "first outer").span_id));
}

#[test]
fn spans_in_the_destructors_of_thread_locals_panic_nowhere() {
    struct Late(Dispatch);
    impl Drop for Late {
        fn drop(&mut self) {
            tracing::dispatcher::with_default(&self.0, || {
                info_span!("in destructor").in_scope(|| info!("event"));
                let _ = Span::current().context();
            });
        }
    }
    thread_local! {
        static BEFORE: std::cell::RefCell<Option<Late>> = const { std::cell::RefCell::new(None) };
        static AFTER: std::cell::RefCell<Option<Late>> = const { std::cell::RefCell::new(None) };
    }
    for rig in all() {
        let dispatch = rig.dispatch.clone();
        let ended = std::thread::spawn(move || {
            BEFORE.with(|late| *late.borrow_mut() = Some(Late(dispatch.clone())));
            tracing::dispatcher::with_default(&dispatch, || {
                info_span!("in thread").in_scope(|| ());
                // Left entered when the thread ends.
                std::mem::forget(info_span!("never exited").entered());
            });
            AFTER.with(|late| *late.borrow_mut() = Some(Late(dispatch.clone())));
        })
        .join();
        assert!(ended.is_ok());
        assert!(rig.spans().iter().any(|span| span.name == "in thread"));
    }
}

#[test]
fn unwinding_closes_spans_and_detaches_their_contexts() {
    for rig in all_sampled(|| Box::new(tachograph_sdk::trace::AlwaysOn)) {
        let spans = rig.run(|| {
            let result = std::panic::catch_unwind(|| {
                let _outer = info_span!("outer").entered();
                info_span!("inner").in_scope(|| panic!("out"));
            });
            assert!(result.is_err());
            assert!(!Context::current().has_active_span());
            info_span!("after").in_scope(|| ());
        });
        assert_eq!(names(&spans), ["inner", "outer", "after"]);
        assert_root(&spans, "after");
    }
}

#[test]
fn a_context_with_the_span_itself_does_not_make_it_its_own_parent() {
    for rig in all() {
        let spans = rig.run(|| {
            let _outer = info_span!("outer").entered();
            let span = info_span!("span").entered();
            span.set_parent(&span.context().with_value(7_u8));
            assert_eq!(span.context().get::<u8>(), Some(&7), "the values are taken");
            info_span!("inner").in_scope(|| ());
        });
        assert_under(&spans, "span", "outer");
        assert_under(&spans, "inner", "span");
    }
}

#[test]
fn an_error_whose_source_panics_is_recorded_all_the_same() {
    #[derive(Debug)]
    struct Bad;
    impl std::fmt::Display for Bad {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bad")
        }
    }
    impl std::error::Error for Bad {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            panic!("this test's own")
        }
    }
    let bad: &(dyn std::error::Error + 'static) = &Bad;
    for rig in all() {
        let spans = rig.run(|| {
            let span = info_span!("span", at_first = bad, later = Empty).entered();
            span.record("later", bad);
            error!(cause = bad, "event");
        });
        let span = named(&spans, "span");
        assert_eq!(span.events.len(), 3);
        assert_eq!(span.attribute("at_first"), Some(&"bad".into()));
    }
}
