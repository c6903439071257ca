//! Flush and shutdown: from anywhere, at any time, within their deadline.

#[path = "support/exporters.rs"]
mod exporters;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use exporters::{By, Gate, bare, batched, ledger, noting, record, soon, unscheduled};
use opentelemetry::trace::Tracer as _;
use tachograph_sdk::pipeline::{Batch, BatchConfig, Deadline, ExportOutcome, Exporter, reason};
use tachograph_sdk::trace::{LiveSpan, SpanStart, Spans, TailSampling, TracerProvider};

#[test]
fn a_span_that_ended_on_a_thread_that_has_gone_is_exported() {
    let (sizes, exporter) = noting();
    let provider = batched(exporter, unscheduled());
    for _ in 0..10 {
        std::thread::scope(|scope| scope.spawn(|| record(&provider, 1)).join().unwrap());
    }
    provider.flush(soon()).unwrap();
    assert_eq!(sizes.lock().unwrap().iter().sum::<usize>(), 10);
    // Their buffers were let go, and what they counted was not.
    assert_eq!(ledger(&provider.account()).created, 10);
}

#[test]
fn a_flush_exports_what_threads_that_sleep_have_recorded() {
    let (sizes, exporter) = noting();
    let provider = batched(exporter, unscheduled());
    let (recorded, done) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            record(&provider, 3);
            recorded.wait();
            done.wait();
        });
        recorded.wait();
        provider.flush(soon()).unwrap();
        assert_eq!(*sizes.lock().unwrap(), [3]);
        done.wait();
    });
}

#[test]
fn everything_that_ended_before_a_flush_is_exported_by_it_while_others_record() {
    let (sizes, exporter) = noting();
    let provider = batched(exporter, unscheduled().with_max_queue_size(1 << 20));
    let stop = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while stop.load(Ordering::Relaxed) == 0 {
                    record(&provider, 10);
                    std::thread::yield_now();
                }
            });
        }
        for _ in 0..50 {
            let before = ledger(&provider.account()).created;
            provider.flush(soon()).unwrap();
            assert!(ledger(&provider.account()).exported >= before);
        }
        stop.store(1, Ordering::Relaxed);
    });
    let account = provider.shutdown(soon());
    assert_eq!(ledger(&account).exported, account.ended);
    assert_eq!(sizes.lock().unwrap().iter().sum::<usize>() as u64, account.ended);
}

#[test]
fn the_schedule_and_a_flush_have_their_turn_while_there_is_always_a_whole_batch() {
    let (slot, quiet) = (Arc::<OnceLock<TracerProvider>>::default(), Arc::<AtomicUsize>::default());
    let (stop, busy) = (Arc::<AtomicUsize>::default(), 300);
    let exporter = {
        let (slot, quiet, stop) = (Arc::clone(&slot), Arc::clone(&quiet), Arc::clone(&stop));
        By(move |batch: Batch<'_, Spans>, _| {
            quiet.fetch_add(batch.iter().filter(|span| span.name() == "quiet").count(), Ordering::Relaxed);
            let provider = slot.get().unwrap();
            // As many have come meanwhile as there are in many batches, and never as many as there is room for.
            while stop.load(Ordering::Relaxed) == 0 && provider.states()[0].queued < busy {
                std::thread::yield_now();
            }
            ExportOutcome::done()
        })
    };
    let config = BatchConfig::spans().with_max_queue_size(1_000).with_max_export_batch_size(10);
    let provider = batched(exporter, config.with_schedule_delay(Duration::from_millis(20)));
    slot.set(provider.clone()).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while stop.load(Ordering::Relaxed) == 0 {
                match provider.states()[0].queued < 2 * busy {
                    true => record(&provider, 20),
                    false => std::thread::yield_now(),
                }
            }
        });
        wait_until(|| ledger(&provider.account()).exported > 100);
        drop(provider.tracer("test").start("quiet"));
        let start = Instant::now();
        while quiet.load(Ordering::Relaxed) == 0 && start.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let (quiet, flushed) =
            (quiet.load(Ordering::Relaxed), provider.flush(Deadline::after(Duration::from_secs(5))));
        stop.store(1, Ordering::Relaxed);
        assert_eq!((quiet, flushed), (1, Ok(())));
    });
    assert_eq!(ledger(&provider.shutdown(soon())).dropped.total(), 0);
}

