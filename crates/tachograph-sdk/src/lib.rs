//! The engine of tachograph: an implementation of the [`opentelemetry`] API.
//!
//! Most programs want the `tachograph` crate, which sets this engine up and serves what it collects.
//!
//! ```
//! use tachograph_sdk::{Counter, MeterProvider, metrics::PointValue};
//!
//! let provider = MeterProvider::new();
//! let orders: Counter<u64> = provider.meter("shop").counter("order.created.total").build();
//! orders.add(1, &[("channel", "web")]);
//!
//! let collection = provider.reader().collect();
//! let metric = collection.metrics().next().expect("an instrument was made");
//! metric.for_each(|point| assert!(matches!(point.value, PointValue::U64(1))));
//! ```
//!
//! # Concepts
//!
//! - [`MeterProvider`]: makes meters; owns everything they record. Implements the API's trait.
//! - [`Meter`] and its instruments: [`Counter`], [`UpDownCounter`], [`Gauge`], [`Histogram`], each with
//!   typed, borrowed or `KeyValue` attributes ([`Attributes`]).
//! - [`metrics::MetricReader`]: visits the series of all instruments.
//! - [`trace::TracerProvider`]: makes tracers; owns what becomes of their spans. [`pipeline`]: the way to an exporter.
//! - [`Resource`]: what all of it is about.
//! - [`catalogue`]: what instruments there are, for people and for programs.
//! - [`diag`]: what the SDK reports of itself.
//!
//! # Features
//!
//! - `macros` (default): `#[derive(Attributes)]`, `#[derive(AttributeValue)]` and `#[derive(ErrorType)]`.

// What tests beside the code share with those in `tests/`, which know the crate by its name.
#[cfg(test)]
extern crate self as tachograph_sdk;

pub mod attributes;
pub mod catalogue;
mod cells;
mod clock;
pub mod diag;
mod exponential;
pub mod metrics;
mod number;
pub mod pipeline;
pub mod resource;
pub mod self_metrics;
mod sync;
pub mod testing;
pub mod trace;
mod typed;

pub use attributes::{AttributeKey, AttributeSet, AttributeValue, Attributes, KeyRef, ValueRef};
pub use clock::{Clock, SystemClock};
pub use metrics::{Meter, MeterProvider};
pub use opentelemetry::{InstrumentationScope, KeyValue};
pub use resource::Resource;
// Under `--cfg loom` alone: what runs the models of this crate and of those that build on it.
#[cfg(loom)]
#[doc(hidden)]
pub use sync::explore;
#[doc(hidden)]
pub use sync::{QuickGuard, QuickLock};
#[cfg(feature = "macros")]
pub use tachograph_macros::{AttributeValue, Attributes, ErrorType};
pub use typed::{
    BoundCounter, BoundGauge, BoundHistogram, BoundUpDownCounter, Counter, CounterBuilder, CounterNumber,
    Declared, Dynamic, Gauge, GaugeBuilder, Histogram, HistogramBuilder, HistogramNumber, InProgress,
    InstrumentAttributes, Static, StaticBuilder, Timer, UpDownCounter, UpDownCounterBuilder,
    UpDownCounterNumber, declare, follow,
};
