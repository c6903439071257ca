//! The facade's three kinds of metrics over the engine's instruments.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{CounterFn, GaugeFn, HistogramFn, Label};
use opentelemetry::KeyValue;
use tachograph_sdk::metrics::OVERFLOW_ATTRIBUTE;
use tachograph_sdk::{BoundCounter, BoundHistogram, Counter, Histogram, Meter};

/// What a metric is declared as.
#[derive(Clone, Debug)]
pub(crate) struct Declaration {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) description: String,
}

/// A kind of metric: an instrument, and handles to its series.
pub(crate) trait Kind: Send + Sync + Sized + 'static {
    type Handle: Send + Sync + 'static;

    /// Declares the instrument.
    fn declare(meter: &Meter, declaration: Declaration) -> Self;

    /// A handle to the series of these attributes.
    fn bind(&self, attributes: &[KeyValue]) -> Self::Handle;

    /// A handle to the series that takes what exceeds the limit.
    fn bind_overflow(&self) -> Self::Handle {
        self.bind(&[KeyValue::new(OVERFLOW_ATTRIBUTE, true)])
    }
}

/// A metric's labels as attributes.
pub(crate) fn attributes<'a>(labels: impl Iterator<Item = &'a Label>) -> Vec<KeyValue> {
    labels.map(|label| KeyValue::new(label.key().to_owned(), label.value().to_owned())).collect()
}

pub(crate) struct CounterKind(Counter<u64>);

impl Kind for CounterKind {
    type Handle = CounterHandle;

    fn declare(meter: &Meter, declaration: Declaration) -> Self {
        let Declaration { name, unit, description } = declaration;
        CounterKind(meter.counter(name).with_unit(unit).with_description(description).build())
    }

    fn bind(&self, attributes: &[KeyValue]) -> CounterHandle {
        CounterHandle { series: self.0.bind(attributes), absolute: AtomicU64::new(0) }
    }
}

pub(crate) struct CounterHandle {
    series: BoundCounter<u64>,
    /// The largest absolute value so far.
    absolute: AtomicU64,
}

impl CounterFn for CounterHandle {
    fn increment(&self, value: u64) {
        self.series.add(value);
    }

    fn absolute(&self, value: u64) {
        // Each excess is added by the one call that raised the value over it.
        let before = self.absolute.fetch_max(value, Ordering::Relaxed);
        if value > before {
            self.series.add(value - before);
        }
    }
}

pub(crate) struct HistogramKind(Histogram<f64>);

impl Kind for HistogramKind {
    type Handle = HistogramHandle;

    fn declare(meter: &Meter, declaration: Declaration) -> Self {
        let Declaration { name, unit, description } = declaration;
        HistogramKind(meter.histogram(name).with_unit(unit).with_description(description).build())
    }

    fn bind(&self, attributes: &[KeyValue]) -> HistogramHandle {
        HistogramHandle(self.0.bind(attributes))
    }
}

pub(crate) struct HistogramHandle(BoundHistogram<f64>);

impl HistogramFn for HistogramHandle {
    fn record(&self, value: f64) {
        self.0.record(value);
    }
}

/// An observable gauge, since the facade's are added to as well as set: the number is kept here.
pub(crate) struct GaugeKind {
    series: Arc<GaugeSeries>,
}

/// The series of one gauge.
#[derive(Default)]
struct GaugeSeries {
    /// Shared with a collection that goes over it, which so takes the lock for a moment only; who adds to it then copies it.
    list: Mutex<Arc<Vec<Arc<GaugeState>>>>,
}

impl GaugeSeries {
    fn list(&self) -> MutexGuard<'_, Arc<Vec<Arc<GaugeState>>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct GaugeState {
    attributes: Vec<KeyValue>,
    /// The number's bits; [`NEVER`] before the first update.
    bits: AtomicU64,
}

/// A NaN that no arithmetic makes.
const NEVER: u64 = u64::MAX;

impl Kind for GaugeKind {
    type Handle = GaugeHandle;

    fn declare(meter: &Meter, declaration: Declaration) -> Self {
        let Declaration { name, unit, description } = declaration;
        let series = Arc::new(GaugeSeries::default());
        let observed = Arc::clone(&series);
        // The engine keeps the callback; the API's own handle to the instrument does nothing.
        let _instrument = meter
            .as_otel()
            .f64_observable_gauge(name)
            .with_unit(unit)
            .with_description(description)
            .with_callback(move |observer| {
                let list = Arc::clone(&observed.list());
                for state in list.iter() {
                    let bits = state.bits.load(Ordering::Relaxed);
                    if bits != NEVER {
                        observer.observe(f64::from_bits(bits), &state.attributes);
                    }
                }
            })
            .build();
        GaugeKind { series }
    }

    fn bind(&self, attributes: &[KeyValue]) -> GaugeHandle {
        let state = Arc::new(GaugeState { attributes: attributes.to_vec(), bits: AtomicU64::new(NEVER) });
        Arc::make_mut(&mut *self.series.list()).push(Arc::clone(&state));
        GaugeHandle(state)
    }
}

pub(crate) struct GaugeHandle(Arc<GaugeState>);

impl GaugeHandle {
    fn update(&self, change: impl Fn(f64) -> f64) {
        let next = |bits| Some(change(if bits == NEVER { 0.0 } else { f64::from_bits(bits) }).to_bits());
        // `next` never declines.
        let _ = self.0.bits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }
}

impl GaugeFn for GaugeHandle {
    fn increment(&self, value: f64) {
        self.update(|now| now + value);
    }

    fn decrement(&self, value: f64) {
        self.update(|now| now - value);
    }

    fn set(&self, value: f64) {
        self.0.bits.store(value.to_bits(), Ordering::Relaxed);
    }
}