#[test]
fn a_flush_that_a_shutdown_overtakes_waits_for_what_it_is_for() {
    let ((begin, begun), (permit, permitted)) = (channel(), channel());
    let exporter = By(move |_: Batch<'_, Spans>, _| {
        begin.send(()).unwrap();
        permitted.recv_timeout(Duration::from_secs(20)).unwrap();
        ExportOutcome::done()
    });
    let provider = batched(exporter, unscheduled().with_max_export_batch_size(10));
    record(&provider, 15);
    std::thread::scope(|scope| {
        let flush = scope.spawn(|| {
            let flushed = provider.flush(soon());
            (flushed, ledger(&provider.account()).exported)
        });
        begun.recv_timeout(Duration::from_secs(20)).unwrap();
        let shutdown = scope.spawn(|| provider.shutdown(soon()));
        wait_until(|| provider.tracer("test").is_shut_down());
        std::thread::sleep(Duration::from_millis(50));
        permit.send(()).unwrap();
        begun.recv_timeout(Duration::from_secs(20)).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        permit.send(()).unwrap();
        assert_eq!(flush.join().unwrap(), (Ok(()), 15));
        assert_eq!(ledger(&shutdown.join().unwrap()).exported, 15);
    });
}

#[test]
fn an_exporter_that_hangs_takes_no_time_from_another() {
    for tail in [false, true] {
        for hangs_first in [false, true] {
            let gate = Gate::default();
            let (sizes, exporter) = noting();
            let builder = match tail {
                true => bare().with_tail_sampling(TailSampling::new(1.0)),
                false => bare(),
            };
            let builder = match hangs_first {
                true => builder
                    .with_batch_exporter(gate.exporter(), unscheduled())
                    .with_batch_exporter(exporter, unscheduled()),
                false => builder
                    .with_batch_exporter(exporter, unscheduled())
                    .with_batch_exporter(gate.exporter(), unscheduled()),
            };
            let provider = builder.build();
            let briefly = || Deadline::after(Duration::from_millis(300));
            record(&provider, 10);
            assert!(provider.flush(briefly()).unwrap_err().is_timeout());
            let exported = || sizes.lock().unwrap().iter().sum::<usize>();
            assert_eq!(exported(), 10, "by the flush; tail {tail}, first {hangs_first}");
            record(&provider, 10);
            let account = provider.shutdown(briefly());
            assert_eq!(exported(), 20, "by the shutdown; tail {tail}, first {hangs_first}: {account}");
            gate.open();
        }
    }
}

#[test]
fn flush_and_shutdown_work_inside_block_on_of_any_runtime() {
    let current = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let one_worker =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for runtime in [current, one_worker] {
        let (sizes, exporter) = noting();
        let provider = batched(exporter, unscheduled());
        runtime.block_on(async {
            let inner = provider.clone();
            tokio::spawn(async move {
                record(&inner, 2);
                inner.flush(soon()).unwrap();
            })
            .await
            .unwrap();
            assert_eq!(*sizes.lock().unwrap(), [2]);
            record(&provider, 1);
            assert_eq!(ledger(&provider.shutdown(soon())).exported, 3);
        });
    }
}

#[test]
fn a_shutdown_while_the_thread_unwinds_exports_what_there_is() {
    struct OnDrop(TracerProvider);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            assert!(std::thread::panicking());
            self.0.flush(soon()).unwrap();
            self.0.shutdown(soon());
        }
    }
    let (sizes, exporter) = noting();
    let provider = batched(exporter, unscheduled());
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _guard = OnDrop(provider.clone());
        let _span = provider.tracer("test").start("unfinished");
        panic!("this test's own");
    }));
    assert!(unwound.is_err());
    // The span was dropped, and so ended, before the guard was.
    assert_eq!(*sizes.lock().unwrap(), [1]);
}

#[test]
fn dropping_the_last_handle_exports_what_there_is() {
    let (sizes, exporter) = noting();
    let provider = batched(exporter, unscheduled());
    let tracer = provider.tracer("test");
    let other = provider.clone();
    record(&provider, 5);
    drop(provider);
    assert!(sizes.lock().unwrap().is_empty());
    drop(other);
    assert_eq!(*sizes.lock().unwrap(), [5]);
    let mut live = LiveSpan::new();
    assert!(tracer.is_shut_down() && !tracer.start_span(&mut live, SpanStart::new("late")));
}

