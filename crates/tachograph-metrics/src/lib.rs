//! What code records through the [`metrics`] facade, recorded in tachograph's engine.
//!
//! ```
//! use tachograph_metrics::MetricsRecorder;
//! use tachograph_sdk::MeterProvider;
//! use tachograph_sdk::testing::InMemoryReader;
//!
//! let provider = MeterProvider::new();
//! let recorder = MetricsRecorder::new(&provider);
//! // In a program `recorder.install()`, once; in a test a recorder of its own:
//! metrics::with_local_recorder(&recorder, || {
//!     metrics::describe_counter!("orders_total", metrics::Unit::Count, "Orders created");
//!     metrics::counter!("orders_total", "channel" => "web").increment(2);
//! });
//!
//! let snapshot = InMemoryReader::new(&provider).snapshot();
//! assert_eq!(snapshot.metric("orders_total").value(&[("channel", "web")]), 2);
//! ```
//!
//! # What becomes of what
//!
//! | `metrics` | here |
//! |---|---|
//! | a counter | a counter of `u64`; see [below](#counters) |
//! | a gauge | an observable gauge of `f64`: set, increments and decrements add up in one number, which a collection reads. One that was never updated has no data point |
//! | a histogram | a histogram of `f64`, with the engine's boundaries for its unit, or those of a view |
//! | a label | an attribute; of labels with one key the last counts (the facade takes two such labels in another order for the same metric) |
//! | a description, a unit | the instrument's, if it is described before it is first used; the unit in UCUM's notation |
//! | a level, a target, a module | not kept |
//!
//! Where nothing is described, a name that ends in `seconds`, `milliseconds` or `bytes` says the unit: boundaries
//! for durations are then those for durations.
//!
//! # Counters
//!
//! `increment` adds. `absolute` says what something outside has counted in all: what it exceeds the largest value
//! said before by is added. A counter of which some code says absolute values while other code increments it is the
//! sum of both.
//!
//! # Bounds
//!
//! A name has at most [2,000](DEFAULT_CARDINALITY_LIMIT) label sets
//! ([`with_cardinality_limit`](MetricsRecorderBuilder::with_cardinality_limit)); what comes on top is recorded in
//! one series with `otel.metric.overflow=true`. There are at most [2,000](DEFAULT_NAME_LIMIT) names
//! ([`with_name_limit`](MetricsRecorderBuilder::with_name_limit)); metrics of further ones are not recorded, which
//! is reported.
//!
//! # Cost
//!
//! A macro looks its metric up in each call: here in one of sixteen tables under a lock for reading, as in other
//! recorders of the facade. Recording through a handle that is kept (`let orders = counter!("orders");`) costs a
//! counter or a histogram what a bound one of the engine does, beside the facade's dynamic call.

mod families;
mod kinds;
mod recorder;
mod unit;

pub use recorder::{DEFAULT_NAME_LIMIT, MetricsRecorder, MetricsRecorderBuilder};
pub use tachograph_sdk::metrics::DEFAULT_CARDINALITY_LIMIT;

/// The document whose examples are compiled as this crate's.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/migrate-metrics.md")]
struct Guide;
