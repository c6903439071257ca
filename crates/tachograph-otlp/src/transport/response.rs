//! Answers: read up to a limit, unpacked, and what they say of a failure.

use std::io::Read;

use bytes::Buf;
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::failure::{Failure, Kind};
use crate::config::Secrets;
use crate::decode;

/// The most that an answer may have, unpacked, as the protocol says.
pub(crate) const MAX_BYTES: usize = 4 << 20;

/// How much of an error message is passed on, in characters.
pub(crate) const MESSAGE: usize = 300;

/// Reads a body, and unpacks it.
pub(super) async fn read(headers: &HeaderMap, mut body: Incoming) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(mut data) = frame.map_err(|error| Failure::of_connection(&error))?.into_data() {
            if bytes.len() + data.remaining() > MAX_BYTES {
                return Err(too_large());
            }
            bytes.extend_from_slice(&data);
            data.advance(data.remaining());
        }
    }
    let coding = headers.get(CONTENT_ENCODING).map(|coding| coding.as_bytes()).unwrap_or_default();
    let is = |name: &str| coding.eq_ignore_ascii_case(name.as_bytes());
    if bytes.is_empty() || coding.is_empty() || is("identity") {
        Ok(bytes)
    } else if is("gzip") || is("x-gzip") {
        unpack(&bytes)
    } else {
        Err(Failure::new(Kind::Garbage, "the answer is compressed in a way nobody asked for"))
    }
}

pub(crate) fn unpack(packed: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let mut decoder = MultiGzDecoder::new(packed).take(MAX_BYTES as u64 + 1);
    match decoder.read_to_end(&mut bytes) {
        Ok(_) if bytes.len() > MAX_BYTES => Err(too_large()),
        Ok(_) => Ok(bytes),
        Err(error) => Err(Failure::new(Kind::Garbage, format!("the answer's gzip cannot be read ({error})"))),
    }
}

fn too_large() -> Failure {
    Failure::new(Kind::TooLarge, format!("the answer is longer than {} MiB", MAX_BYTES >> 20))
}

/// What an answer of failure says: the message of a `google.rpc.Status`, or a text.
pub(crate) fn message(headers: &HeaderMap, body: &[u8], secrets: &Secrets) -> Option<String> {
    let of_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes()).unwrap_or_default();
    let text = if of_type.starts_with(b"application/x-protobuf") {
        decode::status_message(body)?
    } else if of_type.starts_with(b"text/plain") || of_type.starts_with(b"application/json") {
        String::from_utf8_lossy(body).into_owned()
    } else {
        return None;
    };
    let text = short(&text, secrets);
    (!text.is_empty()).then_some(text)
}

/// A foreign text on one line, not too long, and without secrets.
pub(crate) fn short(text: &str, secrets: &Secrets) -> String {
    let text = secrets.hide(text.trim());
    let mut chars = text.chars();
    let mut short: String =
        chars.by_ref().take(MESSAGE).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if chars.next().is_some() {
        short.push_str("...");
    }
    short
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_small_answer_that_unpacks_to_a_huge_one_is_refused_without_unpacking_it_all() {
        let failure = unpack(&packed(&vec![0; 100 << 20])).unwrap_err();
        assert_eq!(failure.kind, Kind::TooLarge);
        assert_eq!(unpack(&packed(&vec![1; MAX_BYTES])).unwrap().len(), MAX_BYTES);
    }

    #[test]
    fn a_broken_gzip_is_garbage() {
        assert_eq!(unpack(b"\x1f\x8bxx").unwrap_err().kind, Kind::Garbage);
        let whole = packed(b"hello");
        assert_eq!(unpack(&whole[..whole.len() - 4]).unwrap_err().kind, Kind::Garbage);
    }

    #[test]
    fn a_message_is_cut_and_on_one_line() {
        let text = short(&format!("a\nb\x1b[31m{}", "ü".repeat(1_000)), &Secrets::default());
        assert!(text.starts_with("a b [31mü") && text.ends_with("ü..."), "{text}");
        assert_eq!(text.chars().count(), MESSAGE + 3);
    }
}
