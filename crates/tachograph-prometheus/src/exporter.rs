use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tachograph_sdk::diag;
use tachograph_sdk::metrics::{Collection, InstrumentKind, MetricReader, Temporality};

use crate::format::Encoding;
use crate::naming::Naming;
use crate::page::{Cursor, Source};
use crate::registry::{Options, Registry};
use crate::report::Report;
use crate::{EscapingScheme, Exposition, Format, TranslationStrategy};

/// Serves what a provider's instruments have recorded, as a Prometheus server scrapes it.
///
/// Clones are the same exporter. Any number of scrapes may run at a time: each collects for itself and
/// gets a page that is right by itself. Neither recording nor making instruments or series waits for
/// one.
///
/// A scrape costs a copy of each series' label text and the formatting of its numbers; label texts are
/// formatted when a series is first seen and kept for as long as the exporter, with 8 bytes for each. But
/// for the page itself nothing is allocated once every series has been seen (where series have to be
/// added up, their sums are). The text formats share what is kept; protobuf has its own, and so has each
/// [escaping scheme](EscapingScheme) with a [strategy](TranslationStrategy) that leaves it something to do. Each
/// is made when it is first asked for.
///
/// Once the reader or its provider is shut down, pages have no metrics, scrapes are answered with 503, so that a server
/// sees the target down instead of a service that measures nothing, and a push is an error. An exporter that is made after that, as
/// of an SDK that is disabled, has empty pages from the beginning, and answers with these.
#[derive(Clone)]
pub struct PrometheusExporter {
    inner: Arc<Inner>,
}

struct Inner {
    reader: MetricReader,
    /// Whether the reader was shut down before there was the exporter.
    was_over: bool,
    options: Options,
    /// What is known of the metrics, for each way to name and to encode them that was asked for: at most eight.
    ///
    /// Scrapes share it and write it only when a collection has metrics or series that no earlier one
    /// had. It is locked by scrapes alone, while no code of others runs: callbacks of observable
    /// instruments run before, reports are made after. A scrape that has to learn waits for the pieces
    /// that are being written, and recording never does.
    registries: [OnceLock<Box<RwLock<Registry>>>; 8],
    /// The length of the last page, by [`Format::index`]: the next one will be about as long.
    page_len: [AtomicUsize; Format::COUNT],
}

impl PrometheusExporter {
    /// An exporter with the specification's defaults. See [`builder`](Self::builder) for what the reader has to be.
    pub fn new(reader: MetricReader) -> Self {
        Self::builder(reader).build()
    }

    /// Begins an exporter of what `reader` collects.
    ///
    /// Prometheus knows cumulative points only. Of a reader with delta temporality the exporter makes a
    /// [cumulative one](MetricReader::cumulative) that sees the same, and that is reported: pages are right, and the reader
    /// itself is not collected.
    pub fn builder(reader: MetricReader) -> PrometheusExporterBuilder {
        let options = Options {
            strategy: TranslationStrategy::default(),
            scope_labels: true,
            target_info: true,
            ratio_suffix: false,
            created_samples: false,
            resource_labels: Arc::default(),
        };
        PrometheusExporterBuilder { reader, options }
    }

    /// Collects and renders a page: of a [`Format`], or of one with names
    /// [escaped otherwise](Format::with_escaping) than with underscores.
    ///
    /// Runs the callbacks of observable instruments on this thread. A page takes some 100 bytes for each series in
    /// memory; [`stream`](Self::stream) has it in pieces.
    pub fn render(&self, exposition: impl Into<Exposition>) -> Vec<u8> {
        let exposition = exposition.into();
        let page_len = &self.inner.page_len[exposition.format().index()];
        let expected = page_len.load(Ordering::Relaxed);
        // Counts gain digits between scrapes and series come; a sixteenth more spares the second copy.
        let mut page = Vec::with_capacity(expected + expected / 16 + 1024);
        self.write_to(exposition, &mut page);
        page_len.store(page.len(), Ordering::Relaxed);
        page
    }

    /// Collects and appends a page to a buffer. See [`render`](Self::render).
    pub fn write_to(&self, exposition: impl Into<Exposition>, out: &mut Vec<u8>) {
        let exposition = exposition.into();
        let collection = self.collect(exposition);
        // Without a limit there is one piece.
        let _whole = self.write_piece(&mut Cursor::default(), out, &collection, exposition, usize::MAX);
    }

