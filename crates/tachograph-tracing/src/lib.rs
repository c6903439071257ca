//! Spans of `tracing` in the engine of tachograph.

mod carry;
mod console;
mod core;
mod event;
mod ext;
mod fields;
mod filter;
mod foreign;
mod ids;
mod layer;
mod local;
mod options;
mod site;
mod slot;
mod special;
mod subscriber;
mod table;
mod timing;

pub use carry::{Carried, Carry, in_current, in_span};
pub use console::Console;
pub use ext::SpanExt;
pub use filter::{Filter, FilterError};
pub use layer::TelemetryLayer;
pub use options::{ContextMode, SpanOptions};
pub use subscriber::{SubscriberBuilder, TelemetrySubscriber};
