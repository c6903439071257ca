//! The instrumentation scope under which this crate reports.

use opentelemetry::InstrumentationScope;

/// The name of the instrumentation scope: `tachograph-tower`.
pub const SCOPE_NAME: &str = env!("CARGO_PKG_NAME");

/// The version of the instrumentation scope: this crate's version.
pub const SCOPE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The schema whose names the telemetry of this crate uses: semantic conventions 1.44.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// The scope to build a meter with: [`SCOPE_NAME`], [`SCOPE_VERSION`] and [`SCHEMA_URL`].
///
/// ```
/// use opentelemetry::metrics::{MeterProvider, NoopMeterProvider};
///
/// let provider = NoopMeterProvider::new(); // or any SDK's
/// let meter = provider.meter_with_scope(tachograph_tower::scope());
/// # let _ = meter;
/// ```
#[must_use]
pub fn scope() -> InstrumentationScope {
    InstrumentationScope::builder(SCOPE_NAME).with_version(SCOPE_VERSION).with_schema_url(SCHEMA_URL).build()
}
