//! Readers are cumulative, several at once, and every series knows since when.

mod support;

use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use opentelemetry::KeyValue;
use support::{provider, snapshot};
use tachograph_sdk::testing::{InMemoryReader, ManualClock};
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider, Resource};

#[test]
fn readers_are_cumulative_and_independent_of_each_other() {
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    let first = InMemoryReader::new(&provider);
    counter.add(1, &());
    assert_eq!(first.snapshot().metric("n").value(&()), 1);
    let second = InMemoryReader::new(&provider);
    counter.add(2, &());
    for reader in [&first, &second, &first] {
        assert_eq!(reader.snapshot().metric("n").value(&()), 3);
    }
}

#[test]
fn collections_of_one_reader_may_overlap() {
    let provider = provider();
    let histogram: Histogram<u64> = provider.meter("m").histogram("n").build();
    let reader = provider.reader();
    histogram.record(1, &());
    let collections: Vec<_> = (0..10).map(|_| reader.collect()).collect();
    for collection in &collections {
        let mut points = 0;
        collection.metrics().for_each(|metric| metric.for_each(|_| points += 1));
        assert_eq!(points, 1);
    }
    thread::scope(|scope| {
        for collection in &collections {
            scope.spawn(|| collection.metrics().for_each(|metric| metric.for_each(|_| {})));
        }
    });
}

#[test]
fn histograms_may_be_visited_one_inside_the_other() {
    let provider = provider();
    for name in ["a", "b"] {
        let histogram: Histogram<f64> = provider.meter("m").histogram(name).build();
        histogram.record(1.0, &());
        histogram.record(2.0, &[("k", "v")]);
    }
    let collection = provider.reader().collect();
    let mut visits = 0;
    for outer in collection.metrics() {
        outer.for_each(|_| collection.metrics().for_each(|inner| inner.for_each(|_| visits += 1)));
    }
    assert_eq!(visits, 16);
}

#[test]
fn a_visit_may_record_and_make_series_and_instruments() {
    let provider = provider();
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("n").build();
    counter.add(1, &[("n", 0)]);
    let collection = provider.reader().collect();
    let mut visited = 0;
    for metric in collection.metrics() {
        metric.for_each(|point| {
            visited += 1;
            counter.add(1, &[("n", point.series as i64 + 1)]);
            meter.counter(format!("n{visited}")).build::<u64, tachograph_sdk::Dynamic>().add(1, &());
        });
    }
    assert_eq!(visited, 1, "a visit has an end");
    assert_eq!(snapshot(&provider).metrics().len(), 2);
}

#[test]
fn a_visit_can_be_broken_off_and_begun_again() {
    let provider = provider();
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("counter").build();
    let gauge: Gauge<i64> = meter.gauge("gauge").build();
    let histogram: Histogram<u64> = meter.histogram("histogram").build();
    for n in 0..5 {
        counter.add(1, &[("n", n)]);
        gauge.record(n, &[("n", n)]);
        histogram.record(1, &[("n", n)]);
    }
    let observe = |observer: &dyn opentelemetry::metrics::AsyncInstrument<u64>| {
        (0..5).for_each(|n| observer.observe(1, &[KeyValue::new("n", n)]));
    };
    meter.as_otel().u64_observable_counter("observed").with_callback(observe).build();
    let collection = provider.reader().collect();
    for metric in collection.metrics() {
        for until in [2, 5] {
            let mut visited = 0;
            let flow = metric.try_for_each(|_| {
                visited += 1;
                if visited == until { ControlFlow::Break(until) } else { ControlFlow::Continue(()) }
            });
            assert_eq!((flow, visited), (ControlFlow::Break(until), until), "{metric:?}");
        }
    }
}

#[test]
fn ids_of_metrics_and_series_stay_the_same_and_have_no_gaps() {
    let provider = provider();
    let meter = provider.meter("m");
    let reader = InMemoryReader::new(&provider);
    let mut known: Vec<(String, usize, String)> = Vec::new();
    for round in 0..5 {
        for n in 0..=round {
            let counter: Counter<u64> = meter.counter(format!("n{n}")).build();
            counter.add(1, &[("round", round)]);
        }
        let collection = provider.reader().collect();
        assert!(collection.metrics().enumerate().all(|(at, metric)| metric.id() == at));
        let now: Vec<_> = reader
            .snapshot()
            .metrics()
            .iter()
            .flat_map(|metric| {
                metric
                    .points()
                    .iter()
                    .map(|p| (metric.name().to_owned(), p.series, format!("{:?}", p.attributes)))
            })
            .collect();
        assert!(known.iter().all(|point| now.contains(point)), "{known:?} {now:?}");
        known = now;
    }
}

