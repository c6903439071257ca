//! What the SDK says of itself, as the metrics `otel.sdk.*` of the semantic conventions.
//!
//! ```
//! use tachograph_sdk::{MeterProvider, self_metrics};
//! use tachograph_sdk::trace::TracerProvider;
//!
//! let (metrics, traces) = (MeterProvider::new(), TracerProvider::builder().build());
//! self_metrics::observe_traces(&metrics.meter("tachograph").as_otel(), &traces);
//! ```

mod traces;

pub use traces::observe_traces;
