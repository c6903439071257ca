//! `fast-telemetry`: counters and histograms over labels that are looked up in a cache of the thread's. Integers only:
//! durations are recorded in microseconds.

use fast_telemetry::{
    DynamicCounter, DynamicCounterSeries, DynamicHistogram, DynamicHistogramSeries, PrometheusExport,
};

use crate::sets::{BOUNDS, KEYS, Label};

const NAME: &str = "fast-telemetry";

/// One shard for each of the machine's processors, as its documentation has it.
fn shards() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

fn scraper(metric: &impl PrometheusExport, name: &'static str, help: &'static str) -> impl FnMut() -> usize {
    let mut page = String::new();
    move || {
        page.clear();
        metric.export_prometheus(&mut page, name, help);
        page.len()
    }
}

pub(crate) struct Counters {
    family: DynamicCounter,
}

impl Counters {
    /// A resolved handle.
    pub(crate) fn bind(&self, [channel, region, route]: [&'static str; 3]) -> DynamicCounterSeries {
        self.family.series(&[(KEYS[0], channel), (KEYS[1], region), (KEYS[2], route)])
    }
}

impl<V: Label> super::Counters<V> for Counters {
    const NAME: &'static str = NAME;

    fn with_room_for(series: usize) -> Self {
        Self { family: DynamicCounter::with_max_series(shards(), series.max(2_000) + 1) }
    }

    #[inline(always)]
    fn add(&self, values: [V; 3]) {
        let [channel, region, route] = values.each_ref().map(AsRef::as_ref);
        self.family.inc(&[(KEYS[0], channel), (KEYS[1], region), (KEYS[2], route)]);
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        scraper(&self.family, "orders", "Orders")
    }
}

/// A value in its unit.
#[inline(always)]
pub(crate) fn micros(seconds: f64) -> u64 {
    (seconds * 1e6) as u64
}

pub(crate) struct Histograms {
    family: DynamicHistogram,
}

impl Histograms {
    /// A resolved handle.
    pub(crate) fn bind(&self, [channel, region, route]: [&'static str; 3]) -> DynamicHistogramSeries {
        self.family.series(&[(KEYS[0], channel), (KEYS[1], region), (KEYS[2], route)])
    }
}

impl<V: Label> super::Histograms<V> for Histograms {
    const NAME: &'static str = NAME;

    fn with_room_for(series: usize) -> Self {
        let bounds = BOUNDS.map(micros);
        Self { family: DynamicHistogram::with_limits(&bounds, shards(), series.max(2_000) + 1) }
    }

    #[inline(always)]
    fn record(&self, values: [V; 3], value: f64) {
        let [channel, region, route] = values.each_ref().map(AsRef::as_ref);
        self.family.record(&[(KEYS[0], channel), (KEYS[1], region), (KEYS[2], route)], micros(value));
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        scraper(&self.family, "order_duration_micros", "Durations")
    }
}
