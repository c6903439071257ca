//! Delta readers: what each gives adds up to what a cumulative one shows, whatever their intervals.

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use proptest::prelude::*;
use support::{provider, snapshot};
use tachograph_sdk::metrics::{
    Aggregation, ExponentialBuckets, InstrumentKind, MetricReader, NumberValue, Temporality,
    TemporalityPreference, View,
};
use tachograph_sdk::testing::{InMemoryReader, ManualClock, MetricsSnapshot, ValueSnapshot};
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider, Resource, UpDownCounter};

fn delta(provider: &MeterProvider) -> InMemoryReader {
    InMemoryReader::of(provider.reader_builder().with_temporality(TemporalityPreference::Delta).build())
}

/// What collections gave, added up by metric and series as who receives them would.
#[derive(Clone, Debug, Default, PartialEq)]
struct Total {
    sum: i128,
    float: f64,
    zero: u64,
    /// By index: of the buckets, or of those of an exponential histogram at its smallest scale.
    buckets: BTreeMap<i64, u64>,
    negative: BTreeMap<i64, u64>,
    scale: Option<i32>,
}

impl Total {
    fn add_number(&mut self, number: NumberValue) {
        match number {
            NumberValue::U64(number) => self.sum += i128::from(number),
            NumberValue::I64(number) => self.sum += i128::from(number),
            NumberValue::F64(number) => self.float += number,
        }
    }

    fn lower_to(&mut self, scale: i32) {
        let steps = self.scale.map_or(0, |own| own - scale);
        self.scale = Some(scale);
        for side in [&mut self.buckets, &mut self.negative] {
            let old = std::mem::take(side);
            old.into_iter().for_each(|(index, count)| *side.entry(index >> steps).or_default() += count);
        }
    }

