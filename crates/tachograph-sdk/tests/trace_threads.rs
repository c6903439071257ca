//! Spans on many threads, while everything else happens.

#[path = "support/exporters.rs"]
mod exporters;

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use exporters::{batched, ledger, noting, record, soon, unscheduled};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, Tracer as _};
use tachograph_sdk::pipeline::{BatchConfig, Deadline};
use tachograph_sdk::trace::{AlwaysOff, AlwaysOn, ParentBased, Span, TraceIdRatio};

#[test]
fn eight_threads_and_a_runtime_record_while_flushes_sampler_changes_and_a_shutdown_happen() {
    let (sizes, exporter) = noting();
    let config =
        BatchConfig::spans().with_schedule_delay(Duration::from_millis(1)).with_max_queue_size(1_000);
    let provider = batched(exporter, config);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let tracer = provider.tracer("thread");
                while !stop.load(Ordering::Relaxed) {
                    tracer.in_span("outer", |_| {
                        let mut span = tracer.start("inner");
                        span.set_attribute(KeyValue::new("k", "v"));
                        span.end();
                    });
                }
            });
        }
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let tracer = provider.tracer("task");
                runtime.spawn(async move {
                    for _ in 0..500 {
                        let span = tracer.start("task");
                        tokio::task::yield_now().await;
                        drop(span);
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            for round in 0..60 {
                match round % 3 {
                    0 => provider.set_sampler(ParentBased::new(TraceIdRatio::new(0.5))),
                    1 => provider.set_sampler(AlwaysOff),
                    _ => provider.set_sampler(ParentBased::new(AlwaysOn)),
                }
                assert!(provider.flush(soon()).is_ok());
                for (_, ledger) in provider.account().exports {
                    assert!(ledger.is_balanced());
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            provider.shutdown(soon());
            std::thread::sleep(Duration::from_millis(20));
            stop.store(true, Ordering::Relaxed);
        });
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
    drop(runtime);
    let account = provider.shutdown(soon());
    assert_eq!(account.live(), 0, "{account}");
    let ledger = ledger(&account);
    assert_eq!((ledger.created, ledger.queued), (account.ended, 0), "{account}");
    assert_eq!(sizes.lock().unwrap().iter().sum::<usize>() as u64, ledger.exported);
}

#[test]
fn spans_that_end_on_another_thread_are_exported_and_none_is_lost() {
    let (_, exporter) = noting();
    let provider = batched(exporter, unscheduled().with_max_queue_size(100_000));
    let tracer = provider.tracer("test");
    let (send, receive) = mpsc::sync_channel::<Span>(100);
    std::thread::scope(|scope| {
        scope.spawn(move || receive.into_iter().for_each(|mut span| span.end()));
        for _ in 0..20_000 {
            send.send(tracer.start("moves")).unwrap();
        }
        drop(send);
    });
    assert_eq!(ledger(&provider.shutdown(soon())).exported, 20_000);
}

#[test]
fn spans_that_never_end_are_counted_as_live_and_hold_nothing_up() {
    let (_, exporter) = noting();
    let provider = batched(exporter, unscheduled());
    let tracer = provider.tracer("test");
    let forgotten: Vec<_> = (0..1_000).map(|_| tracer.start("never ends")).collect();
    record(&provider, 10);
    let account = provider.shutdown(soon());
    assert_eq!((account.live(), ledger(&account).exported), (1_000, 10), "{account}");
    drop(forgotten);
    assert_eq!(provider.account().live(), 0);
}

#[test]
fn a_span_that_ends_while_its_thread_is_destroyed_is_exported() {
    thread_local! {
        static HELD: RefCell<Vec<Span>> = const { RefCell::new(Vec::new()) };
    }
    let (_, exporter) = noting();
    let provider = batched(exporter, unscheduled());
    // Whichever of the thread-locals goes first: the test's before the engine's, and after them.
    for engine_first in [false, true] {
        let tracer = provider.tracer("test");
        std::thread::spawn(move || {
            if engine_first {
                drop(tracer.start("makes the engine's thread-locals"));
            }
            HELD.with_borrow_mut(|held| held.push(tracer.start("held")));
            drop(tracer.start("another"));
        })
        .join()
        .unwrap();
    }
    let account = provider.shutdown(soon());
    assert_eq!((ledger(&account).exported, account.live()), (5, 0), "{account}");
}

#[test]
fn threads_that_come_and_go_leave_nothing_behind_and_lose_nothing() {
    let (_, exporter) = noting();
    let provider = batched(exporter, BatchConfig::spans().with_schedule_delay(Duration::from_millis(1)));
    for _ in 0..500 {
        std::thread::scope(|scope| {
            scope.spawn(|| record(&provider, 2));
        });
    }
    provider.flush(soon()).unwrap();
    let state = &provider.states()[0];
    assert_eq!(state.ledger.exported, 1_000);
    assert!(state.buffer_bytes < 1 << 20, "{} bytes", state.buffer_bytes);
}

#[test]
fn many_providers_live_and_die_on_one_thread() {
    for _ in 0..200 {
        let (sizes, exporter) = noting();
        let provider = batched(exporter, unscheduled());
        record(&provider, 3);
        assert!(provider.flush(Deadline::after(Duration::from_secs(20))).is_ok());
        assert_eq!(*sizes.lock().unwrap(), [3]);
    }
}