    /// Whether the reader or the provider was shut down in this exporter's time.
    pub(crate) fn is_over(&self) -> bool {
        self.inner.reader.is_shut_down() && !self.inner.was_over
    }

    /// Collects, and learns what the collection has and the registry does not.
    pub(crate) fn collect(&self, exposition: Exposition) -> Collection {
        let collection = self.inner.reader.collect();
        let registry = self.inner.registry(exposition);
        let covers = registry.read().unwrap_or_else(PoisonError::into_inner).covers(&collection);
        if !covers {
            let mut reports = Vec::new();
            registry.write().unwrap_or_else(PoisonError::into_inner).learn(&collection, &mut reports);
            // Who listens to reports may ask for a page.
            reports.into_iter().for_each(Report::send);
        }
        collection
    }

    /// Appends the next piece of a page; breaks when it is full.
    pub(crate) fn write_piece(
        &self,
        cursor: &mut Cursor,
        out: &mut Vec<u8>,
        collection: &Collection,
        exposition: Exposition,
        limit: usize,
    ) -> ControlFlow<()> {
        let flow = {
            let registry = self.inner.registry(exposition).read().unwrap_or_else(PoisonError::into_inner);
            let source = Source { registry: &registry, collection, format: exposition.format(), limit };
            cursor.write(out, source)
        };
        cursor.report();
        flow
    }
}

impl Inner {
    fn registry(&self, exposition: Exposition) -> &RwLock<Registry> {
        let naming = Naming::new(self.options.strategy, exposition.escaping());
        let encoding = exposition.format().encoding();
        let number = naming.scheme.index()
            + match encoding {
                Encoding::Text => 0,
                Encoding::Protobuf => EscapingScheme::ALL.len(),
            };
        self.registries[number]
            .get_or_init(|| Box::new(RwLock::new(Registry::new(self.options.clone(), naming, encoding))))
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
    /// What becomes of names. [`UnderscoreEscapingWithSuffixes`](TranslationStrategy::UnderscoreEscapingWithSuffixes)
    /// unless this is called.
    pub fn with_translation_strategy(mut self, strategy: TranslationStrategy) -> Self {
        self.options.strategy = strategy;
        self
    }

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

    /// Which of the resource's attributes are labels of every series, by their keys. None by default
    /// (`with_resource_constant_labels`): they cost their bytes on every line, and a query that needs one joins
    /// `target_info`.
    ///
    /// A key that the resource does not have adds nothing. An attribute of the same name is joined with it by `;`.
    pub fn with_resource_labels<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.options.resource_labels = keys.into_iter().map(Into::into).collect();
        self
    }

    /// Whether gauges of unit `1` have the suffix `_ratio`. Off by default, as in the current
    /// specification; some exporters add it, and dashboards made for them expect it.
    pub fn with_ratio_suffix(mut self, on: bool) -> Self {
        self.options.ratio_suffix = on;
        self
    }

    /// Whether OpenMetrics says by a sample `_created` when each counter and histogram began. Off by default.
    ///
    /// The specification leaves it open. A Prometheus server makes use of them if it runs with
    /// `--enable-feature=created-timestamp-zero-ingestion`; without that each is a series of its own, so that counters
    /// cost it twice as much. Protobuf says when series began in any case, for that costs nothing there.
    pub fn with_created_samples(mut self, on: bool) -> Self {
        self.options.created_samples = on;
        self
    }

    /// Makes the exporter.
    pub fn build(self) -> PrometheusExporter {
        let is_delta = |kind: &InstrumentKind| self.reader.temporality(*kind) == Temporality::Delta;
        let deltas: Vec<InstrumentKind> = InstrumentKind::ALL.into_iter().filter(is_delta).collect();
        if !deltas.is_empty() {
            diag::report(
                "prometheus.temporality",
                "",
                format_args!(
                    "a Prometheus exporter was given a reader that collects {deltas:?} with delta temporality, and Prometheus knows \
                     cumulative points only: its pages are made by a cumulative reader that sees the same; make the exporter's reader \
                     without `with_temporality`"
                ),
            );
        }
        PrometheusExporter {
            inner: Arc::new(Inner {
                was_over: self.reader.is_shut_down(),
                reader: self.reader.cumulative(),
                options: self.options,
                registries: Default::default(),
                page_len: Default::default(),
            }),
        }
    }
}
