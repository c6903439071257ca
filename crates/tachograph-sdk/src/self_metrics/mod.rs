//! What the SDK says of itself, as the metrics `otel.sdk.*` of the semantic conventions, and as `tachograph.*` where they
//! have none.
//!
//! ```
//! use tachograph_sdk::{MeterProvider, self_metrics};
//! use tachograph_sdk::trace::TracerProvider;
//!
//! let (metrics, traces) = (MeterProvider::new(), TracerProvider::builder().build());
//! let meter = metrics.meter("tachograph").as_otel();
//! self_metrics::observe_traces(&meter, &traces);
//! self_metrics::observe_metrics(&meter, &metrics);
//! ```

mod level;
mod metrics;
mod tail;
mod traces;

pub use metrics::observe_metrics;
pub use traces::observe_traces;
