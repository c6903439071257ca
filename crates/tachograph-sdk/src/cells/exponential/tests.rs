#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::cells::arena::Arena;
use crate::exponential::index_at_once;

/// A row of its own for as long as a test runs.
struct TestRow(Row);

impl TestRow {
    fn new() -> Self {
        TestRow(arena().allocate(WIDTH).unwrap())
    }
}

impl Drop for TestRow {
    fn drop(&mut self) {
        free([self.0].into_iter());
    }
}

/// As a stream does it.
fn record<N: Number>(row: Row, limits: Limits, values: &[N]) {
    for value in values {
        match observe_at_once(row, *value, index_at_once) {
            AtOnce::Done => {}
            AtOnce::Awaited => serve(row, limits),
            AtOnce::No => observe(row, limits, *value),
        }
    }
}

fn read_row<N: Number>(row: Row, limits: Limits) -> (Distribution, Scalars) {
    let mut distribution = Distribution::default();
    let scalars = read::<N>(row, limits, &mut Vec::new(), &mut distribution);
    (distribution, scalars)
}

/// Scale, zero count, and of either side the index of the first bucket and the counts.
type Shape = (i32, u64, [(i32, Vec<u64>); 2]);

fn shape(distribution: &Distribution) -> Shape {
    let Distribution { scale, zero_count, positive, negative } = distribution;
    (*scale, *zero_count, [positive, negative].map(|side| (side.offset(), side.counts().to_vec())))
}

/// What a histogram of these values is, worked out from all of them at once: the largest scale at which
/// neither side needs more buckets than it may have.
fn expected<N: Number>(values: &[N], limits: Limits) -> Shape {
    let sides = [false, true].map(|negative| {
        let is_meant = move |value: &&N| value.is_non_negative() != negative;
        values.iter().filter(is_meant).filter_map(|value| value.parts()).collect::<Vec<_>>()
    });
    let zero_count = values.iter().filter(|value| value.parts().is_none()).count() as u64;
    let counted = |side: &Vec<Parts>, scale: i32| {
        let mut counts = BTreeMap::new();
        for parts in side {
            *counts.entry(index(*parts, (MAX_SCALE - scale) as u32)).or_insert(0_u64) += 1;
        }
        let (Some(first), Some(last)) = (counts.keys().min(), counts.keys().max()) else {
            return Some((0, Vec::new()));
        };
        let fits = i64::from(*last) - i64::from(*first) < i64::from(limits.size);
        fits.then(|| (*first, (*first..=*last).map(|n| counts.get(&n).copied().unwrap_or(0)).collect()))
    };
    let at_scale = |scale: i32| {
        let [Some(positive), Some(negative)] = sides.each_ref().map(|side| counted(side, scale)) else {
            return None;
        };
        Some((scale, zero_count, [positive, negative]))
    };
    (-10..=limits.scale).rev().find_map(at_scale).unwrap()
}

fn assert_recorded<N: Number>(values: &[N], limits: Limits, row: Row) {
    let (distribution, scalars) = read_row::<N>(row, limits);
    assert_eq!(shape(&distribution), expected(values, limits));
    assert_eq!(distribution.count(), values.len() as u64);
    let ordered = values.iter().map(|value| value.ordered());
    assert_eq!(Some(scalars.min), ordered.clone().min());
    assert_eq!(Some(scalars.max), ordered.max());
}

/// All floats there are, and in half of the cases such as are near each other.
fn floats() -> impl Strategy<Value = Vec<f64>> {
    let any = (-f64::MAX..=f64::MAX).boxed();
    let all =
        prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO | prop::num::f64::NEGATIVE;
    let near = prop_oneof![1e-3..1e3_f64, 1.0..1.1_f64, -1.0..1.0_f64, any];
    prop_oneof![prop::collection::vec(all, 1..60), prop::collection::vec(near, 1..60)]
}

