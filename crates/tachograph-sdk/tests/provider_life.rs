//! The life of a provider: independent of others, ended by its shutdown, gone when it is dropped.

#[path = "support/allocator.rs"]
mod allocator;
mod support;

use std::sync::Arc;

use allocator::live_bytes;
use opentelemetry::metrics::MeterProvider as _;
use support::{alone, provider, snapshot};
use tachograph_sdk::{Counter, Dynamic, Gauge, Histogram, MeterProvider};

#[test]
fn providers_are_independent() {
    let _alone = alone();
    let (one, two) = (provider(), provider());
    let (first, second): (Counter<u64>, Counter<u64>) =
        (one.meter("m").counter("n").build(), two.meter("m").counter("n").build());
    first.add(1, &());
    second.add(10, &());
    one.shutdown();
    second.add(10, &());
    assert_eq!(snapshot(&one).metrics().len(), 0);
    assert_eq!(snapshot(&two).metric("n").value(&()), 20);
    assert_eq!((one.account().series, two.account().series), (1, 1));
}

#[test]
fn clones_are_the_same_provider() {
    let _alone = alone();
    let provider = provider();
    provider.clone().meter("m").counter("n").build::<u64, Dynamic>().add(1, &());
    assert_eq!(snapshot(&provider).metric("n").value(&()), 1);
    provider.clone().shutdown();
    assert_eq!(snapshot(&provider).metrics().len(), 0);
}

#[test]
fn shutdown_can_be_repeated_and_says_what_was_recorded() {
    let _alone = alone();
    let provider = provider();
    provider.meter("m").counter("n").build::<u64, Dynamic>().add(1, &());
    let account = provider.shutdown();
    assert_eq!((account.instruments, account.series), (1, 1));
    assert_eq!(provider.shutdown(), account);
    std::thread::scope(|scope| {
        (0..4).for_each(|_| assert_eq!(scope.spawn(|| provider.shutdown()).join().unwrap(), account));
    });
}

#[test]
fn after_shutdown_meters_do_nothing_and_instruments_do_no_harm() {
    let _alone = alone();
    let provider = provider();
    let meter = provider.meter("m");
    let (api, reader) = (meter.as_otel(), provider.reader());
    let counter: Counter<u64> = meter.counter("n").build();
    let bound = counter.bind(&());
    let gauge = api.f64_gauge("g").build();
    provider.shutdown();
    counter.add(1, &());
    bound.add(1);
    gauge.record(1.0, &[]);
    for meter in [meter.clone(), provider.meter("m"), provider.meter("other")] {
        let late: Counter<u64> = meter.counter("late").build();
        late.add(1, &());
        late.bind(&()).add(1);
        let late: Histogram<f64, ()> = meter.histogram("late").build();
        late.record(1.0, &());
    }
    for meter in [api, provider.meter_with_scope(opentelemetry::InstrumentationScope::default())] {
        meter.u64_counter("late").build().add(1, &[]);
        meter.f64_histogram("late").build().bind(&[]).record(1.0);
        meter
            .u64_observable_gauge("late")
            .with_callback(|_| panic!("callbacks do not run after shutdown"))
            .build();
    }
    assert_eq!(reader.collect().metrics().count(), 0);
    assert_eq!(provider.reader().collect().metrics().count(), 0);
    assert_eq!(provider.account().instruments, 2);
}

#[test]
fn shutdown_while_others_record_create_and_collect_does_no_harm() {
    let _alone = alone();
    for _ in 0..20 {
        let provider = provider();
        let start = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let (provider, start) = (&provider, &start);
                scope.spawn(move || {
                    start.wait();
                    for n in 0..50 {
                        let meter = provider.meter("m");
                        let counter: Counter<u64> = meter.counter(format!("n{}", n % 5)).build();
                        counter.add(1, &[("thread", thread)]);
                        meter
                            .as_otel()
                            .u64_observable_gauge("o")
                            .with_callback(|o| o.observe(1, &[]))
                            .build();
                        snapshot(provider);
                    }
                });
            }
            start.wait();
            provider.shutdown();
        });
        assert_eq!(snapshot(&provider).metrics().len(), 0);
    }
}

#[test]
fn shutdown_drops_callbacks_and_runs_them_no_more() {
    let _alone = alone();
    let provider = provider();
    let witness = Arc::new(());
    let (held, meter) = (Arc::clone(&witness), provider.meter("m"));
    let inside = meter.clone();
    meter
        .as_otel()
        .u64_observable_gauge("n")
        .with_callback(move |observer| {
            observer.observe(Arc::strong_count(&held) as u64, &[]);
            inside.counter("made").build::<u64, Dynamic>().add(1, &());
        })
        .build();
    snapshot(&provider);
    assert_eq!(Arc::strong_count(&witness), 2);
    provider.shutdown();
    assert_eq!(Arc::strong_count(&witness), 1);
}

#[test]
fn a_collection_that_was_begun_before_the_shutdown_can_be_finished() {
    let _alone = alone();
    let provider = provider();
    provider.meter("m").counter("n").build::<u64, Dynamic>().add(1, &());
    let collection = provider.reader().collect();
    provider.shutdown();
    drop(provider);
    let mut points = 0;
    collection.metrics().for_each(|metric| metric.for_each(|_| points += 1));
    assert_eq!(points, 1);
}

