use std::fmt;

use opentelemetry::InstrumentationScope;

use super::metric::MetricSnapshot;
use super::show::debug_as_display;
use crate::metrics::{Collection, MeterProvider, MetricReader};
use crate::resource::Resource;

/// A reader that copies what it collects, so that a test can look at it at leisure.
///
/// Cumulative unless it is made of a reader that is not; independent of all others, and reading changes nothing that others see.
/// Clones are the same reader.
#[derive(Clone, Debug)]
pub struct InMemoryReader {
    reader: MetricReader,
}

impl InMemoryReader {
    /// A reader of everything that the provider's instruments record, before and after this.
    pub fn new(provider: &MeterProvider) -> Self {
        InMemoryReader { reader: provider.reader() }
    }

    /// A reader that is set up already: with delta temporality, say.
    ///
    /// ```
    /// use tachograph_sdk::metrics::TemporalityPreference;
    /// use tachograph_sdk::testing::InMemoryReader;
    /// use tachograph_sdk::{Counter, MeterProvider};
    ///
    /// let provider = MeterProvider::new();
    /// let reader = provider.reader_builder().with_temporality(TemporalityPreference::Delta).build();
    /// let reader = InMemoryReader::of(reader);
    /// let orders: Counter<u64> = provider.meter("shop").counter("order.created.total").build();
    /// for more in [2, 3] {
    ///     orders.add(more, &());
    ///     reader.snapshot().metric("order.created.total").assert_value(&(), more);
    /// }
    /// reader.snapshot().assert_absent("order.created.total");
    /// ```
    pub fn of(reader: MetricReader) -> Self {
        InMemoryReader { reader }
    }

    /// Collects once, callbacks included, and copies all of it.
    pub fn snapshot(&self) -> MetricsSnapshot {
        MetricsSnapshot::of_collection(&self.reader.collect())
    }
}

/// A copy of one collection. `Debug` and `Display` print it a line for each series.
#[derive(Clone, PartialEq)]
pub struct MetricsSnapshot {
    resource: Resource,
    unix_nanos: u64,
    metrics: Vec<MetricSnapshot>,
}

impl MetricsSnapshot {
    /// Collects once, by a reader made for it.
    pub fn of(provider: &MeterProvider) -> Self {
        InMemoryReader::new(provider).snapshot()
    }

    /// Copies a collection.
    pub fn of_collection(collection: &Collection) -> Self {
        MetricsSnapshot {
            resource: collection.resource().clone(),
            unix_nanos: collection.unix_nanos(),
            metrics: collection.metrics().map(|metric| MetricSnapshot::of(&metric)).collect(),
        }
    }

    /// What the metrics are about.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// When the collection was made, in nanoseconds since the Unix epoch.
    pub fn unix_nanos(&self) -> u64 {
        self.unix_nanos
    }

    /// All metrics, in the order in which their instruments were created; those without points too.
    pub fn metrics(&self) -> &[MetricSnapshot] {
        &self.metrics
    }

    /// The metric of this name, whatever its scope and case, if there is one; the first, if several.
    pub fn find(&self, name: &str) -> Option<&MetricSnapshot> {
        self.metrics.iter().find(|metric| metric.name().eq_ignore_ascii_case(name))
    }

    /// As [`find`](Self::find), of the scopes that `scope` accepts.
    pub fn find_in(
        &self,
        scope: impl Fn(&InstrumentationScope) -> bool,
        name: &str,
    ) -> Option<&MetricSnapshot> {
        self.metrics.iter().find(|metric| metric.name().eq_ignore_ascii_case(name) && scope(metric.scope()))
    }

    /// The only metric of this name.
    ///
    /// # Panics
    ///
    /// If there is none, or more than one; the message lists what there is.
    #[track_caller]
    pub fn metric(&self, name: &str) -> &MetricSnapshot {
        self.only(name, |metric| metric.name().eq_ignore_ascii_case(name))
    }

    /// The only metric of this name in the scope of that name.
    ///
    /// # Panics
    ///
    /// As [`metric`](Self::metric).
    #[track_caller]
    pub fn metric_in(&self, scope: &str, name: &str) -> &MetricSnapshot {
        self.only(name, |metric| metric.name().eq_ignore_ascii_case(name) && metric.scope().name() == scope)
    }

    #[track_caller]
    fn only(&self, name: &str, accepts: impl Fn(&MetricSnapshot) -> bool) -> &MetricSnapshot {
        let mut found = self.metrics.iter().filter(|metric| accepts(metric));
        match (found.next(), found.next()) {
            (Some(metric), None) => metric,
            (None, _) => panic!("there is no metric {name:?}; there is:\n{self}"),
            (Some(_), Some(_)) => panic!("there are several metrics {name:?}:\n{self}"),
        }
    }

    /// Asserts that no metric of this name has a data point.
    ///
    /// # Panics
    ///
    /// If one has; the message shows it.
    #[track_caller]
    pub fn assert_absent(&self, name: &str) {
        for metric in &self.metrics {
            assert!(
                !metric.name().eq_ignore_ascii_case(name) || metric.points().is_empty(),
                "there should be nothing of {name:?}, but there is:\n{metric}"
            );
        }
    }
}

impl fmt::Display for MetricsSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.metrics.is_empty() {
            return f.write_str("(no metrics)\n");
        }
        self.metrics.iter().try_for_each(|metric| write!(f, "{metric}"))
    }
}

debug_as_display!(MetricsSnapshot);
