//! Writing the header.

use opentelemetry::baggage::Baggage;

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
    for equals in [Equals::Encoded, Equals::Kept] {
        let size = size(baggage, equals);
        if size <= BYTES && baggage.len() <= MEMBERS {
            return Some(written(baggage, equals, size)).filter(|header| !header.is_empty());
        }
    }
    Some(what_fits(&written(baggage, Equals::Kept, 0)))
}

/// The members that a header can have: the API's type has no others, but a header must not have any.
fn members(baggage: &Baggage) -> impl Iterator<Item = (&str, &str, &str)> {
    let members =
        baggage.into_iter().map(|(key, (value, metadata))| (key.as_str(), value.as_str(), metadata.as_str()));
    members.filter(|(key, ..)| is_token(key.as_bytes()))
}

/// How many bytes the header has.
fn size(baggage: &Baggage, equals: Equals) -> usize {
    let size: usize =
        members(baggage).map(|(key, value, metadata)| length(key, value, metadata, equals) + 1).sum();
    size.saturating_sub(1)
}

/// How many bytes a member has, without a comma.
pub(super) fn length(key: &str, value: &str, metadata: &str, equals: Equals) -> usize {
    key.len() + 1 + encoded_length(value, equals) + properties::written_length(metadata, equals)
}

fn written(baggage: &Baggage, equals: Equals, size: usize) -> Vec<u8> {
    let mut header = Vec::with_capacity(size);
    for (key, value, metadata) in members(baggage) {
        if !header.is_empty() {
            header.push(b',');
        }
        header.extend_from_slice(key.as_bytes());
        header.push(b'=');
        encode(&mut header, value, equals);
        if !metadata.is_empty() {
            properties::write(&mut header, metadata, equals);
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
