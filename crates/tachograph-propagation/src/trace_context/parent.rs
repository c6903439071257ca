//! The `traceparent` header.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId};

use crate::hex;

/// What a header of version 00 has, and one of a later version at least:
/// `version "-" trace-id "-" parent-id "-" trace-flags`.
pub(crate) const LENGTH: usize = 2 + 1 + 32 + 1 + 16 + 1 + 2;

/// The version that no header may have.
const FORBIDDEN_VERSION: u8 = 0xff;

/// The flags that version 00 knows: sampled (bit 0) and, since level 2, random trace id (bit 1). Others must be
/// sent as zero, so they are not kept.
const KNOWN_FLAGS: TraceFlags = TraceFlags::new(0x03);

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) flags: TraceFlags,
}

/// Reads a header, without white space around it. Nothing for any that is not valid.
///
/// A later version's is read as far as this one's goes: it has the same 55 characters, and if it is longer, a
/// `-` follows them.
pub(crate) fn read(header: &[u8]) -> Option<Parent> {
    let (head, rest) = header.split_first_chunk::<LENGTH>()?;
    let (version, head) = head.split_first_chunk::<2>()?;
    let (trace_id, head) = head.strip_prefix(b"-")?.split_first_chunk::<32>()?;
    let (span_id, head) = head.strip_prefix(b"-")?.split_first_chunk::<16>()?;
    let flags = head.strip_prefix(b"-")?.first_chunk::<2>()?;
    match (hex::read_u8(*version)?, rest.first()) {
        (FORBIDDEN_VERSION, _) | (0, Some(_)) => return None,
        (_, None | Some(b'-')) => {}
        (_, Some(_)) => return None,
    }
    let trace_id = TraceId::from(hex::read_u128(trace_id)?);
    let span_id = SpanId::from(hex::read_u64(span_id)?);
    let flags = TraceFlags::new(hex::read_u8(*flags)?) & KNOWN_FLAGS;
    let valid = trace_id != TraceId::INVALID && span_id != SpanId::INVALID;
    valid.then_some(Parent { trace_id, span_id, flags })
}

/// Writes the header of version 00.
pub(crate) fn write(span: &SpanContext) -> [u8; LENGTH] {
    let mut header = *b"00-00000000000000000000000000000000-0000000000000000-00";
    header[3..35].copy_from_slice(&hex::write_u128(u128::from_be_bytes(span.trace_id().to_bytes())));
    header[36..52].copy_from_slice(&hex::write_u64(u64::from_be_bytes(span.span_id().to_bytes())));
    header[53..].copy_from_slice(&hex::write_u8((span.trace_flags() & KNOWN_FLAGS).to_u8()));
    header
}
