//! What is fuzzed: every parser of what comes from a receiver, and from the environment.
//!
//! libFuzzer runs these functions by the programs in `fuzz/fuzz_targets/`, for which alone this module is public; the
//! tests below run them, within a bounded time, over a corpus and over what is changed in it.

use std::time::{Duration, SystemTime};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use crate::config::{OtlpConfig, Secrets};
use crate::{decode, retry, transport};

/// The first byte says what the answer's body, the rest, is said to be.
pub fn answer(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    let partial = decode::partial_success(body);
    assert!(i64::try_from(partial.rejected).is_ok(), "{} spans", partial.rejected);
    let types = ["application/x-protobuf", "text/plain; charset=utf-8", "application/json", "text/html", ""];
    let of_type = types[usize::from(*kind) % types.len()];
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(of_type));
    if let Some(text) = transport::message(&headers, body, &Secrets::default()) {
        assert!(!text.is_empty() && text.chars().count() <= transport::MESSAGE + 3, "{text:?}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
    if let Some(text) = decode::status_message(body) {
        assert!(!text.is_empty(), "no message is none");
    }
}

/// The data is the body of an answer that is said to be packed.
pub fn packed(data: &[u8]) {
    if let Ok(bytes) = transport::unpack(data) {
        assert!(bytes.len() <= transport::MAX_BYTES, "{} bytes", bytes.len());
    }
}

/// The data is the value of a `Retry-After` header.
pub fn retry_after(data: &[u8]) {
    for now in [SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 31)] {
        let Some(wait) = retry::retry_after(data, now) else { continue };
        assert!(wait <= retry::LONGEST_ASKED, "{wait:?}");
        assert!(str::from_utf8(data).is_ok(), "it is no text");
    }
}

/// The names of all variables, without their prefix.
const VARIABLES: [&str; 10] = [
    "ENDPOINT",
    "HEADERS",
    "TRACES_ENDPOINT",
    "TRACES_HEADERS",
    "COMPRESSION",
    "TIMEOUT",
    "PROTOCOL",
    "INSECURE",
    "CERTIFICATE",
    "TRACES_TIMEOUT",
];

/// Each line of the data is the value of a variable, in the order of [`VARIABLES`].
pub fn variables(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines: Vec<&str> = text.split('\n').collect();
    let lookup = |name: &str| {
        let name = name.strip_prefix("OTEL_EXPORTER_OTLP_")?;
        let at = VARIABLES.iter().position(|known| *known == name)?;
        lines.get(at).map(|value| (*value).to_owned())
    };
    let (config, warnings) = OtlpConfig::traces_from_env(lookup);
    for warning in &warnings {
        assert!(warning.variable().starts_with("OTEL_EXPORTER_OTLP_"), "{warning}");
        assert!(warning.to_string().starts_with(warning.variable()), "{warning}");
    }
    // What is used of the environment can be used: what cannot is a warning.
    let settings = config.settle().expect("what the environment says is checked when it is read");
    let endpoint = &settings.endpoint;
    assert!(endpoint.path.path().starts_with('/') && !endpoint.authority.is_empty(), "{endpoint}");
    let shown = endpoint.to_string();
    let authority =
        shown.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
    assert!(!authority.contains('@') && !shown.contains('?'), "{shown} shows what is secret");
    for (name, value) in &settings.headers {
        assert!(value.is_sensitive(), "{name} could be shown");
    }
}

#[cfg(test)]
mod tests;
