//! What becomes of measurements when the process's cells are used up.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "../../../../tests/support/mod.rs"]
mod support;

use std::thread;

use opentelemetry::KeyValue;
use support::{only, provider, reports_of};

use crate::attributes::{Attributes, KeyRef, ValueRef};
use crate::cells::scarce::{with_places, with_words, words_left};
use crate::cells::{LAST_VALUE_WIDTH, SUM_WIDTH, exponential, histogram};
use crate::metrics::{CardinalityOverflow, MeterProvider, OVERFLOW_ATTRIBUTE, TemporalityPreference, View};
use crate::resource::Resource;
use crate::self_metrics;
use crate::testing::{InMemoryReader, MetricsSnapshot};
use crate::typed::{Counter, Gauge, Histogram, UpDownCounter};

const OVERFLOW: [(&str, bool); 1] = [(OVERFLOW_ATTRIBUTE, true)];

/// Typed attributes that are found by index, if they say so.
struct Typed<const CARDINALITY: usize>(i64);

impl<const CARDINALITY: usize> Attributes for Typed<CARDINALITY> {
    const CARDINALITY: Option<usize> = if CARDINALITY == 0 { None } else { Some(CARDINALITY) };

    fn index(&self) -> usize {
        self.0 as usize
    }

    fn visit<'a>(&'a self, mut visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {
        visitor(KeyRef::from_static("n"), ValueRef::I64(self.0));
    }
}

