//! A registry of the [`prometheus`] crate, version 0.14, on tachograph's `/metrics` page.
//!
//! ```
//! use std::sync::Arc;
//!
//! use tachograph_bridge_prometheus::PrometheusRegistry;
//! use tachograph_prometheus::{Format, PrometheusExporter};
//! use tachograph_sdk::MeterProvider;
//!
//! let registry = prometheus::Registry::new();
//! let orders = prometheus::IntCounter::new("orders_total", "Orders created")?;
//! registry.register(Box::new(orders.clone()))?;
//! orders.inc();
//!
//! let provider = MeterProvider::new();
//! let producer = PrometheusRegistry::new(registry);
//! let reader = provider.reader_builder().with_producer(Arc::new(producer)).build();
//! let page = String::from_utf8(PrometheusExporter::new(reader).render(Format::Text004))?;
//! assert!(page.ends_with("# HELP orders_total Orders created\n# TYPE orders_total counter\norders_total 1\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What the registry has stays as it is: names, labels, help and types, a summary included; see
//! [`ProducedBatch::verbatim`]. Where a name is one of the engine's already, or the other way round, whoever was on
//! the page first has it, and a report names both.
//!
//! A scrape gathers the registry once, on the scraping thread. A collector that panics loses what the registry
//! had in that scrape, which is reported; one that is slow makes the scrape slow, and nothing else: recording in the
//! engine does not wait for it.

use std::error::Error;
use std::fmt;

use opentelemetry::{InstrumentationScope, KeyValue};
use prometheus::Registry;
use prometheus::proto::{Histogram, Metric, MetricFamily, MetricType, Summary};
use tachograph_sdk::AttributeSet;
use tachograph_sdk::metrics::{
    MetricProducer, NumberValue, ProducedBatch, ProducedBucket, ProducedHistogram, ProducedKind,
    ProducedMetric, ProducedPoint, ProducedSummary, ProducedValue,
};

/// A registry as a producer of metrics.
pub struct PrometheusRegistry {
    registry: Registry,
    scope: InstrumentationScope,
}

impl PrometheusRegistry {
    /// What this registry gathers; it is a handle, and metrics may be registered in it at any time.
    pub fn new(registry: Registry) -> Self {
        Self::named("prometheus", registry)
    }

    /// As [`new`](Self::new), of the crate's default registry, in which its macros register.
    pub fn default_registry() -> Self {
        Self::new(prometheus::default_registry().clone())
    }

    /// As [`new`](Self::new), with a name for reports, where there are several.
    pub fn named(name: impl Into<String>, registry: Registry) -> Self {
        PrometheusRegistry { registry, scope: InstrumentationScope::builder(name.into()).build() }
    }
}

impl fmt::Debug for PrometheusRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrometheusRegistry").field(&self.scope.name()).finish()
    }
}

impl MetricProducer for PrometheusRegistry {
    fn scope(&self) -> &InstrumentationScope {
        &self.scope
    }

    fn produce(&self, batch: &mut ProducedBatch) -> Result<(), Box<dyn Error + Send + Sync>> {
        batch.verbatim = true;
        batch.metrics.extend(self.registry.gather().iter().map(metric));
        Ok(())
    }
}

fn metric(family: &MetricFamily) -> ProducedMetric {
    let kind = family.get_field_type();
    let produced_kind = match kind {
        MetricType::COUNTER => ProducedKind::Sum { monotonic: true },
        MetricType::GAUGE => ProducedKind::Gauge,
        MetricType::HISTOGRAM => ProducedKind::Histogram,
        MetricType::SUMMARY => ProducedKind::Summary,
        MetricType::UNTYPED => ProducedKind::Unknown,
    };
    let mut metric = ProducedMetric::new(family.name().to_owned(), produced_kind);
    metric.description = family.help().to_owned().into();
    metric.points = family.get_metric().iter().map(|series| point(kind, series)).collect();
    metric
}

fn point(kind: MetricType, series: &Metric) -> ProducedPoint {
    let pairs = series.get_label().iter();
    let pairs: Vec<_> =
        pairs.map(|pair| KeyValue::new(pair.name().to_owned(), pair.value().to_owned())).collect();
    let value = match kind {
        MetricType::COUNTER => number(series.get_counter().value()),
        MetricType::GAUGE => number(series.get_gauge().value()),
        MetricType::HISTOGRAM => histogram(series.get_histogram()).into(),
        MetricType::SUMMARY => summary(series.get_summary()).into(),
        MetricType::UNTYPED => number(series.untyped.value()),
    };
    let mut point = ProducedPoint::new(AttributeSet::new(&*pairs), value);
    let millis = u64::try_from(series.timestamp_ms()).unwrap_or(0);
    point.unix_nanos = millis.checked_mul(1_000_000).filter(|nanos| *nanos > 0);
    point
}

/// A number as its own encoder prints it: without an exponent where it is whole, as most are.
fn number(value: f64) -> ProducedValue {
    /// Up to here every whole number is a float of its own.
    const EXACT: f64 = (1_u64 << 53) as f64;
    let is_whole =
        value.trunc() == value && value.abs() <= EXACT && (value != 0.0 || value.is_sign_positive());
    ProducedValue::from(if is_whole { NumberValue::I64(value as i64) } else { NumberValue::F64(value) })
}

fn histogram(histogram: &Histogram) -> ProducedHistogram {
    let mut below = 0;
    let buckets = histogram.get_bucket().iter().map(|bucket| {
        let cumulative = bucket.cumulative_count();
        let count = cumulative.saturating_sub(below);
        below = cumulative.max(below);
        ProducedBucket { upper_bound: bucket.upper_bound(), count, exemplar: None }
    });
    ProducedHistogram {
        buckets: buckets.collect(),
        count: histogram.get_sample_count(),
        sum: Some(histogram.get_sample_sum()),
    }
}

fn summary(summary: &Summary) -> ProducedSummary {
    let quantiles = summary.get_quantile().iter().map(|quantile| (quantile.quantile(), quantile.value()));
    ProducedSummary {
        count: summary.sample_count(),
        sum: summary.sample_sum(),
        quantiles: quantiles.collect(),
    }
}

/// The document whose examples are compiled as this crate's.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/migrate-prometheus.md")]
struct Guide;
