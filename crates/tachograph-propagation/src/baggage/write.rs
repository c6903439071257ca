//! Writing the header.

use opentelemetry::baggage::{Baggage, BaggageMetadata};
use opentelemetry::{Key, StringValue};

use super::{BYTES, MEMBERS, properties};
use crate::coding::{Equals, encode, encoded_length, is_token};

/// The header; nothing for an empty baggage.
///
/// Where all of it is too large, members are left out, whole: the largest first, so that most remain, and the
/// same ones each time.
pub(super) fn header(baggage: &Baggage) -> Option<Vec<u8>> {
    if baggage.is_empty() {
        return None;
    }
    let mut header = written(baggage, Equals::Encoded);
    if header.len() > BYTES || baggage.len() > MEMBERS {
        header = written(baggage, Equals::Kept);
        if header.len() > BYTES || baggage.len() > MEMBERS {
            header = what_fits(&header);
        }
    }
    (!header.is_empty()).then_some(header)
}

fn written(baggage: &Baggage, equals: Equals) -> Vec<u8> {
    // Exact but for the encoding of properties, and then nothing is copied on the way to a carrier.
    let length = |(key, (value, metadata)): (&Key, &(StringValue, BaggageMetadata))| {
        let properties = metadata.as_str().len();
        let value = encoded_length(value.as_str(), equals);
        key.as_str().len() + 1 + value + properties + usize::from(properties > 0) + 1
    };
    let size: usize = baggage.into_iter().map(length).sum();
    let mut header = Vec::with_capacity(size.saturating_sub(1));
    for (key, (value, metadata)) in baggage {
        // The API's type has no others; a header must not have any.
        if !is_token(key.as_str().as_bytes()) {
            continue;
        }
        if !header.is_empty() {
            header.push(b',');
        }
        header.extend_from_slice(key.as_str().as_bytes());
        header.push(b'=');
        encode(&mut header, value.as_str(), equals);
        if !metadata.as_str().is_empty() {
            properties::write(&mut header, metadata.as_str(), equals);
        }
    }
    header
}

/// As many of the members as the limits allow. In a member that is written no `,` is left but encoded.
fn what_fits(header: &[u8]) -> Vec<u8> {
    let mut members: Vec<&[u8]> = header.split(|byte| *byte == b',').collect();
    members.sort_unstable_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    let mut fitting: Vec<u8> = Vec::with_capacity(BYTES);
    for member in members.into_iter().take(MEMBERS) {
        let comma = usize::from(!fitting.is_empty());
        if fitting.len() + comma + member.len() > BYTES {
            break;
        }
        if comma == 1 {
            fitting.push(b',');
        }
        fitting.extend_from_slice(member);
    }
    fitting
}
