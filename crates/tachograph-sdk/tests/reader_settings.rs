//! Readers that are set up differently, side by side: each sees what it asked for, and those that ask for the same share it.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use opentelemetry::KeyValue;
use support::{provider, reports_of, snapshot};
use tachograph_sdk::metrics::{Aggregation, InstrumentKind, MetricKind, TemporalityPreference, View};
use tachograph_sdk::testing::InMemoryReader;
use tachograph_sdk::{AttributeValue, Attributes, Counter, Histogram, MeterProvider, Resource};

#[derive(AttributeValue)]
#[attribute(crate = "tachograph_sdk")]
enum Channel {
    Web,
    #[allow(dead_code, reason = "a value that nobody records")]
    App,
}

#[derive(Attributes)]
#[attribute(crate = "tachograph_sdk")]
struct Order {
    channel: Channel,
}

fn exponential(provider: &MeterProvider) -> InMemoryReader {
    let aggregation = Aggregation::base2_exponential_bucket_histogram();
    InMemoryReader::of(
        provider.reader_builder().with_aggregation(InstrumentKind::Histogram, aggregation).build(),
    )
}

#[test]
fn a_reader_has_the_aggregation_it_asks_for_and_others_have_theirs() {
    let provider = provider();
    let exponential = exponential(&provider);
    let histogram: Histogram<u64> = provider.meter("m").histogram("n").build();
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    histogram.record(5, &[("k", "v")]);
    counter.add(1, &());
    let theirs = exponential.snapshot();
    assert_eq!(theirs.metric("n").kind(), MetricKind::ExponentialHistogram);
    assert_eq!((theirs.metric("n").count(), theirs.metrics().len()), (1, 2));
    let default = snapshot(&provider);
    assert_eq!(default.metric("n").kind(), MetricKind::Histogram);
    assert_eq!((default.metric("n").count(), default.metrics().len()), (1, 2));
}

#[test]
fn a_reader_made_later_sees_what_is_recorded_from_then_on_through_every_handle_that_exists() {
    for views in [vec![], vec![View::of("typed").with_attributes([""; 0]), View::of("dropped").dropped()]] {
        let is_filtered = !views.is_empty();
        let builder = MeterProvider::builder()
            .with_resource(Resource::builder_empty().build())
            .with_cardinality_limit(1);
        let provider = views.into_iter().fold(builder, |builder, view| builder.with_view(view)).build();
        let meter = provider.meter("m");
        let typed: Histogram<u64, Order> = meter.histogram("typed").build();
        let dynamic: Histogram<u64> = meter.histogram("dynamic").build();
        let dropped: Histogram<u64> = meter.histogram("dropped").build();
        let api = meter.as_otel().u64_histogram("api").build();
        let bound = typed.bind(&Order { channel: Channel::Web });
        let bound_to_overflow = dynamic.bind(&[("k", "w")]);
        let bound_by_api = api.bind(&[KeyValue::new("k", "v")]);
        let record = || {
            typed.record(1, &Order { channel: Channel::Web });
            bound.record(2);
            bound.clone().record(4);
            dynamic.record(1, &[("k", "v")]);
            bound_to_overflow.record(2);
            api.record(1, &[KeyValue::new("k", "v")]);
            bound_by_api.record(2);
            dropped.record(1, &());
        };
        record();
        let late = exponential(&provider);
        record();
        record();
        let late = late.snapshot();
        for (name, total) in [("typed", 14), ("dynamic", 6), ("api", 6)] {
            late.metric(name).assert_total(total);
            snapshot(&provider).metric(name).assert_total(total / 2 * 3);
        }
        // By the series that the handle is of, not by the one it was turned to.
        let channel = [("channel", "web")];
        assert_eq!(late.metric("typed").find(&channel).is_some(), !is_filtered);
        assert!(late.metric("dynamic").find(&[("k", "v")]).is_some());
        assert_eq!(late.find("dropped").is_some(), !is_filtered);
        assert!(
            late.metric("typed").points()[0].start_unix_nanos
                >= snapshot(&provider).metric("typed").points()[0].start_unix_nanos
        );
    }
}

#[test]
fn what_a_reader_drops_others_have_even_if_they_come_later() {
    let provider = provider();
    let none = provider.reader_builder().with_aggregation(InstrumentKind::Counter, Aggregation::Drop).build();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    counter.add(1, &());
    assert_eq!(none.collect().metrics().count(), 0);
    snapshot(&provider).metric("n").assert_total(1);
}

#[test]
fn a_reader_has_a_limit_of_its_own_and_observables_obey_it_too() {
    let provider = provider();
    let limited = InMemoryReader::of(provider.reader_builder().with_cardinality_limit(2).build());
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("n").build();
    let of_instrument: Counter<u64> = meter.counter("own").with_cardinality_limit(3).build();
    let observe = |observer: &dyn opentelemetry::metrics::AsyncInstrument<u64>| {
        (0..5).for_each(|n| observer.observe(1, &[KeyValue::new("n", n)]));
    };
    meter.as_otel().u64_observable_counter("observed").with_callback(observe).build();
    for n in 0..5 {
        counter.add(1, &[("n", n)]);
        of_instrument.add(1, &[("n", n)]);
    }
    let snapshot_of = limited.snapshot();
    for (name, series) in [("n", 3), ("own", 4), ("observed", 3)] {
        snapshot_of.metric(name).assert_series(series);
        snapshot_of.metric(name).assert_total(5);
    }
    snapshot(&provider).metric("n").assert_series(5);
    snapshot(&provider).metric("observed").assert_series(5);
}

