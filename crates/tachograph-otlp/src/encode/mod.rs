//! Records as OTLP's protobuf: pure functions, from the engine's bytes to the wire's.
//!
//! There is no tree of messages in between; the messages' definitions are `opentelemetry/proto/trace/v1` and
//! `collector/trace/v1` of opentelemetry-proto 1.x. What generated code reads from it is compared by the tests.

mod requests;
mod span;
#[cfg(test)]
mod tests;
mod value;
mod wire;

pub use requests::SpanRequests;
