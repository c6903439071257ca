//! Exponential histograms: native in protobuf, classic in text.

mod support;

use std::collections::BTreeMap;

use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use opentelemetry::{Context, SpanId, TraceId};
use proptest::prelude::*;
use support::proto::{self, MetricType, decode};
use support::{bare_provider, checker, render, short_exporter};
use tachograph_prometheus::Format;
use tachograph_sdk::{Histogram, MeterProvider};

fn recorded(values: &[f64]) -> MeterProvider {
    let provider = bare_provider();
    let histogram: Histogram<f64> =
        provider.meter("").histogram("size").with_unit("By").with_exponential_buckets().build();
    for value in values {
        histogram.record(*value, &());
    }
    provider
}

/// The only native histogram of a page.
fn native(provider: &MeterProvider) -> proto::Histogram {
    let families = decode(&short_exporter(provider).render(Format::Protobuf));
    let [family] = &families[..] else { panic!("one family: {families:?}") };
    assert_eq!((family.name(), family.r#type()), ("size_bytes", MetricType::Histogram));
    let [metric] = &family.metric[..] else { panic!("one series: {family:?}") };
    metric.histogram.clone().expect("a histogram")
}

/// Index and count of native buckets, from spans and deltas.
fn buckets(spans: &[proto::BucketSpan], deltas: &[i64]) -> BTreeMap<i32, u64> {
    let (mut index, mut count, mut left) = (0, 0_i64, deltas.iter());
    let mut buckets = BTreeMap::new();
    for span in spans {
        index += span.offset();
        for _ in 0..span.length() {
            count += left.next().expect("a delta for each bucket");
            buckets.insert(index, u64::try_from(count).expect("no bucket has less than nothing"));
            index += 1;
        }
    }
    assert_eq!(left.next(), None, "no delta without a bucket");
    buckets
}

/// The bound at a schema: a bucket's measurements are at most so far from zero.
fn bound(index: i32, schema: i32) -> f64 {
    (f64::from(index) * 2_f64.powi(-schema)).exp2()
}

fn lines(provider: &MeterProvider, format: Format) -> Vec<(String, f64, f64)> {
    let page = render(&short_exporter(provider), format);
    let families = checker::check(&page, format).expect("a page that is right");
    let samples = families.into_iter().flat_map(|family| family.samples);
    let lines = samples.map(|sample| {
        let bound = sample.labels.get("le").map_or(f64::NAN, |le| le.parse().expect("a bound"));
        (sample.name, bound, sample.value.parse().expect("a number"))
    });
    lines.collect()
}

#[test]
fn a_native_histogram_has_schema_spans_deltas_and_the_bucket_of_zero() {
    let histogram = native(&recorded(&[1.0, 1.0, 2.0, 4.0, 0.0, -8.0]));
    assert_eq!((histogram.sample_count(), histogram.sample_sum(), histogram.zero_count()), (6, 0.0, 1));
    assert_eq!(histogram.zero_threshold(), 1e-128);
    assert!(histogram.bucket.is_empty() && histogram.start_timestamp.is_some());
    let schema = histogram.schema();
    // 1 to 4 in 160 buckets would be at a scale above the largest schema.
    assert!((0..=8).contains(&schema), "{schema}");
    let positive = buckets(&histogram.positive_span, &histogram.positive_delta);
    let at = |value: f64| (value.log2() * 2_f64.powi(schema)) as i32;
    assert_eq!(positive, BTreeMap::from([(at(1.0), 2), (at(2.0), 1), (at(4.0), 1)]));
    let negative = buckets(&histogram.negative_span, &histogram.negative_delta);
    assert_eq!(negative, BTreeMap::from([(at(8.0), 1)]));
}

#[test]
fn a_fine_histogram_is_made_coarser_and_a_coarse_one_stays_as_it_is() {
    assert_eq!(native(&recorded(&[1.5, 1.5001])).schema(), 8);
    // The widest range that there is, in 160 buckets.
    assert_eq!(native(&recorded(&[f64::MIN_POSITIVE, 1.0, f64::MAX])).schema(), -4);
}

#[test]
fn in_text_it_has_classic_buckets_at_powers_of_two() {
    let provider = recorded(&[0.0, 0.3, 0.5, 3.0, 3.5]);
    for format in [Format::Text004, Format::OpenMetrics100] {
        let bucket = |bound: f64, count: f64| ("size_bytes_bucket".to_owned(), bound, count);
        let found = lines(&provider, format);
        assert_eq!(
            found[..7],
            [
                bucket(0.0, 1.0),
                bucket(0.25, 1.0),
                bucket(0.5, 3.0),
                bucket(1.0, 3.0),
                bucket(2.0, 3.0),
                bucket(4.0, 5.0),
                bucket(f64::INFINITY, 5.0)
            ]
        );
        assert_eq!(
            found[7..].iter().map(|(name, ..)| &**name).collect::<Vec<_>>(),
            ["size_bytes_sum", "size_bytes_count"]
        );
    }
}

/// The next float below.
fn below(value: f64) -> f64 {
    value.next_down()
}

#[test]
fn an_exemplar_at_a_negative_power_of_two_is_where_its_measurement_is_counted() {
    let provider = bare_provider();
    let histogram: Histogram<f64> =
        provider.meter("").histogram("size").with_unit("By").with_exponential_buckets().build();
    let current = Context::new().with_remote_span_context(sampled()).attach();
    histogram.record(-2.0, &());
    drop(current);
    histogram.record(-3.0, &());
    let page = render(&short_exporter(&provider), Format::OpenMetrics100);
    let with: Vec<_> = page.lines().filter(|line| line.contains(" # {")).collect();
    assert!(
        matches!(with[..], [line] if line.starts_with("size_bytes_bucket{le=\"-1.0000000000000002\"} 2 # {")),
        "{page}"
    );
}

#[test]
fn measurements_below_zero_are_in_buckets_below_zero() {
    let found = lines(&recorded(&[-3.0, -0.75, 0.0, 1.0]), Format::Text004);
    let buckets: Vec<_> = found.iter().filter(|(name, ..)| name.ends_with("_bucket")).collect();
    let counts: Vec<_> = buckets.iter().map(|(_, bound, count)| (*bound, *count)).collect();
    assert_eq!(
        counts,
        [
            (below(-2.0), 1.0),
            (below(-1.0), 1.0),
            (below(-0.5), 2.0),
            (0.0, 3.0),
            (0.5, 3.0),
            (1.0, 4.0),
            (f64::INFINITY, 4.0)
        ]
    );
    // OpenMetrics has no sum that may fall, and no count without it.
    let found = lines(&recorded(&[-3.0]), Format::OpenMetrics100);
    assert!(found.iter().all(|(name, ..)| name.ends_with("_bucket")), "{found:?}");
}

fn sampled() -> SpanContext {
    let (trace, span) = (TraceId::from(5_u128), SpanId::from(6_u64));
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE)
}

#[test]
fn an_exemplar_is_on_its_bucket_and_in_the_native_histogram_with_its_time() {
    let provider = bare_provider();
    let histogram: Histogram<f64> =
        provider.meter("").histogram("size").with_unit("By").with_exponential_buckets().build();
    let current = Context::new().with_remote_span_context(sampled()).attach();
    histogram.record(3.0, &());
    drop(current);
    histogram.record(9.0, &());
    let native = native(&provider);
    let [exemplar] = &native.exemplars[..] else { panic!("one exemplar: {native:?}") };
    assert_eq!((exemplar.value(), exemplar.label.len()), (3.0, 2));
    assert!(exemplar.timestamp.is_some());
    let page = render(&short_exporter(&provider), Format::OpenMetrics100);
    let with: Vec<_> = page.lines().filter(|line| line.contains(" # {")).collect();
    assert!(
        matches!(with[..], [line] if line.starts_with("size_bytes_bucket{le=\"4.0\"} 1 # {trace_id=")),
        "{page}"
    );
}

/// Numbers of either sign, many of which are powers of two.
fn number() -> impl Strategy<Value = f64> {
    let power = (-1074..1023_i32, any::<bool>())
        .prop_map(|(exponent, falls)| 2_f64.powi(exponent).copysign(if falls { -1.0 } else { 1.0 }));
    let small = (-20..20_i32).prop_map(f64::from);
    prop_oneof![-1e6..1e6_f64, small, power]
}

proptest! {
    #[test]
    fn classic_buckets_hold_exactly_what_is_at_most_their_bound(values in proptest::collection::vec(number(), 1..40)) {
        for (name, bound, count) in lines(&recorded(&values), Format::Text004) {
            if name.ends_with("_bucket") {
                let at_most = values.iter().filter(|value| **value <= bound).count() as f64;
                prop_assert_eq!(count, at_most, "{}", bound);
            }
        }
    }

    #[test]
    fn every_measurement_is_in_its_native_bucket(values in proptest::collection::vec(-1e6..1e6_f64, 1..40)) {
        let provider = recorded(&values);
        let native = native(&provider);
        let schema = native.schema();
        let positive = buckets(&native.positive_span, &native.positive_delta);
        let negative = buckets(&native.negative_span, &native.negative_delta);
        let all: u64 = positive.values().chain(negative.values()).sum();
        prop_assert_eq!(all + native.zero_count(), values.len() as u64);
        for (index, count) in &positive {
            // Floats near a bound may fall to either side of what is computed here.
            let (low, high) = (bound(index - 1, schema) * (1.0 - 1e-12), bound(*index, schema) * (1.0 + 1e-12));
            prop_assert!(values.iter().filter(|value| low < **value && **value <= high).count() as u64 >= *count);
        }
    }
}
