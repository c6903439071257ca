//! A receiver that does what it is told, and spans to send to it.

#![allow(dead_code, reason = "each test crate uses what it needs")]

pub(crate) mod collector;
// The real programs are found as the exposition's own tests do it.
#[path = "../../../tachograph-prometheus/tests/support/peers.rs"]
pub(crate) mod peers;
pub(crate) mod receiver;
pub(crate) mod reports;

use std::time::Duration;

use opentelemetry::trace::{Span as _, Tracer as _};
use tachograph_otlp::{OtlpConfig, OtlpSpanExporter};
use tachograph_sdk::Resource;
use tachograph_sdk::pipeline::{BatchConfig, Deadline, Ledger};
use tachograph_sdk::trace::{SpanLimits, TracerProvider};

/// A while that nothing in a test should need.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// The default configuration, to a receiver of the test.
pub(crate) fn config(base: &str) -> OtlpConfig {
    OtlpConfig::traces().with_endpoint(base)
}

/// A provider that exports by this configuration, and with nothing in its resource but a name.
pub(crate) fn provider(config: OtlpConfig) -> TracerProvider {
    let exporter = OtlpSpanExporter::new(config).expect("the configuration can be used");
    TracerProvider::builder()
        .with_resource(Resource::builder_empty().with_service_name("test").build())
        .with_limits(SpanLimits::default())
        .with_batch_exporter(exporter, BatchConfig::spans())
        .build()
}

/// Ends some spans, called `span 0` and so on.
pub(crate) fn make_spans(provider: &TracerProvider, count: usize) {
    let tracer = provider.tracer("scope");
    for n in 0..count {
        tracer.start(format!("span {n}")).end();
    }
}

/// Shuts down, and gives what became of the spans. It must be balanced, with nothing left.
pub(crate) fn account(provider: &TracerProvider, deadline: Deadline) -> Ledger {
    let account = provider.shutdown(deadline);
    let (component, ledger) = account.exports.into_iter().next().expect("one exporter");
    assert_eq!(component, "otlp_http_span_exporter");
    assert!(ledger.is_balanced(), "{ledger}");
    ledger
}

/// Makes spans, ends everything, and gives what became of them.
pub(crate) fn run(config: OtlpConfig, spans: usize) -> Ledger {
    let provider = provider(config);
    make_spans(&provider, spans);
    account(&provider, Deadline::after(LONG))
}
