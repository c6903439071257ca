//! What the SDK says of itself, as the metrics `otel.sdk.*` of the semantic conventions, and as `tachograph.*` where they
//! have none.
//!
//! ```
//! use tachograph_sdk::{MeterProvider, self_metrics};
//! use tachograph_sdk::trace::TracerProvider;
//!
//! let (metrics, traces) = (MeterProvider::new(), TracerProvider::builder().build());
//! self_metrics::observe_traces(&metrics.meter("tachograph").as_otel(), &traces);
//! ```

mod tail;
mod traces;

pub use traces::observe_traces;
