//! Series that are removed: what becomes of them, of their room, and of measurements made meanwhile.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "support/allocator.rs"]
mod allocator;
mod support;

// Where derived code looks for its traits unless told otherwise: the facade.
extern crate tachograph_sdk as tachograph;

use std::thread;
use std::time::Duration;

use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use opentelemetry::{Context, KeyValue, SpanId, TraceId};
use support::{alone, delta_reader, numbers_of, provider, reports_of, snapshot};
use tachograph_macros::{AttributeValue, Attributes};
use tachograph_sdk::metrics::{MeterProviderBuilder, PointValue};
use tachograph_sdk::testing::ManualClock;
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider, Resource, UpDownCounter};

fn builder() -> MeterProviderBuilder {
    MeterProvider::builder().with_resource(Resource::builder_empty().build())
}

#[test]
fn a_series_that_is_removed_vanishes_and_starts_anew_when_it_returns() {
    let _alone = alone();
    let clock = ManualClock::new(1_000);
    let provider = builder().with_clock(clock.clone()).build();
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("c").build();
    let level: UpDownCounter<i64> = meter.up_down_counter("l").build();
    let gauge: Gauge<f64> = meter.gauge("g").build();
    let histogram: Histogram<f64> = meter.histogram("h").build();
    for channel in ["web", "app"] {
        counter.add(5, &[("channel", channel)]);
        level.add(-2, &[("channel", channel)]);
        gauge.record(7.5, &[("channel", channel)]);
        histogram.record(0.25, &[("channel", channel)]);
    }
    assert!(counter.remove(&[("channel", "web")]));
    assert!(level.remove(&[("channel", "web")]));
    assert!(gauge.remove(&[("channel", "web")]));
    assert!(histogram.remove(&[("channel", "web")]));
    let after = snapshot(&provider);
    for name in ["c", "l", "g", "h"] {
        assert!(after.metric(name).find(&[("channel", "web")]).is_none(), "{name}");
        assert_eq!(after.metric(name).point(&[("channel", "app")]).start_unix_nanos, 1_000);
    }

    clock.advance(Duration::from_nanos(500));
    counter.add(1, &[("channel", "web")]);
    level.add(3, &[("channel", "web")]);
    histogram.record(4.0, &[("channel", "web")]);
    let returned = snapshot(&provider);
    returned.metric("c").assert_value(&[("channel", "web")], 1_u64);
    returned.metric("c").assert_value(&[("channel", "app")], 5_u64);
    returned.metric("l").assert_value(&[("channel", "web")], 3_i64);
    returned.metric("h").assert_histogram(&[("channel", "web")], 1, 4.0);
    let histogram = returned.metric("h").histogram(&[("channel", "web")]);
    assert_eq!((histogram.min(), histogram.max()), (Some(4.0.into()), Some(4.0.into())));
    assert_eq!(returned.metric("c").point(&[("channel", "web")]).start_unix_nanos, 1_500);
    assert!(returned.metric("g").find(&[("channel", "web")]).is_none());
}

#[test]
fn attributes_are_removed_in_whatever_spelling() {
    let _alone = alone();
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    // Learnt in two spellings.
    for _ in 0..20 {
        counter.add(1, &[KeyValue::new("a", "1"), KeyValue::new("b", 2)][..]);
        counter.add(1, &[KeyValue::new("b", 2), KeyValue::new("a", "1")][..]);
        counter.add(1, &[KeyValue::new("a", "0"), KeyValue::new("b", 2)][..]);
    }
    let doubled = [KeyValue::new("b", 7), KeyValue::new("a", "1"), KeyValue::new("b", 2)];
    assert!(counter.remove(&doubled[..]));
    assert!(!counter.remove(&doubled[..]), "it is gone");
    for _ in 0..20 {
        counter.add(1, &[KeyValue::new("b", 2), KeyValue::new("a", "1")][..]);
        counter.add(1, &[KeyValue::new("a", "0"), KeyValue::new("b", 2)][..]);
    }
    let snapshot = snapshot(&provider);
    snapshot.metric("c").assert_series(2);
    snapshot.metric("c").assert_value(&[KeyValue::new("a", "1"), KeyValue::new("b", 2)][..], 20_u64);
    snapshot.metric("c").assert_value(&[KeyValue::new("a", "0"), KeyValue::new("b", 2)][..], 40_u64);
}

