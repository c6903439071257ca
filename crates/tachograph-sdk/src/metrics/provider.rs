use std::collections::HashMap;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::metrics::noop::NoopMeterProvider;
use opentelemetry::{InstrumentationScope, KeyValue};

use super::aggregation::{Aggregation, Buckets};
use super::meter::{Meter, MeterBuilder, ScopedMeter};
use super::observable::Observe;
use super::reader::MetricReader;
use super::stream::{Descriptor, InstrumentKind, Stream};
use super::validate;
use crate::clock::{Clock, SystemClock};
use crate::diag;
use crate::resource::Resource;
use crate::sync::AppendVec;

/// The specification's default cardinality limit.
pub const DEFAULT_CARDINALITY_LIMIT: usize = 2_000;

/// Makes meters, and owns what their instruments record.
///
/// Implements the API's [`MeterProvider`](opentelemetry::metrics::MeterProvider). Clones are handles
/// to the same provider. Dropping the last handle, instrument and reader frees everything.
#[derive(Clone)]
pub struct MeterProvider {
    pub(crate) inner: Arc<ProviderInner>,
}

pub(crate) struct ProviderInner {
    pub(crate) resource: Resource,
    pub(crate) clock: Arc<dyn Clock>,
    limit: usize,
    /// All streams, in the order of their creation; read by collections without a lock.
    pub(crate) streams: AppendVec<Arc<Stream>>,
    registry: Mutex<Registry>,
    callbacks: Mutex<Vec<Arc<dyn Observe>>>,
    /// Who else is to know of the shutdown; each function once.
    at_shutdown: Mutex<Vec<fn(&MeterProvider)>>,
    pub(crate) is_shut_down: AtomicBool,
    /// Streams that could not be kept; sixteen million is the most.
    refused_streams: AtomicU64,
}

/// Which instruments there are, by scope and by name in lower case.
#[derive(Default)]
struct Registry {
    scopes: HashMap<InstrumentationScope, HashMap<Box<str>, Vec<Registered>>>,
}

#[derive(Clone)]
pub(crate) struct Registered {
    /// The stream's number in its provider.
    pub(crate) number: usize,
    pub(crate) stream: Arc<Stream>,
}

/// What an instrument is asked to be.
pub(crate) struct Request {
    pub(crate) descriptor: Descriptor,
    pub(crate) boundaries: Option<Vec<f64>>,
    pub(crate) limit: Option<usize>,
}

impl MeterProvider {
    /// A provider with the defaults of [`MeterProviderBuilder`].
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Sets up a provider.
    pub fn builder() -> MeterProviderBuilder {
        MeterProviderBuilder {
            resource: None,
            clock: Arc::new(SystemClock),
            limit: DEFAULT_CARDINALITY_LIMIT,
        }
    }

    /// A meter for the scope of this name: the library, package or module that instruments.
    pub fn meter(&self, name: impl Into<std::borrow::Cow<'static, str>>) -> Meter {
        self.meter_builder(name).build()
    }

    /// A meter whose scope has more than a name.
    pub fn meter_builder(&self, name: impl Into<std::borrow::Cow<'static, str>>) -> MeterBuilder<'_> {
        MeterBuilder::new(self, name.into())
    }

    pub(crate) fn meter_of(&self, scope: InstrumentationScope) -> Meter {
        if scope.name().is_empty() {
            diag::report(
                "meter.name",
                "",
                "a meter was asked for without a name; it works, but nobody can tell which library its metrics come \
                 from: pass the name of the instrumented library",
            );
        }
        Meter::new(ScopedMeter { provider: Arc::clone(&self.inner), scope: Arc::new(scope) })
    }

    /// A cumulative reader of everything this provider's instruments record.
    ///
    /// Readers are independent of each other and cost nothing while they do not collect.
    pub fn reader(&self) -> MetricReader {
        MetricReader::new(Arc::clone(&self.inner))
    }

    /// The resource that everything is about.
    pub fn resource(&self) -> &Resource {
        &self.inner.resource
    }

    /// Ends this provider, and says what it recorded and refused.
    ///
    /// Collections begun later find nothing, callbacks run no more and are dropped, and meters asked
    /// for later do nothing. Instruments that exist go on to accept measurements, which nobody reads.
    /// The second call and those after it return the same account, brought up to date.
    pub fn shutdown(&self) -> MetricsAccount {
        let account = self.account();
        self.inner.is_shut_down.store(true, Ordering::Release);
        // Dropped outside the lock: a callback's drop is user code.
        let callbacks = std::mem::take(&mut *self.inner.callbacks());
        drop(callbacks);
        let hooks =
            std::mem::take(&mut *self.inner.at_shutdown.lock().unwrap_or_else(PoisonError::into_inner));
        hooks.into_iter().for_each(|hook| hook(self));
        account
    }

    /// Has a function called at the shutdown.
    pub(crate) fn at_shutdown(&self, hook: fn(&MeterProvider)) {
        let mut hooks = self.inner.at_shutdown.lock().unwrap_or_else(PoisonError::into_inner);
        if !hooks.iter().any(|known| std::ptr::fn_addr_eq(*known, hook)) {
            hooks.push(hook);
        }
    }

    /// What has been recorded and refused so far.
    pub fn account(&self) -> MetricsAccount {
        let mut account = MetricsAccount {
            refused_instruments: self.inner.refused_streams.load(Ordering::Relaxed),
            ..Default::default()
        };
        for stream in self.inner.streams.iter() {
            account.instruments += 1;
            account.series += stream.series.len() as u64;
            account.refused += stream.refused();
            account.overflowed += stream.overflowed();
        }
        account
    }
}

impl Default for MeterProvider {
    fn default() -> Self {
        Self::new()
    }
}

impl opentelemetry::metrics::MeterProvider for MeterProvider {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> opentelemetry::metrics::Meter {
        if self.inner.is_shut_down.load(Ordering::Acquire) {
            return NoopMeterProvider::new().meter_with_scope(scope);
        }
        self.meter_of(scope).as_otel()
    }
}

impl fmt::Debug for MeterProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeterProvider")
            .field("resource", &self.inner.resource)
            .field("instruments", &self.inner.streams.len())
            .finish_non_exhaustive()
    }
}

