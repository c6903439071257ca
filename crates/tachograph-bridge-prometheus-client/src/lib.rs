//! A registry of the [`prometheus_client`] crate, version 0.25, on tachograph's `/metrics` page.
//!
//! ```
//! use std::sync::Arc;
//!
//! use prometheus_client::metrics::counter::Counter;
//! use prometheus_client::registry::Registry;
//! use tachograph_bridge_prometheus_client::PrometheusClientRegistry;
//! use tachograph_prometheus::{Format, PrometheusExporter};
//! use tachograph_sdk::MeterProvider;
//!
//! let mut registry = Registry::default();
//! let orders = Counter::<u64>::default();
//! registry.register("orders", "Orders created", orders.clone());
//! orders.inc();
//!
//! let provider = MeterProvider::new();
//! let producer = PrometheusClientRegistry::new(Arc::new(registry));
//! let reader = provider.reader_builder().with_producer(Arc::new(producer)).build();
//! let page = String::from_utf8(PrometheusExporter::new(reader).render(Format::Text004))?;
//! assert!(page.ends_with("# HELP orders_total Orders created.\n# TYPE orders_total counter\norders_total 1\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What the registry has stays as it is: names, labels, help, units, types and exemplars; see
//! [`ProducedBatch::verbatim`]. In formats other than OpenMetrics families are called as their samples are: a
//! counter `orders` is `orders_total`. Where a name is one of the engine's already, or the other way round, whoever
//! was on the page first has it, and a report names both.
//!
//! The crate gives what it has as OpenMetrics text and in no other way that does not need a compiler of protocol
//! buffers at build time, so that its text is what is read here. A scrape does so once, on the scraping thread. A
//! collector that panics or fails loses what comes after it in that scrape, which is reported; one that is slow
//! makes the scrape slow, and nothing else: recording in the engine does not wait for it.

mod family;
mod line;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tachograph_sdk::metrics::{MetricProducer, ProducedBatch};

/// Writes a registry as OpenMetrics text.
type Encode = Box<dyn Fn(&mut String) -> fmt::Result + Send + Sync>;

/// A registry as a producer of metrics.
pub struct PrometheusClientRegistry {
    encode: Encode,
    scope: InstrumentationScope,
}

impl PrometheusClientRegistry {
    /// What this registry has.
    pub fn new(registry: Arc<Registry>) -> Self {
        Self::encoded_by(move |text| encode(text, &registry))
    }

    /// What a function writes as OpenMetrics text: of a registry under a lock, or of several.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex, PoisonError};
    /// use prometheus_client::{encoding::text::encode, registry::Registry};
    /// use tachograph_bridge_prometheus_client::PrometheusClientRegistry;
    ///
    /// let registry = Arc::new(Mutex::new(Registry::default()));
    /// let shared = Arc::clone(&registry);
    /// let producer = PrometheusClientRegistry::encoded_by(move |text| {
    ///     encode(text, &shared.lock().unwrap_or_else(PoisonError::into_inner))
    /// });
    /// # let _ = producer;
    /// ```
    pub fn encoded_by(encode: impl Fn(&mut String) -> fmt::Result + Send + Sync + 'static) -> Self {
        PrometheusClientRegistry {
            encode: Box::new(encode),
            scope: InstrumentationScope::builder("prometheus-client").build(),
        }
    }

    /// Sets a name for reports, where there are several; `prometheus-client` unless set.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.scope = InstrumentationScope::builder(name.into()).build();
        self
    }
}

impl fmt::Debug for PrometheusClientRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrometheusClientRegistry").field(&self.scope.name()).finish()
    }
}

impl MetricProducer for PrometheusClientRegistry {
    fn scope(&self) -> &InstrumentationScope {
        &self.scope
    }

    fn produce(&self, batch: &mut ProducedBatch) -> Result<(), Box<dyn Error + Send + Sync>> {
        batch.verbatim = true;
        let mut text = String::new();
        let encoded = (self.encode)(&mut text);
        let read = family::read(&text, &mut batch.metrics);
        encoded
            .map_err(|_| "a metric of the registry could not be encoded; what comes after it is missing")?;
        Ok(read?)
    }
}

/// The document whose examples are compiled as this crate's.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/migrate-prometheus-client.md")]
struct Guide;
