//! A million distinct attribute sets take no more memory than the limit's.
//!
//! One test, so that nothing else allocates meanwhile.

#[path = "support/allocator.rs"]
mod allocator;
mod support;

use allocator::live_bytes;
use opentelemetry::KeyValue;
use support::{provider, snapshot};
use tachograph_sdk::metrics::OVERFLOW_ATTRIBUTE;
use tachograph_sdk::{Counter, Histogram};

const SETS: i64 = 1_000_000;

#[test]
fn a_million_attribute_sets_take_bounded_memory_and_are_all_counted() {
    let provider = provider();
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("million.counter").build();
    let api = meter.as_otel().u64_counter("million.counter").build();
    let histogram: Histogram<f64> = meter.histogram("million.histogram").build();
    let mut at_a_hundred_thousand = 0;
    for n in 0..SETS {
        match n % 8 {
            0 => api.add(1, &[KeyValue::new("user", format!("user {n}"))]),
            1 => api.add(1, &[KeyValue::new(format!("key {n}"), n)]),
            2 => counter.add(
                1,
                &[("a long text that is no key", format!("a value of more than sixteen bytes: {n}"))],
            ),
            3 => histogram.record(1.0, &[("n", n)]),
            _ => counter.add(1, &[("n", n)]),
        }
        // What is learnt of spellings has its full size by then.
        if n == 100_000 {
            at_a_hundred_thousand = live_bytes();
        }
    }
    let after = live_bytes();
    println!("after 100,000 sets {at_a_hundred_thousand} B, after a million {after} B");
    assert!(
        after <= at_a_hundred_thousand + at_a_hundred_thousand / 100,
        "{at_a_hundred_thousand} B became {after} B"
    );

    let snapshot = snapshot(&provider);
    let (counters, histograms) = (snapshot.metric("million.counter"), snapshot.metric("million.histogram"));
    counters.assert_series(2_001);
    counters.assert_total(SETS.cast_unsigned() / 8 * 7);
    counters.assert_value(&[(OVERFLOW_ATTRIBUTE, true)], SETS.cast_unsigned() / 8 * 7 - 2_000);
    histograms.assert_series(2_001);
    assert_eq!(histograms.count(), SETS.cast_unsigned() / 8);
    assert_eq!(provider.account().overflowed, SETS.cast_unsigned() - 4_000);
}