impl UnwindSafe for ProviderInner {}
impl RefUnwindSafe for ProviderInner {}

/// What a provider's instruments recorded and refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricsAccount {
    /// Instruments that were created; identical ones count once.
    pub instruments: u64,
    /// Attribute sets that have a series, the overflow series included.
    pub series: u64,
    /// Measurements that were refused: NaN, infinite, or negative for a counter.
    pub refused: u64,
    /// Measurements that were added up in an overflow series because their attribute set exceeded a
    /// cardinality limit. Those made through a bound handle count once, when it is bound.
    pub overflowed: u64,
    /// Instruments that could not be kept because there were too many; their measurements are lost.
    pub refused_instruments: u64,
}

impl fmt::Display for MetricsAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MetricsAccount { instruments, series, refused, overflowed, refused_instruments } = self;
        write!(
            f,
            "metrics: {instruments} instruments, {series} series; {refused} measurements refused, {overflowed} beyond \
             a cardinality limit"
        )?;
        if *refused_instruments > 0 {
            write!(f, "; {refused_instruments} instruments refused")?;
        }
        Ok(())
    }
}

impl ProviderInner {
    fn callbacks(&self) -> MutexGuard<'_, Vec<Arc<dyn Observe>>> {
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a callback for collections to run.
    pub(crate) fn add_callback(&self, callback: Arc<dyn Observe>) {
        if !self.is_shut_down.load(Ordering::Acquire) {
            self.callbacks().push(callback);
        }
    }

    /// The callback of this number; those registered meanwhile come after those before.
    pub(crate) fn callback(&self, number: usize) -> Option<Arc<dyn Observe>> {
        self.callbacks().get(number).cloned()
    }

    pub(crate) fn callback_count(&self) -> usize {
        self.callbacks().len()
    }

