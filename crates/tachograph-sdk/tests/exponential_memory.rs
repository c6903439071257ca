//! What an exponential histogram's series costs.

#[path = "support/allocator.rs"]
mod allocator;
mod support;

use allocator::bytes_of;
use support::provider;
use tachograph_sdk::Histogram;

#[test]
fn memory_follows_the_range_that_is_in_use() {
    let provider = provider();
    let meter = provider.meter("m");
    let series = 500;
    let histogram = |name| -> Histogram<f64> {
        meter.histogram(name).with_exponential_buckets().with_cardinality_limit(series).build()
    };
    let fill = |name: &'static str, values: &[f64]| {
        let histogram = histogram(name);
        let fill = || {
            for n in 0..series as i64 {
                values.iter().for_each(|value| histogram.record(*value, &[("n", n)]));
            }
        };
        bytes_of(fill).0 / series
    };
    let one = fill("one", &[0.25]);
    let wide: Vec<f64> = (0..300).map(|n| 1.04_f64.powi(n)).collect();
    let wide = fill("wide", &wide);
    assert!(one < 400, "{one} bytes a series with one value");
    assert!((1_000..2_000).contains(&wide), "{wide} bytes a series of a wide range");
}
