//! Spans: the API's, and the engine's own.
//!
//! ```
//! use opentelemetry::trace::{Span, Tracer as _};
//! use tachograph_sdk::pipeline::{BatchConfig, Deadline};
//! use tachograph_sdk::testing::InMemorySpanExporter;
//! use tachograph_sdk::trace::TracerProvider;
//!
//! let exporter = InMemorySpanExporter::new();
//! let provider =
//!     TracerProvider::builder().with_batch_exporter(exporter.clone(), BatchConfig::spans()).build();
//! let mut span = provider.tracer("shop").start("pay");
//! span.end();
//! let account = provider.shutdown(Deadline::NEVER);
//! assert_eq!(account.exports[0].1.exported, 1);
//! assert_eq!(exporter.spans()[0].name, "pay");
//! ```
//!
//! # Concepts
//!
//! - [`TracerProvider`], [`Tracer`], [`Span`]: the API's.
//! - [`LiveSpan`], [`SpanStart`]: the engine's way in, for who keeps spans in places of their own.
//! - [`Sampler`]: which spans are recorded; [`SpanLimits`]: how much of them; [`IdGenerator`].
//! - [`SpanProcessor`]: is told of spans that start and end. [`SpanRecord`]: what an exporter reads.

mod account;
mod batch;
mod contained;
mod core;
mod counters;
mod engine;
mod guest;
mod id;
mod limits;
mod live;
mod local;
mod parent;
mod processor;
mod processors;
mod provider;
mod record;
mod sampler;
mod simple;
mod span;
mod start;
mod tail;
mod thread;
mod time;
mod tracer;

pub use account::TraceAccount;
pub use batch::BatchSpanProcessor;
pub(crate) use counters::{ParentOrigin, SamplingOutcome, SpanCounts};
pub use id::{IdGenerator, RandomIds};
pub use limits::SpanLimits;
pub use live::{EventWriter, LinkWriter, LiveSpan};
pub use parent::Parent;
pub use processor::{FinishedSpan, SpanProcessor};
pub(crate) use provider::WeakTracerProvider;
pub use provider::{TracerProvider, TracerProviderBuilder};
pub use record::{
    AttributeKey, EventRecord, Events, LinkRecord, Links, RecordArray, RecordAttributes, RecordValue,
    SpanRecord, SpanShared, SpanStatus, Spans,
};
pub use sampler::{
    AlwaysOff, AlwaysOn, Decision, ParentBased, RateLimited, Rule, Rules, Sampler, Sampling, SamplingInput,
    TraceIdRatio,
};
pub use simple::SimpleSpanProcessor;
pub use span::Span;
pub use start::{AttributeWriter, SpanAttributes, SpanStart};
pub use tail::{TailAccount, TailSampling, TraceFate};
pub use thread::SpanThread;
pub use time::Moment;
pub use tracer::Tracer;

use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds since the Unix epoch; zero for times before it, the largest for times after 2554.
fn unix_nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
