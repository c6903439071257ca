//! What is recorded while a thread is being destroyed counts like any other measurement.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::cell::RefCell;
use std::thread;

use support::{provider, snapshot};
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider, UpDownCounter};

#[derive(Clone)]
struct Instruments {
    dynamic: Counter<u64>,
    typed: Counter<u64, ()>,
    bound: tachograph_sdk::BoundCounter<f64>,
    level: UpDownCounter<i64>,
    gauge: Gauge<u64>,
    histogram: Histogram<u64>,
}

impl Instruments {
    fn new(provider: &MeterProvider) -> Self {
        let meter = provider.meter("m");
        Instruments {
            dynamic: meter.counter("dynamic").build(),
            typed: meter.counter("typed").build(),
            bound: meter.counter("bound").build::<f64, tachograph_sdk::Dynamic>().bind(&()),
            level: meter.up_down_counter("level").build(),
            gauge: meter.gauge("gauge").build(),
            histogram: meter.histogram("histogram").build(),
        }
    }

    fn record(&self) {
        self.dynamic.add(1, &[("when", "ending")]);
        self.typed.add(1, &());
        self.bound.add(0.5);
        self.level.add(-1, &());
        self.gauge.record(7, &());
        self.histogram.record(1, &());
    }

    #[track_caller]
    fn assert_recorded(provider: &MeterProvider, times: u64) {
        let snapshot = snapshot(provider);
        snapshot.metric("dynamic").assert_total(times);
        snapshot.metric("typed").assert_total(times);
        snapshot.metric("bound").assert_total(times as f64 / 2.0);
        snapshot.metric("level").assert_total(-times.cast_signed());
        snapshot.metric("gauge").assert_total(7);
        snapshot.metric("histogram").assert_histogram(&(), times, times);
    }
}

/// Records when it is dropped.
struct AtEnd(Instruments);

impl Drop for AtEnd {
    fn drop(&mut self) {
        self.0.record();
    }
}

thread_local! {
    static FIRST: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
    static SECOND: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

fn at_end(place: &'static thread::LocalKey<RefCell<Option<AtEnd>>>, instruments: &Instruments) {
    place.with_borrow_mut(|place| *place = Some(AtEnd(instruments.clone())));
}

/// Runs it in threads one after another, each gone entirely before the next.
fn in_threads(threads: usize, run: impl Fn() + Clone + Send + 'static) {
    for _ in 0..threads {
        // A scoped thread would be joined before its thread-locals are dropped.
        thread::spawn(run.clone()).join().unwrap();
    }
}

#[test]
fn in_destructors_registered_before_and_after_the_first_measurement() {
    let provider = provider();
    let instruments = Instruments::new(&provider);
    in_threads(50, move || {
        at_end(&FIRST, &instruments);
        instruments.record();
        at_end(&SECOND, &instruments);
    });
    Instruments::assert_recorded(&provider, 150);
}

#[test]
fn in_a_thread_that_records_nowhere_else() {
    let provider = provider();
    let instruments = Instruments::new(&provider);
    in_threads(50, move || at_end(&FIRST, &instruments));
    Instruments::assert_recorded(&provider, 50);
}

#[test]
fn into_series_that_are_made_there() {
    let provider = provider();
    let handle = provider.clone();
    struct Late(MeterProvider);
    impl Drop for Late {
        fn drop(&mut self) {
            let counter: Counter<u64> = self.0.meter("m").counter("late").build();
            counter.add(1, &[("thread", format!("{:?}", thread::current().id()))]);
        }
    }
    thread_local!(static LATE: RefCell<Option<Late>> = const { RefCell::new(None) });
    in_threads(20, move || {
        LATE.with_borrow_mut(|late| *late = Some(Late(handle.clone())));
        handle.meter("m").counter("early").build::<u64, tachograph_sdk::Dynamic>().add(1, &());
    });
    let snapshot = snapshot(&provider);
    snapshot.metric("early").assert_value(&(), 20);
    snapshot.metric("late").assert_series(20);
    snapshot.metric("late").assert_total(20);
}

#[test]
fn in_many_threads_that_end_at_once() {
    let provider = provider();
    let instruments = Instruments::new(&provider);
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let instruments = instruments.clone();
            thread::spawn(move || {
                at_end(&FIRST, &instruments);
                for _ in 0..100 {
                    instruments.record();
                }
                at_end(&SECOND, &instruments);
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    Instruments::assert_recorded(&provider, 16 * 102);
}
