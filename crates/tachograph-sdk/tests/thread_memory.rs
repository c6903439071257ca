//! Threads that come and go leave their memory to those that come after.
//!
//! One test, so that nothing else allocates meanwhile.

#[path = "support/allocator.rs"]
mod allocator;
mod support;

use std::sync::Barrier;
use std::thread;

use allocator::live_bytes;
use support::{provider, snapshot};
use tachograph_sdk::metrics::thread_cells_bytes;
use tachograph_sdk::{Counter, Histogram};

#[test]
fn ten_thousand_short_lived_threads_leave_memory_as_it_was() {
    let provider = provider();
    let counter: Counter<u64> = provider.meter("m").counter("counter").build();
    let histogram: Histogram<f64> = provider.meter("m").histogram("histogram").build();
    let batch = || {
        let together = Barrier::new(8);
        thread::scope(|scope| {
            let mut threads = Vec::new();
            for _ in 0..8 {
                // All at once, so that every batch has as many threads as any.
                let record = || {
                    together.wait();
                    for n in 0..10 {
                        counter.add(1, &[("n", n)]);
                        histogram.record(1.0, &[("n", n)]);
                    }
                    together.wait();
                };
                threads.push(scope.spawn(record));
            }
            // A scope's end waits for its closures, a join for the threads' destructors too.
            threads.into_iter().for_each(|thread| assert!(thread.join().is_ok()));
        });
    };
    (0..50).for_each(|_| batch());
    let (bytes, cells) = (live_bytes(), thread_cells_bytes());
    (50..1_250).for_each(|_| batch());
    let (bytes_after, cells_after) = (live_bytes(), thread_cells_bytes());
    println!(
        "after 400 threads {bytes} B, of which cells {cells} B; after 10,000 {bytes_after} B, {cells_after} B"
    );
    assert!(bytes_after <= bytes + bytes / 10, "{bytes} B became {bytes_after} B");
    assert!(cells_after <= cells + cells / 10, "{cells} B of cells became {cells_after} B");

    let snapshot = snapshot(&provider);
    snapshot.metric("counter").assert_total(100_000);
    assert_eq!(snapshot.metric("histogram").count(), 100_000);
}
