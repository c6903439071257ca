//! `opentelemetry_sdk` behind the API, with `opentelemetry-prometheus` as its reader.

use opentelemetry::metrics::{Counter, Histogram, MeterProvider};
use opentelemetry_sdk::metrics::{Instrument, SdkMeterProvider, Stream};
use prometheus::Registry;

use super::pairs;
use crate::sets::{BOUNDS, Label};

const NAME: &str = "opentelemetry_sdk";

/// A provider that a registry reads, with room for `series` (the default is 2,000).
pub(crate) fn provider(series: usize) -> (SdkMeterProvider, Registry) {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .build()
        .expect("nothing else is registered");
    let mut builder = SdkMeterProvider::builder().with_reader(exporter);
    if series > 2_000 {
        builder = builder.with_view(move |_: &Instrument| {
            Stream::builder().with_cardinality_limit(series + 1).build().ok()
        });
    }
    (builder.build(), registry)
}

pub(crate) struct Counters {
    // Shuts its readers down when dropped.
    _provider: SdkMeterProvider,
    registry: Registry,
    pub(crate) counter: Counter<u64>,
}

impl<V: Label> super::Counters<V> for Counters {
    const NAME: &'static str = NAME;

    fn with_room_for(series: usize) -> Self {
        let (provider, registry) = provider(series);
        let counter = provider.meter("bench").u64_counter("orders").with_description("Orders").build();
        Self { _provider: provider, registry, counter }
    }

    #[inline(always)]
    fn add(&self, values: [V; 3]) {
        self.counter.add(1, &pairs(values));
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        super::prometheus::scraper(self.registry.clone())
    }
}

pub(crate) struct Histograms {
    // Shuts its readers down when dropped.
    _provider: SdkMeterProvider,
    registry: Registry,
    pub(crate) histogram: Histogram<f64>,
}

impl<V: Label> super::Histograms<V> for Histograms {
    const NAME: &'static str = NAME;

    fn with_room_for(series: usize) -> Self {
        let (provider, registry) = provider(series);
        let histogram = provider
            .meter("bench")
            .f64_histogram("order.duration")
            .with_unit("s")
            .with_description("Durations")
            .with_boundaries(BOUNDS.to_vec())
            .build();
        Self { _provider: provider, registry, histogram }
    }

    #[inline(always)]
    fn record(&self, values: [V; 3], value: f64) {
        self.histogram.record(value, &pairs(values));
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        super::prometheus::scraper(self.registry.clone())
    }
}
