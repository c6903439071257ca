//! What the SDK says of its metrics: how long readers collect, what there is, and what was lost.

mod support;

use support::{provider, snapshot};
use tachograph_sdk::metrics::{ProducedBatch, View};
use tachograph_sdk::testing::InMemoryReader;
use tachograph_sdk::{Counter, MeterProvider, Resource, self_metrics};

fn observe(provider: &MeterProvider) {
    self_metrics::observe_metrics(&provider.meter("tachograph").as_otel(), provider);
}

const DURATION: &str = "otel.sdk.metric_reader.collection.duration";

#[test]
fn each_reader_says_how_long_its_collections_took() {
    let provider = provider();
    observe(&provider);
    let first = InMemoryReader::new(&provider);
    let second = provider.reader_builder().with_component_type("periodic_metric_reader").build();
    for _ in 0..2 {
        first.snapshot();
    }
    second.collect();
    let snapshot = snapshot(&provider);
    let durations = snapshot.metric(DURATION);
    let count = |kind: &'static str| {
        let name = format!("{kind}/0");
        let set = [("otel.component.type", kind), ("otel.component.name", name.as_str())];
        durations.histogram(&set).count()
    };
    assert_eq!((count("metric_reader"), count("periodic_metric_reader")), (2, 1));
    assert_eq!(durations.unit(), "s");
}

#[test]
fn a_duration_includes_callbacks_and_producers() {
    struct Slow(tachograph_sdk::InstrumentationScope);
    impl tachograph_sdk::metrics::MetricProducer for Slow {
        fn scope(&self) -> &tachograph_sdk::InstrumentationScope {
            &self.0
        }
        fn produce(&self, _: &mut ProducedBatch) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            std::thread::sleep(std::time::Duration::from_millis(20));
            Ok(())
        }
    }
    let provider = provider();
    observe(&provider);
    let slow = std::sync::Arc::new(Slow(tachograph_sdk::InstrumentationScope::default()));
    provider.reader_builder().with_producer(slow).build().collect();
    assert!(snapshot(&provider).metric(DURATION).total().as_f64() >= 0.02);
}

#[test]
fn readers_made_in_passing_do_not_make_ever_more_series() {
    let provider = provider();
    observe(&provider);
    for _ in 0..100 {
        provider.reader().collect();
    }
    let durations = snapshot(&provider);
    durations.metric(DURATION).assert_series(1);
    let living: Vec<_> = (0..3).map(|_| provider.reader()).collect();
    living.iter().for_each(|reader| drop(reader.collect()));
    // And the one that reads this.
    snapshot(&provider).metric(DURATION).assert_series(4);
}

#[test]
fn what_there_is_and_what_was_lost_is_among_the_metrics() {
    let provider = MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_cardinality_limit(2)
        .with_view(View::of("two").with_name("other"))
        .build();
    let reader = InMemoryReader::new(&provider);
    observe(&provider);
    let fresh = reader.snapshot();
    fresh.metric("tachograph.measurement.refused").assert_value(&(), 0);
    fresh.assert_absent("tachograph.measurement.overflowed");
    for name in ["one", "two"] {
        let counter: Counter<f64> = provider.meter("m").counter(name).build();
        for n in 0..5 {
            counter.add(1.0, &[("n", n)]);
        }
        counter.add(-1.0, &());
    }
    let snapshot = reader.snapshot();
    snapshot.metric("tachograph.measurement.refused").assert_value(&(), 2);
    let overflowed = snapshot.metric("tachograph.measurement.overflowed");
    overflowed.assert_value(&[("tachograph.instrument.name", "one")], 3);
    overflowed.assert_value(&[("tachograph.instrument.name", "other")], 3);
    let account = provider.account();
    // Its own six instruments and the two of the test.
    snapshot.metric("tachograph.metric.instruments").assert_value(&(), 8);
    assert_eq!(account.instruments, 8);
    assert!(snapshot.metric("tachograph.metric.series").total().as_f64() >= 6.0);
}

#[test]
fn they_do_not_keep_the_provider_alive() {
    let (observed, other) = (provider(), provider());
    self_metrics::observe_metrics(&other.meter("m").as_otel(), &observed);
    assert_eq!(snapshot(&other).metric("tachograph.metric.instruments").total().as_f64(), 0.0);
    drop(observed);
    snapshot(&other).assert_absent("tachograph.metric.instruments");
}
