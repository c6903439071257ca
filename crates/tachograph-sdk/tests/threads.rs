//! Many threads record while others collect: nothing is lost, nothing is torn, nothing goes back.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use opentelemetry::KeyValue;
use support::{provider, snapshot};
use tachograph_sdk::metrics::{NumberValue, PointValue};
use tachograph_sdk::testing::{InMemoryReader, ValueSnapshot};
use tachograph_sdk::{Counter, Gauge, Histogram, UpDownCounter};

const THREADS: u64 = 8;
const RECORDS: u64 = 20_000;

/// Runs `record` in eight threads (numbered), and `look` again and again until they have ended.
fn while_recording(record: impl Fn(u64) + Sync, mut look: impl FnMut()) -> usize {
    let ended = AtomicBool::new(false);
    let mut looks = 0;
    thread::scope(|scope| {
        let recorders: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn({
                    let record = &record;
                    move || record(thread)
                })
            })
            .collect();
        scope.spawn(|| {
            recorders.into_iter().for_each(|recorder| recorder.join().expect("recording does not panic"));
            ended.store(true, Ordering::Release);
        });
        while !ended.load(Ordering::Acquire) {
            look();
            looks += 1;
        }
    });
    looks
}

#[test]
fn no_update_is_lost_and_counters_never_go_back_while_collected() {
    let provider = provider();
    let meter = provider.meter("m");
    let own: Counter<u64> = meter.counter("own").build();
    let floats: Counter<f64> = meter.counter("floats").build();
    let api = meter.as_otel().u64_counter("api").build();
    let bound = own.bind(&[("how", "bound")]);
    let reader = InMemoryReader::new(&provider);
    let mut before = [0.0; 4];
    let looks = while_recording(
        |thread| {
            for n in 0..RECORDS {
                bound.add(1);
                own.add(1, &[("thread", (thread + n).cast_signed() % 5)]);
                api.add(3, &[KeyValue::new("k", "v")]);
                floats.add(0.5, &());
            }
        },
        || {
            let snapshot = reader.snapshot();
            let bound = snapshot
                .metric("own")
                .find(&[("how", "bound")])
                .map_or(0.0, |_| snapshot.metric("own").value(&[("how", "bound")]).as_f64());
            let now = [
                bound,
                snapshot.metric("own").total().as_f64(),
                snapshot.metric("api").total().as_f64(),
                snapshot.metric("floats").total().as_f64(),
            ];
            for (before, now) in before.iter().zip(now) {
                assert!(*before <= now, "a counter went back from {before} to {now}");
            }
            before = now;
        },
    );
    assert!(looks > 0);
    let snapshot = reader.snapshot();
    let total = THREADS * RECORDS;
    snapshot.metric("own").assert_value(&[("how", "bound")], total);
    snapshot.metric("own").assert_total(2 * total);
    snapshot.metric("own").assert_series(6);
    snapshot.metric("api").assert_value(&[("k", "v")], 3 * total);
    snapshot.metric("floats").assert_value(&(), total as f64 / 2.0);
}

#[test]
fn no_histogram_is_torn_while_collected() {
    let provider = provider();
    let meter = provider.meter("m");
    let ones: Histogram<u64> = meter.histogram("ones").with_boundaries([0.0, 1.0, 2.0]).build();
    let pairs: Histogram<f64> = meter.histogram("pairs").with_boundaries([2.0, 5.0]).build();
    let bound = ones.bind(&());
    let reader = provider.reader();
    let mut last = [0; 2];
    while_recording(
        |_| {
            for _ in 0..RECORDS / 2 {
                bound.record(1);
                ones.record(1, &());
                // One of each, in turn: their counts never differ by more than one a thread.
                pairs.record(1.0, &());
                pairs.record(4.0, &());
            }
        },
        || {
            let collection = reader.collect();
            for (at, metric) in collection.metrics().enumerate() {
                metric.for_each(|point| {
                    let PointValue::Histogram(point) = point.value else { panic!("a histogram") };
                    let buckets = point.bucket_counts();
                    assert_eq!(point.count(), buckets.iter().sum::<u64>());
                    assert!(last[at] <= point.count(), "a histogram went back");
                    last[at] = point.count();
                    if at == 0 {
                        assert_eq!(point.sum(), point.count(), "sum and count belong together");
                        assert_eq!(buckets, [0, point.count(), 0, 0]);
                    } else {
                        assert!(buckets[0] - buckets[1] <= THREADS, "{buckets:?}");
                        assert_eq!(point.sum(), buckets[0] as f64 + 4.0 * buckets[1] as f64);
                    }
                    if point.count() > THREADS {
                        assert_eq!(
                            point.min(),
                            Some(if at == 0 { NumberValue::U64(1) } else { NumberValue::F64(1.0) })
                        );
                    }
                });
            }
        },
    );
    let snapshot = snapshot(&provider);
    snapshot.metric("ones").assert_histogram(&(), THREADS * RECORDS, THREADS * RECORDS);
    assert_eq!(
        snapshot.metric("pairs").histogram(&()).bucket_counts(),
        [THREADS * RECORDS / 2, THREADS * RECORDS / 2, 0]
    );
}

