//! `vise`: typed families over `prometheus-client`.

use vise::{Buckets, Counter, Format, Histogram, LabeledFamily, Metrics, Registry};

use crate::sets::{BOUNDS, KEYS};

const NAME: &str = "vise";

type Labels = (&'static str, &'static str, &'static str);

#[derive(Debug, Metrics)]
struct Orders {
    /// Orders
    #[metrics(labels = KEYS)]
    orders: LabeledFamily<Labels, Counter, 3>,
}

#[derive(Debug, Metrics)]
struct Durations {
    /// Durations
    #[metrics(labels = KEYS, buckets = Buckets::values(&BOUNDS))]
    order_duration_seconds: LabeledFamily<Labels, Histogram<f64>, 3>,
}

fn scraper(registry: &Registry) -> impl FnMut() -> usize {
    let mut page = String::new();
    move || {
        page.clear();
        registry.encode(&mut page, Format::Prometheus).expect("the page encodes");
        page.len()
    }
}

pub(crate) struct Counters {
    registry: Registry,
    metrics: Orders,
}

impl Counters {
    /// A resolved handle.
    pub(crate) fn bind(&self, [channel, region, route]: [&'static str; 3]) -> Counter {
        self.metrics.orders[&(channel, region, route)].clone()
    }
}

impl super::Counters<&'static str> for Counters {
    const NAME: &'static str = NAME;

    fn with_room_for(_series: usize) -> Self {
        let metrics = Orders::default();
        let mut registry = Registry::empty();
        registry.register_metrics(&metrics);
        Self { registry, metrics }
    }

    #[inline(always)]
    fn add(&self, [channel, region, route]: [&'static str; 3]) {
        self.metrics.orders[&(channel, region, route)].inc();
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        scraper(&self.registry)
    }
}

pub(crate) struct Histograms {
    registry: Registry,
    metrics: Durations,
}

impl Histograms {
    /// A resolved handle.
    pub(crate) fn bind(&self, [channel, region, route]: [&'static str; 3]) -> Histogram<f64> {
        self.metrics.order_duration_seconds[&(channel, region, route)].clone()
    }
}

impl super::Histograms<&'static str> for Histograms {
    const NAME: &'static str = NAME;

    fn with_room_for(_series: usize) -> Self {
        let metrics = Durations::default();
        let mut registry = Registry::empty();
        registry.register_metrics(&metrics);
        Self { registry, metrics }
    }

    #[inline(always)]
    fn record(&self, [channel, region, route]: [&'static str; 3], value: f64) {
        self.metrics.order_duration_seconds[&(channel, region, route)].observe(value);
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        scraper(&self.registry)
    }
}
