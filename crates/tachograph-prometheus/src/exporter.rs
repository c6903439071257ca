use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use tachograph_sdk::metrics::{Collection, MetricReader};

use crate::Format;
use crate::page::{Unknown, write_metrics};
use crate::registry::{Options, Registry};
use crate::report::Report;

/// Serves what a provider's instruments have recorded, as a Prometheus server scrapes it.
///
/// Clones are the same exporter. Any number of scrapes may run at a time: each collects for itself and
/// gets a page that is right by itself. Neither recording nor making instruments or series waits for
/// one.
///
/// A scrape costs a copy of each series' label text and the formatting of its numbers; label texts are
/// formatted when a series is first seen and kept for as long as the exporter, with 8 bytes for each. But
/// for the page itself nothing is allocated once every series has been seen (where series have to be
/// added up, their sums are).
#[derive(Clone)]
pub struct PrometheusExporter {
    inner: Arc<Inner>,
}

struct Inner {
    reader: MetricReader,
    /// Scrapes share it and write it only when a collection has metrics or series that no earlier one
    /// had. It is locked by scrapes alone, while no code of others runs: callbacks of observable
    /// instruments run before, reports are made after. A scrape that has to learn waits for the pages
    /// that are being written, and recording never does.
    registry: RwLock<Registry>,
    /// The length of the last page, by [`Format::index`]: the next one will be about as long.
    page_len: [AtomicUsize; 2],
}

impl PrometheusExporter {
    /// An exporter with the specification's defaults.
    pub fn new(reader: MetricReader) -> Self {
        Self::builder(reader).build()
    }

    /// Begins an exporter of what `reader` collects.
    pub fn builder(reader: MetricReader) -> PrometheusExporterBuilder {
        let options = Options { scope_labels: true, target_info: true, ratio_suffix: false };
        PrometheusExporterBuilder { reader, options }
    }

    /// Collects and renders a page.
    ///
    /// Runs the callbacks of observable instruments on this thread.
    pub fn render(&self, format: Format) -> Vec<u8> {
        let expected = self.inner.page_len[format.index()].load(Ordering::Relaxed);
        // Counts gain digits between scrapes and series come; a sixteenth more spares the second copy.
        let mut page = Vec::with_capacity(expected + expected / 16 + 1024);
        self.write_to(format, &mut page);
        self.inner.page_len[format.index()].store(page.len(), Ordering::Relaxed);
        page
    }

    /// Collects and appends a page to a buffer. See [`render`](Self::render).
    pub fn write_to(&self, format: Format, out: &mut Vec<u8>) {
        let inner = &*self.inner;
        let collection = inner.reader.collect();
        let start = out.len();
        if inner.write_page(out, &collection, format, Unknown::Break).is_none() {
            out.truncate(start);
            inner.learn(&collection);
            inner.write_page(out, &collection, format, Unknown::Skip);
        }
    }
}

impl Inner {
    /// Appends a page; `None` if something on it has to be learned first.
    fn write_page(
        &self,
        out: &mut Vec<u8>,
        collection: &Collection,
        format: Format,
        unknown: Unknown,
    ) -> Option<()> {
        let registry = self.registry();
        if unknown == Unknown::Break && !registry.covers(collection) {
            return None;
        }
        out.extend_from_slice(registry.target_info(format));
        if write_metrics(out, &registry, collection, format, unknown).is_break() {
            return None;
        }
        if format == Format::OpenMetrics100 {
            out.extend_from_slice(b"# EOF\n");
        }
        Some(())
    }

    fn registry(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, collection: &Collection) {
        let mut reports = Vec::new();
        self.registry.write().unwrap_or_else(PoisonError::into_inner).learn(collection, &mut reports);
        // Who listens to reports may ask for a page.
        reports.into_iter().for_each(Report::send);
    }
}

impl fmt::Debug for PrometheusExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrometheusExporter").field("reader", &self.inner.reader).finish_non_exhaustive()
    }
}

/// Makes a [`PrometheusExporter`].
#[derive(Clone, Debug)]
#[must_use = "an exporter is made by `build`"]
pub struct PrometheusExporterBuilder {
    reader: MetricReader,
    options: Options,
}

impl PrometheusExporterBuilder {
    /// Whether every sample says by labels which scope (library) it is from: `otel_scope_name`,
    /// `otel_scope_version`, `otel_scope_schema_url` and `otel_scope_` with each attribute of the scope.
    /// On by default, as the specification has it (`scope_info_enabled`).
    ///
    /// They cost their bytes on every line. Without them series of two scopes may have the same name and
    /// labels: sums and histograms are then added up, of gauges the first is kept, and a report says so.
    pub fn with_scope_labels(mut self, on: bool) -> Self {
        self.options.scope_labels = on;
        self
    }

    /// Whether the page says by `target_info` what the metrics are about: one sample of value 1, with the
    /// resource's attributes as labels. On by default (`target_info_enabled`); a resource without
    /// attributes has none.
    pub fn with_target_info(mut self, on: bool) -> Self {
        self.options.target_info = on;
        self
    }

    /// Whether gauges of unit `1` have the suffix `_ratio`. Off by default, as in the current
    /// specification; some exporters add it, and dashboards made for them expect it.
    pub fn with_ratio_suffix(mut self, on: bool) -> Self {
        self.options.ratio_suffix = on;
        self
    }

    /// Makes the exporter.
    pub fn build(self) -> PrometheusExporter {
        PrometheusExporter {
            inner: Arc::new(Inner {
                reader: self.reader,
                registry: RwLock::new(Registry::new(self.options)),
                page_len: Default::default(),
            }),
        }
    }
}