fn timed(clock: &ManualClock) -> MeterProvider {
    MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_clock(clock.clone())
        .build()
}

#[test]
fn a_series_starts_when_it_is_first_recorded_and_never_again() {
    let clock = ManualClock::new(1_000);
    let provider = timed(&clock);
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    clock.advance(Duration::from_nanos(500));
    counter.add(1, &[("n", 1)]);
    clock.set(2_000);
    counter.bind(&[("n", 2)]);
    counter.add(1, &[("n", 1)]);
    clock.set(3_000);
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.unix_nanos(), 3_000);
    let start = |n: i64| snapshot.metric("n").point(&[("n", n)]).start_unix_nanos;
    assert_eq!((start(1), start(2)), (1_500, 2_000));
}

#[test]
fn what_is_observed_started_with_its_instrument() {
    let clock = ManualClock::new(1_000);
    let provider = timed(&clock);
    let meter = provider.meter("m").as_otel();
    meter.u64_observable_counter("n").with_callback(|observer| observer.observe(1, &[])).build();
    for now in [2_000, 3_000] {
        clock.set(now);
        let snapshot = snapshot(&provider);
        assert_eq!(snapshot.unix_nanos(), now);
        assert_eq!(snapshot.metric("n").point(&()).start_unix_nanos, 1_000);
    }
}

#[test]
fn what_is_observed_later_started_with_the_collection_before() {
    let clock = ManualClock::new(1_000);
    let provider = timed(&clock);
    let of_callback = clock.clone();
    let observe = move |observer: &dyn opentelemetry::metrics::AsyncInstrument<u64>| {
        observer.observe(1, &[KeyValue::new("n", 1)]);
        if tachograph_sdk::Clock::unix_nanos(&of_callback) >= 3_000 {
            observer.observe(1, &[KeyValue::new("n", 2)]);
        }
    };
    provider.meter("m").as_otel().u64_observable_counter("n").with_callback(observe).build();
    for now in [1_500, 2_000, 3_000, 4_000] {
        clock.set(now);
        let snapshot = snapshot(&provider);
        let start = |n: i64| snapshot.metric("n").find(&[("n", n)]).map(|point| point.start_unix_nanos);
        assert_eq!((start(1), start(2)), (Some(1_000), (now >= 3_000).then_some(2_000)));
    }
}

#[test]
fn a_clock_that_is_set_back_does_no_harm() {
    let clock = ManualClock::new(u64::MAX);
    let provider = timed(&clock);
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    counter.add(1, &());
    clock.advance(Duration::MAX);
    clock.set(0);
    counter.add(1, &[("n", 1)]);
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.unix_nanos(), 0);
    assert_eq!(snapshot.metric("n").point(&()).start_unix_nanos, u64::MAX);
    snapshot.metric("n").assert_total(2);
}

#[test]
fn collections_end_while_series_and_instruments_appear_without_pause() {
    let provider = provider();
    let meter = provider.meter("m");
    let stop = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0_i64;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let counter: Counter<u64> = meter.counter(format!("n{}", n % 100)).build();
                counter.add(1, &[("n", n)]);
                n += 1;
            }
        });
        let reader = InMemoryReader::new(&provider);
        for _ in 0..100 {
            for metric in reader.snapshot().metrics() {
                assert!(metric.points().iter().enumerate().all(|(at, point)| point.series == at));
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn a_visit_in_parts_sees_every_series_once() {
    let provider = MeterProvider::new();
    let meter = provider.meter("parts");
    let counter: Counter<u64> = meter.counter("counter").build();
    let gauge: Gauge<f64> = meter.gauge("gauge").build();
    let histogram: Histogram<f64> = meter.histogram("histogram").build();
    for n in 0..100 {
        counter.add(1, &[("n", n)]);
        gauge.record(1.0, &[("n", n)]);
        histogram.record(1.0, &[("n", n)]);
    }
    let _observed = meter
        .as_otel()
        .u64_observable_gauge("observed")
        .with_callback(|observer| {
            for n in 0..100 {
                observer.observe(1, &[KeyValue::new("n", n)]);
            }
        })
        .build();
    let collection = provider.reader().collect();
    for id in 0..4 {
        let metric = collection.metric(id).expect("a metric");
        let (mut seen, mut first) = (Vec::new(), 0);
        while metric
            .try_for_each_from(first, |point| {
                seen.push(point.series);
                first = point.series + 1;
                if point.series % 7 == 6 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .is_break()
        {}
        assert_eq!(seen, (0..100).collect::<Vec<_>>(), "{}", metric.name());
    }
    assert!(collection.metric(4).is_none());
}
