use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;

use super::{answer, packed, retry_after, variables};

// The same changes as for the other crates' targets.
#[path = "../../../tachograph-propagation/fuzz/changes.rs"]
mod changes;

fn partial(rejected_spans: i64, error_message: &str) -> Vec<u8> {
    let partial = ExportTracePartialSuccess { rejected_spans, error_message: error_message.to_owned() };
    ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec()
}

#[test]
fn answers() {
    let with_kind = |kind: u8, body: &[u8]| [&[kind], body].concat();
    changes::run(
        answer,
        &[
            &with_kind(0, &partial(3, "too old")),
            &with_kind(0, &partial(i64::MIN, &"ü\n".repeat(400))),
            // A `google.rpc.Status`.
            &with_kind(0, b"\x08\x03\x12\x0cno such path\x1a\x02\x0a\x00"),
            &with_kind(1, b"upstream connect error\r\n"),
            &with_kind(2, br#"{"code":16,"message":"unauthenticated"}"#),
            &with_kind(3, b"<html>\x1b[31m"),
        ],
    );
}

#[test]
fn packed_answers() {
    let pack = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let (short, long) = (pack(b"hello, hello, hello"), pack(&[0; 100_000]));
    changes::run(packed, &[&short, &[&short[..], &long].concat()]);
}

#[test]
fn retry_after_headers() {
    changes::run(
        retry_after,
        &[
            b"120",
            b"Sun, 06 Nov 1994 08:49:37 GMT",
            b"Sunday, 06-Nov-94 08:49:37 GMT",
            b"Sun Nov  6 08:49:37 1994",
        ],
    );
}

#[test]
fn variables_of_the_environment() {
    changes::run(
        variables,
        &[
            b"http://localhost:4318\napi-key=a%20b,x=1",
            b"https://user:pass%20word@[::1]:4318/base/?k=v\n\nhttp://x/v1/traces\na=%C3%BC,,b==",
            b"\n\n\n\ngzip\n10000\nhttp/protobuf\ntrue\n/etc/ca.pem\n0",
        ],
    );
}