#[test]
fn threads_that_come_and_go_lose_nothing() {
    let provider = provider();
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("counter").build();
    let level: UpDownCounter<i64> = meter.up_down_counter("level").build();
    let histogram: Histogram<u64> = meter.histogram("histogram").build();
    let reader = InMemoryReader::new(&provider);
    let mut before = 0.0;
    while_recording(
        |thread| {
            for round in 0..50_u64 {
                thread::scope(|scope| {
                    scope.spawn(|| {
                        for n in 0..20_u64 {
                            counter.add(1, &[("n", (n + round + thread).cast_signed() % 7)]);
                            level.add(if n % 2 == 0 { 1 } else { -1 }, &());
                            histogram.record(1, &());
                        }
                    });
                });
            }
        },
        || {
            let snapshot = reader.snapshot();
            let now = snapshot.metric("counter").total().as_f64();
            assert!(before <= now, "{before} {now}");
            before = now;
            for point in snapshot.metric("histogram").points() {
                let ValueSnapshot::Histogram(histogram) = &point.value else { panic!("a histogram") };
                assert_eq!(histogram.sum(), histogram.count());
            }
        },
    );
    let snapshot = reader.snapshot();
    snapshot.metric("counter").assert_series(7);
    snapshot.metric("counter").assert_total(THREADS * 50 * 20);
    snapshot.metric("level").assert_value(&(), 0);
    snapshot.metric("histogram").assert_histogram(&(), THREADS * 50 * 20, THREADS * 50 * 20);
}

#[test]
fn series_that_several_threads_name_first_at_once_are_made_once() {
    for round in 0..50 {
        let provider = provider();
        let counter: Counter<u64> = provider.meter("m").counter("n").build();
        let start = std::sync::Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    for n in 0..50 {
                        counter.add(1, &[("n", n)]);
                    }
                });
            }
        });
        let snapshot = snapshot(&provider);
        snapshot.metric("n").assert_series(50);
        for n in 0..50 {
            assert_eq!(snapshot.metric("n").value(&[("n", n)]), 4, "round {round}");
        }
    }
}

#[test]
fn instruments_that_several_threads_make_at_once_are_one() {
    let provider = provider();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..50 {
                    let counter: Counter<u64> = provider.meter("m").counter(format!("n{n}")).build();
                    counter.add(1, &());
                }
            });
        }
    });
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.metrics().len(), 50);
    snapshot.metrics().iter().for_each(|metric| metric.assert_value(&(), 4));
}

#[test]
fn a_gauge_keeps_the_write_that_came_last_whichever_thread_made_it() {
    let provider = provider();
    let gauge: Gauge<u64> = provider.meter("m").gauge("n").build();
    // Each write happens after the one before it: threads are joined one after another.
    for n in 0..50 {
        gauge.record(1_000 + n, &());
        thread::scope(|scope| {
            scope.spawn(|| gauge.record(n, &()));
        });
        assert_eq!(snapshot(&provider).metric("n").value(&()), n);
        gauge.record(2_000 + n, &());
        assert_eq!(snapshot(&provider).metric("n").value(&()), 2_000 + n);
    }
}

#[test]
fn of_gauge_writes_at_the_same_time_one_wins_whole_and_all_readers_agree() {
    let provider = provider();
    let gauge: Gauge<u64> = provider.meter("m").gauge("n").build();
    let value = |thread: u64| thread << 32 | thread;
    let reader = InMemoryReader::new(&provider);
    while_recording(
        |thread| (0..RECORDS).for_each(|_| gauge.record(value(thread), &())),
        || {
            let snapshot = reader.snapshot();
            if let Some(point) = snapshot.metric("n").find(&()) {
                let ValueSnapshot::Number(NumberValue::U64(seen)) = point.value else { panic!("a u64") };
                assert_eq!(seen >> 32, seen & 0xFFFF_FFFF);
            }
        },
    );
    let last = snapshot(&provider).metric("n").value(&());
    assert!((0..THREADS).any(|thread| last == value(thread)));
    assert!(reader.snapshot().metric("n").value(&()) == last);
}
