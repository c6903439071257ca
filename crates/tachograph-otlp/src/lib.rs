//! OTLP export for tachograph: spans to an OpenTelemetry Collector, or to anything that takes OTLP over HTTP.
//!
//! ```
//! use tachograph_otlp::{OtlpConfig, OtlpSpanExporter};
//! use tachograph_sdk::pipeline::BatchConfig;
//! use tachograph_sdk::trace::TracerProvider;
//!
//! let exporter = OtlpSpanExporter::new(OtlpConfig::traces().with_endpoint("http://localhost:4318"))?;
//! let provider = TracerProvider::builder().with_batch_exporter(exporter, BatchConfig::spans()).build();
//! # Ok::<(), tachograph_otlp::OtlpError>(())
//! ```
//!
//! # Concepts
//!
//! - [`OtlpConfig`]: where to and how, from code or from the environment's variables.
//! - [`OtlpSpanExporter`]: encodes batches straight from the engine's records and sends them; see there what is
//!   tried again, and what becomes of spans that cannot be delivered.
//!
//! - [`SpanRequests`]: the encoding alone, a pure function of a batch.
//!
//! # Features
//!
//! - `tls-native-roots` (default): https, trusting the certificates that the system trusts, or those that
//!   `SSL_CERT_FILE` and `SSL_CERT_DIR` name instead.
//! - `tls-webpki-roots`: https, trusting those that Mozilla trusts, which are built in.
//! - `tls`: https, trusting only what the configuration names. Without it there is no https.

mod config;
mod decode;
mod encode;
mod error;
mod exporter;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod report;
mod retry;
mod transport;

pub use config::{Compression, ConfigWarning, OtlpConfig, TlsConfig};
pub use encode::SpanRequests;
pub use error::OtlpError;
pub use exporter::OtlpSpanExporter;
