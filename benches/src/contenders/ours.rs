//! This project: behind the API as any instrumented library uses it, and by its own handles.

use opentelemetry::metrics as otel;
use tachograph_prometheus::{Format, PrometheusExporter};
use tachograph_sdk::metrics::MetricReader;
use tachograph_sdk::{
    AttributeValue, Attributes, BoundCounter, BoundHistogram, Counter, Histogram, MeterProvider,
};

use super::pairs;
use crate::sets::{BOUNDS, KEYS, Label};

/// A provider with room for `series` per stream (the default is 2,000).
pub(crate) fn provider(series: usize) -> MeterProvider {
    let builder = MeterProvider::builder();
    if series > 2_000 { builder.with_cardinality_limit(series + 1) } else { builder }.build()
}

/// Counters behind the API.
pub(crate) struct Counters {
    pub(crate) reader: MetricReader,
    pub(crate) exporter: PrometheusExporter,
    pub(crate) counter: otel::Counter<u64>,
}

impl<V: Label> super::Counters<V> for Counters {
    const NAME: &'static str = "tachograph, through the API";

    fn with_room_for(series: usize) -> Self {
        let provider = provider(series);
        let counter =
            provider.meter("bench").as_otel().u64_counter("orders").with_description("Orders").build();
        let reader = provider.reader();
        Self { exporter: PrometheusExporter::new(reader.clone()), reader, counter }
    }

    #[inline(always)]
    fn add(&self, values: [V; 3]) {
        self.counter.add(1, &pairs(values));
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        scraper(&self.exporter)
    }
}

/// Histograms behind the API.
pub(crate) struct Histograms {
    pub(crate) reader: MetricReader,
    exporter: PrometheusExporter,
    pub(crate) histogram: otel::Histogram<f64>,
}

impl<V: Label> super::Histograms<V> for Histograms {
    const NAME: &'static str = "tachograph, through the API";

    fn with_room_for(series: usize) -> Self {
        let provider = provider(series);
        let histogram = provider
            .meter("bench")
            .as_otel()
            .f64_histogram("order.duration")
            .with_unit("s")
            .with_description("Durations")
            .with_boundaries(BOUNDS.to_vec())
            .build();
        let reader = provider.reader();
        Self { exporter: PrometheusExporter::new(reader.clone()), reader, histogram }
    }

    #[inline(always)]
    fn record(&self, values: [V; 3], value: f64) {
        self.histogram.record(value, &pairs(values));
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        scraper(&self.exporter)
    }
}

/// Counters of our own, with borrowed pairs made up on the spot.
pub(crate) struct OwnCounters {
    exporter: PrometheusExporter,
    pub(crate) counter: Counter<u64>,
}

impl OwnCounters {
    /// Borrowed pairs, whoever owns the text.
    #[inline(always)]
    pub(crate) fn add_borrowed(&self, [channel, region, route]: [&str; 3]) {
        self.counter.add(1, &[(KEYS[0], channel), (KEYS[1], region), (KEYS[2], route)]);
    }

    /// A resolved handle.
    pub(crate) fn bind(&self, values: [&'static str; 3]) -> BoundCounter<u64> {
        self.counter.bind(&pairs(values))
    }
}

impl<V: Label> super::Counters<V> for OwnCounters {
    const NAME: &'static str = "tachograph, borrowed pairs";

    fn with_room_for(series: usize) -> Self {
        let provider = provider(series);
        let counter = provider.meter("bench").counter("orders").with_description("Orders").build();
        Self { exporter: PrometheusExporter::new(provider.reader()), counter }
    }

    #[inline(always)]
    fn add(&self, values: [V; 3]) {
        self.add_borrowed(values.each_ref().map(AsRef::as_ref));
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        scraper(&self.exporter)
    }
}

/// Histograms of our own, with borrowed pairs made up on the spot.
pub(crate) struct OwnHistograms {
    exporter: PrometheusExporter,
    pub(crate) histogram: Histogram<f64>,
}

impl OwnHistograms {
    /// A resolved handle.
    pub(crate) fn bind(&self, values: [&'static str; 3]) -> BoundHistogram<f64> {
        self.histogram.bind(&pairs(values))
    }
}

impl<V: Label> super::Histograms<V> for OwnHistograms {
    const NAME: &'static str = "tachograph, borrowed pairs";

    fn with_room_for(series: usize) -> Self {
        let provider = provider(series);
        let histogram = provider
            .meter("bench")
            .histogram("order.duration")
            .with_unit("s")
            .with_description("Durations")
            .with_boundaries(BOUNDS.to_vec())
            .build();
        Self { exporter: PrometheusExporter::new(provider.reader()), histogram }
    }

    #[inline(always)]
    fn record(&self, values: [V; 3], value: f64) {
        let [channel, region, route] = values.each_ref().map(AsRef::as_ref);
        self.histogram.record(value, &[(KEYS[0], channel), (KEYS[1], region), (KEYS[2], route)]);
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        scraper(&self.exporter)
    }
}

fn scraper(exporter: &PrometheusExporter) -> impl FnMut() -> usize + use<> {
    scraper_of(exporter, Format::Text004)
}

fn scraper_of(exporter: &PrometheusExporter, format: Format) -> impl FnMut() -> usize + use<> {
    let exporter = exporter.clone();
    let mut page = Vec::new();
    move || {
        page.clear();
        exporter.write_to(format, &mut page);
        page.len()
    }
}

/// Its pages in protobuf.
pub(crate) fn protobuf_scraper(reader: &MetricReader) -> impl FnMut() -> usize + use<> {
    scraper_of(&PrometheusExporter::new(reader.clone()), Format::Protobuf)
}

/// Pages that are made in pieces and kept nowhere.
pub(crate) fn streamer(exporter: &PrometheusExporter, format: Format) -> impl FnMut() -> usize + use<> {
    let exporter = exporter.clone();
    move || exporter.copy_to(format, &mut std::io::sink()).map_or(0, |written| written as usize)
}

/// As its pages are, without the labels that say which scope a series is of: what peers without scopes write.
pub(crate) fn scraper_without_scopes(reader: &MetricReader) -> impl FnMut() -> usize {
    scraper(&PrometheusExporter::builder(reader.clone()).with_scope_labels(false).build())
}

/// Visits every series and encodes nothing: the part of a page that is the reader's.
pub(crate) fn visitor(reader: &MetricReader) -> impl FnMut() -> usize {
    let reader = reader.clone();
    move || {
        let mut points = 0;
        for metric in reader.collect().metrics() {
            metric.for_each(|point| {
                std::hint::black_box(point.value);
                points += 1;
            });
        }
        points
    }
}

super::enums! {
    #[derive(Clone, Copy, AttributeValue)]
    #[attribute(crate = "tachograph_sdk")]
}

/// Attributes of enums.
#[derive(Clone, Copy, Attributes)]
#[attribute(crate = "tachograph_sdk")]
pub(crate) struct Typed {
    channel: Channel,
    region: Region,
    route: Route,
}

impl Typed {
    #[inline(always)]
    pub(crate) fn of([channel, region, route]: [usize; 3]) -> Self {
        Self { channel: Channel::ALL[channel], region: Region::ALL[region], route: Route::ALL[route] }
    }
}

/// A counter over [`Typed`], with the reader that keeps its provider.
pub(crate) fn typed() -> (MetricReader, Counter<u64, Typed>) {
    let provider = provider(2_000);
    let counter = provider.meter("bench").counter("orders").with_description("Orders").build();
    (provider.reader(), counter)
}
