//! Whatever is in a registry comes out of its producer as it went in.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use proptest::prelude::*;
use tachograph_bridge_prometheus_client::PrometheusClientRegistry;
use tachograph_sdk::AttributeSet;
use tachograph_sdk::metrics::{
    MetricProducer, NumberValue, ProducedBatch, ProducedKind, ProducedMetric, ProducedValue,
};

type Labels = Vec<(String, String)>;

fn produced(registry: Registry) -> Vec<ProducedMetric> {
    let producer = PrometheusClientRegistry::new(Arc::new(registry));
    let mut batch = ProducedBatch::new(producer.scope().clone());
    producer.produce(&mut batch).expect("all of it can be read");
    assert!(batch.verbatim);
    batch.metrics
}

fn number(value: &ProducedValue) -> NumberValue {
    match value {
        ProducedValue::Number { value, .. } => *value,
        other => panic!("not a number: {other:?}"),
    }
}

proptest! {
    #[test]
    fn counters_and_gauges_have_their_labels_and_exact_numbers(
        series in proptest::collection::btree_map(any::<String>(), (any::<u64>(), any::<i64>()), 1..6),
        level in any::<f64>().prop_filter("NaN is not equal to itself", |level| !level.is_nan()),
    ) {
        let mut registry = Registry::default();
        let counters = Family::<Labels, Counter>::default();
        let gauges = Family::<Labels, Gauge>::default();
        let single = Gauge::<f64, std::sync::atomic::AtomicU64>::default();
        registry.register("jobs", "Jobs", counters.clone());
        registry.register("depth", "Depth", gauges.clone());
        registry.register("level", "Level", single.clone());
        single.set(level);
        for (text, (count, depth)) in &series {
            let labels = vec![("text".to_owned(), text.clone()), ("b".to_owned(), "c".to_owned())];
            counters.get_or_create(&labels).inc_by(*count);
            gauges.get_or_create(&labels).set(*depth);
        }

        let metrics = produced(registry);
        let names: Vec<_> = metrics.iter().map(|metric| &*metric.name).collect();
        prop_assert_eq!(names, ["jobs_total", "depth", "level"]);
        prop_assert_eq!(metrics[0].kind, ProducedKind::Sum { monotonic: true });
        prop_assert_eq!(&*metrics[0].description, "Jobs.");
        prop_assert_eq!(metrics[0].points.len(), series.len());
        for (text, (count, depth)) in &series {
            let set = AttributeSet::new(&[("text", text.as_str()), ("b", "c")]);
            let of = |metric: usize| {
                let point = metrics[metric].points.iter().find(|point| point.attributes == set);
                number(&point.expect("a point of these labels").value)
            };
            prop_assert_eq!(of(0), NumberValue::U64(*count));
            prop_assert!(of(1) == *depth, "{:?}", of(1));
        }
        let read = match number(&metrics[2].points[0].value) {
            NumberValue::U64(value) => value as f64,
            NumberValue::I64(value) => value as f64,
            NumberValue::F64(value) => value,
        };
        prop_assert_eq!(read, level);
    }

    #[test]
    fn histograms_have_their_buckets_counts_and_sums(
        bounds in proptest::collection::btree_set(1_u32..1_000, 0..6),
        values in proptest::collection::vec(0_u32..1_200, 0..40),
    ) {
        let bounds: Vec<f64> = bounds.into_iter().map(f64::from).collect();
        let mut registry = Registry::default();
        let histogram = Histogram::new(bounds.clone());
        registry.register("size", "Sizes", histogram.clone());
        for value in &values {
            histogram.observe(f64::from(*value));
        }

        let metrics = produced(registry);
        let ProducedValue::Histogram(read) = &metrics[0].points[0].value else { panic!("no histogram") };
        prop_assert_eq!(read.count, values.len() as u64);
        prop_assert_eq!(read.sum, Some(values.iter().map(|value| f64::from(*value)).sum()));
        let mut lower = f64::NEG_INFINITY;
        for (bucket, bound) in read.buckets.iter().zip(bounds.iter().copied().chain([f64::INFINITY])) {
            prop_assert_eq!(bucket.upper_bound, bound);
            let expected = values.iter().filter(|value| f64::from(**value) > lower && f64::from(**value) <= bound);
            prop_assert_eq!(bucket.count, expected.count() as u64);
            lower = bound;
        }
        prop_assert_eq!(read.buckets.len(), bounds.len() + 1);
    }

    #[test]
    fn no_text_makes_it_panic(text in "(# (TYPE|HELP|UNIT) a(_b)? [a-z]*\n|a(_total|_bucket|_sum)?\\{?[ab=\",\\\\}]{0,8} ?[0-9.eE+-]{0,4}( # \\{.{0,4})?\n|.{0,20}\n){0,8}") {
        let producer = PrometheusClientRegistry::encoded_by(move |out| {
            out.push_str(&text);
            Ok(())
        });
        let mut batch = ProducedBatch::new(producer.scope().clone());
        // What cannot be read is an error, which is the reader's to report.
        let _ = producer.produce(&mut batch);
    }
}
