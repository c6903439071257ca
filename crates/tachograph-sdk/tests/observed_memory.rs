//! What callbacks observe may change for ever without taking more memory.
//!
//! One test, so that nothing else allocates meanwhile.

#[path = "support/allocator.rs"]
mod allocator;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use allocator::live_bytes;
use opentelemetry::KeyValue;
use support::provider;

#[test]
fn sets_that_rotate_keep_their_memory() {
    let provider = provider();
    let round = Arc::new(AtomicI64::new(0));
    let observed = Arc::clone(&round);
    provider
        .meter("m")
        .as_otel()
        .u64_observable_counter("n")
        .with_callback(move |observer| {
            let round = observed.load(Ordering::Relaxed);
            (0..10).for_each(|n| observer.observe(7, &[KeyValue::new("n", round * 10 + n)]));
        })
        .build();
    let reader = provider.reader();
    let run = |rounds: i64| {
        for _ in 0..rounds {
            let mut points = 0;
            reader.collect().metrics().for_each(|metric| metric.for_each(|_| points += 1));
            assert_eq!(points, 10);
            round.fetch_add(1, Ordering::Relaxed);
        }
    };
    run(100);
    let before = live_bytes();
    run(2_000);
    let grown = live_bytes().saturating_sub(before);
    assert!(grown < 1_000, "{grown} B for 20,000 sets");
}