/// Ways to record one in a counter of some name, in the set of a number below four; each of what outlives one measurement.
type Way = fn(&MeterProvider, &'static str) -> Box<dyn Fn(i64) + Send + Sync>;

fn key_value(n: i64) -> [KeyValue; 1] {
    [KeyValue::new("n", n)]
}

const WAYS: [(&str, Way); 8] = [
    ("borrowed", |provider, name| {
        let counter: Counter<u64> = provider.meter("m").counter(name).build();
        Box::new(move |n| counter.add(1, &[("n", n)]))
    }),
    ("dynamic", |provider, name| {
        let counter: Counter<u64> = provider.meter("m").counter(name).build();
        Box::new(move |n| counter.add(1, &key_value(n)))
    }),
    ("api", |provider, name| {
        let counter = provider.meter("m").as_otel().u64_counter(name).build();
        Box::new(move |n| counter.add(1, &key_value(n)))
    }),
    ("api bound", |provider, name| {
        let counter = provider.meter("m").as_otel().u64_counter(name).build();
        let bound = [0, 1, 2, 3].map(|n| counter.bind(&key_value(n)));
        Box::new(move |n| bound[n as usize].add(1))
    }),
    ("bound", |provider, name| {
        let counter: Counter<u64> = provider.meter("m").counter(name).build();
        let bound = [0, 1, 2, 3].map(|n| counter.bind(&key_value(n)));
        Box::new(move |n| bound[n as usize].add(1))
    }),
    ("typed by index", |provider, name| {
        let counter: Counter<u64, Typed<4>> = provider.meter("m").counter(name).build();
        Box::new(move |n| counter.add(1, &Typed(n)))
    }),
    ("typed without index", |provider, name| {
        let counter: Counter<u64, Typed<0>> = provider.meter("m").counter(name).build();
        Box::new(move |n| counter.add(1, &Typed(n)))
    }),
    ("filtered", |provider, name| {
        let counter: Counter<u64> = provider.meter("filtered").counter(name).build();
        Box::new(move |n| counter.add(1, &[("n", n), ("left out", 7)]))
    }),
];

fn with_views() -> MeterProvider {
    MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_view(View::all().for_scope("filtered").without_attributes(["left out"]))
        .build()
}

#[test]
fn what_finds_no_cells_is_counted_exactly_in_every_way_to_record() {
    for (way, make) in WAYS {
        let provider = with_views();
        with_words(2 * SUM_WIDTH, || {
            let add = make(&provider, "c");
            for _ in 0..3 {
                (0..4).for_each(&add);
            }
        });
        let metric = MetricsSnapshot::of(&provider).metric("c").clone();
        metric.assert_series(2);
        metric.assert_total(6_u64);
        let account = provider.account();
        assert_eq!((account.lost, account.overflowed, account.refused), (6, 0, 0), "{way}");
        assert!(account.to_string().ends_with("; 6 lost, for there were no cells left"), "{account}");
    }
}

#[test]
fn what_was_lost_for_a_time_is_kept_again_once_cells_are_given_back() {
    for (way, make) in WAYS {
        let provider = with_views();
        with_words(2 * SUM_WIDTH, || {
            let other: Counter<u64> = provider.meter("m").counter("other").build();
            other.add(1, &[("goes", 1)]);
            let add = make(&provider, "c");
            (0..3).for_each(&add);
            assert_eq!(provider.account().lost, 2, "{way}");
            assert!(other.remove(&[("goes", 1)]));
            add(1);
            assert_eq!(provider.account().lost, 3, "{way}: it is asked for again after a collection");
            // What was removed leaves its cells as soon as no thread is in the middle of a record.
            while words_left() == 0 {
                drop(MetricsSnapshot::of(&provider));
            }
            drop(MetricsSnapshot::of(&provider));
            add(1);
            add(1);
            assert_eq!(provider.account().lost, 3, "{way}");
            MetricsSnapshot::of(&provider).metric("c").assert_value(&[("n", 1)], 2_u64);
        });
    }
}

#[test]
fn all_kinds_of_cells_run_out_alike_and_wide_ones_first() {
    let widths =
        [SUM_WIDTH, LAST_VALUE_WIDTH, exponential::WIDTH, histogram::width(16), histogram::width(1_001)];
    for (kind, width) in widths.into_iter().enumerate() {
        let provider = provider();
        let meter = provider.meter("m");
        let record: Box<dyn Fn(i64)> = match kind {
            0 => {
                let it: UpDownCounter<f64> = meter.up_down_counter("it").build();
                Box::new(move |n| it.add(-0.5, &[("n", n)]))
            }
            1 => {
                let it: Gauge<i64> = meter.gauge("it").build();
                Box::new(move |n| it.record(7, &[("n", n)]))
            }
            2 => {
                let it: Histogram<f64> = meter.histogram("it").with_exponential_buckets().build();
                Box::new(move |n| it.record(1.5, &[("n", n)]))
            }
            _ => {
                let bounds: Vec<f64> = (0..if kind == 3 { 15 } else { 1_000 }).map(f64::from).collect();
                let it: Histogram<u64> = meter.histogram("it").with_boundaries(bounds).build();
                Box::new(move |n| it.record(7, &[("n", n)]))
            }
        };
        // For three rows, but not for one more.
        with_words(4 * width - 1, || {
            for _ in 0..5 {
                (0..5).for_each(&record);
            }
            // There is room for what is narrower.
            if width > SUM_WIDTH {
                let counter: Counter<u64> = meter.counter("narrow").build();
                counter.add(1, &());
            }
        });
        let snapshot = MetricsSnapshot::of(&provider);
        snapshot.metric("it").assert_series(3);
        assert_eq!(provider.account().lost, 5 * 2, "{kind}");
        if kind >= 2 {
            assert_eq!(snapshot.metric("it").count(), 5 * 3, "{kind}");
        }
        if width > SUM_WIDTH {
            snapshot.metric("narrow").assert_value(&(), 1_u64);
        }
    }
}

#[test]
fn where_there_is_an_overflow_series_nothing_is_lost() {
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("used.up").build();
    counter.add(1, &[("n", -1)]);
    counter.add(1, &OVERFLOW);
    let reports = reports_of(|| {
        // Not even for the count of what overflows.
        with_words(0, || {
            for _ in 0..3 {
                (-1..4).for_each(|n| counter.add(1, &[("n", n)]));
                drop(MetricsSnapshot::of(&provider));
            }
        });
    });
    let metric = MetricsSnapshot::of(&provider).metric("used.up").clone();
    metric.assert_value(&[("n", -1)], 4_u64);
    metric.assert_value(&OVERFLOW, 13_u64);
    metric.assert_series(2);
    let account = provider.account();
    assert_eq!((account.lost, account.overflowed), (0, 12));
    let message = &only(&reports, "series.used_up").message;
    assert!(message.contains("\"used.up\" of scope \"m\"") && !message.contains("limit of"), "{message}");
    counter.add(1, &[("n", 4)]);
    MetricsSnapshot::of(&provider).metric("used.up").assert_value(&[("n", 4)], 1_u64);
}

#[test]
fn the_first_loss_of_an_instrument_is_reported_with_what_to_do() {
    let provider = provider();
    let histogram: Histogram<f64> = provider.meter("m").histogram("lost.reported").build();
    let reports = reports_of(|| with_words(0, || (0..100).for_each(|n| histogram.record(1.0, &[("n", n)]))));
    let message = &only(&reports, "measurement.lost").message;
    for part in
        ["\"lost.reported\" of scope \"m\"", "tachograph.measurement.lost", "drop attributes with views"]
    {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn no_series_is_lost_or_made_up_where_the_limit_is_met_too() {
    let provider = MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_cardinality_limit(2)
        .build();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    with_words(2 * SUM_WIDTH, || (0..5).for_each(|n| counter.add(1, &[("n", n)])));
    assert_eq!(provider.account().lost, 3, "there was no room for an overflow series");
    counter.add(1, &[("n", 5)]);
    assert_eq!(provider.account().lost, 4);
    drop(MetricsSnapshot::of(&provider));
    (5..7).for_each(|n| counter.add(1, &[("n", n)]));
    let metric = MetricsSnapshot::of(&provider).metric("c").clone();
    metric.assert_series(3);
    metric.assert_value(&OVERFLOW, 2_u64);
    assert_eq!((provider.account().lost, provider.account().overflowed), (4, 2));
}

#[test]
fn what_is_folded_is_decided_at_the_limit_and_then_runs_out_like_all_else() {
    let provider = MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_cardinality_limit(4)
        .with_cardinality_overflow(CardinalityOverflow::FoldAttribute)
        .build();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    let add = |method: i64, user: i64| counter.add(1, &[("method", method), ("user", user)]);
    with_words(SUM_WIDTH, || (0..4).for_each(|user| add(0, user)));
    assert_eq!((provider.account().lost, provider.account().overflowed), (3, 0));
    drop(MetricsSnapshot::of(&provider));
    (0..4).for_each(|user| add(0, user));
    // At the limit now: a place for one method is made, for another there is none.
    with_words(SUM_WIDTH, || {
        (4..8).for_each(|user| add(0, user));
        (4..8).for_each(|user| add(1, user));
        add(0, 9);
    });
    let account = provider.account();
    assert_eq!((account.lost, account.overflowed), (3 + 4, 5));
    drop(MetricsSnapshot::of(&provider));
    add(1, 9);
    let metric = MetricsSnapshot::of(&provider).metric("c").clone();
    let folded = |method: i64| [KeyValue::new("method", method), KeyValue::new("user", "other")];
    metric.assert_value(&folded(0), 5_u64);
    metric.assert_value(&folded(1), 1_u64);
    assert!(metric.find(&OVERFLOW).is_none());
}

#[test]
fn each_stream_counts_for_itself_and_the_metrics_say_of_which_instrument() {
    let provider = MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_view(View::of("it").with_name("first"))
        .with_view(View::of("it").with_name("second").with_cardinality_limit(1_000))
        .with_view(View::of("dropped").dropped())
        .build();
    let reader = InMemoryReader::new(&provider);
    self_metrics::observe_metrics(&provider.meter("tachograph").as_otel(), &provider);
    reader.snapshot().assert_absent("tachograph.measurement.lost");
    for bound in [false, true] {
        let counter: Counter<u64> = provider.meter("m").counter("it").build();
        let dropped: Counter<u64> = provider.meter("m").counter("dropped").build();
        with_words(if bound { 0 } else { 3 * SUM_WIDTH }, || {
            for n in 0..4 {
                if bound {
                    counter.bind(&[("n", 10 + n)]).add(1);
                    dropped.bind(&[("n", n)]).add(1);
                } else {
                    counter.add(1, &[("n", n)]);
                    dropped.add(1, &[("n", n)]);
                }
            }
        });
    }
    let snapshot = reader.snapshot();
    let lost = snapshot.metric("tachograph.measurement.lost");
    let name = |name: &'static str| [("tachograph.instrument.name", name)];
    lost.assert_value(&name("first"), 2 + 4_u64);
    lost.assert_value(&name("second"), 3 + 4_u64);
    lost.assert_series(2);
    assert_eq!(provider.account().lost, 13);
}

#[test]
fn a_reader_that_comes_late_finds_what_handles_without_a_row_record() {
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    let bound = with_words(0, || counter.bind(&[("n", 1)]));
    let late = provider
        .reader_builder()
        .with_temporality(TemporalityPreference::Delta)
        .with_cardinality_limit(7)
        .build();
    // After which cells are asked for again.
    drop(MetricsSnapshot::of(&provider));
    bound.add(1);
    let clone = bound.clone();
    with_words(0, || clone.add(2));
    assert_eq!(provider.account().lost, 0);
    let snapshot = InMemoryReader::of(late).snapshot();
    snapshot.metric("c").assert_value(&[("n", 1)], 3_u64);
    MetricsSnapshot::of(&provider).metric("c").assert_value(&[("n", 1)], 3_u64);
}

#[test]
fn threads_that_run_out_together_lose_nothing_uncounted() {
    const THREADS: i64 = 4;
    const EACH: i64 = 3_000;
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let counter = &counter;
            scope.spawn(move || {
                with_words(3 * SUM_WIDTH, || {
                    (0..EACH).for_each(|n| counter.add(1, &[("n", (n + thread) % 50)]));
                });
            });
        }
        (0..50).for_each(|_| drop(MetricsSnapshot::of(&provider)));
    });
    let kept = MetricsSnapshot::of(&provider).metric("c").total().as_f64() as u64;
    let account = provider.account();
    assert!(account.lost > 0);
    assert_eq!(kept + account.lost, (THREADS * EACH) as u64);
}

