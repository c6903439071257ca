//! Base-2 exponential histograms, as their users and readers see them.

#[path = "support/allocator.rs"]
mod allocator;
mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use allocator::allocations;
use proptest::prelude::*;
use support::{only, provider, reports_of, snapshot};
use tachograph_sdk::metrics::{ExponentialHistogramPoint, MetricKind, NumberValue, PointValue};
use tachograph_sdk::{Histogram, HistogramNumber, MeterProvider, Static, declare, follow};

fn exponential<N: HistogramNumber>(provider: &MeterProvider, name: &'static str) -> Histogram<N> {
    provider.meter("m").histogram(name).with_exponential_buckets().build()
}

fn point_of(values: &[f64]) -> ExponentialHistogramPoint {
    let provider = provider();
    let histogram = exponential(&provider, "values");
    values.iter().for_each(|value| histogram.record(*value, &()));
    snapshot(&provider).metric("values").exponential_histogram(&()).clone()
}

/// The quantile's bucket, as its lower and upper boundary.
fn quantile(point: &ExponentialHistogramPoint, rank: u64) -> (f64, f64) {
    let base = (-f64::from(point.scale())).exp2().exp2();
    let mut seen = 0;
    for (n, count) in point.positive().counts().iter().enumerate() {
        seen += count;
        if rank < seen {
            let index = f64::from(point.positive().offset()) + n as f64;
            return (base.powf(index), base.powf(index + 1.0));
        }
    }
    panic!("there are only {seen} values, and none of rank {rank}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_quantile_is_as_near_as_the_scale_says(
        mut values in prop::collection::vec(prop_oneof![1e-3..1.0_f64, 1.0..1e3_f64, 1e-9..1e9_f64], 1..200)
    ) {
        let point = point_of(&values);
        values.sort_by(f64::total_cmp);
        prop_assert_eq!(point.count(), values.len() as u64);
        for (rank, exact) in values.iter().enumerate() {
            let (lower, upper) = quantile(&point, rank as u64);
            // What the powers above are rounded by.
            let slack = 1e-9;
            prop_assert!(lower * (1.0 - slack) < *exact && *exact <= upper * (1.0 + slack), "{} {} {}", lower, exact, upper);
        }
        // The scale is the largest at which 160 buckets are enough.
        let contrast = (values[values.len() - 1] / values[0]).log2();
        let buckets = contrast * f64::from(point.scale() + 1).exp2();
        prop_assert!(point.scale() == 20 || buckets > 159.0, "{} {}", point.scale(), contrast);
    }
}

#[test]
fn the_table_of_the_specification_holds() {
    // (smallest, largest, scale): the input ranges that the specification lists, by its ideal scale.
    for (low, high, scale) in
        [(1e-3, 4e-3, 6), (1e-3, 20e-3, 5), (1e-3, 1.0, 4), (1e-3, 100.0, 3), (1e-6, 10.0, 2)]
    {
        assert_eq!(point_of(&[low, high]).scale(), scale, "{low} to {high}");
    }
}

#[test]
fn one_measurement_is_at_the_largest_scale() {
    let point = point_of(&[0.3]);
    assert_eq!((point.scale(), point.positive().counts()), (20, &[1][..]));
    assert_eq!((point.min(), point.max()), (Some(NumberValue::F64(0.3)), Some(NumberValue::F64(0.3))));
    assert_eq!(point_of(&[-0.3]).scale(), 20);
    assert_eq!(point_of(&[0.0]).scale(), 20);
}

#[test]
fn powers_of_two_end_their_buckets() {
    let point = point_of(&[1.0, 2.0, 4.0, 1024.0]);
    let per_octave = 1 << point.scale();
    assert_eq!(point.positive().offset(), -1);
    let counts = point.positive().counts();
    assert_eq!(counts.len(), 10 * per_octave + 1);
    let filled: Vec<usize> = (0..counts.len()).filter(|at| counts[*at] > 0).collect();
    assert_eq!(filled, [0, per_octave, 2 * per_octave, 10 * per_octave]);
}

#[test]
fn zero_and_numbers_below_it_have_places_of_their_own() {
    let point = point_of(&[0.0, -0.0, -1.5, -1.5, 6.0]);
    assert_eq!((point.zero_count(), point.zero_threshold()), (2, 0.0));
    assert_eq!(point.negative().counts(), [2]);
    assert_eq!(point.positive().counts(), [1]);
    assert_eq!((point.count(), point.sum()), (5, NumberValue::F64(3.0)));
    assert_eq!((point.min(), point.max()), (Some(NumberValue::F64(-1.5)), Some(NumberValue::F64(6.0))));
}

#[test]
fn the_extremes_of_floats_have_a_bucket() {
    let point = point_of(&[5e-324, f64::MIN_POSITIVE, 1.0, f64::MAX]);
    assert_eq!(point.count(), 4);
    assert_eq!(point.positive().counts().iter().sum::<u64>(), 4);
    assert_eq!(point.scale(), -4);
}

#[test]
fn integers_are_added_up_exactly() {
    let provider = provider();
    let histogram: Histogram<u64> = exponential(&provider, "integers");
    for value in [u64::MAX - 1, (1 << 53) + 1, 1] {
        histogram.record(value, &());
    }
    let snapshot = snapshot(&provider);
    let point = snapshot.metric("integers").exponential_histogram(&());
    assert_eq!(point.sum(), NumberValue::U64((1_u64 << 53).wrapping_add(u64::MAX).wrapping_add(1)));
    assert_eq!((point.min(), point.max()), (Some(NumberValue::U64(1)), Some(NumberValue::U64(u64::MAX - 1))));
}

