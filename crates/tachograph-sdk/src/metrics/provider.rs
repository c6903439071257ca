use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::noop::NoopMeterProvider;

use super::exemplar::{ExemplarFilter, Sampling, TraceKeeper};
use super::meter::{Meter, MeterBuilder};
use super::options::{CardinalityOverflow, Options, nanos};
use super::reader::{MetricReader, MetricReaderBuilder};
use super::registry::Registry;
use super::resolve::check;
use super::settings::{Settings, Takers};
use super::view::View;
use crate::clock::{Clock, SystemClock};
use crate::resource::Resource;
use crate::sync::Gate;

/// The specification's default cardinality limit.
pub const DEFAULT_CARDINALITY_LIMIT: usize = 2_000;

/// Makes meters, and owns what their instruments record.
///
/// Implements the API's [`MeterProvider`](opentelemetry::metrics::MeterProvider). Clones are handles
/// to the same provider. Dropping the last handle, instrument and reader frees everything; a callback
/// that holds one of these keeps all of it alive until [`shutdown`](Self::shutdown) drops the callbacks.
#[derive(Clone)]
pub struct MeterProvider {
    pub(crate) registry: Arc<Registry>,
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
            settings: Settings {
                clock: Arc::new(SystemClock),
                limit: DEFAULT_CARDINALITY_LIMIT,
                views: Vec::new(),
                options: Options::default(),
                exemplars: Sampling::default(),
                collected_unix_nanos: AtomicU64::new(0),
                gate: Gate::new(),
                takers: Takers::default(),
                departures: AtomicBool::new(false),
            },
        }
    }

    /// A meter for the scope of this name: the library, package or module that instruments.
    pub fn meter(&self, name: impl Into<Cow<'static, str>>) -> Meter {
        self.meter_builder(name).build()
    }

    /// A meter whose scope has more than a name.
    pub fn meter_builder(&self, name: impl Into<Cow<'static, str>>) -> MeterBuilder {
        MeterBuilder::new(Arc::clone(&self.registry), name.into())
    }

    /// A cumulative reader of everything this provider's instruments record.
    ///
    /// Readers are independent of each other and cost nothing while they do not collect.
    pub fn reader(&self) -> MetricReader {
        self.reader_builder().build()
    }

    /// Sets up a reader that does more than [`reader`](Self::reader).
    pub fn reader_builder(&self) -> MetricReaderBuilder {
        MetricReaderBuilder::new(Arc::clone(&self.registry))
    }

    /// What finds the provider while anybody else keeps it.
    pub(crate) fn downgrade(&self) -> WeakMeterProvider {
        WeakMeterProvider(Arc::downgrade(&self.registry))
    }

    /// The resource that everything is about.
    pub fn resource(&self) -> &Resource {
        &self.registry.resource
    }

    /// Ends this provider, and says what it recorded and refused.
    ///
    /// Collections begun later find nothing, callbacks run no more and are dropped, and meters asked
    /// for later do nothing. Instruments that exist go on to accept measurements, which nobody reads.
    /// The second call and those after it return the same account, brought up to date.
    pub fn shutdown(&self) -> MetricsAccount {
        let account = self.account();
        self.registry.shut_down();
        account
    }

    /// What has been recorded and refused so far.
    pub fn account(&self) -> MetricsAccount {
        let mut account = MetricsAccount {
            instruments: self.registry.instrument_count(),
            refused_instruments: self.registry.refused_streams(),
            ..Default::default()
        };
        for stream in self.registry.streams.iter() {
            account.series += stream.series.live() as u64;
            account.refused += stream.refused();
            account.overflowed += stream.overflowed();
            account.lost += stream.lost();
        }
        account
    }
}

/// A provider that is not kept alive by this.
#[derive(Clone)]
pub(crate) struct WeakMeterProvider(Weak<Registry>);

impl WeakMeterProvider {
    pub(crate) fn upgrade(&self) -> Option<MeterProvider> {
        self.0.upgrade().map(|registry| MeterProvider { registry })
    }
}

impl Default for MeterProvider {
    fn default() -> Self {
        Self::new()
    }
}

impl opentelemetry::metrics::MeterProvider for MeterProvider {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> opentelemetry::metrics::Meter {
        if self.registry.is_shut_down.load(Ordering::Acquire) {
            return NoopMeterProvider::new().meter_with_scope(scope);
        }
        Meter::new(Arc::clone(&self.registry), scope, None).as_otel()
    }
}