#[test]
fn boundaries_that_an_instrument_asks_for_go_before_those_of_a_reader_and_those_of_a_view_before_both() {
    let view = View::of("viewed").with_aggregation(Aggregation::explicit_bucket_histogram([3.0]));
    let provider =
        MeterProvider::builder().with_resource(Resource::builder_empty().build()).with_view(view).build();
    let ours = Aggregation::explicit_bucket_histogram([1.0]);
    let reader = provider.reader_builder().with_aggregation(InstrumentKind::Histogram, ours).build();
    let reader = InMemoryReader::of(reader);
    for name in ["advised", "viewed"] {
        let _made: Histogram<u64> = provider.meter("m").histogram(name).with_boundaries([2.0]).build();
    }
    let _made: Histogram<u64> = provider.meter("m").histogram("plain").build();
    let snapshot = reader.snapshot();
    for (name, bound) in [("advised", 2.0), ("viewed", 3.0), ("plain", 1.0)] {
        assert_eq!(snapshot.metric(name).boundaries(), [bound], "{name}");
    }
}

#[test]
fn readers_with_the_same_settings_share_their_series() {
    let series = |readers: usize| {
        let provider = provider();
        let _readers: Vec<_> = (0..readers)
            .map(|n| {
                let builder = provider.reader_builder();
                // The temporality does not matter for what is recorded.
                let preference =
                    if n % 2 == 0 { TemporalityPreference::Delta } else { TemporalityPreference::Cumulative };
                builder.with_temporality(preference).build()
            })
            .collect();
        let counter: Counter<u64> = provider.meter("m").counter("n").build();
        (0..1_000).for_each(|n| counter.add(1, &[("n", n)]));
        provider.account().series
    };
    assert_eq!((series(1), series(8)), (1_000, 1_000));
}

#[test]
fn there_is_a_limit_to_configurations_and_what_comes_later_reads_what_others_do() {
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    let mut readers = Vec::new();
    let reports = reports_of(|| {
        for limit in 1..=20 {
            readers.push(provider.reader_builder().with_cardinality_limit(limit).build());
        }
    });
    support::only(&reports, "reader.configurations");
    counter.add(1, &());
    for reader in readers {
        InMemoryReader::of(reader).snapshot().metric("n").assert_total(1);
    }
    assert_eq!(provider.account().instruments, 1);
}

#[test]
fn ids_are_without_gaps_in_every_reader() {
    let provider = provider();
    let meter = provider.meter("m");
    let exponential = Aggregation::base2_exponential_bucket_histogram();
    let _before: Histogram<u64> = meter.histogram("before").build();
    let reader = provider
        .reader_builder()
        .with_aggregation(InstrumentKind::Histogram, exponential)
        .with_aggregation(InstrumentKind::Gauge, Aggregation::Drop)
        .build();
    for n in 0..5 {
        meter.histogram(format!("h{n}")).build::<u64, tachograph_sdk::Dynamic>().record(1, &());
        meter.gauge(format!("g{n}")).build::<u64, tachograph_sdk::Dynamic>().record(1, &());
    }
    for reader in [reader, provider.reader()] {
        let collection = reader.collect();
        for (at, metric) in collection.metrics().enumerate() {
            assert_eq!(metric.id(), at);
            assert_eq!(collection.metric(at).map(|metric| metric.name()), Some(metric.name()));
        }
    }
}

#[test]
fn readers_and_instruments_that_are_made_at_once_miss_nothing_afterwards() {
    let provider = provider();
    let ready = AtomicBool::new(false);
    thread::scope(|scope| {
        let (provider, ready) = (&provider, &ready);
        for thread in 0..3 {
            scope.spawn(move || {
                let meter = provider.meter("m");
                let handles: Vec<_> = (0..100)
                    .map(|n| {
                        let counter: Counter<u64> = meter.counter(format!("n{thread}.{n}")).build();
                        counter.add(1, &());
                        counter.bind(&())
                    })
                    .collect();
                while !ready.load(Ordering::Acquire) {
                    thread::yield_now();
                }
                handles.iter().for_each(|handle| handle.add(1));
            });
        }
        let readers: Vec<_> =
            (1..10).map(|limit| provider.reader_builder().with_cardinality_limit(limit).build()).collect();
        ready.store(true, Ordering::Release);
        readers
    });
    for limit in 1..10 {
        let reader = InMemoryReader::of(provider.reader_builder().with_cardinality_limit(limit).build());
        let snapshot = reader.snapshot();
        assert_eq!(snapshot.metrics().len(), 300);
        for metric in snapshot.metrics() {
            assert!(metric.total().as_f64() >= 1.0, "{metric}");
        }
    }
}

#[test]
fn readers_with_the_same_boundaries_are_set_up_alike_even_where_these_make_no_sense() {
    let provider = provider();
    let bad = || Aggregation::explicit_bucket_histogram([1.0, f64::NAN]);
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    let reports = reports_of(|| {
        for _ in 0..20 {
            provider.reader_builder().with_aggregation(InstrumentKind::Histogram, bad()).build();
        }
    });
    counter.add(1, &());
    assert_eq!(reports, [], "twenty readers of one configuration are no more than one");
}
