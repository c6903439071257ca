//! `prometheus`: vectors with label values given as a slice of strings.

use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};

use crate::sets::{BOUNDS, KEYS, Label};

const NAME: &str = "prometheus";

/// Encodes everything in `registry`, as the crate's own examples do.
pub(super) fn scraper(registry: Registry) -> impl FnMut() -> usize {
    let mut page = Vec::new();
    move || {
        page.clear();
        TextEncoder::new().encode(&registry.gather(), &mut page).expect("the page encodes");
        page.len()
    }
}

pub(crate) struct Counters {
    registry: Registry,
    vector: IntCounterVec,
}

impl Counters {
    /// A resolved handle.
    pub(crate) fn bind(&self, values: [&str; 3]) -> prometheus::IntCounter {
        self.vector.with_label_values(&values)
    }
}

impl<V: Label> super::Counters<V> for Counters {
    const NAME: &'static str = NAME;

    fn with_room_for(_series: usize) -> Self {
        let registry = Registry::new();
        let vector =
            IntCounterVec::new(Opts::new("orders_total", "Orders"), &KEYS).expect("the name is valid");
        registry.register(Box::new(vector.clone())).expect("nothing else is registered");
        Self { registry, vector }
    }

    #[inline(always)]
    fn add(&self, values: [V; 3]) {
        self.vector.with_label_values(&values).inc();
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        scraper(self.registry.clone())
    }
}

pub(crate) struct Histograms {
    registry: Registry,
    vector: HistogramVec,
}

impl Histograms {
    /// A resolved handle.
    pub(crate) fn bind(&self, values: [&str; 3]) -> prometheus::Histogram {
        self.vector.with_label_values(&values)
    }
}

impl<V: Label> super::Histograms<V> for Histograms {
    const NAME: &'static str = NAME;

    fn with_room_for(_series: usize) -> Self {
        let registry = Registry::new();
        let options = HistogramOpts::new("order_duration_seconds", "Durations").buckets(BOUNDS.to_vec());
        let vector = HistogramVec::new(options, &KEYS).expect("the name is valid");
        registry.register(Box::new(vector.clone())).expect("nothing else is registered");
        Self { registry, vector }
    }

    #[inline(always)]
    fn record(&self, values: [V; 3], value: f64) {
        self.vector.with_label_values(&values).observe(value);
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        scraper(self.registry.clone())
    }
}