fn limits() -> impl Strategy<Value = Limits> {
    (prop_oneof![3_u32..20, Just(160)], -10..=20).prop_map(|(size, scale)| Limits { size, scale })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_sequence_of_floats_becomes_what_all_of_them_at_once_would(values in floats(), limits in limits()) {
        let row = TestRow::new();
        record(row.0, limits, &values);
        assert_recorded(&values, limits, row.0);
    }

    #[test]
    fn any_sequence_of_integers_becomes_what_all_of_them_at_once_would(
        values in prop::collection::vec((any::<i64>(), 0..64), 1..60), limits in limits()
    ) {
        let values: Vec<i64> = values.into_iter().map(|(value, zeros)| value >> zeros).collect();
        let row = TestRow::new();
        record(row.0, limits, &values);
        assert_recorded(&values, limits, row.0);
        let sum = values.iter().fold(0_i64, |sum, value| sum.wrapping_add(*value));
        prop_assert_eq!(read_row::<i64>(row.0, limits).1.sum_bits, sum.to_bits());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_threads_recorded_at_different_scales_is_added_up_at_the_best(
        parts in prop::collection::vec(floats(), 1..4), shared in floats(), limits in limits()
    ) {
        let row = TestRow::new();
        std::thread::scope(|scope| {
            for part in &parts {
                scope.spawn(|| record(row.0, limits, part));
            }
        });
        shared.iter().for_each(|value| observe_shared(row.0, limits, *value));
        let values: Vec<f64> = parts.into_iter().flatten().chain(shared).collect();
        assert_recorded(&values, limits, row.0);
    }
}

#[test]
fn all_floats_from_the_smallest_to_the_largest_fit_into_three_buckets_a_side() {
    let row = TestRow::new();
    let limits = Limits { size: 3, scale: 20 };
    let values = [5e-324, -5e-324, f64::MAX, f64::MIN, 1.0, -1.0, 0.0, -0.0, f64::MIN_POSITIVE];
    record(row.0, limits, &values);
    assert_recorded(&values, limits, row.0);
    assert_eq!(read_row::<f64>(row.0, limits).0.scale, -10);
}

#[test]
fn without_values_the_scale_is_the_largest() {
    let row = TestRow::new();
    let limits = Limits { size: 160, scale: 7 };
    assert_eq!(shape(&read_row::<f64>(row.0, limits).0), expected::<f64>(&[], limits));
    record(row.0, limits, &[0.0]);
    assert_recorded(&[0.0], limits, row.0);
}

#[test]
fn rows_given_back_are_empty_and_their_buckets_serve_others() {
    let limits = Limits { size: 160, scale: 20 };
    let values: Vec<u64> = (1..10_000).collect();
    let arena_bytes = || {
        let row = TestRow::new();
        record(row.0, limits, &values);
        assert_recorded(&values, limits, row.0);
        local::own_slab().unwrap().extents.bytes()
    };
    let first = arena_bytes();
    for _ in 0..100 {
        assert_eq!(arena_bytes(), first, "bytes of extents in this thread's slab");
    }
}

#[test]
fn a_value_that_there_is_no_memory_for_changes_nothing() {
    let arena = Arena::new(usize::MAX);
    let slab = Slab::new();
    let limits = Limits { size: 600, scale: 20 };
    let row = arena.allocate(WIDTH).unwrap();
    let words = arena.own_words(&slab, row).unwrap();
    let image = || {
        let mut copy = vec![0; limits.room()];
        // SAFETY: the row is an exponential histogram's.
        unsafe { copy::read(&slab.desk, words, &limits, &mut copy) };
        copy
    };
    let record = |value: f64, may: bool| {
        // SAFETY: as above; nobody else knows of the row.
        unsafe { observe_in(&slab, words, limits, value, |_| may) }
    };
    let empty = image();
    assert_eq!(record(1.0, false), None);
    assert_eq!(image(), empty);
    assert_eq!(record(1.0, true), Some(false));
    // The memory that was taken has room for a few more buckets, but not for hundreds.
    assert_eq!(record(1.00001, false), Some(false));
    let before = image();
    assert_eq!(record(1e9, false), None);
    assert_eq!(image(), before);
    assert_eq!(record(1e9, true), Some(false));
    assert_eq!(image()[0], (1.0 + 1.00001 + 1e9_f64).to_bits());
}
