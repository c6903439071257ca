//! Context propagation for OpenTelemetry, over any SDK: trace context and baggage in the headers of W3C, B3 and
//! Jaeger.
//!
#![cfg_attr(feature = "http", doc = "```")]
#![cfg_attr(not(feature = "http"), doc = "```ignore")]
//! use opentelemetry::Context;
//! use opentelemetry::trace::TraceContextExt;
//! use tachograph_propagation::{Format, Propagator};
//!
//! let propagator = Propagator::new([Format::TraceContext, Format::Baggage]); // the default
//!
//! let mut received = http::HeaderMap::new();
//! received.insert("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?);
//! let context = propagator.extract_headers(&Context::new(), &received);
//! assert!(context.span().span_context().is_remote());
//!
//! let mut onward = http::HeaderMap::new();
//! propagator.inject_headers(&context, &mut onward);
//! assert_eq!(onward, received);
//! # Ok::<(), http::header::InvalidHeaderValue>(())
//! ```
//!
//! # Concepts
//!
//! - A [`Format`] is one way to write context into headers. Its name is that in `OTEL_PROPAGATORS`.
//! - A [`Propagator`] is made of formats, and is a value: cheap to clone, for any thread. It is the API's
//!   [`TextMapPropagator`](opentelemetry::propagation::TextMapPropagator), and on `http::HeaderMap` it has methods of
//!   its own, which are faster.
//! - A [`Selection`] is what a list of names asks for, and what was wrong with it. This crate reads no environment.
//! - [`TraceContextPropagator`], [`BaggagePropagator`], [`B3Propagator`] and [`JaegerPropagator`] are of one format
//!   each, for those who compose them by the API's own means.
//!
//! # Strictness and bounds
//!
//! A header counts if its specification allows it, and otherwise as if it were not there; nothing is repaired,
//! nothing panics, and nothing is logged, since anyone can send anything. Both ways of extraction are one
//! implementation, and see the same, but that `HeaderExtractor` has no values that are not visible ASCII. What is
//! read and written of each format, and the few things that the API's types cannot hold, are in the repository's
//! guide, `docs/guides/propagation.md`. The bounds:
//!
//! - `tracestate`: 32 members and 32 KiB over all headers, else the list is discarded; sent up to 4,096 characters,
//!   of which whole members are dropped, those over 128 characters first;
//! - `baggage`: 64 members and 8,192 bytes over all headers, of which whole members are dropped; of what comes in,
//!   32 KiB are looked at;
//! - Jaeger's baggage: the same 64 members, 8,192 bytes of keys and values;
//! - all other headers have a length, or are refused.
//!
//! # Specifications
//!
//! [W3C Trace Context, level 2](https://www.w3.org/TR/trace-context-2/),
//! [W3C Baggage](https://www.w3.org/TR/baggage/), [B3](https://github.com/openzipkin/b3-propagation),
//! [Jaeger's propagation format](https://www.jaegertracing.io/sdk-migration/#propagation-format), and OpenTelemetry's
//! *Propagators API*.
//!
//! # Features
//!
//! - `http`: `Propagator::inject_headers` and `extract_headers` on `http::HeaderMap`, and the carriers
//!   `HeaderInjector` and `HeaderExtractor` for other propagators. Off by default.

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
