use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SetRecorderError, SharedString, Unit,
};
use tachograph_sdk::metrics::DEFAULT_CARDINALITY_LIMIT;
use tachograph_sdk::{Meter, MeterProvider, diag};

use crate::families::{Families, Limits};
use crate::kinds::{CounterKind, Declaration, GaugeKind, HistogramKind, Kind};
use crate::unit;

/// How many names each kind of metric may have, unless another limit is set.
pub const DEFAULT_NAME_LIMIT: usize = 2_000;

/// A [`Recorder`] over a provider.
///
/// Clones are the same recorder. See the [crate](crate) for what becomes of what.
#[derive(Clone)]
pub struct MetricsRecorder {
    inner: Arc<Inner>,
}

struct Inner {
    meter: Meter,
    limits: Limits,
    descriptions: Mutex<HashMap<(&'static str, String), Description>>,
    counters: Families<CounterKind>,
    gauges: Families<GaugeKind>,
    histograms: Families<HistogramKind>,
}

#[derive(Clone, Debug)]
struct Description {
    unit: Option<Unit>,
    text: String,
}

impl MetricsRecorder {
    /// A recorder with the defaults of [`MetricsRecorderBuilder`].
    pub fn new(provider: &MeterProvider) -> Self {
        Self::builder(provider).build()
    }

    /// Sets up a recorder over a provider.
    pub fn builder(provider: &MeterProvider) -> MetricsRecorderBuilder<'_> {
        MetricsRecorderBuilder {
            provider,
            scope: "metrics".to_owned(),
            limits: Limits { names: DEFAULT_NAME_LIMIT, handles: DEFAULT_CARDINALITY_LIMIT },
        }
    }

    /// Makes this the recorder that the facade's macros use, in all of the process and until it ends.
    ///
    /// # Errors
    ///
    /// If there is one already; it stays.
    pub fn install(self) -> Result<(), SetRecorderError<Self>> {
        metrics::set_global_recorder(self)
    }
}

impl fmt::Debug for MetricsRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsRecorder")
            .field("meter", &self.inner.meter)
            .field("limits", &self.inner.limits)
            .finish_non_exhaustive()
    }
}

/// Sets up a [`MetricsRecorder`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct MetricsRecorderBuilder<'a> {
    provider: &'a MeterProvider,
    scope: String,
    limits: Limits,
}

impl MetricsRecorderBuilder<'_> {
    /// The scope of all that is recorded; `metrics` unless set.
    pub fn with_scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// How many label sets each name may have: at least 1, and 2,000 unless set.
    pub fn with_cardinality_limit(mut self, limit: usize) -> Self {
        self.limits.handles = limit.max(1);
        self
    }

    /// How many names there may be of each kind of metric: at least 1, and 2,000 unless set.
    pub fn with_name_limit(mut self, limit: usize) -> Self {
        self.limits.names = limit.max(1);
        self
    }

    /// Builds the recorder.
    pub fn build(self) -> MetricsRecorder {
        let inner = Inner {
            // For all kinds: observable gauges have no limit of their own.
            meter: self
                .provider
                .meter_builder(self.scope)
                .with_cardinality_limit(self.limits.handles)
                .build(),
            limits: self.limits,
            descriptions: Mutex::default(),
            counters: Families::default(),
            gauges: Families::default(),
            histograms: Families::default(),
        };
        MetricsRecorder { inner: Arc::new(inner) }
    }
}

impl Inner {
    fn descriptions(&self) -> MutexGuard<'_, HashMap<(&'static str, String), Description>> {
        self.descriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn describe<K: Kind>(
        &self,
        of: &Families<K>,
        kind: &'static str,
        name: &KeyName,
        unit: Option<Unit>,
        text: &SharedString,
    ) {
        let name = name.as_str();
        if of.knows(name) {
            return diag::report(
                "metrics.described_late",
                name,
                format_args!(
                    "{kind} {name:?} of the metrics facade was described after it was first used; it stays as it was: \
                     describe it before, at start-up"
                ),
            );
        }
        let mut descriptions = self.descriptions();
        let key = (kind, name.to_owned());
        // As many as there may be names, of which there may be none yet.
        if descriptions.len() < self.limits.names.saturating_mul(3) || descriptions.contains_key(&key) {
            descriptions.insert(key, Description { unit, text: text.to_string() });
        }
    }

    fn handle<K: Kind>(&self, of: &Families<K>, kind: &'static str, key: &Key) -> Option<Arc<K::Handle>> {
        let declare = || {
            let name = key.name().to_owned();
            // Left where it is: another thread may be declaring the same.
            let description = self.descriptions().get(&(kind, name.clone())).cloned();
            let unit = description.as_ref().and_then(|description| description.unit).map(unit::ucum);
            let unit = unit.unwrap_or_else(|| unit::of_name(&name));
            let description = description.map(|description| description.text).unwrap_or_default();
            K::declare(&self.meter, Declaration { name, unit, description })
        };
        let handle = of.handle(key, self.limits, declare);
        if handle.is_none() {
            let name = key.name();
            diag::report(
                "metrics.names",
                "",
                format_args!(
                    "there are {} names of {kind}s of the metrics facade, which is the limit: {name:?} and further \
                     ones are not recorded; put what varies into labels, or raise the limit",
                    self.limits.names
                ),
            );
        }
        handle
    }
}

impl Recorder for MetricsRecorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe(&self.inner.counters, "counter", &key, unit, &description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe(&self.inner.gauges, "gauge", &key, unit, &description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe(&self.inner.histograms, "histogram", &key, unit, &description);
    }

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        let handle = self.inner.handle(&self.inner.counters, "counter", key);
        handle.map_or_else(Counter::noop, Counter::from_arc)
    }

    fn register_gauge(&self, key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        let handle = self.inner.handle(&self.inner.gauges, "gauge", key);
        handle.map_or_else(Gauge::noop, Gauge::from_arc)
    }

    fn register_histogram(&self, key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        let handle = self.inner.handle(&self.inner.histograms, "histogram", key);
        handle.map_or_else(Histogram::noop, Histogram::from_arc)
    }
}