#[test]
fn a_flush_returns_at_its_deadline_while_the_exporter_hangs_and_works_later() {
    let gate = Gate::default();
    let provider = batched(gate.exporter(), unscheduled());
    record(&provider, 1);
    let start = Instant::now();
    let error = provider.flush(Deadline::after(Duration::from_millis(100))).unwrap_err();
    assert!(error.is_timeout() && !error.is_shut_down(), "{error}");
    assert!((Duration::from_millis(100)..Duration::from_secs(10)).contains(&start.elapsed()));
    record(&provider, 1);
    gate.open();
    provider.flush(soon()).unwrap();
    assert_eq!(ledger(&provider.account()).exported, 2);
}

#[test]
fn a_simple_exporter_that_hangs_holds_up_nobody_who_has_a_deadline() {
    let gate = Gate::default();
    let provider = bare().with_simple_exporter(gate.exporter()).build();
    std::thread::scope(|scope| {
        scope.spawn(|| record(&provider, 1));
        gate.wait_for_exporter();
        let start = Instant::now();
        let brief = || Deadline::after(Duration::from_millis(50));
        assert!(provider.flush(brief()).unwrap_err().is_timeout());
        let account = provider.shutdown(brief());
        assert_eq!((ledger(&account).created, ledger(&account).queued), (1, 1));
        assert!(start.elapsed() < Duration::from_secs(10));
        gate.open();
    });
    assert_eq!(ledger(&provider.shutdown(soon())).exported, 1);
}

#[test]
fn a_shutdown_returns_at_its_deadline_while_the_exporter_hangs_and_its_account_is_balanced() {
    let gate = Gate::default();
    let provider = batched(gate.exporter(), unscheduled());
    record(&provider, 1_000);
    gate.wait_for_exporter();
    let start = Instant::now();
    let account = provider.shutdown(Deadline::after(Duration::from_millis(100)));
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!((ledger(&account).created, ledger(&account).queued), (1_000, 1_000));
    gate.open();
    let account = provider.shutdown(soon());
    let after = ledger(&account);
    // What the exporter had was exported; the rest came too late.
    assert_eq!(
        (after.exported, after.dropped.of(reason::SHUTDOWN_TIMEOUT), after.queued),
        (512, 488, 0),
        "{account}"
    );
}

#[test]
fn a_span_that_ends_after_the_shutdown_is_dropped_and_counted() {
    let (sizes, exporter) = noting();
    let provider = batched(exporter, unscheduled());
    let tracer = provider.tracer("test");
    let mut early = LiveSpan::new();
    tracer.start_span(&mut early, SpanStart::new("early"));
    let elsewhere = tracer.start("elsewhere");
    provider.shutdown(soon());
    tracer.end_span(&mut early, None);
    std::thread::spawn(move || drop(elsewhere)).join().unwrap();
    let account = provider.shutdown(soon());
    let ledger = ledger(&account);
    assert_eq!((ledger.created, ledger.dropped.of(reason::ALREADY_SHUTDOWN), account.ended), (2, 2, 2));
    assert!(sizes.lock().unwrap().is_empty());
    assert!(provider.flush(soon()).unwrap_err().is_shut_down());
}

#[test]
fn many_may_flush_and_shut_down_at_once() {
    let (_, exporter) = noting();
    let provider = batched(exporter, unscheduled());
    std::thread::scope(|scope| {
        for index in 0..8 {
            let provider = &provider;
            scope.spawn(move || {
                for _ in 0..50 {
                    record_if_it_may(provider, 10);
                    match provider.flush(soon()) {
                        Ok(()) => {}
                        Err(error) => assert!(error.is_shut_down(), "{error}"),
                    }
                }
                if index % 2 == 0 {
                    provider.shutdown(soon());
                }
            });
        }
    });
    let account = provider.shutdown(soon());
    assert_eq!(ledger(&account).queued, 0);
    assert_eq!(ledger(&account).created, account.ended);
}

fn record_if_it_may(provider: &TracerProvider, spans: usize) {
    let tracer = provider.tracer("test");
    for _ in 0..spans {
        drop(tracer.start("span"));
    }
}

