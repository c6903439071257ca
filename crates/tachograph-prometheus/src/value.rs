//! Attribute values as text.
//!
//! Follows "AnyValue representation for non-OTLP protocols" of OpenTelemetry's `common/README.md`:
//! strings as they are, all else as JSON, but NaN and the infinities without quotes at the top level.

use opentelemetry::{Array, Value};

use crate::number::{write_i64, write_json_f64};

/// Appends the text of a value, not yet escaped for a page.
pub(crate) fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(value) => out.extend_from_slice(value.as_str().as_bytes()),
        Value::Bool(value) => write_bool(out, *value),
        Value::I64(value) => write_i64(out, *value),
        Value::F64(value) => write_float(out, *value),
        Value::Array(Array::Bool(values)) => write_array(out, values, |out, value| write_bool(out, *value)),
        Value::Array(Array::I64(values)) => write_array(out, values, |out, value| write_i64(out, *value)),
        Value::Array(Array::F64(values)) => {
            write_array(out, values, |out, value| match not_a_json_number(*value) {
                Some(name) => write_json_string(out, name),
                None => write_json_f64(out, *value),
            })
        }
        Value::Array(Array::String(values)) => {
            write_array(out, values, |out, value| write_json_string(out, value.as_str()));
        }
        // The API may add kinds of values; its own text is the best that can be said of one.
        other => out.extend_from_slice(other.as_str().as_bytes()),
    }
}

/// The text of a float.
pub(crate) fn float_text(value: f64) -> String {
    let mut text = Vec::new();
    write_float(&mut text, value);
    String::from_utf8_lossy(&text).into_owned()
}

fn write_float(out: &mut Vec<u8>, value: f64) {
    match not_a_json_number(value) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => write_json_f64(out, value),
    }
}

fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

fn not_a_json_number(value: f64) -> Option<&'static str> {
    match value {
        value if value.is_finite() => None,
        value if value.is_nan() => Some("NaN"),
        value if value > 0.0 => Some("Infinity"),
        _ => Some("-Infinity"),
    }
}

fn write_array<T>(out: &mut Vec<u8>, values: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, value);
    }
    out.push(b']');
}

/// Appends a JSON string, escaping what RFC 8259 §7 says must be.
fn write_json_string(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    for byte in value.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=0x1f => {
                out.extend_from_slice(b"\\u00");
                let hex = |digit: u8| b"0123456789abcdef"[usize::from(digit)];
                out.extend_from_slice(&[hex(byte >> 4), hex(byte & 0xf)]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use opentelemetry::StringValue;
    use proptest::prelude::*;

    use super::*;

    fn text(value: impl Into<Value>) -> String {
        let mut out = Vec::new();
        write_value(&mut out, &value.into());
        String::from_utf8(out).unwrap()
    }

    fn array(values: Array) -> String {
        text(Value::Array(values))
    }

    #[test]
    fn strings_are_themselves_and_all_else_is_json() {
        assert_eq!(text("plain \"text\""), "plain \"text\"");
        assert_eq!(text(""), "");
        assert_eq!(text(true), "true");
        assert_eq!(text(-42_i64), "-42");
        assert_eq!(text(2.5), "2.5");
        assert_eq!(text(2.0), "2");
        assert_eq!(array(Array::I64(vec![1, 2])), "[1,2]");
        assert_eq!(array(Array::Bool(vec![true, false])), "[true,false]");
        assert_eq!(array(Array::String(vec!["a".into(), "b\"\n\u{1}".into()])), r#"["a","b\"\n\u0001"]"#);
        assert_eq!(array(Array::F64(vec![])), "[]");
    }

    #[test]
    fn what_json_has_no_number_for_is_quoted_inside_arrays_only() {
        assert_eq!(text(f64::NAN), "NaN");
        assert_eq!(text(f64::INFINITY), "Infinity");
        assert_eq!(text(f64::NEG_INFINITY), "-Infinity");
        assert_eq!(
            array(Array::F64(vec![1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY])),
            r#"[1.5,"NaN","Infinity","-Infinity"]"#
        );
    }

    proptest! {
        #[test]
        fn arrays_of_any_strings_are_json(values in proptest::collection::vec(any::<String>(), 0..4)) {
            let written = array(Array::String(values.iter().cloned().map(StringValue::from).collect()));
            let read: Vec<String> = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(read, values);
        }
    }
}
