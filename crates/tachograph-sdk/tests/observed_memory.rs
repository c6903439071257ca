//! What callbacks observe may change for ever without taking more memory.
//!
//! One test, so that nothing else allocates meanwhile.

#[path = "support/allocator.rs"]
mod allocator;
mod support;

use allocator::live_bytes;
use support::{observed, provider, rotate};

#[test]
fn sets_that_rotate_keep_their_memory() {
    let provider = provider();
    let list = observed(&provider);
    let reader = provider.reader();
    let run = |rounds: std::ops::Range<i64>| {
        for round in rounds {
            rotate(&list, round);
            let mut points = 0;
            reader.collect().metrics().for_each(|metric| metric.for_each(|_| points += 1));
            assert_eq!(points, 10);
        }
    };
    run(0..100);
    let before = live_bytes();
    run(100..2_100);
    let grown = live_bytes().saturating_sub(before);
    assert!(grown < 1_000, "{grown} B for 20,000 sets");
}
