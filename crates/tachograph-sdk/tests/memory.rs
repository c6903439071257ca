//! What series cost.
//!
//! One test, so that nothing else allocates meanwhile.

#![allow(clippy::print_stdout, reason = "the figures are what one runs it for")]

#[path = "support/allocator.rs"]
mod allocator;

use allocator::bytes_of;
use tachograph_sdk::metrics::thread_cells_bytes;
use tachograph_sdk::{AttributeSet, Counter, Gauge, Histogram, MeterProvider, Resource};

const SERIES: usize = 10_000;

/// Bytes of a series, and of its attributes alone.
fn per_series(what: &str, record: impl Fn(&[(&'static str, &str)])) -> (usize, usize) {
    let text: Vec<String> = (0..SERIES).map(|n| format!("value {n}")).collect();
    let sets = || text.iter().map(|text| [("channel", "web"), ("region", "eu"), ("customer", text.as_str())]);
    let (attributes, kept) = bytes_of(|| sets().map(|set| AttributeSet::new(&set)).collect::<Vec<_>>());
    let (all, ()) = bytes_of(|| sets().for_each(|set| record(&set)));
    let (attributes, all) =
        ((attributes - kept.capacity() * size_of::<AttributeSet>()) / SERIES, all / SERIES);
    println!("a {what}: {all} B, of which its attributes {attributes} B; net {} B", all - attributes);
    (all, attributes)
}

#[test]
fn series_cost_what_is_promised() {
    let provider = MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_cardinality_limit(SERIES + 1)
        .build();
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("counter").build();
    let gauge: Gauge<f64> = meter.gauge("gauge").build();
    let bounds: Vec<f64> = (0..14).map(f64::from).collect();
    let histogram: Histogram<f64> = meter.histogram("histogram").with_boundaries(bounds).build();
    // What is there once for all is not a series'.
    counter.add(1, &());

    let (all, attributes) = per_series("counter's series", |set| counter.add(1, set));
    assert!(all - attributes <= 128, "{all} - {attributes}");
    let (all, attributes) = per_series("gauge's series", |set| gauge.record(1.0, set));
    assert!(all - attributes <= 160, "{all} - {attributes}");
    let (all, attributes) = per_series("histogram's series of 14 bounds", |set| histogram.record(1.0, set));
    assert!(all - attributes <= 400, "{all} - {attributes}");

    let before = thread_cells_bytes();
    let text: Vec<String> = (0..SERIES).map(|n| format!("value {n}")).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for text in &text {
                counter.add(1, &[("channel", "web"), ("region", "eu"), ("customer", text.as_str())]);
            }
        });
    });
    let grown = thread_cells_bytes() - before;
    println!("a counter's series in one thread more: {:.1} B", grown as f64 / SERIES as f64);
    assert!(grown <= 16 * SERIES, "{grown}");
}