#[derive(AttributeValue, Clone, Copy)]
enum Channel {
    Web,
}

#[derive(Attributes)]
struct Dense {
    channel: Channel,
}

#[test]
fn what_handles_have_pinned_stays_until_they_are_gone() {
    let _alone = alone();
    let provider = provider();
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("c").build();
    let bound = counter.bind(&[("a", "1")]);
    let clone = bound.clone();
    let otel = meter.as_otel().u64_counter("c").build().bind(&[KeyValue::new("a", "1")]);
    bound.add(1);
    assert!(!counter.remove(&[("a", "1")]));
    drop(bound);
    assert!(!counter.remove(&[("a", "1")]), "a clone pins it too");
    drop(clone);
    assert!(!counter.remove(&[("a", "1")]), "and the API's handle");
    otel.add(1);
    snapshot(&provider).metric("c").assert_value(&[("a", "1")], 2_u64);
    drop(otel);
    assert!(counter.remove(&[("a", "1")]));
    snapshot(&provider).metric("c").assert_series(0);

    let typed: Counter<u64, Dense> = meter.counter("t").build();
    let untyped: Counter<u64> = meter.counter("t").build();
    typed.add(1, &Dense { channel: Channel::Web });
    typed.add(1, &Dense { channel: Channel::Web });
    assert!(!typed.remove(&Dense { channel: Channel::Web }));
    assert!(!untyped.remove(&[("channel", "web")]));
    drop(typed);
    assert!(untyped.remove(&[("channel", "web")]), "nobody finds it by index any more");
}

#[test]
fn what_there_is_not_cannot_be_removed_and_nor_can_the_overflow_series() {
    let _alone = alone();
    let provider = builder().with_cardinality_limit(1).build();
    let counter: Counter<u64> = provider.meter("m").counter("limited").build();
    assert!(!counter.remove(&[("a", "1")]));
    let reports = reports_of(|| (0..3).for_each(|n| counter.add(1, &[("n", n)])));
    assert_eq!(reports.len(), 1);
    assert!(!counter.remove(&[("otel.metric.overflow", true)]));
    snapshot(&provider).metric("limited").assert_total(3_u64);
}

#[test]
fn the_room_of_removed_series_is_free_for_others() {
    let _alone = alone();
    let provider = builder().with_cardinality_limit(10).build();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    let mut highest = 0;
    for round in 0..100_i64 {
        (0..10).for_each(|n| counter.add(1, &[("n", round * 10 + n)]));
        let collection = provider.reader().collect();
        for metric in collection.metrics() {
            assert!(!metric.overflows());
            let mut series = 0;
            metric.for_each(|point| {
                series += 1;
                highest = highest.max(point.series);
                assert!(matches!(point.value, PointValue::U64(1)), "{point:?}");
            });
            assert_eq!(series, 10);
        }
        drop(collection);
        assert_eq!(provider.account().series, 10);
        assert!((0..10).all(|n| counter.remove(&[("n", round * 10 + n)])));
    }
    // Not always at once: a thread of another test may be in the middle of a record.
    assert!(highest < 84, "numbers are used again: {highest}");
    assert_eq!(provider.account().series, 0);
}