#[test]
fn an_exporter_that_flushes_and_shuts_down_its_own_provider_gets_an_answer_at_once() {
    type Slot = Arc<OnceLock<TracerProvider>>;
    for simple in [false, true] {
        let (slot, seen) = (Slot::default(), Arc::new(Mutex::new(Vec::new())));
        let exporter = {
            let (slot, seen) = (Arc::clone(&slot), Arc::clone(&seen));
            By(move |_: Batch<'_, Spans>, _| {
                let provider = slot.get().unwrap();
                let flushed = provider.flush(Deadline::NEVER).unwrap_err();
                seen.lock().unwrap().push((flushed.is_reentrant(), provider.account().ended));
                ExportOutcome::done()
            })
        };
        let builder = bare();
        let provider = match simple {
            true => builder.with_simple_exporter(exporter).build(),
            false => builder.with_batch_exporter(exporter, unscheduled()).build(),
        };
        slot.set(provider.clone()).unwrap();
        record(&provider, 1);
        provider.flush(soon()).unwrap();
        assert_eq!(*seen.lock().unwrap(), [(true, 1)]);
        provider.shutdown(soon());
    }
}

#[test]
fn the_exporter_is_given_a_deadline_and_told_of_flush_and_shutdown_once_each() {
    #[derive(Clone, Default)]
    struct Calls(Arc<Mutex<Vec<String>>>);
    impl Exporter<Spans> for Calls {
        fn export(&mut self, _: Batch<'_, Spans>, deadline: Deadline) -> ExportOutcome {
            let left = deadline.remaining().unwrap();
            assert!(left > Duration::from_secs(20) && left <= Duration::from_secs(30), "{left:?}");
            self.0.lock().unwrap().push("export".to_owned());
            ExportOutcome::done()
        }
        fn flush(&mut self, _: Deadline) {
            self.0.lock().unwrap().push("flush".to_owned());
        }
        fn shutdown(&mut self, _: Deadline) {
            self.0.lock().unwrap().push("shutdown".to_owned());
        }
    }
    let calls = Calls::default();
    let provider = batched(calls.clone(), unscheduled());
    record(&provider, 1);
    provider.flush(soon()).unwrap();
    provider.shutdown(Deadline::NEVER);
    provider.shutdown(Deadline::NEVER);
    assert_eq!(*calls.0.lock().unwrap(), ["export", "flush", "shutdown"]);
}

#[test]
fn spans_are_exported_on_schedule_and_when_there_is_a_batch() {
    let (sizes, exporter) = noting();
    let config = unscheduled().with_max_export_batch_size(10).with_max_queue_size(100);
    let provider = batched(exporter, config.clone());
    record(&provider, 101);
    wait_until(|| sizes.lock().unwrap().iter().sum::<usize>() >= 70);
    assert!(sizes.lock().unwrap().iter().all(|size| *size == 10), "{sizes:?}");

    let (sizes, exporter) = noting();
    let provider = batched(exporter, config.with_schedule_delay(Duration::from_millis(20)));
    record(&provider, 1);
    wait_until(|| *sizes.lock().unwrap() == [1]);
    record(&provider, 2);
    wait_until(|| *sizes.lock().unwrap() == [1, 2]);
}

#[test]
fn a_schedule_without_delay_does_not_keep_the_worker_busy() {
    let (sizes, exporter) = noting();
    let provider = batched(exporter, BatchConfig::spans().with_schedule_delay(Duration::ZERO));
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(100) {
        record(&provider, 1);
        std::thread::sleep(Duration::from_micros(50));
    }
    provider.flush(soon()).unwrap();
    let sizes = sizes.lock().unwrap();
    let (batches, spans) = (sizes.len(), sizes.iter().sum::<usize>());
    // Once a millisecond, beside whole batches and what the queue had: where nothing lets it wait, it is for nearly every span.
    let most = start.elapsed().as_millis() as usize + 2 + 2 * (spans / 100);
    assert!(batches <= most, "{batches} batches of {spans} spans in {:?}", start.elapsed());
}

fn wait_until(ready: impl Fn() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn sizes_out_of_range_are_brought_into_it() {
    let (sizes, exporter) = noting();
    let config = BatchConfig::spans()
        .with_max_queue_size(0)
        .with_max_export_batch_size(0)
        .with_max_bytes(0)
        .with_thread_bytes(0)
        .with_export_timeout(Duration::ZERO);
    let provider = batched(exporter, config);
    for _ in 0..3 {
        record(&provider, 1);
        provider.flush(soon()).unwrap();
    }
    assert_eq!(*sizes.lock().unwrap(), [1, 1, 1]);
}
