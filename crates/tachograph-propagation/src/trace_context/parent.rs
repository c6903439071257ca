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
    if head[2] != b'-' || head[35] != b'-' || head[52] != b'-' {
        return None;
    }
    let [version] = hex::bytes(&head[..2])?;
    match (version, rest.first()) {
        (FORBIDDEN_VERSION, _) | (0, Some(_)) => return None,
        (_, None | Some(b'-')) => {}
        (_, Some(_)) => return None,
    }
    let trace_id = TraceId::from_bytes(hex::bytes(&head[3..35])?);
    let span_id = SpanId::from_bytes(hex::bytes(&head[36..52])?);
    let [flags] = hex::bytes(&head[53..])?;
    let valid = trace_id != TraceId::INVALID && span_id != SpanId::INVALID;
    valid.then_some(Parent { trace_id, span_id, flags: TraceFlags::new(flags) & KNOWN_FLAGS })
}

/// Writes the header of version 00.
pub(crate) fn write(span: &SpanContext) -> [u8; LENGTH] {
    let mut header = *b"00-00000000000000000000000000000000-0000000000000000-00";
    hex::write(&mut header[3..35], &span.trace_id().to_bytes());
    hex::write(&mut header[36..52], &span.span_id().to_bytes());
    hex::write(&mut header[53..], &[(span.trace_flags() & KNOWN_FLAGS).to_u8()]);
    header
}
