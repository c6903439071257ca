use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use opentelemetry::metrics as api;
use opentelemetry::metrics::{
    AsyncInstrumentBuilder, HistogramBuilder, InstrumentBuilder, InstrumentProvider,
};
use opentelemetry::{InstrumentationScope, KeyValue};

use super::aggregation::Aggregation;
use super::instrument::Instrument;
use super::kind::InstrumentKind;
use super::observable::Observable;
use super::registry::{Registry, Request};
use super::stream::{Descriptor, Stream};
use crate::attributes::AttributesSchema;
use crate::diag;
use crate::number::Number;

/// Makes instruments for one instrumentation scope.
///
/// Its own instruments take typed and borrowed attributes; see [`Counter`](crate::Counter) and its
/// siblings. [`as_otel`](Self::as_otel) gives the API's meter for the same scope: for instrumented
/// libraries, and for observable instruments. Both kinds, declared alike, are one instrument.
#[derive(Clone)]
pub struct Meter {
    pub(crate) scoped: Arc<ScopedMeter>,
}

/// A scope of a provider; what the API's `Meter` hides.
pub(crate) struct ScopedMeter {
    registry: Arc<Registry>,
    scope: Arc<InstrumentationScope>,
    /// The cardinality limit of instruments that have none of their own.
    limit: Option<usize>,
}

impl Meter {
    pub(crate) fn new(registry: Arc<Registry>, scope: InstrumentationScope, limit: Option<usize>) -> Self {
        if scope.name().is_empty() {
            diag::report(
                "meter.name",
                "",
                "a meter was asked for without a name; it works, but nobody can tell which library its metrics come \
                 from: pass the name of the instrumented library",
            );
        }
        Meter { scoped: Arc::new(ScopedMeter { registry, scope: Arc::new(scope), limit }) }
    }

    /// The API's meter for this scope.
    pub fn as_otel(&self) -> api::Meter {
        api::Meter::new(Arc::clone(&self.scoped) as Arc<dyn InstrumentProvider + Send + Sync>)
    }

    /// The scope.
    pub fn scope(&self) -> &InstrumentationScope {
        &self.scoped.scope
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Meter").field(&self.scoped.scope.name()).finish()
    }
}

/// Sets up a [`Meter`] whose scope has more than a name.
#[must_use = "a builder does nothing until it builds"]
pub struct MeterBuilder {
    registry: Arc<Registry>,
    name: Cow<'static, str>,
    version: Option<Cow<'static, str>>,
    schema_url: Option<Cow<'static, str>>,
    attributes: Vec<KeyValue>,
    limit: Option<usize>,
}

impl fmt::Debug for MeterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MeterBuilder").field(&self.name).finish()
    }
}

impl MeterBuilder {
    pub(crate) fn new(registry: Arc<Registry>, name: Cow<'static, str>) -> Self {
        MeterBuilder { registry, name, version: None, schema_url: None, attributes: Vec::new(), limit: None }
    }

    /// The version of what instruments, such as `env!("CARGO_PKG_VERSION")`.
    pub fn with_version(mut self, version: impl Into<Cow<'static, str>>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// The schema that the names and attributes follow.
    pub fn with_schema_url(mut self, schema_url: impl Into<Cow<'static, str>>) -> Self {
        self.schema_url = Some(schema_url.into());
        self
    }

    /// Attributes of the scope itself; they are part of its identity.
    pub fn with_attributes(mut self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        self.attributes = attributes.into_iter().collect();
        self
    }

    /// How many attribute sets each instrument of this meter may have, those of [`as_otel`](Meter::as_otel) too, where neither a view
    /// nor the instrument says it; at least 1. That of the reader, or else of the provider, unless set. It is no part of the
    /// scope's identity.
    pub fn with_cardinality_limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit.max(1));
        self
    }

    /// The meter.
    pub fn build(self) -> Meter {
        let mut scope = InstrumentationScope::builder(self.name).with_attributes(self.attributes);
        if let Some(version) = self.version {
            scope = scope.with_version(version);
        }
        if let Some(schema_url) = self.schema_url {
            scope = scope.with_schema_url(schema_url);
        }
        Meter::new(self.registry, scope.build(), self.limit)
    }
}

impl ScopedMeter {
    /// An instrument's first stream; `None` after shutdown, or if there are too many.
    pub(crate) fn register(&self, mut request: Request) -> Option<Arc<Stream>> {
        if self.registry.is_shut_down.load(Ordering::Acquire) {
            return None;
        }
        request.limit = request.limit.or(self.limit);
        self.registry.instrument(&self.scope, request)
    }

