//! Spans of [`tracing`] in the engine of tachograph.
//!
//! ```
//! use tachograph_sdk::pipeline::{BatchConfig, Deadline};
//! use tachograph_sdk::testing::InMemorySpanExporter;
//! use tachograph_sdk::trace::TracerProvider;
//! use tachograph_tracing::TelemetrySubscriber;
//!
//! let exporter = InMemorySpanExporter::new();
//! let provider = TracerProvider::builder().with_batch_exporter(exporter.clone(), BatchConfig::spans()).build();
//! let subscriber = TelemetrySubscriber::builder(provider.tracer("shop")).build();
//! tracing::subscriber::with_default(subscriber, || {
//!     tracing::info_span!("order", id = 7).in_scope(|| tracing::info!("taken"));
//! });
//! provider.shutdown(Deadline::NEVER);
//! assert_eq!(exporter.spans()[0].name, "order");
//! ```
//!
//! # Two products over one core
//!
//! - [`TelemetrySubscriber`]: a subscriber of its own, with a filter for spans, another for its [`Console`], and
//!   nothing else. The fast way, and the one to begin with.
//! - [`TelemetryLayer`]: a layer over tracing-subscriber's `Registry`, for who stacks other layers.
//! - [`SpanExt`]: what OpenTelemetry knows of a span and `tracing` does not, for both.
//! - [`Carry`], [`in_current`], [`in_span`]: spans and contexts across tasks, threads and streams.
//! - [`SpanOptions`]: what is recorded beside fields. [`Filter`]: which spans and events are wanted.
//!
//! # What becomes of what
//!
//! Fields are attributes of their type; integers beyond an `i64` are text. `otel.name`, `otel.kind`,
//! `otel.status_code` and `otel.status_description` are no attributes, whenever they are recorded; a value that is not understood
//! stays one. An error ([`std::error::Error`] as a field, or an event's field `error`) is an event
//! `exception` with the errors below it, a line each. Events are events of their span, named by their message, with `level` and
//! `target`. `follows_from` is a link.
//!
//! A `Debug` or `Display` that panics is contained, and so is one that logs or makes spans. The SDK's own reports
//! ([`tachograph_sdk::diag::TARGET`]) and the API's go to the console and never into a span. While telemetry is suppressed
//! no span is made, and none under one that was made then, on whatever thread.
//!
//! # Which parent
//!
//! 1. An explicit one: `parent: &span`, or none with `parent: None`.
//! 2. Otherwise what was entered last on this thread: the innermost `tracing` span, or the span of the
//!    `opentelemetry` API that is [`Context::current()`](opentelemetry::Context::current) if it was attached inside of that one.
//! 3. A context without a span, attached inside of a `tracing` span, changes nothing: that span is the parent.
//!
//! "Attached inside" is told by the span that the context had when the innermost `tracing` span was entered: another one later was attached
//! since. Contexts whose guards are dropped in the order in which they were attached are told apart always. In lazy mode a guard that
//! is dropped out of that order, while a span is entered that is not attached itself, leaves an outer context which then
//! counts as the inner one.
//!
//! # Cost
//!
//! A span of the subscriber takes a slot that is used again, with its buffers: in steady state it allocates nothing
//! in lazy mode, and twice in full mode ([`ContextMode`]). A span under one of this process that is not sampled
//! takes a slot and is never started, if the sampler follows parents; it has the ids of the one above.

mod attach;
mod carry;
mod console;
mod core;
mod event;
mod ext;
mod fields;
mod filter;
mod foreign;
mod identity;
mod ids;
mod layer;
mod local;
mod options;
mod site;
mod slot;
mod special;
mod stack;
mod subscriber;
mod sync;
mod table;
mod timing;

pub use carry::{Carried, Carry, in_current, in_span};
pub use console::Console;
pub use ext::SpanExt;
pub use filter::{Filter, FilterError};
pub use layer::TelemetryLayer;
pub use options::{ContextMode, SpanOptions};
pub use subscriber::{SubscriberBuilder, TelemetrySubscriber};