/// Records in every kind of row, in this thread and another.
fn use_all(provider: &MeterProvider) {
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("counter").with_cardinality_limit(60).build();
    let gauge: Gauge<i64> = meter.gauge("gauge").build();
    let histogram: Histogram<f64> = meter.histogram("histogram").build();
    let record = || {
        for n in 0..70 {
            counter.add(1, &[("n", n)]);
            histogram.record(2.0, &[("n", n)]);
        }
    };
    assert!(snapshot(provider).metrics().iter().all(|metric| metric.points().is_empty()));
    gauge.bind(&());
    histogram.bind(&[("n", 0)]);
    counter.bind(&[("n", 0)]);
    let empty = snapshot(provider);
    empty.assert_absent("gauge");
    empty.metric("counter").assert_total(0);
    empty.metric("histogram").assert_histogram(&[("n", 0)], 0, 0.0);
    assert_eq!(empty.metric("histogram").histogram(&[("n", 0)]).max(), None);
    gauge.record(-1, &[("n", 1)]);
    record();
    std::thread::scope(|scope| {
        scope.spawn(record);
    });
    let full = snapshot(provider);
    full.metric("counter").assert_total(140);
    full.metric("counter").assert_value(&[("otel.metric.overflow", true)], 20);
    assert_eq!(full.metric("histogram").count(), 140);
    assert_eq!(full.metric("histogram").total(), 280.0);
    assert_eq!(provider.account().overflowed, 20);
}

#[test]
fn what_a_dropped_provider_had_comes_back_empty_and_memory_stays() {
    let _alone = alone();
    let round = || use_all(&provider());
    (0..20).for_each(|_| round());
    let before = live_bytes();
    (0..100).for_each(|_| round());
    let after = live_bytes();
    println!("after 20 providers {before} B, after 120 {after} B");
    // One round's data is above 100 kB. A thread may come before the memory of the one before it, which
    // has ended but is still on its way out, can be taken over: then it has some of its own.
    assert!(after <= before + 50_000, "{before} B became {after} B");
}

#[test]
fn rows_are_zeroed_in_the_memory_of_threads_that_live_on() {
    let _alone = alone();
    std::thread::scope(|scope| {
        let (to, from) = std::sync::mpsc::channel::<(Counter<u64>, Histogram<u64>)>();
        let (done, finished) = std::sync::mpsc::channel();
        scope.spawn(move || {
            for (counter, histogram) in from {
                counter.add(5, &[("k", "v")]);
                histogram.record(5, &[("k", "v")]);
                drop((counter, histogram));
                done.send(()).unwrap();
            }
        });
        for _ in 0..50 {
            let provider = provider();
            let counter: Counter<u64> = provider.meter("m").counter("counter").build();
            let histogram: Histogram<u64> = provider.meter("m").histogram("histogram").build();
            to.send((counter.clone(), histogram.clone())).unwrap();
            counter.add(1, &[("k", "v")]);
            finished.recv().unwrap();
            let snapshot = snapshot(&provider);
            snapshot.metric("counter").assert_value(&[("k", "v")], 6);
            snapshot.metric("histogram").assert_histogram(&[("k", "v")], 1, 5);
        }
        drop(to);
    });
}

#[test]
fn an_instrument_that_outlives_its_provider_keeps_its_rows_from_others() {
    let _alone = alone();
    let orphan: Counter<u64> = provider().meter("m").counter("n").build();
    let bound = orphan.bind(&[("k", "v")]);
    for _ in 0..20 {
        orphan.add(100, &[("k", "v")]);
        bound.add(100);
        let provider = provider();
        let counter: Counter<u64> = provider.meter("m").counter("n").build();
        counter.add(1, &[("k", "v")]);
        bound.add(100);
        orphan.add(100, &[("n", "new")]);
        snapshot(&provider).metric("n").assert_total(1);
    }
}

#[test]
fn the_resource_is_the_one_given_or_the_default() {
    let _alone = alone();
    assert!(provider().resource().attributes().is_empty());
    let default = MeterProvider::new();
    assert_eq!(default.resource(), &tachograph_sdk::Resource::default());
    assert_eq!(default.reader().collect().resource(), default.resource());
}

#[test]
fn a_collection_frees_what_the_indexes_have_outgrown() {
    let _alone = alone();
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    // Twice, so that spellings are learnt.
    let record = || (0..1_500).for_each(|n| counter.add(1, &[("n", n)]));
    (0..2).for_each(|_| record());
    let before = live_bytes();
    let reader = provider.reader();
    // Somebody of another test may be in the middle of a record.
    while before < live_bytes() + 12_000 {
        drop(reader.collect());
    }
    record();
    let snapshot = snapshot(&provider);
    snapshot.metric("c").assert_series(1_500);
    (0..1_500).for_each(|n| snapshot.metric("c").assert_value(&[("n", n)], 3_u64));
}

#[test]
fn a_callback_that_comes_while_its_provider_is_shut_down_is_dropped_too() {
    let _alone = alone();
    let witness = Arc::new(());
    for _ in 0..500 {
        let provider = provider();
        let meter = provider.meter("m").as_otel();
        let start = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // What holds its provider, as callbacks may, would hold it for ever.
                let held = (Arc::clone(&witness), provider.clone());
                let observe = move |_: &dyn opentelemetry::metrics::AsyncInstrument<u64>| drop(held.clone());
                start.wait();
                meter.u64_observable_gauge("n").with_callback(observe).build();
            });
            start.wait();
            provider.shutdown();
        });
        assert_eq!(Arc::strong_count(&witness), 1);
    }
}
