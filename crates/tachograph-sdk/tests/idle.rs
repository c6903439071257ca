//! What an instrument costs that never records.
//!
//! One test, so that nothing else allocates meanwhile.

#![allow(clippy::print_stdout, reason = "the figures are what one runs it for")]

#[path = "support/allocator.rs"]
mod allocator;
mod support;

use allocator::bytes_of;
use support::provider;
use tachograph_sdk::{Dynamic, MeterProvider};

/// Bytes of an instrument of 1,000 like it, none of which has recorded.
fn idle<I>(
    provider: &MeterProvider,
    what: &str,
    make: impl Fn(&tachograph_sdk::Meter, String) -> I,
) -> usize {
    let meter = provider.meter("m");
    let (bytes, instruments) = bytes_of(|| {
        (0..1_000).map(|n| make(&meter, format!("an.idle.instrument.{n:04}"))).collect::<Vec<I>>()
    });
    let each = bytes / instruments.len();
    println!("an idle {what}: {each} B");
    each
}

#[test]
fn an_instrument_that_never_records_costs_at_most_a_kibibyte() {
    let provider = provider();
    let otel = provider.meter("api").as_otel();
    let _bytes = provider.meter("m").counter("warm").build::<u64, Dynamic>();
    let bytes = idle(&provider, "counter", |meter, name| meter.counter(name).build::<u64, Dynamic>());
    assert!(bytes <= 1_024, "{bytes}");
    let bytes = idle(&provider, "counter of the API", |_, name| otel.u64_counter(name).build());
    assert!(bytes <= 1_024, "{bytes}");
    let bytes = idle(&provider, "histogram of the default boundaries", |meter, name| {
        meter.histogram(format!("histogram.{name}")).build::<f64, Dynamic>()
    });
    assert!(bytes <= 1_024, "{bytes}");
    let bytes = idle(&provider, "histogram with boundaries of its own", |meter, name| {
        let boundaries: Vec<f64> = (1..=14).map(f64::from).collect();
        meter.histogram(format!("advised.{name}")).with_boundaries(boundaries).build::<f64, Dynamic>()
    });
    assert!(bytes <= 1_024, "{bytes}");
}
