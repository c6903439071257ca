//! Context propagation for OpenTelemetry.

mod b3;
mod baggage;
mod carrier;
mod class;
mod coding;
mod debug;
mod format;
#[cfg(feature = "http")]
mod headers;
mod hex;
mod jaeger;
mod propagator;
mod selection;
mod single;
mod trace_context;

pub use format::{Format, FormatError};
#[cfg(feature = "http")]
pub use headers::{HeaderExtractor, HeaderInjector};
pub use propagator::Propagator;
pub use selection::Selection;
pub use single::{B3Propagator, BaggagePropagator, JaegerPropagator, TraceContextPropagator};
