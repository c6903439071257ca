//! Exports, flushes and shutdowns from wherever a program may be.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::trace::{Span as _, Tracer as _};
use support::receiver::{Act, Receiver};
use support::{LONG, account, config, make_spans, provider};
use tachograph_otlp::OtlpSpanExporter;
use tachograph_sdk::pipeline::{Batch, Deadline, ExportOutcome, Exporter};
use tachograph_sdk::trace::{Spans, TracerProvider};
use tokio::runtime::{Builder, Runtime};

fn runtimes() -> [Runtime; 2] {
    let mut one_worker = Builder::new_multi_thread();
    one_worker.worker_threads(1);
    [Builder::new_current_thread(), one_worker]
        .map(|mut builder| builder.enable_all().build().expect("a runtime"))
}

/// Flushes, makes more, and shuts down.
fn whole_life(receiver: &Receiver) {
    let provider = provider(config(&receiver.url()));
    make_spans(&provider, 2);
    provider.flush(Deadline::after(LONG)).expect("flushed");
    make_spans(&provider, 1);
    assert_eq!(account(&provider, Deadline::after(LONG)).exported, 3, "the last span counts, too");
    assert_eq!(receiver.spans().len(), 3);
}

#[test]
fn without_a_runtime() {
    whole_life(&Receiver::start([]));
}

#[test]
fn inside_block_on_and_in_a_task_of_any_runtime_whose_only_thread_that_blocks() {
    for runtime in runtimes() {
        let receiver = Receiver::start([]);
        runtime.block_on(async { whole_life(&receiver) });
        let receiver = Receiver::start([]);
        runtime
            .block_on(async { tokio::spawn(async move { whole_life(&receiver) }).await })
            .expect("no panic in the task");
    }
}

#[test]
fn after_the_programs_runtime_is_gone() {
    let receiver = Receiver::start([]);
    let provider = provider(config(&receiver.url()));
    for runtime in runtimes() {
        runtime.block_on(async { make_spans(&provider, 1) });
    }
    assert_eq!(account(&provider, Deadline::after(LONG)).exported, 2);
}

#[test]
fn in_a_drop_at_the_end_of_main_and_while_a_panic_unwinds() {
    struct Telemetry(TracerProvider, Arc<Mutex<u64>>);
    impl Drop for Telemetry {
        fn drop(&mut self) {
            *self.1.lock().expect("no panic") = account(&self.0, Deadline::after(LONG)).exported;
        }
    }
    let exported = Arc::default();
    for panics in [false, true] {
        for runtime in runtimes() {
            let receiver = Receiver::start([]);
            let telemetry = Telemetry(provider(config(&receiver.url())), Arc::clone(&exported));
            let run = || {
                runtime.block_on(async {
                    let telemetry = telemetry;
                    make_spans(&telemetry.0, 4);
                    assert!(!panics, "a panic of the test's own");
                });
            };
            assert_eq!(catch_unwind(AssertUnwindSafe(run)).is_err(), panics);
            assert_eq!((*exported.lock().expect("no panic"), receiver.spans().len()), (4, 4));
        }
    }
}

#[test]
fn on_the_very_thread_that_ends_a_span() {
    for runtime in runtimes() {
        let receiver = Receiver::start([]);
        let exporter = OtlpSpanExporter::new(config(&receiver.url())).expect("the configuration can be used");
        let provider = TracerProvider::builder().with_simple_exporter(exporter).build();
        provider.tracer("scope").start("on no runtime").end();
        runtime.block_on(async {
            provider.tracer("scope").start("on the runtime's thread").end();
            let ended = tokio::spawn({
                let provider = provider.clone();
                async move { provider.tracer("scope").start("in a task").end() }
            });
            ended.await.expect("no panic in the task");
            drop(provider);
        });
        assert_eq!(receiver.spans().len(), 3);
        assert_eq!(receiver.connections(), 1, "the connection outlives the thread that made it");
    }
}

#[test]
fn recording_does_not_wait_for_a_receiver_that_hangs() {
    let receiver = Receiver::start([Act::Hang]);
    let provider = provider(config(&receiver.url()).with_timeout(Duration::from_secs(5)));
    make_spans(&provider, 600);
    while receiver.received().is_empty() {
        thread::sleep(Duration::from_millis(5));
    }
    let start = Instant::now();
    make_spans(&provider, 50_000);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let ledger = account(&provider, Deadline::after(Duration::from_millis(100)));
    assert!(ledger.dropped.of("queue_full") > 40_000, "{ledger}");
}

#[test]
fn flushes_and_shutdowns_at_the_same_time_end_and_lose_nothing() {
    let receiver = Receiver::start([]);
    let provider = provider(config(&receiver.url()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    make_spans(&provider, 3);
                    provider.flush(Deadline::after(LONG)).expect("flushed");
                }
            });
        }
    });
    let ledgers: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..3).map(|_| scope.spawn(|| account(&provider, Deadline::after(LONG)))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(ledgers.iter().all(|ledger| ledger.exported == 240), "{ledgers:?}");
    assert_eq!(receiver.spans().len(), 240);
}

#[test]
fn inside_an_exporter_that_calls_it_on_a_runtime() {
    // Whoever wraps it calls it from a thread of its choice, here one with a runtime.
    struct OnARuntime(OtlpSpanExporter, Runtime);
    impl Exporter<Spans> for OnARuntime {
        fn export(&mut self, batch: Batch<'_, Spans>, deadline: Deadline) -> ExportOutcome {
            let inner = &mut self.0;
            self.1.block_on(async { inner.export(batch, deadline) })
        }

        fn component_type(&self) -> &'static str {
            self.0.component_type()
        }
    }
    for runtime in runtimes() {
        let receiver = Receiver::start([Act::Answer(503, vec![], vec![])]);
        let exporter = OtlpSpanExporter::new(config(&receiver.url())).expect("the configuration can be used");
        let provider = TracerProvider::builder()
            .with_batch_exporter(
                OnARuntime(exporter, runtime),
                tachograph_sdk::pipeline::BatchConfig::spans(),
            )
            .build();
        make_spans(&provider, 3);
        assert_eq!(account(&provider, Deadline::after(LONG)).exported, 3);
    }
}
