//! From a macro to the exporter.
#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod support;

use opentelemetry::Value;
use support::{all, assert_root, assert_under, named};

#[tracing::instrument]
fn pay(order: i64) {
    charge(order);
}

#[tracing::instrument(fields(card = "visa", exact = 0.5, retry = false))]
fn charge(order: i64) {
    tracing::info!(attempt = 1, "charged");
}

#[test]
fn an_instrumented_functions_span_is_exported_with_its_fields_and_its_parent() {
    for rig in all() {
        let spans = rig.run(|| pay(7));
        assert_eq!(spans.len(), 2);
        assert_root(&spans, "pay");
        assert_under(&spans, "charge", "pay");
        let charge = named(&spans, "charge");
        assert_eq!(charge.attribute("order"), Some(&Value::I64(7)));
        assert_eq!(charge.attribute("card"), Some(&Value::from("visa")));
        assert_eq!(charge.attribute("exact"), Some(&Value::F64(0.5)));
        assert_eq!(charge.attribute("retry"), Some(&Value::Bool(false)));
        assert_eq!(charge.events.len(), 1);
        assert_eq!(charge.events[0].name, "charged");
        assert!(charge.end_unix_nanos >= charge.start_unix_nanos);
    }
}