    /// As [`register`](Self::register), of an instrument whose attributes are known to be these.
    pub(crate) fn register_with(
        &self,
        request: Request,
        schema: Option<&'static AttributesSchema>,
    ) -> Option<Arc<Stream>> {
        let first = self.register(request)?;
        if let Some(schema) = schema {
            first.chain().for_each(|stream| self.registry.describe_attributes(stream.number, schema));
        }
        Some(first)
    }

    fn synchronous<N: Number>(
        &self,
        kind: InstrumentKind,
        name: Cow<'static, str>,
        unit: Option<Cow<'static, str>>,
        description: Option<Cow<'static, str>>,
        advice: Option<Aggregation>,
    ) -> Arc<dyn api::SyncInstrument<N> + Send + Sync> {
        let request =
            Request { descriptor: descriptor::<N>(kind, &name, unit, description), advice, limit: None };
        match self.register(request) {
            Some(stream) => Arc::new(Instrument::new(stream)),
            None => Arc::new(Nothing),
        }
    }

    fn observable<N: Number, I>(&self, kind: InstrumentKind, builder: AsyncInstrumentBuilder<'_, I, N>) {
        let AsyncInstrumentBuilder { name, description, unit, callbacks, .. } = builder;
        let request = Request {
            descriptor: descriptor::<N>(kind, &name, unit, description),
            advice: None,
            limit: None,
        };
        let Some(stream) = self.register(request) else {
            return;
        };
        for callback in callbacks {
            self.registry.add_callback(Arc::new(Observable { stream: Arc::clone(&stream), callback }));
        }
    }
}

/// An instrument of a provider that was shut down.
struct Nothing;

impl<N: Number> api::SyncInstrument<N> for Nothing {
    fn measure(&self, _measurement: N, _attributes: &[KeyValue]) {}

    fn bind(&self, _attributes: &[KeyValue]) -> Box<dyn api::BoundSyncInstrument<N> + Send + Sync> {
        Box::new(Nothing)
    }
}

impl<N: Number> api::BoundSyncInstrument<N> for Nothing {
    fn measure(&self, _measurement: N) {}
}

fn descriptor<N: Number>(
    kind: InstrumentKind,
    name: &str,
    unit: Option<Cow<'static, str>>,
    description: Option<Cow<'static, str>>,
) -> Descriptor {
    Descriptor {
        name: name.into(),
        description: description.unwrap_or_default().into(),
        unit: unit.unwrap_or_default().into(),
        kind,
        number: N::KIND,
    }
}

macro_rules! synchronous {
    ($($method:ident: $kind:ident -> $instrument:ident<$number:ty>;)*) => {$(
        fn $method(&self, builder: InstrumentBuilder<'_, api::$instrument<$number>>) -> api::$instrument<$number> {
            let InstrumentBuilder { name, unit, description, .. } = builder;
            api::$instrument::new(self.synchronous(InstrumentKind::$kind, name, unit, description, None))
        }
    )*};
}

macro_rules! histogram {
    ($($method:ident -> $number:ty;)*) => {$(
        fn $method(&self, builder: HistogramBuilder<'_, api::Histogram<$number>>) -> api::Histogram<$number> {
            let HistogramBuilder { name, unit, description, boundaries, .. } = builder;
            let advice = boundaries.map(Aggregation::explicit_bucket_histogram);
            api::Histogram::new(self.synchronous(InstrumentKind::Histogram, name, unit, description, advice))
        }
    )*};
}

macro_rules! observable {
    ($($method:ident: $kind:ident<$number:ty>;)*) => {$(
        fn $method(
            &self,
            builder: AsyncInstrumentBuilder<'_, api::$kind<$number>, $number>,
        ) -> api::$kind<$number> {
            self.observable(InstrumentKind::$kind, builder);
            api::$kind::new()
        }
    )*};
}

impl InstrumentProvider for ScopedMeter {
    synchronous! {
        u64_counter: Counter -> Counter<u64>;
        f64_counter: Counter -> Counter<f64>;
        i64_up_down_counter: UpDownCounter -> UpDownCounter<i64>;
        f64_up_down_counter: UpDownCounter -> UpDownCounter<f64>;
        u64_gauge: Gauge -> Gauge<u64>;
        i64_gauge: Gauge -> Gauge<i64>;
        f64_gauge: Gauge -> Gauge<f64>;
    }
    histogram! {
        u64_histogram -> u64;
        f64_histogram -> f64;
    }
    observable! {
        u64_observable_counter: ObservableCounter<u64>;
        f64_observable_counter: ObservableCounter<f64>;
        i64_observable_up_down_counter: ObservableUpDownCounter<i64>;
        f64_observable_up_down_counter: ObservableUpDownCounter<f64>;
        u64_observable_gauge: ObservableGauge<u64>;
        i64_observable_gauge: ObservableGauge<i64>;
        f64_observable_gauge: ObservableGauge<f64>;
    }
}
