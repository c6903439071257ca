//! What others collect comes out of a reader beside the engine's own metrics.

mod support;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use support::{provider, reports_of};
use tachograph_sdk::metrics::{
    MetricProducer, NumberValue, ProducedBatch, ProducedHistogram, ProducedKind, ProducedMetric,
    ProducedPoint, ProducedSummary, ProducedValue,
};
use tachograph_sdk::{Counter, InstrumentationScope};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

struct Producer<F> {
    scope: InstrumentationScope,
    produce: F,
}

impl<F: Fn(&mut ProducedBatch) -> Outcome + Send + Sync> MetricProducer for Producer<F> {
    fn scope(&self) -> &InstrumentationScope {
        &self.scope
    }

    fn produce(&self, batch: &mut ProducedBatch) -> Outcome {
        (self.produce)(batch)
    }
}

fn producer(
    name: &'static str,
    produce: impl Fn(&mut ProducedBatch) -> Outcome + Send + Sync + 'static,
) -> Arc<dyn MetricProducer> {
    Arc::new(Producer { scope: InstrumentationScope::builder(name).build(), produce })
}

fn gauge(batch: &mut ProducedBatch, name: &'static str) {
    let mut metric = ProducedMetric::new(name, ProducedKind::Gauge);
    metric.points.push(ProducedPoint::new([("k", "v")], 1_u64));
    batch.metrics.push(metric);
}

#[test]
fn what_a_producer_gives_comes_out_of_each_collection_of_its_reader_and_of_no_other() {
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    counter.add(1, &());
    let asked = AtomicU64::new(0);
    let reader = provider
        .reader_builder()
        .with_producer(producer("first", move |batch| {
            let mut metric = ProducedMetric::new("asked", ProducedKind::Sum { monotonic: true });
            metric.points.push(ProducedPoint::new((), asked.fetch_add(1, Ordering::Relaxed) + 1));
            batch.metrics.push(metric);
            Ok(())
        }))
        .with_producer(producer("second", |batch| {
            let mut histogram = ProducedMetric::new("histogram", ProducedKind::Histogram);
            histogram.points.push(ProducedPoint::new((), ProducedHistogram::default()));
            let mut summary = ProducedMetric::new("summary", ProducedKind::Summary);
            let value = ProducedSummary { count: 2, sum: 3.0, quantiles: vec![(0.5, 1.5)] };
            summary.points.push(ProducedPoint::new((), value));
            batch.metrics.extend([histogram, summary]);
            Ok(())
        }))
        .build();
    for times in 1..=2_u64 {
        let collection = reader.collect();
        let [first, second] = collection.produced() else { panic!("{:?}", collection.produced()) };
        assert_eq!((first.scope.name(), second.scope.name()), ("first", "second"));
        let value = &first.metrics[0].points[0].value;
        assert_eq!(*value, ProducedValue::Number { value: NumberValue::U64(times), exemplar: None });
        let names: Vec<_> = second.metrics.iter().map(|metric| &*metric.name).collect();
        assert_eq!(names, ["histogram", "summary"]);
        assert_eq!(collection.metrics().count(), 1, "the engine's own metrics are there as ever");
    }
    assert!(provider.reader().collect().produced().is_empty());
}

#[test]
fn a_producer_that_fails_or_panics_is_reported_and_what_it_gave_before_is_kept() {
    let provider = provider();
    let mut collection = None;
    let reports = reports_of(|| {
        let reader = provider
            .reader_builder()
            .with_producer(producer("failing", |batch| {
                gauge(batch, "before the error");
                Err("the file is gone".into())
            }))
            .with_producer(producer("panicking", |batch| {
                gauge(batch, "before the panic");
                panic!("the pipe has burst")
            }))
            .with_producer(producer("sound", |batch| {
                gauge(batch, "sound");
                Ok(())
            }))
            .build();
        collection = Some(reader.collect());
    });
    let collection = collection.expect("collected");
    let names: Vec<_> = collection
        .produced()
        .iter()
        .flat_map(|batch| batch.metrics.iter().map(|metric| &*metric.name))
        .collect();
    assert_eq!(names, ["before the error", "before the panic", "sound"]);
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(reports[0].message.contains("\"failing\" failed: the file is gone"), "{reports:?}");
    assert!(reports[1].message.contains("\"panicking\" panicked: the pipe has burst"), "{reports:?}");
}

#[test]
fn a_producer_may_record_make_instruments_and_collect() {
    let provider = provider();
    let inner = provider.clone();
    let reader = provider
        .reader_builder()
        .with_producer(producer("p", move |_| {
            let counter: Counter<u64> = inner.meter("m").counter("asked").build();
            counter.add(1, &());
            inner.reader().collect();
            Ok(())
        }))
        .build();
    let collection = reader.collect();
    assert_eq!(collection.metrics().map(|metric| metric.name()).collect::<Vec<_>>(), ["asked"]);
}

#[test]
fn producers_are_not_asked_after_the_shutdown() {
    let provider = provider();
    let reader = provider
        .reader_builder()
        .with_producer(producer("p", |batch| {
            gauge(batch, "n");
            Ok(())
        }))
        .build();
    provider.shutdown();
    assert!(reader.collect().produced().is_empty());
}
