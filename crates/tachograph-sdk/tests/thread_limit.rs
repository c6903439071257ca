//! What threads have for cells of their own is bounded; beyond the bound they share, and lose nothing.
//!
//! One test, for the bound is the process's.

#[path = "support/allocator.rs"]
mod allocator;
mod support;

use std::sync::Barrier;
use std::thread;

use allocator::live_bytes;
use support::snapshot;
use tachograph_sdk::metrics::{set_thread_cells_limit, thread_cells_bytes};
use tachograph_sdk::{Counter, Histogram, MeterProvider, Resource};

const THREADS: usize = 512;
const SERIES: usize = 10_000;
const LIMIT: usize = 4 << 20;

#[test]
fn at_the_bound_512_threads_with_10_000_series_share_and_lose_nothing() {
    set_thread_cells_limit(LIMIT);
    let provider = MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_cardinality_limit(SERIES)
        .build();
    let counter: Counter<u64> = provider.meter("m").counter("counter").build();
    let histogram: Histogram<u64> = provider.meter("m").histogram("histogram").build();
    let series: Vec<_> = (0..SERIES as i64).map(|n| counter.bind(&[("n", n)])).collect();
    let sizes: Vec<_> = (0..20_i64).map(|n| histogram.bind(&[("n", n)])).collect();
    let before = live_bytes();
    // All threads live at once, so that none takes over another's memory.
    let all = Barrier::new(THREADS);
    let grown = std::sync::atomic::AtomicUsize::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (series, sizes, all, grown) = (&series, &sizes, &all, &grown);
            let record = move || {
                series.iter().for_each(|series| series.add(1));
                sizes.iter().for_each(|series| series.record(1));
                if all.wait().is_leader() {
                    grown.store(live_bytes() - before, std::sync::atomic::Ordering::Relaxed);
                }
                series[thread % SERIES].add(1);
            };
            thread::Builder::new().stack_size(64 << 10).spawn_scoped(scope, record).unwrap();
        }
    });
    let (cells, grown) = (thread_cells_bytes(), grown.into_inner());
    println!("{THREADS} threads with {SERIES} series: {cells} B of cells, {grown} B in all");
    assert!(cells <= LIMIT, "{cells}");
    assert!(cells > LIMIT / 2, "the bound is used: {cells}");
    // Beside the cells: those that are shared, and what a thread itself is.
    assert!(grown < LIMIT + (2 << 20), "{grown}");

    let snapshot = snapshot(&provider);
    let counters = snapshot.metric("counter");
    counters.assert_series(SERIES);
    counters.assert_total((THREADS * (SERIES + 1)) as u64);
    for (n, point) in counters.points().iter().enumerate() {
        let expected = THREADS + usize::from(n < THREADS);
        assert_eq!(
            point.value,
            tachograph_sdk::testing::ValueSnapshot::Number(tachograph_sdk::metrics::NumberValue::U64(
                expected as u64
            ))
        );
    }
    for n in 0..20_i64 {
        snapshot.metric("histogram").assert_histogram(&[("n", n)], THREADS as u64, THREADS as u64);
    }
}
