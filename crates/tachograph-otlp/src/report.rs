//! What the user is told, and in which words.

use std::any::Any;

use tachograph_sdk::diag;

use crate::config::{Endpoint, Secrets};
use crate::decode::PartialSuccess;
use crate::transport::{Failure, short};

/// The port of OTLP over gRPC, which people point OTLP over HTTP at by mistake.
const GRPC_PORT: u16 = 4317;

/// A request was given up.
pub(crate) fn failed(endpoint: &Endpoint, records: usize, failure: &Failure) {
    let advice = advice(endpoint, failure);
    diag::report(
        "otlp.export",
        &format!("{endpoint} {}", failure.reason()),
        format_args!(
            "{records} spans for {endpoint} were dropped, and counted as {}: {failure}{advice}",
            failure.reason()
        ),
    );
}

/// A request was taken, after it had been said that there is nobody.
pub(crate) fn found(endpoint: &Endpoint) {
    diag::report(
        "otlp.export",
        &format!("{endpoint} found"),
        format_args!("{endpoint} is there now, and takes spans"),
    );
}

fn advice(endpoint: &Endpoint, failure: &Failure) -> &'static str {
    if endpoint.port == GRPC_PORT && !matches!(failure.reason(), "429" | "503") {
        "; 4317 is the port of OTLP over gRPC, and this is OTLP over HTTP, whose port is 4318"
    } else if failure.is_unreachable() && endpoint.is_local() {
        "; start a collector there, set OTEL_EXPORTER_OTLP_ENDPOINT to where one is, or OTEL_TRACES_EXPORTER=none"
    } else if failure.is_unreachable() {
        "; check OTEL_EXPORTER_OTLP_ENDPOINT and the network"
    } else {
        match failure.reason() {
            "401" | "403" => "; check the credentials in OTEL_EXPORTER_OTLP_HEADERS",
            "404" | "405" => "; check the endpoint's path, which is usually /v1/traces",
            "tls_failed" => "; check OTEL_EXPORTER_OTLP_CERTIFICATE and the host's name",
            _ => "",
        }
    }
}

/// A request was taken, but not all of it, or with a remark.
pub(crate) fn partial(endpoint: &Endpoint, partial: &PartialSuccess, secrets: &Secrets) {
    let message = match partial.message.as_str() {
        "" => "it did not say why".to_owned(),
        text => short(text, secrets),
    };
    match partial.rejected {
        0 => diag::report(
            "otlp.warning",
            &endpoint.to_string(),
            format_args!("{endpoint} took all spans, and said: {message}"),
        ),
        rejected => diag::report(
            "otlp.rejected",
            &endpoint.to_string(),
            format_args!(
                "{endpoint} refused {rejected} spans of a request, which are counted as rejected: {message}"
            ),
        ),
    }
}

/// Spans that no request can hold.
pub(crate) fn too_large(endpoint: &Endpoint, records: usize, max_bytes: usize) {
    diag::report(
        "otlp.too_large",
        &endpoint.to_string(),
        format_args!(
            "{records} spans for {endpoint} were dropped, and counted as too_large: each needs more than {max_bytes} \
             bytes; set limits to what is recorded of a span, such as OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"
        ),
    );
}

/// The exporter's runtime panicked.
pub(crate) fn panicked(endpoint: &Endpoint, panic: &(dyn Any + Send)) {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no text)");
    diag::report(
        "otlp.runtime",
        &endpoint.to_string(),
        format_args!(
            "the exporter to {endpoint} panicked: {text}; its runtime is made anew and the request sent again; \
             please report this as a defect of tachograph"
        ),
    );
}
