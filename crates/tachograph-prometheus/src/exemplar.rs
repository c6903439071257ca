//! Exemplars on a page: which labels they have, in OpenMetrics and in protobuf.
//!
//! Follows "Exemplars" of OpenTelemetry's `compatibility/prometheus_and_openmetrics.md`: the ids of trace and
//! span come first and win over attributes of their names; names and values together are at most 128 code points,
//! as OpenMetrics has it, and attributes that do not fit are left out.

use std::borrow::Cow;

use tachograph_sdk::ValueRef;
use tachograph_sdk::metrics::Exemplar;

use crate::Format;
use crate::arithmetic::to_f64;
use crate::escape::{write_label_name, write_label_value};
use crate::labels::write_pair;
use crate::naming::Naming;
use crate::number::{write_number, write_seconds};
use crate::timestamp::write_timestamp;
use crate::wire::{write_double, write_message};

/// How much all labels of an exemplar may be: OpenMetrics 1.0, "Exemplars".
pub(crate) const CODE_POINTS: usize = 128;

const TRACE_ID: &str = "trace_id";
const SPAN_ID: &str = "span_id";

/// Appends ` # {trace_id="…"} 0.67 1520879607.789` to a sample's line.
pub(crate) fn write_text(out: &mut Vec<u8>, exemplar: &Exemplar, naming: Naming) {
    write_text_labels(out, |visit| for_each_label(exemplar, naming, visit));
    write_number(out, exemplar.value(), Format::OpenMetrics100);
    out.push(b' ');
    write_seconds(out, exemplar.unix_nanos());
}

/// Appends ` # {trace_id="…"} `, with the labels that `each` visits.
pub(crate) fn write_text_labels(out: &mut Vec<u8>, each: impl FnOnce(&mut dyn FnMut(&str, &str))) {
    out.extend_from_slice(b" # {");
    let start = out.len();
    each(&mut |name, value| {
        if out.len() > start {
            out.push(b',');
        }
        write_label_name(out, name);
        out.extend_from_slice(b"=\"");
        write_label_value(out, value.as_bytes());
        out.push(b'"');
    });
    out.extend_from_slice(b"} ");
}

/// Appends an `Exemplar` as a field.
pub(crate) fn write_proto(out: &mut Vec<u8>, field: u32, exemplar: &Exemplar, naming: Naming) {
    write_message(out, field, |out| {
        for_each_label(exemplar, naming, &mut |name, value| {
            write_pair(out, name.as_bytes(), value.as_bytes());
        });
        write_double(out, 2, to_f64(exemplar.value()));
        write_timestamp(out, 3, exemplar.unix_nanos());
    });
}

/// The latest of some exemplars.
pub(crate) fn latest<'a>(exemplars: impl IntoIterator<Item = &'a Exemplar>) -> Option<&'a Exemplar> {
    exemplars.into_iter().max_by_key(|exemplar| exemplar.unix_nanos())
}

/// Visits the labels there is room for.
fn for_each_label(exemplar: &Exemplar, naming: Naming, visit: &mut dyn FnMut(&str, &str)) {
    let mut left = CODE_POINTS;
    let ids = exemplar.trace_id().zip(exemplar.span_id());
    if let Some((trace, span)) = ids {
        let (mut hex, mut short) = ([0; 32], [0; 16]);
        visit(TRACE_ID, write_hex(&mut hex, &trace.to_bytes()));
        visit(SPAN_ID, write_hex(&mut short, &span.to_bytes()));
        left -= TRACE_ID.len() + hex.len() + SPAN_ID.len() + short.len();
    }
    let filtered = exemplar.filtered_attributes();
    for (at, (key, value)) in filtered.iter().enumerate() {
        let name = naming.label(key);
        let is_id = ids.is_some() && [TRACE_ID, SPAN_ID].contains(&&*name);
        // Of keys that are one name the first counts.
        let is_taken = || filtered.iter().take(at).any(|(earlier, _)| naming.label(earlier) == name);
        let text = text_of(value);
        let size = name.chars().count() + text.chars().count();
        if text.is_empty() || is_id || size > left || is_taken() {
            continue;
        }
        left -= size;
        visit(&name, &text);
    }
}

fn text_of(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Str(text) => Cow::Borrowed(text),
        ValueRef::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
        ValueRef::I64(value) => Cow::Owned(value.to_string()),
        ValueRef::F64(value) => Cow::Owned(crate::value::float_text(value)),
        other => Cow::Owned(format!("{other:?}")),
    }
}

fn write_hex<'b>(buffer: &'b mut [u8], bytes: &[u8]) -> &'b str {
    for (pair, byte) in buffer.chunks_exact_mut(2).zip(bytes) {
        let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
    }
    std::str::from_utf8(buffer).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use opentelemetry::{KeyValue, SpanId, TraceId};
    use tachograph_sdk::metrics::NumberValue;

    use super::*;
    use crate::{EscapingScheme, TranslationStrategy};

    fn text(filtered: &[KeyValue], has_span: bool) -> String {
        let span = has_span.then(|| (TraceId::from(0xabc_u128), SpanId::from(0xd_u64)));
        let exemplar = Exemplar::new(NumberValue::F64(2.0), 1_520_879_607_789_000_000, span);
        let exemplar = exemplar.with_filtered_attributes(filtered);
        let naming = Naming::new(TranslationStrategy::default(), EscapingScheme::default());
        let mut out = Vec::new();
        write_text(&mut out, &exemplar, naming);
        String::from_utf8(out).unwrap()
    }

    const IDS: &str = r#"trace_id="00000000000000000000000000000abc",span_id="000000000000000d""#;

    #[test]
    fn the_ids_come_first_and_the_attributes_after_them() {
        assert_eq!(text(&[], true), format!(" # {{{IDS}}} 2.0 1520879607.789"));
        assert_eq!(text(&[], false), " # {} 2.0 1520879607.789");
        let filtered =
            [KeyValue::new("user.id", 7), KeyValue::new("plan", "a\"b"), KeyValue::new("empty", "")];
        assert_eq!(
            text(&filtered, true),
            format!(r#" # {{{IDS},user_id="7",plan="a\"b"}} 2.0 1520879607.789"#)
        );
    }

    #[test]
    fn the_ids_win_over_attributes_of_their_names_and_the_first_over_the_second() {
        let filtered = [KeyValue::new("trace.id", "x"), KeyValue::new("a.b", "1"), KeyValue::new("a_b", "2")];
        assert_eq!(text(&filtered, true), format!(r#" # {{{IDS},a_b="1"}} 2.0 1520879607.789"#));
        assert!(text(&filtered, false).starts_with(r#" # {trace_id="x",a_b="1"} "#));
    }

    #[test]
    fn attributes_that_exceed_the_code_points_are_left_out() {
        // The ids take 63 of 128.
        let filtered = [
            KeyValue::new("a", "日".repeat(60)),
            KeyValue::new("b", "1234"),
            KeyValue::new("c", "12"),
            KeyValue::new("d", ""),
        ];
        let written = text(&filtered, true);
        assert!(
            written.contains("a=\"日") && !written.contains("b=") && written.contains("c=\"12\""),
            "{written}"
        );
        let labels: usize = 63 + 61 + 3;
        assert!(labels <= CODE_POINTS);
        assert!(!text(&[KeyValue::new("a", "x".repeat(65))], true).contains("a=\"x"));
        assert!(text(&[KeyValue::new("a", "x".repeat(64))], true).contains("a=\"x"));
    }
}