    /// The stream of an instrument, made if need be; `None` if there are too many.
    ///
    /// Identical instruments share a stream. One that differs from those of its name gets a stream of
    /// its own, and a warning names both.
    pub(crate) fn instrument(
        &self,
        scope: &Arc<InstrumentationScope>,
        request: Request,
    ) -> Option<Registered> {
        let Request { mut descriptor, boundaries, limit } = request;
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        // Not looked up first: a scope with NaN among its attributes does not even equal itself.
        let instruments = registry.scopes.entry((**scope).clone()).or_default();
        let same_name = instruments.entry(descriptor.name.to_lowercase().into()).or_default();
        // Reported once the lock is given back: a subscriber is user code.
        let mut conflict = None;
        if let Some(first) = same_name.first() {
            let asked = descriptor.name.clone();
            // Names are the same in whatever case; the first spelling stays.
            descriptor.name.clone_from(&first.stream.descriptor.name);
            if let Some(known) = same_name.iter().find(|known| known.stream.descriptor == descriptor) {
                let known = known.clone();
                drop(registry);
                report_same_but_for(&known.stream, &asked, boundaries.as_deref(), limit);
                return Some(known);
            }
            conflict = Some(Arc::clone(&first.stream));
        }
        let mut invalid_boundaries = None;
        let aggregation = match descriptor.kind {
            InstrumentKind::Counter | InstrumentKind::ObservableCounter => {
                Aggregation::Sum { monotonic: true }
            }
            InstrumentKind::UpDownCounter | InstrumentKind::ObservableUpDownCounter => {
                Aggregation::Sum { monotonic: false }
            }
            InstrumentKind::Gauge | InstrumentKind::ObservableGauge => Aggregation::LastValue,
            InstrumentKind::Histogram => {
                let (bounds, invalid) = validate::boundaries(&descriptor.unit, boundaries);
                invalid_boundaries = invalid;
                Aggregation::ExplicitBuckets(Buckets::new(bounds, descriptor.number))
            }
        };
        let limit = limit.unwrap_or(self.limit);
        let stream =
            Arc::new(Stream::new(descriptor, Arc::clone(scope), aggregation, limit, Arc::clone(&self.clock)));
        let Ok(number) = self.streams.push(Arc::clone(&stream)) else {
            self.refused_streams.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let registered = Registered { number, stream };
        same_name.push(registered.clone());
        drop(registry);
        let stream = &registered.stream;
        validate::check_name(&stream.descriptor.name);
        validate::check_unit(&stream.descriptor.name, &stream.descriptor.unit);
        if let (Some(given), Aggregation::ExplicitBuckets(buckets)) =
            (invalid_boundaries, &stream.aggregation)
        {
            validate::report_boundaries(&stream.descriptor.name, &given, buckets.bounds());
        }
        if let Some(first) = conflict {
            report_conflict(&first, stream);
        }
        Some(registered)
    }
}

fn report_conflict(first: &Stream, second: &Stream) {
    let name = &*first.descriptor.name;
    diag::report(
        "instrument.conflict",
        name,
        format_args!(
            "two instruments of scope {:?} have one name but are not the same: first {}, now {}; both record, and an \
             exporter may have to drop the second: give it a name of its own, or declare both alike",
            first.scope.name(),
            first.descriptor,
            second.descriptor
        ),
    );
}

/// Reports what an instrument that is otherwise known was asked to be and will not be.
fn report_same_but_for(known: &Stream, asked: &str, boundaries: Option<&[f64]>, limit: Option<usize>) {
    let name = &*known.descriptor.name;
    let scope = known.scope.name();
    if asked != name {
        diag::report(
            "instrument.case",
            name,
            format_args!(
                "instrument {asked:?} of scope {scope:?} is the same as {name:?}, since names are the same in upper \
                 and lower case; it is recorded as {name:?}"
            ),
        );
    }
    if let (Some(asked), Aggregation::ExplicitBuckets(buckets)) = (boundaries, &known.aggregation)
        && asked != buckets.bounds()
    {
        diag::report(
            "instrument.boundaries.conflict",
            name,
            format_args!(
                "histogram {name:?} of scope {scope:?} was declared again with boundaries {asked:?}; those of its first \
                 declaration stay: {:?}",
                buckets.bounds()
            ),
        );
    }
    if let Some(asked) = limit
        && asked != known.series.limit()
    {
        diag::report(
            "instrument.limit.conflict",
            name,
            format_args!(
                "instrument {name:?} of scope {scope:?} was declared again with a cardinality limit of {asked}; that of \
                 its first declaration stays: {}",
                known.series.limit()
            ),
        );
    }
}

/// Sets up a [`MeterProvider`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct MeterProviderBuilder {
    resource: Option<Resource>,
    clock: Arc<dyn Clock>,
    limit: usize,
}

impl MeterProviderBuilder {
    /// What the telemetry is about; [`Resource::default`] unless set.
    pub fn with_resource(mut self, resource: Resource) -> Self {
        self.resource = Some(resource);
        self
    }

    /// How many attribute sets each instrument may have: at least 1, and 2,000 unless set here or at
    /// the instrument. Further sets are added up in one series with `otel.metric.overflow=true`.
    pub fn with_cardinality_limit(mut self, limit: usize) -> Self {
        self.limit = limit.max(1);
        self
    }

    /// Where start times and collection times come from: the system's clock unless set.
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds the provider.
    pub fn build(self) -> MeterProvider {
        MeterProvider {
            inner: Arc::new(ProviderInner {
                resource: self.resource.unwrap_or_default(),
                clock: self.clock,
                limit: self.limit,
                streams: AppendVec::new(),
                registry: Mutex::default(),
                callbacks: Mutex::default(),
                at_shutdown: Mutex::default(),
                is_shut_down: AtomicBool::new(false),
                refused_streams: AtomicU64::new(0),
            }),
        }
    }
}

/// Keeps a scope's attributes from being lost when a builder passes them on.
pub(crate) fn scope(
    name: std::borrow::Cow<'static, str>,
    version: Option<std::borrow::Cow<'static, str>>,
    schema_url: Option<std::borrow::Cow<'static, str>>,
    attributes: Vec<KeyValue>,
) -> InstrumentationScope {
    let mut builder = InstrumentationScope::builder(name).with_attributes(attributes);
    if let Some(version) = version {
        builder = builder.with_version(version);
    }
    if let Some(schema_url) = schema_url {
        builder = builder.with_schema_url(schema_url);
    }
    builder.build()
}
