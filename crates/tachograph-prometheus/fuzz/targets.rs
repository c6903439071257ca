//! What is fuzzed: what a scraper says it can read, and who it says it is.
//!
//! libFuzzer runs these functions by the programs in `fuzz_targets/`; on any toolchain and within a bounded time,
//! the test `fuzz_targets` runs them over a corpus and over what it changes in it.

#[path = "../src/server/credentials.rs"]
#[allow(dead_code, unreachable_pub, reason = "the server uses more of it")]
mod credentials;

use std::io::Read;

use flate2::read::GzDecoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tachograph_prometheus::{EscapingScheme, Exposition, Format, PrometheusExporter, TranslationStrategy};
use tachograph_sdk::{Counter, MeterProvider};

use self::credentials::{Credentials, admits};

/// Lines of `Accept`; after an empty one, lines of `Accept-Encoding`. Whatever they say, there is a page, of the format
/// that its header names, and coded as that says.
pub(crate) fn negotiation(data: &[u8]) {
    let mut request = Request::get("/metrics");
    let mut name = ACCEPT;
    for line in data.split(|byte| *byte == b'\n') {
        match HeaderValue::from_bytes(line) {
            Ok(_) if line.is_empty() => name = ACCEPT_ENCODING,
            Ok(value) => request = request.header(&name, value),
            Err(_) => return,
        }
    }
    let provider = MeterProvider::new();
    let counter: Counter<u64> = provider.meter("fuzz").counter("a.b").build();
    counter.add(1, &[("c.d", "e")]);
    let exporter = PrometheusExporter::builder(provider.reader())
        .with_translation_strategy(TranslationStrategy::NoTranslation)
        .build();
    let response = exporter.respond(&request.body(()).expect("a request"));
    assert_eq!(response.status(), StatusCode::OK);
    let mut page = Vec::new();
    match response.headers().get(CONTENT_ENCODING) {
        Some(coding) if coding == "gzip" => {
            GzDecoder::new(&response.body()[..]).read_to_end(&mut page).expect("gzip");
        }
        // Another decoder's, which is a feature.
        Some(coding) if coding == "zstd" => page = exporter.render(exposition_of(&response)),
        Some(coding) => panic!("{coding:?}, which there is not"),
        None => page.extend_from_slice(response.body()),
    }
    assert_eq!(page, exporter.render(exposition_of(&response)));
}

/// What a response says that its page is.
fn exposition_of<T>(response: &Response<T>) -> Exposition {
    let content_type = &response.headers()[CONTENT_TYPE];
    let formats = [Format::Text004, Format::Text100, Format::OpenMetrics100, Format::Protobuf];
    let schemes = [
        EscapingScheme::AllowUtf8,
        EscapingScheme::Underscores,
        EscapingScheme::Dots,
        EscapingScheme::Values,
    ];
    let mut all = formats.into_iter().flat_map(|format| schemes.map(|scheme| format.with_escaping(scheme)));
    all.find(|exposition| content_type == exposition.content_type()).expect("a known type")
}

/// Lines of `Authorization`: only one with the token, or the name and the password, is let by.
pub(crate) fn credentials(data: &[u8]) {
    let known = [
        Credentials::bearer("s3cret").expect("a token"),
        Credentials::basic("me", "hunter2").expect("a password"),
    ];
    let mut headers = HeaderMap::new();
    let mut lines = Vec::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        headers.append(AUTHORIZATION, value);
        lines.push(String::from_utf8_lossy(line).into_owned());
    }
    let is_right = |line: &str| {
        let mut words = line.split(|c: char| c.is_ascii_whitespace()).filter(|word| !word.is_empty());
        let (scheme, token) = (words.next().unwrap_or_default().to_lowercase(), words.next());
        let rest = words.next();
        rest.is_none()
            && [("bearer", Some("s3cret")), ("basic", Some("bWU6aHVudGVyMg=="))].contains(&(&scheme, token))
    };
    let admitted = admits(&known, &headers);
    // A tab between the two is not a blank to everyone.
    if !data.contains(&b'\t') {
        assert_eq!(admitted, lines.len() == 1 && is_right(&lines[0]), "{lines:?}");
    }
}
