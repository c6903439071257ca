//! Numbers that are visited some at a time are those that are visited one by one.

mod support;

use std::ops::ControlFlow;
use std::thread;

use opentelemetry::KeyValue;
use support::{delta_reader, provider};
use tachograph_sdk::metrics::{Collection, ExemplarFilter, Metric, Point};
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider, UpDownCounter};

/// More than are read at a time, in several segments of the series and several blocks of cells.
const SERIES: i64 = 1_500;

/// What is to be seen of points.
fn seen(point: Point<'_>) -> String {
    let Point { series, attributes, start_unix_nanos, value, .. } = point;
    format!("{series} {attributes:?} {start_unix_nanos} {value:?}")
}

fn one_by_one(metric: &Metric<'_>, first: usize) -> Vec<String> {
    let mut all = Vec::new();
    let _ = metric.try_for_each_from(first, |point| {
        all.push(seen(point));
        ControlFlow::<()>::Continue(())
    });
    all
}

fn some_at_a_time(metric: &Metric<'_>, first: usize) -> Option<Vec<String>> {
    let mut numbers = metric.numbers_from(first)?;
    let mut all = Vec::new();
    while numbers.advance() {
        all.extend(numbers.points().map(seen));
    }
    assert!(!numbers.advance() && numbers.points().count() == 0, "the end stays the end");
    Some(all)
}

fn metric<'a>(collection: &'a Collection, name: &str) -> Metric<'a> {
    collection.metrics().find(|metric| metric.name() == name).expect(name)
}

#[test]
fn numbers_are_the_same_whether_they_are_visited_one_by_one_or_some_at_a_time() {
    let provider = provider();
    let meter = provider.meter("m");
    let sum: Counter<u64> = meter.counter("sum").build();
    let other: Counter<f64> = meter.counter("other").build();
    let balance: UpDownCounter<i64> = meter.up_down_counter("balance").build();
    let level: Gauge<f64> = meter.gauge("level").build();
    let record = |from: i64| {
        for number in from..SERIES {
            let attributes = [KeyValue::new("number", number)];
            sum.add(number as u64, &attributes);
            other.add(number as f64 / 4.0, &attributes);
            balance.add(-number, &attributes);
            // Of some there is a series and no value.
            match number % 3 {
                0 => drop(level.bind(&attributes)),
                _ => level.record(number as f64, &attributes),
            }
        }
    };
    // Threads that have cells of the first series alone, of the last alone, and of all.
    record(0);
    thread::scope(|scope| [0, 900, SERIES - 1].map(|from| scope.spawn(move || record(from))).map(drop));
    let collection = provider.reader().collect();
    for (name, points) in [("sum", 1_500), ("other", 1_500), ("balance", 1_500), ("level", 1_000)] {
        let metric = metric(&collection, name);
        let all = some_at_a_time(&metric, 0).unwrap();
        assert_eq!(all.len(), points, "{name}");
        assert_eq!(all, one_by_one(&metric, 0), "{name}");
        for first in [1, 7, 8, 33, 503, 504, 1_499, 1_500, 9_999] {
            assert_eq!(
                some_at_a_time(&metric, first).unwrap(),
                one_by_one(&metric, first),
                "{name} from {first}"
            );
        }
    }
    assert!(one_by_one(&metric(&collection, "sum"), 1_499)[0].ends_with("U64(5996)"), "of four threads");
}

#[test]
fn what_is_no_number_or_not_recorded_or_not_cumulative_or_has_exemplars_is_visited_one_by_one() {
    let provider = MeterProvider::builder().with_exemplar_filter(ExemplarFilter::AlwaysOn).build();
    let meter = provider.meter("m");
    let histogram: Histogram<f64> = meter.histogram("histogram").build();
    let _observed = meter
        .as_otel()
        .u64_observable_counter("observed")
        .with_callback(|observer| observer.observe(3, &[]))
        .build();
    let sum: Counter<u64> = meter.counter("sum").build();
    let bound = sum.bind(&());
    histogram.record(1.0, &());
    let reader = provider.reader();
    let is_there = |collection: &Collection, name| metric(collection, name).numbers_from(0).is_some();
    let collection = reader.collect();
    assert!(is_there(&collection, "sum"));
    assert!(!is_there(&collection, "histogram"));
    assert!(!is_there(&collection, "observed"));
    assert!(!is_there(&delta_reader(&provider).collect(), "sum"));
    drop(collection);
    // One measurement in so many is looked at.
    (0..5_000).for_each(|_| bound.add(1));
    let collection = reader.collect();
    let mut exemplars = 0;
    metric(&collection, "sum").for_each(|point| exemplars += point.exemplars().len());
    assert_eq!((exemplars, is_there(&collection, "sum")), (1, false));
}