#[test]
fn what_is_not_finite_is_refused_and_makes_no_series() {
    let provider = provider();
    let reports = reports_of(|| {
        let histogram = exponential(&provider, "refused.exponential");
        let bound = histogram.bind(&[("k", "bound")]);
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            histogram.record(value, &());
            bound.record(value);
        }
    });
    only(&reports, "measurement.refused");
    assert_eq!(provider.account().refused, 6);
    let snapshot = snapshot(&provider);
    let metric = snapshot.metric("refused.exponential");
    metric.assert_series(1);
    metric.assert_histogram(&[("k", "bound")], 0, 0.0);
    assert_eq!(metric.exponential_histogram(&[("k", "bound")]).min(), None);
}

#[test]
fn no_point_is_torn_while_windows_grow_and_fold() {
    const THREADS: u64 = 3;
    const RECORDS: u64 = 40_000;
    let provider = provider();
    let histogram: Histogram<u64> = exponential(&provider, "growing");
    let reader = provider.reader();
    let done = AtomicBool::new(false);
    // A value and its double, so that sum and count can be held against each other: the sum is thrice
    // that of the smaller halves, which are all there are buckets' lower ends for, within a bucket.
    let check = || {
        let mut last = 0;
        while !done.load(Ordering::Acquire) {
            reader.collect().metrics().for_each(|metric| {
                metric.for_each(|point| {
                    let PointValue::ExponentialHistogram(point) = point.value else { panic!("exponential") };
                    let buckets = point.positive();
                    let counted = buckets.counts().iter().sum::<u64>() + point.zero_count();
                    assert_eq!(counted, point.count());
                    assert!(point.count() >= last, "a histogram went back");
                    last = point.count();
                    assert!(buckets.counts().len() <= 160);
                    let base = (-f64::from(point.scale())).exp2().exp2();
                    let sum_of = |up: i32| {
                        let bound = |n: usize| base.powf(f64::from(buckets.offset() + n as i32 + up));
                        buckets
                            .counts()
                            .iter()
                            .enumerate()
                            .map(|(n, count)| *count as f64 * bound(n))
                            .sum::<f64>()
                    };
                    let NumberValue::U64(sum) = point.sum() else { panic!("integers") };
                    let (low, high) = (sum_of(0) * (1.0 - 1e-9), sum_of(1) * (1.0 + 1e-9));
                    assert!(low <= sum as f64 && sum as f64 <= high, "{low} {sum} {high}");
                });
            });
        }
    };
    thread::scope(|scope| {
        let checker = scope.spawn(check);
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let histogram = &histogram;
                scope.spawn(move || {
                    for n in 0..RECORDS {
                        // Wider and wider, to both sides.
                        let exponent = n * 20 / RECORDS;
                        let value = match n % 3 {
                            0 => 1 << (20 + exponent),
                            1 => (1 << (20 - exponent)) + thread,
                            _ => 0,
                        };
                        histogram.record(value, &());
                    }
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Release);
        checker.join().unwrap();
    });
    assert_eq!(snapshot(&provider).metric("growing").count(), THREADS * RECORDS);
}

#[test]
fn recording_allocates_nothing_once_the_range_is_known() {
    let provider = provider();
    let histogram: Histogram<f64> = exponential(&provider, "steady");
    let bound = histogram.bind(&[("k", "v")]);
    let values: Vec<f64> = (0..200).map(|n| 1.05_f64.powi(n)).chain([0.0, -1.0, -50.0]).collect();
    values.iter().for_each(|value| bound.record(*value));
    let reader = provider.reader();
    let visit = || reader.collect().metrics().for_each(|metric| metric.for_each(|_| {}));
    visit();
    assert_eq!(allocations(|| values.iter().for_each(|value| bound.record(*value))), 0);
    assert_eq!(allocations(visit), 0);
}

#[test]
fn the_declaration_that_comes_first_says_what_buckets_there_are() {
    let provider = provider();
    let meter = provider.meter("m");
    let reports = reports_of(|| {
        exponential::<f64>(&provider, "twice").record(1.0, &());
        meter
            .histogram("twice")
            .with_boundaries([1.0])
            .build::<f64, tachograph_sdk::Dynamic>()
            .record(2.0, &());
        exponential::<f64>(&provider, "twice").record(3.0, &());
    });
    assert_eq!(only(&reports, "instrument.buckets.conflict").subject, "twice");
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.metric("twice").kind(), MetricKind::ExponentialHistogram);
    snapshot.metric("twice").assert_histogram(&(), 3, 6.0);
}

#[test]
fn a_static_can_ask_for_exponential_buckets() {
    static SIZES: Static<Histogram<f64>> =
        declare("m", "static.exponential").with_exponential_buckets().build();
    let provider = provider();
    follow(&provider);
    SIZES.record(1.5, &());
    assert_eq!(snapshot(&provider).metric("static.exponential").kind(), MetricKind::ExponentialHistogram);
    provider.shutdown();
}

#[test]
fn a_snapshot_shows_scale_and_buckets() {
    let provider = provider();
    let histogram: Histogram<u64> = exponential(&provider, "shown");
    [0, 1, 2, 4].iter().for_each(|value| histogram.record(*value, &[("k", "v")]));
    let shown = snapshot(&provider).metric("shown").to_string();
    let head = "exponential histogram \"shown\" of scope \"m\":\n    {k=\"v\"} count 4, sum 7, from 0 to 4, scale 6, zero 1, ";
    assert!(shown.starts_with(head), "{shown}");
    assert!(shown.ends_with("] from -1\n"), "{shown}");
}
