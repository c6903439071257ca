//! Series that are removed or expire while others record.
//!
//! In a file of their own: threads that record without pause keep places from being vacated, in other tests too.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use support::{delta_reader, numbers_of, provider, snapshot};
use tachograph_sdk::metrics::{MeterProviderBuilder, NumberValue};
use tachograph_sdk::testing::ValueSnapshot;
use tachograph_sdk::{Counter, MeterProvider, Resource};

fn builder() -> MeterProviderBuilder {
    MeterProvider::builder().with_resource(Resource::builder_empty().build())
}

/// That none is lost is shown in `metrics/series/going/tests.rs`, where what was removed can be looked at.
#[test]
fn what_races_with_removal_gets_into_no_other_series() {
    const THREADS: usize = 4;
    const EACH: u64 = 40_000;
    let provider = provider();
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("c").build();
    // Another series of the same table, never removed: nothing of the others may go there.
    let other: Counter<u64> = counter.clone();
    let done = AtomicBool::new(false);
    let removals = AtomicU64::new(0);
    thread::scope(|scope| {
        let recorders: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (counter, other) = (&counter, &other);
                scope.spawn(move || {
                    for n in 0..EACH {
                        counter.add(1, &[("removed", "yes")]);
                        if n % 4 == 0 {
                            other.add(1, &[("removed", "no")]);
                        }
                        if n % 100 == thread as u64 {
                            counter.add(1, &[("coming", (n % 1_000).cast_signed())]);
                        }
                    }
                })
            })
            .collect();
        let (counter, done, removals, provider) = (&counter, &done, &removals, &provider);
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                if counter.remove(&[("removed", "yes")]) {
                    removals.fetch_add(1, Ordering::Relaxed);
                }
                for n in 0..10 {
                    counter.remove(&[("coming", n * 100)]);
                }
                thread::yield_now();
            }
        });
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                let snapshot = snapshot(provider);
                let Some(metric) = snapshot.find("c") else { continue };
                for point in metric.points().iter().filter(|point| point.attributes.get("coming").is_some()) {
                    let ValueSnapshot::Number(NumberValue::U64(value)) = point.value else {
                        panic!("{point:?}")
                    };
                    assert!(value <= THREADS as u64 * EACH / 1_000, "{point:?}");
                }
            }
        });
        recorders.into_iter().for_each(|recorder| recorder.join().unwrap());
        done.store(true, Ordering::Relaxed);
    });
    assert!(removals.load(Ordering::Relaxed) > 0);
    let snapshot = snapshot(&provider);
    snapshot.metric("c").assert_value(&[("removed", "no")], THREADS as u64 * EACH / 4);
}

#[test]
fn deltas_add_up_while_series_come_and_go() {
    const THREADS: usize = 3;
    const EACH: u64 = 30_000;
    let provider = builder().with_idle_expiry(Duration::from_millis(1)).build();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    let readers = [delta_reader(&provider), delta_reader(&provider)];
    let done = AtomicBool::new(false);
    let totals: Vec<u64> = thread::scope(|scope| {
        let recorders: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    for n in 0..EACH {
                        // Some are there all the time, and some come and go.
                        counter.add(1, &[("n", (n % 7).cast_signed())]);
                        counter.add(1, &[("n", (n / 100).cast_signed())]);
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            for n in (0..20).cycle().take_while(|_| !done.load(Ordering::Relaxed)) {
                counter.remove(&[("n", n)]);
                thread::yield_now();
            }
        });
        let collecting: Vec<_> = readers
            .iter()
            .zip([1, 3])
            .map(|(reader, pause)| {
                let done = &done;
                scope.spawn(move || {
                    let mut total = 0;
                    while !done.load(Ordering::Relaxed) {
                        total += numbers_of(reader).iter().sum::<u64>();
                        thread::sleep(Duration::from_millis(pause));
                    }
                    total
                })
            })
            .collect();
        recorders.into_iter().for_each(|recorder| recorder.join().unwrap());
        done.store(true, Ordering::Relaxed);
        collecting.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    for (reader, total) in readers.iter().zip(totals) {
        // What went last may have been on its way when it was looked at.
        let rest: u64 = (0..3).flat_map(|_| numbers_of(reader)).sum();
        assert_eq!(total + rest, 2 * THREADS as u64 * EACH);
    }
    assert_eq!(provider.account().overflowed, 0);
}