    fn add(&mut self, value: &ValueSnapshot) {
        match value {
            ValueSnapshot::Number(number) => self.add_number(*number),
            ValueSnapshot::Histogram(point) => {
                self.add_number(point.sum());
                assert_eq!(point.count(), point.bucket_counts().iter().sum::<u64>());
                for (index, count) in (0..).zip(point.bucket_counts()) {
                    *self.buckets.entry(index).or_default() += count;
                }
            }
            ValueSnapshot::ExponentialHistogram(point) => {
                self.add_number(point.sum());
                self.zero += point.zero_count();
                let scale = self.scale.map_or(point.scale(), |own| own.min(point.scale()));
                self.lower_to(scale);
                let by = point.scale() - scale;
                let each = |buckets: &ExponentialBuckets, side: &mut BTreeMap<i64, u64>| {
                    let first = i64::from(buckets.offset());
                    for (index, count) in (first..).zip(buckets.counts()) {
                        *side.entry(index >> by).or_default() += count;
                    }
                };
                each(point.positive(), &mut self.buckets);
                each(point.negative(), &mut self.negative);
            }
            other => panic!("{other:?}"),
        }
        self.buckets.retain(|_, count| *count > 0);
        self.negative.retain(|_, count| *count > 0);
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Totals(BTreeMap<(String, String), Total>);

impl Totals {
    fn add(&mut self, snapshot: &MetricsSnapshot) {
        for metric in snapshot.metrics() {
            for point in metric.points() {
                let key = (metric.name().to_owned(), format!("{:?}", point.attributes));
                self.0.entry(key).or_default().add(&point.value);
            }
        }
    }

    fn of(snapshot: &MetricsSnapshot) -> Self {
        let mut totals = Totals::default();
        totals.add(snapshot);
        totals
    }

    /// The same, of exponential histograms at the scales of others.
    fn at_scales_of(mut self, others: &Totals) -> Self {
        for (key, total) in &mut self.0 {
            if let Some(scale) = others.0.get(key).and_then(|other| other.scale) {
                total.lower_to(scale);
            }
        }
        self
    }

    fn without_empty(mut self) -> Self {
        let is_empty = |total: &Total| Total { scale: None, ..total.clone() } == Total::default();
        self.0.retain(|_, total| !is_empty(total));
        self
    }
}

#[test]
fn a_delta_reader_gives_what_is_new_and_leaves_out_what_is_not() {
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    let reader = delta(&provider);
    counter.add(2, &[("k", "a")]);
    counter.add(3, &[("k", "b")]);
    let first = reader.snapshot();
    assert_eq!(first.metric("n").temporality(), Temporality::Delta);
    first.metric("n").assert_value(&[("k", "a")], 2);
    first.metric("n").assert_value(&[("k", "b")], 3);
    counter.add(4, &[("k", "b")]);
    let second = reader.snapshot();
    second.metric("n").assert_series(1);
    second.metric("n").assert_value(&[("k", "b")], 4);
    reader.snapshot().assert_absent("n");
    assert_eq!(snapshot(&provider).metric("n").temporality(), Temporality::Cumulative);
    snapshot(&provider).metric("n").assert_total(9);
}

#[test]
fn preferences_have_the_temporality_of_each_kind_that_the_specification_says() {
    use InstrumentKind as K;
    use TemporalityPreference as P;
    for kind in K::ALL {
        let is_delta = |preference: P| preference.of(kind) == Temporality::Delta;
        assert!(!is_delta(P::Cumulative));
        assert_eq!(is_delta(P::Delta), matches!(kind, K::Counter | K::Histogram | K::ObservableCounter));
        assert_eq!(is_delta(P::LowMemory), matches!(kind, K::Counter | K::Histogram));
    }
    let provider = provider();
    let reader = provider
        .reader_builder()
        .with_temporality(P::LowMemory)
        .with_temporality_of(K::UpDownCounter, Temporality::Delta)
        .build();
    assert_eq!(reader.temporality(K::UpDownCounter), Temporality::Delta);
    assert_eq!(reader.temporality(K::Counter), Temporality::Delta);
    assert_eq!(reader.temporality(K::ObservableCounter), Temporality::Cumulative);
}

#[test]
fn up_down_counters_are_cumulative_and_gauges_are_always_there_under_the_delta_preference() {
    let provider = provider();
    let meter = provider.meter("m");
    let up_down: UpDownCounter<i64> = meter.up_down_counter("up").build();
    let gauge: Gauge<u64> = meter.gauge("gauge").build();
    let reader = delta(&provider);
    up_down.add(5, &());
    gauge.record(7, &());
    reader.snapshot();
    up_down.add(-2, &());
    let second = reader.snapshot();
    second.metric("up").assert_value(&(), 3);
    second.metric("gauge").assert_value(&(), 7);
    let all = provider
        .reader_builder()
        .with_temporality_of(InstrumentKind::UpDownCounter, Temporality::Delta)
        .with_temporality_of(InstrumentKind::Gauge, Temporality::Delta)
        .build();
    let all = InMemoryReader::of(all);
    all.snapshot();
    up_down.add(-2, &());
    let second = all.snapshot();
    second.metric("up").assert_value(&(), -2);
    second.metric("gauge").assert_value(&(), 7);
    assert_eq!(second.metric("gauge").temporality(), Temporality::Cumulative);
}

#[test]
fn observable_counters_give_the_difference_of_what_was_observed() {
    let provider = provider();
    let (value, observed) = (Arc::new(AtomicU64::new(10)), Arc::new(AtomicBool::new(true)));
    let (of_callback, is_observed) = (Arc::clone(&value), Arc::clone(&observed));
    let observe = move |observer: &dyn opentelemetry::metrics::AsyncInstrument<u64>| {
        if is_observed.load(Ordering::Relaxed) {
            observer.observe(of_callback.load(Ordering::Relaxed), &[]);
        }
    };
    provider.meter("m").as_otel().u64_observable_counter("n").with_callback(observe).build();
    let (one, other) = (delta(&provider), delta(&provider));
    let mut given = Vec::new();
    // Observed again unchanged; not observed; observed again; begun anew.
    for (now, is_there) in [(10, true), (15, true), (15, true), (18, false), (20, true), (4, true)] {
        value.store(now, Ordering::Relaxed);
        observed.store(is_there, Ordering::Relaxed);
        let snapshot = one.snapshot();
        given.push(snapshot.metric("n").find(&()).map(|_| snapshot.metric("n").total().as_f64()));
    }
    assert_eq!(given, [Some(10.0), Some(5.0), Some(0.0), None, Some(5.0), Some(4.0)]);
    other.snapshot().metric("n").assert_value(&(), 4);
}

#[test]
fn an_interval_begins_where_the_one_before_ended() {
    let clock = ManualClock::new(1_000);
    let provider = MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_clock(clock.clone())
        .build();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    let reader = delta(&provider);
    let interval = |now, attribute| {
        clock.set(now);
        counter.add(1, &[("k", attribute)]);
        let snapshot = reader.snapshot();
        let start = snapshot.metric("n").point(&[("k", attribute)]).start_unix_nanos;
        (start, snapshot.unix_nanos())
    };
    assert_eq!(interval(2_000, "a"), (1_000, 2_000));
    assert_eq!(interval(3_000, "b"), (2_000, 3_000));
    assert_eq!(interval(2_500, "a"), (2_500, 2_500), "a clock that is set back makes no interval backwards");
    assert_eq!(interval(4_000, "a"), (2_500, 4_000));
}

#[test]
fn extremes_of_an_interval_are_given_where_they_are_known() {
    for aggregation in
        [Aggregation::explicit_bucket_histogram([10.0]), Aggregation::base2_exponential_bucket_histogram()]
    {
        let view = View::all().with_aggregation(aggregation);
        let provider =
            MeterProvider::builder().with_resource(Resource::builder_empty().build()).with_view(view).build();
        let histogram: Histogram<u64> = provider.meter("m").histogram("n").build();
        let reader = delta(&provider);
        let extremes = |values: &[u64]| {
            values.iter().for_each(|value| histogram.record(*value, &()));
            match &reader.snapshot().metric("n").point(&()).value {
                ValueSnapshot::Histogram(point) => (point.min(), point.max()),
                ValueSnapshot::ExponentialHistogram(point) => (point.min(), point.max()),
                other => panic!("{other:?}"),
            }
        };
        let some = |value| Some(NumberValue::U64(value));
        assert_eq!(extremes(&[5, 9]), (some(5), some(9)));
        assert_eq!(extremes(&[6, 8]), (None, None));
        assert_eq!(extremes(&[6, 12]), (None, some(12)));
        assert_eq!(extremes(&[1, 12]), (some(1), None));
    }
}

#[test]
fn a_histogram_that_was_lowered_between_collections_gives_the_difference_at_the_lower_scale() {
    let view = View::all().with_aggregation(Aggregation::Base2ExponentialBucketHistogram {
        max_size: 4,
        max_scale: 20,
        record_min_max: true,
    });
    let provider =
        MeterProvider::builder().with_resource(Resource::builder_empty().build()).with_view(view).build();
    let histogram: Histogram<f64> = provider.meter("m").histogram("n").build();
    let (reader, mut totals) = (delta(&provider), Totals::default());
    let mut scales = Vec::new();
    for values in [vec![1.0, 1.001], vec![2.0, 0.0], vec![1000.0], vec![3.0]] {
        values.into_iter().for_each(|value: f64| histogram.record(value, &()));
        let snapshot = reader.snapshot();
        if let ValueSnapshot::ExponentialHistogram(point) = &snapshot.metric("n").point(&()).value {
            scales.push(point.scale());
        }
        totals.add(&snapshot);
    }
    assert!(scales.is_sorted_by(|a, b| a >= b) && scales[0] > scales[3], "{scales:?}");
    assert_eq!(totals, Totals::of(&snapshot(&provider)));
}

#[test]
fn readers_of_any_intervals_add_up_under_concurrency_and_overflow() {
    let views = [
        View::of("exponential").with_aggregation(Aggregation::base2_exponential_bucket_histogram()),
        View::of("filtered").with_attributes(["k"]),
    ];
    let builder =
        MeterProvider::builder().with_resource(Resource::builder_empty().build()).with_cardinality_limit(20);
    let provider = views.into_iter().fold(builder, |builder, view| builder.with_view(view)).build();
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("counter").build();
    let filtered: Counter<u64> = meter.counter("filtered").build();
    let explicit: Histogram<u64> = meter.histogram("explicit").build();
    let exponential: Histogram<u64> = meter.histogram("exponential").build();
    let (often, seldom) = (delta(&provider), delta(&provider));
    let running = AtomicBool::new(true);
    let (by_often, by_seldom) = thread::scope(|scope| {
        let recorders: Vec<_> = (0..3_u64)
            .map(|thread| {
                let (counter, filtered, explicit, exponential) =
                    (&counter, &filtered, &explicit, &exponential);
                scope.spawn(move || {
                    let bound = counter.bind(&[("k", -1_i64)]);
                    for n in 0..20_000_u64 {
                        // More sets than the limit allows.
                        let attributes = [("k", (n % 30) as i64)];
                        counter.add(n, &attributes);
                        bound.add(1);
                        filtered.add(1, &[("k", (n % 7) as i64), ("n", n as i64)]);
                        explicit.record(n % 200, &attributes);
                        exponential.record((n * 7919) % (1 + thread * 1_000_000), &attributes);
                    }
                })
            })
            .collect();
        let (running, often, seldom) = (&running, &often, &seldom);
        // Two threads of one reader share what it gives.
        let collectors: Vec<_> = [(often, 1), (often, 3), (seldom, 20)]
            .into_iter()
            .map(|(reader, pause)| {
                scope.spawn(move || {
                    let mut totals = Totals::default();
                    while running.load(Ordering::Relaxed) {
                        totals.add(&reader.snapshot());
                        thread::sleep(std::time::Duration::from_millis(pause));
                    }
                    totals
                })
            })
            .collect();
        for recorder in recorders {
            recorder.join().expect("no panic");
        }
        running.store(false, Ordering::Relaxed);
        let mut totals = collectors.into_iter().map(|collector| collector.join().expect("no panic"));
        let (mut one, two, mut three) = (totals.next(), totals.next(), totals.next());
        let merged = one.take().map(|mut one| {
            for (key, other) in two.expect("three of them").0 {
                let total = one.0.entry(key).or_default();
                if let Some(scale) = other.scale {
                    total.lower_to(total.scale.map_or(scale, |own| own.min(scale)));
                }
                let by = other.scale.map_or(0, |scale| scale - total.scale.unwrap_or(scale));
                total.sum += other.sum;
                total.zero += other.zero;
                other.buckets.iter().for_each(|(i, n)| *total.buckets.entry(i >> by).or_default() += n);
            }
            one
        });
        (merged.expect("three of them"), three.take().expect("three of them"))
    });
    let cumulative = snapshot(&provider);
    assert!(cumulative.metric("counter").find(&[("otel.metric.overflow", true)]).is_some());
    let cumulative = Totals::of(&cumulative);
    for (reader, mut totals) in [(often, by_often), (seldom, by_seldom)] {
        totals.add(&reader.snapshot());
        assert_eq!(totals.at_scales_of(&cumulative), cumulative);
    }
}

#[test]
fn what_was_observed_is_given_once_where_collections_of_a_reader_overlap() {
    let provider = provider();
    let value = Arc::new(AtomicU64::new(0));
    let of_callback = Arc::clone(&value);
    let observe = move |observer: &dyn opentelemetry::metrics::AsyncInstrument<u64>| {
        observer.observe(of_callback.fetch_add(1, Ordering::Relaxed) + 1, &[]);
    };
    provider.meter("m").as_otel().u64_observable_counter("n").with_callback(observe).build();
    let reader = delta(&provider);
    let sum: u64 = thread::scope(|scope| {
        let collect = || (0..200).map(|_| reader.snapshot().metric("n").total().as_f64() as u64).sum::<u64>();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(collect)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    let last = reader.snapshot().metric("n").total().as_f64() as u64;
    assert_eq!(sum + last, value.load(Ordering::Relaxed));
}

#[test]
fn a_reader_that_is_shut_down_collects_nothing_and_others_go_on() {
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    let ended = provider.reader_builder().with_temporality(TemporalityPreference::Delta).build();
    let other = delta(&provider);
    counter.add(1, &());
    ended.shutdown();
    ended.shutdown();
    assert_eq!(ended.collect().metrics().count(), 0);
    other.snapshot().metric("n").assert_total(1);
}

#[test]
fn a_cumulative_reader_ends_with_the_reader_that_it_was_made_of_and_not_the_other_way_round() {
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    counter.add(1, &());
    let reader = provider.reader_builder().with_temporality(TemporalityPreference::Delta).build();
    let (ends, stays) = (reader.cumulative(), reader.cumulative());
    ends.shutdown();
    let are_over = || [&reader, &ends, &stays].map(MetricReader::is_shut_down);
    assert_eq!(are_over(), [false, true, false]);
    assert_eq!(stays.collect().metrics().count(), 1);
    reader.shutdown();
    assert_eq!(are_over(), [true; 3]);
    assert_eq!(stays.collect().metrics().count(), 0);

    let other = provider.reader();
    assert!(!other.is_shut_down());
    provider.shutdown();
    assert!(other.is_shut_down() && provider.reader().is_shut_down());
}

#[test]
fn a_reader_that_is_shut_down_while_it_collects_gives_nothing_a_second_time() {
    let provider = provider();
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("n").build();
    let reader = provider.reader_builder().with_temporality(TemporalityPreference::Delta).build();
    let ending = Arc::new(Mutex::new(None::<MetricReader>));
    let ends = Arc::clone(&ending);
    let _observable = opentelemetry::metrics::MeterProvider::meter(&provider, "m")
        .u64_observable_gauge("ends")
        .with_callback(move |_| {
            if let Some(reader) = ends.lock().unwrap().take() {
                reader.shutdown();
            }
        })
        .build();
    counter.add(7, &());
    InMemoryReader::of(reader.clone()).snapshot().metric("n").assert_total(7);
    *ending.lock().unwrap() = Some(reader.clone());
    assert_eq!(reader.collect().metrics().count(), 0);
}

#[test]
fn a_sum_of_integers_that_wraps_is_given_further_and_wraps_for_whoever_adds_up() {
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    let reader = delta(&provider);
    for (added, given) in [(u64::MAX, u64::MAX), (3, 3), (5, 5)] {
        counter.add(added, &());
        reader.snapshot().metric("n").assert_total(given);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Add(u64, u8),
    Record(f64, u8),
    Float(f64),
    Collect(usize),
}

#[test]
fn a_sum_of_floats_that_was_given_rounded_up_is_not_given_again() {
    let provider = MeterProvider::builder().with_resource(Resource::builder_empty().build()).build();
    let float: Counter<f64> = provider.meter("m").counter("float").build();
    let reader = delta(&provider);
    let mut totals = Totals::default();
    // The sum at the second collection less what the first gave, and that added to it again, is more than the sum.
    for values in [
        &[835.4841693184659, 429.1169707224233][..],
        &[
            821.7013534962696,
            516.7154440871279,
            340.91955131294884,
            737.1473698977753,
            259.5560328714021,
            747.8483459900709,
            677.0156168348589,
        ],
        &[],
        &[],
    ] {
        values.iter().for_each(|value| float.add(*value, &()));
        totals.add(&reader.snapshot());
    }
    let sum = totals.0.values().map(|total| total.float).sum::<f64>();
    assert!((sum - 5365.504854531343).abs() < 1e-9, "{sum}");
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = prop_oneof![-1e6..1e6, Just(0.0), 1e-300..1e-290, 1e200..1e201];
    prop::collection::vec(
        prop_oneof![
            (any::<u32>(), 0..6_u8).prop_map(|(value, k)| Step::Add(value.into(), k)),
            (value.clone(), 0..6_u8).prop_map(|(value, k)| Step::Record(value, k)),
            (0.0..1e3).prop_map(Step::Float),
            (0..2_usize).prop_map(Step::Collect),
        ],
        0..60,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_records_and_collections_adds_up(steps in steps()) {
        let views = [
            View::of("values").with_aggregation(Aggregation::Base2ExponentialBucketHistogram {
                max_size: 8,
                max_scale: 20,
                record_min_max: true,
            }),
            View::of("values").with_name("explicit"),
        ];
        let builder = MeterProvider::builder()
            .with_resource(Resource::builder_empty().build())
            .with_cardinality_limit(4);
        let provider = views.into_iter().fold(builder, |builder, view| builder.with_view(view)).build();
        let meter = provider.meter("m");
        let counter: Counter<u64> = meter.counter("counter").build();
        let values: Histogram<f64> = meter.histogram("values").build();
        let float: Counter<f64> = meter.counter("float").build();
        let readers = [delta(&provider), delta(&provider)];
        let mut totals = [Totals::default(), Totals::default()];
        // Of all that was recorded in histograms, which may cancel out.
        let mut magnitude = 0.0;
        for step in steps {
            match step {
                Step::Add(value, k) => counter.add(value, &[("k", i64::from(k))]),
                Step::Record(value, k) => {
                    magnitude += value.abs();
                    values.record(value, &[("k", i64::from(k))]);
                }
                Step::Float(value) => float.add(value, &()),
                Step::Collect(which) => totals[which].add(&readers[which].snapshot()),
            }
        }
        let cumulative = Totals::of(&snapshot(&provider)).without_empty();
        for (reader, totals) in readers.iter().zip(&mut totals) {
            totals.add(&reader.snapshot());
            let totals = totals.clone().at_scales_of(&cumulative).without_empty();
            prop_assert!(totals.0.keys().eq(cumulative.0.keys()), "{:?} {:?}", totals, cumulative);
            for (key, total) in &totals.0 {
                let all = &cumulative.0[key];
                // What is remembered is what was given: so that errors of floats do not add up.
                let size = if key.0 == "float" { all.float } else { magnitude };
                let error = (total.float - all.float).abs();
                prop_assert!(error <= size * 2.0 * f64::EPSILON, "{total:?} {all:?}");
                prop_assert_eq!(Total { float: 0.0, ..total.clone() }, Total { float: 0.0, ..all.clone() });
            }
        }
    }
}