#[test]
fn what_is_observed_and_finds_no_place_is_counted_and_reported_until_there_are_places_again() {
    let provider = provider();
    let api = provider.meter("m").as_otel();
    let observed = api.u64_observable_counter("observed.without_place");
    let observed = observed.with_callback(|observer| (0..5).for_each(|n| observer.observe(7, &key_value(n))));
    observed.build();
    let reports = reports_of(|| {
        with_places(2, || {
            for collection in 1..=3 {
                let snapshot = MetricsSnapshot::of(&provider);
                snapshot.metric("observed.without_place").assert_series(2);
                snapshot.metric("observed.without_place").assert_total(2 * 7_u64);
                assert_eq!((provider.account().lost, provider.account().overflowed), (collection * 3, 0));
            }
        });
    });
    let message = &only(&reports, "measurement.lost").message;
    assert!(message.contains("\"observed.without_place\" of scope \"m\""), "{message}");
    let snapshot = MetricsSnapshot::of(&provider);
    snapshot.metric("observed.without_place").assert_series(5);
    assert_eq!(provider.account().lost, 9);
}

#[test]
fn the_last_place_is_that_of_the_overflow_series_and_then_nothing_is_lost() {
    let provider = MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_cardinality_limit(2)
        .build();
    let observed = provider.meter("m").as_otel();
    let observed = observed.u64_observable_counter("observed");
    observed.with_callback(|observer| (0..5).for_each(|n| observer.observe(7, &key_value(n)))).build();
    with_places(3, || {
        let snapshot = MetricsSnapshot::of(&provider);
        snapshot.metric("observed").assert_series(3);
        snapshot.metric("observed").assert_value(&OVERFLOW, 3 * 7_u64);
    });
    assert_eq!((provider.account().lost, provider.account().overflowed), (0, 3));
}

#[test]
fn who_finds_no_place_gives_its_cells_back() {
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    with_words(10 * SUM_WIDTH, || {
        with_places(1, || (0..4).for_each(|n| counter.add(1, &[("n", n)])));
        assert_eq!(words_left(), 9 * SUM_WIDTH);
    });
    assert_eq!(provider.account().lost, 3);
}