impl fmt::Debug for MeterProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeterProvider")
            .field("resource", &self.registry.resource)
            .field("instruments", &self.registry.streams.len())
            .finish_non_exhaustive()
    }
}

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
    /// Measurements whose attribute set exceeded a cardinality limit: they were added up in an overflow series, or
    /// under what the set is with one attribute folded. Those made through a bound handle count once, when it is bound.
    pub overflowed: u64,
    /// Measurements for whose attribute set there was no series, not even an overflow series, for the process's cells are used up:
    /// it takes eight million series of histograms with hundreds of buckets, or four thousand million words of others. Counted
    /// for each stream that could not keep the measurement.
    pub lost: u64,
    /// Instruments that could not be kept because there were too many; their measurements are lost.
    pub refused_instruments: u64,
}

impl fmt::Display for MetricsAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MetricsAccount { instruments, series, refused, overflowed, lost, refused_instruments } = self;
        write!(
            f,
            "metrics: {instruments} instruments, {series} series; {refused} measurements refused, {overflowed} beyond \
             a cardinality limit"
        )?;
        if *lost > 0 {
            write!(f, "; {lost} lost, for there were no cells left")?;
        }
        if *refused_instruments > 0 {
            write!(f, "; {refused_instruments} instruments refused")?;
        }
        Ok(())
    }
}

/// Sets up a [`MeterProvider`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct MeterProviderBuilder {
    resource: Option<Resource>,
    settings: Settings,
}

impl MeterProviderBuilder {
    /// What the telemetry is about; [`Resource::default`] unless set.
    pub fn with_resource(mut self, resource: Resource) -> Self {
        self.resource = Some(resource);
        self
    }

    /// How many attribute sets each instrument may have: at least 1 and at most 16,777,207 (a higher limit is
    /// that), and 2,000 unless set here or at the instrument. Further sets are added up in one series with
    /// `otel.metric.overflow=true`, or as [`with_cardinality_overflow`](Self::with_cardinality_overflow) says.
    pub fn with_cardinality_limit(mut self, limit: usize) -> Self {
        self.settings.limit = limit.max(1);
        self
    }

    /// What becomes of attribute sets beyond an instrument's limit, where no view says otherwise.
    pub fn with_cardinality_overflow(mut self, overflow: CardinalityOverflow) -> Self {
        self.settings.options.overflow = overflow;
        self
    }

    /// Where start times and collection times come from: the system's clock unless set.
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.settings.clock = Arc::new(clock);
        self
    }

    /// Has series go that nobody has recorded in for so long; they stay unless set here or, for some, by a
    /// [view](View::with_idle_expiry).
    ///
    /// That somebody recorded is seen by collections, of any reader: a series goes in the first one that finds it as one at least so long
    /// ago did. Should somebody record again with its attributes, it starts anew: from zero, at that time. Its room under the
    /// cardinality limit is free as soon as no collection is under way.
    ///
    /// Series stay that a bound handle has been made for, as long as that lives, and those that a typed instrument finds by index; and up-down
    /// counters that are not at zero, for what they count is still there. To add zero is not to record. What observable
    /// instruments do not observe is not shown in the first place.
    pub fn with_idle_expiry(mut self, idle: Duration) -> Self {
        self.settings.options.idle_expiry_nanos = Some(nanos(idle));
        self
    }

    /// Which measurements may become exemplars: those in a sampled span, unless set.
    pub fn with_exemplar_filter(mut self, filter: ExemplarFilter) -> Self {
        self.settings.exemplars.filter = filter;
        self
    }

    /// Whom to ask that the trace of an exemplar be kept, by its id, so that the exemplar leads somewhere where traces are
    /// decided about when they are over: [`TracerProvider::trace_keeper`](crate::trace::TracerProvider::trace_keeper).
    ///
    /// It is asked on the thread that records, and answers whether the trace will be kept, or `None` if that is not known. An
    /// exemplar whose trace is not kept is not taken. One whose trace is kept stays until the next collection, so that no more
    /// traces are kept than there are exemplars shown.
    pub fn with_trace_keeper(
        mut self,
        keep: impl Fn([u8; 16]) -> Option<bool> + Send + Sync + 'static,
    ) -> Self {
        self.settings.exemplars.trace_keeper = Some(TraceKeeper::new(keep));
        self
    }

    /// Adds a view: what becomes of the instruments that it selects. See [`View`] for how several go together.
    pub fn with_view(mut self, view: View) -> Self {
        self.settings.views.push(view);
        self
    }

    /// Builds the provider. Never fails: what is wrong with a view is reported.
    pub fn build(self) -> MeterProvider {
        let resource = self.resource.unwrap_or_default();
        let mut settings = self.settings;
        check(&mut settings.views);
        MeterProvider { registry: Arc::new(Registry::new(resource, settings)) }
    }
}