#[test]
fn a_number_means_one_series_while_a_collection_lives() {
    let _alone = alone();
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    (0..4).for_each(|n| counter.add(1, &[("n", n)]));
    let numbers = |collection: &tachograph_sdk::metrics::Collection| {
        let mut numbers = Vec::new();
        let metric = collection.metrics().next().unwrap();
        metric.for_each(|point| numbers.push((point.series, point.attributes.clone())));
        (metric.generation(), numbers)
    };
    let collection = provider.reader().collect();
    let (generation, before) = numbers(&collection);
    assert!(counter.remove(&[("n", 1)]));
    (10..14).for_each(|n| counter.add(1, &[("n", n)]));
    let (same, after) = numbers(&collection);
    assert_eq!(same, generation);
    let kept: Vec<_> = before.into_iter().filter(|(number, _)| *number != 1).collect();
    assert_eq!(after[..3], kept, "those that were there are where they were");
    assert_eq!(after.len(), 7);
    drop(collection);
    counter.add(1, &[("n", 20)]);
    // Not always at once: a thread of another test may be in the middle of a record.
    while numbers(&provider.reader().collect()).0 == generation {
        thread::yield_now();
    }
}

#[test]
fn memory_does_not_grow_with_series_that_come_and_go() {
    let _alone = alone();
    let provider = provider();
    let histogram: Histogram<f64> = provider.meter("m").histogram("h").build();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    let churn = |rounds: std::ops::Range<i64>| {
        for round in rounds {
            let name = format!("series number {round} with a name that is allocated");
            for _ in 0..5 {
                histogram.record(1.0, &[("name", name.as_str())]);
                counter.add(1, &[("name", name.as_str())]);
            }
            assert!(histogram.remove(&[("name", name.as_str())]));
            assert!(counter.remove(&[("name", name.as_str())]));
        }
    };
    churn(0..2_000);
    let (grown, ()) = allocator::bytes_of(|| churn(2_000..12_000));
    assert!(grown < 20_000, "{grown} B for 20,000 series");
    assert_eq!(provider.account().series, 0);
}

#[test]
fn the_exemplars_of_a_removed_series_go_with_it() {
    let _alone = alone();
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    {
        let span = SpanContext::new(
            TraceId::from_bytes([1; 16]),
            SpanId::from_bytes([1; 8]),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        let _span = Context::new().with_remote_span_context(span).attach();
        counter.add(1, &[("a", "1")]);
    }
    assert_eq!(snapshot(&provider).metric("c").point(&[("a", "1")]).exemplars.len(), 1);
    assert!(counter.remove(&[("a", "1")]));
    counter.add(1, &[("a", "2")]);
    assert_eq!(snapshot(&provider).metric("c").point(&[("a", "2")]).exemplars, []);
}

#[test]
fn a_delta_reader_is_given_what_was_recorded_before_a_series_went() {
    let _alone = alone();
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    let reader = delta_reader(&provider);
    let totals = || numbers_of(&reader);
    counter.add(5, &[("a", "1")]);
    assert_eq!(totals(), [5]);
    counter.add(2, &[("a", "1")]);
    assert!(counter.remove(&[("a", "1")]));
    counter.add(1, &[("a", "1")]);
    snapshot(&provider).metric("c").assert_value(&[("a", "1")], 1_u64);
    let mut seen = totals();
    seen.sort_unstable();
    assert_eq!(seen, [1, 2], "of the old series and of the new one");
    assert_eq!(totals(), [0; 0]);
    counter.add(4, &[("a", "1")]);
    assert_eq!(totals(), [4]);
}

#[test]
fn any_number_that_a_slow_delta_reader_holds_back_goes_once_it_has_collected() {
    let _alone = alone();
    const SERIES: i64 = 20_000;
    let provider = builder().with_cardinality_limit(2 * SERIES as usize).build();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    let reader = delta_reader(&provider);
    (0..SERIES).for_each(|n| counter.add(1, &[("n", n)]));
    (0..SERIES).for_each(|n| assert!(counter.remove(&[("n", n)])));
    counter.add(1, &[("n", -1)]);
    assert_eq!(snapshot(&provider).metric("c").points().len(), 1, "none that has gone is shown");
    assert_eq!(numbers_of(&reader).len(), SERIES as usize + 1, "but to the reader that has not had them");
    assert_eq!(numbers_of(&reader), [0; 0]);
    // Their places are others' now: else there would be no room for these.
    (0..2 * SERIES - 1).for_each(|n| counter.add(1, &[("other", n)]));
    assert_eq!((provider.account().series, provider.account().overflowed), (2 * SERIES as u64, 0));
}
