//! For tests, of this crate's users too: what a provider has recorded, the spans that were exported and their tree, a
//! clock that is set by hand, and a check that no instrument is dropped or renamed by accident ([`CatalogueFile`]).
//!
//! ```
//! use tachograph_sdk::testing::InMemoryReader;
//! use tachograph_sdk::{Counter, MeterProvider};
//!
//! let provider = MeterProvider::new();
//! let reader = InMemoryReader::new(&provider);
//! let orders: Counter<u64> = provider.meter("shop").counter("order.created.total").build();
//! orders.add(2, &[("channel", "web")]);
//! orders.add(1, &[("channel", "app")]);
//!
//! let snapshot = reader.snapshot();
//! let orders = snapshot.metric("order.created.total");
//! assert_eq!(orders.value(&[("channel", "web")]), 2);
//! assert_eq!(orders.total(), 3);
//! orders.assert_value(&[("channel", "app")], 1);
//! snapshot.assert_absent("order.cancelled.total");
//! ```
//!
//! What looks up or asserts panics when it fails, and prints what there was.

mod additions;
mod catalogue;
mod clock;
mod compare;
mod diff;
mod metric;
mod point;
mod show;
mod snapshot;
mod spans;
mod tree;

pub use catalogue::{CatalogueDifference, CatalogueFile};
pub use clock::ManualClock;
pub use metric::MetricSnapshot;
pub use point::{PointSnapshot, ValueSnapshot};
pub use snapshot::{InMemoryReader, MetricsSnapshot};
pub use spans::{EventSnapshot, InMemorySpanExporter, LinkSnapshot, SpanSnapshot, StatusSnapshot};
pub use tree::TraceTree;
