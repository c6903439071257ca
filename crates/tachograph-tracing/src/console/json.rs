//! Lines for programs: an object of JSON each.

use std::error::Error;
use std::fmt::Write as _;

use tachograph_sdk::ValueRef;
use tracing::field::Field;

use super::form::{Line, SpanFields};
use super::{PRINTED, time};
use crate::fields::{self, Sink, Visitor};

pub(super) fn line(out: &mut String, line: &Line<'_>) {
    let metadata = line.event.metadata();
    out.push_str("{\"timestamp\":\"");
    time::now(out);
    out.push_str("\",\"level\":\"");
    out.push_str(metadata.level().as_str());
    out.push_str("\",\"target\":");
    string(out, metadata.target());
    out.push_str(",\"message\":");
    let mut message = Message(String::new());
    line.event.record(&mut Visitor(&mut message));
    string(out, &message.0);
    out.push_str(",\"fields\":{");
    line.event.record(&mut Visitor(&mut Members { out, first: true, message: true }));
    out.push('}');
    if let Some(identity) = line.identity {
        let _ =
            write!(out, ",\"trace_id\":\"{}\",\"span_id\":\"{}\"", identity.trace_id(), identity.span_id());
    }
    let mut separator = ",\"spans\":[";
    for link in line.spans() {
        out.push_str(separator);
        separator = ",";
        out.push_str("{\"name\":");
        string(out, link.name);
        if !link.printed.is_empty() {
            out.push_str(",\"fields\":{");
            out.push_str(&link.printed);
            out.push('}');
        }
        out.push('}');
    }
    out.push_str(if separator == "," { "]}" } else { "}" });
}

/// The fields of a span as members of an object.
pub(super) fn span_fields(out: &mut String, fields: &SpanFields<'_>) {
    let mut members = Members { out, first: true, message: false };
    fields.visit(&mut |name, value, causes| {
        if members.out.len() < PRINTED {
            members.member(name, value);
            members.causes(name, causes);
        }
    });
}

/// Takes the message alone.
struct Message(String);

impl Sink for Message {
    fn field(&mut self, field: &Field, value: ValueRef<'_>) {
        if let ("message", ValueRef::Str(text)) = (field.name(), value) {
            self.0.push_str(text);
        }
    }
}

/// Writes `"name":value` pairs.
struct Members<'a> {
    out: &'a mut String,
    first: bool,
    /// Whether a field `message` is written elsewhere.
    message: bool,
}

impl Members<'_> {
    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.first) {
            self.out.push(',');
        }
        string(self.out, key);
        self.out.push(':');
    }

    fn member(&mut self, name: &str, value: ValueRef<'_>) {
        self.key(name);
        let _ = match value {
            ValueRef::Str(text) => {
                string(self.out, text);
                Ok(())
            }
            ValueRef::I64(value) => write!(self.out, "{value}"),
            ValueRef::F64(value) if value.is_finite() => write!(self.out, "{value:?}"),
            // JSON has no number for these.
            ValueRef::F64(value) => write!(self.out, "\"{value}\""),
            ValueRef::Bool(value) => write!(self.out, "{value}"),
            _ => write!(self.out, "null"),
        };
    }

    fn causes(&mut self, name: &str, causes: &str) {
        if !causes.is_empty() {
            self.key(&format!("{name}.sources"));
            string(self.out, causes);
        }
    }
}

impl Sink for Members<'_> {
    fn field(&mut self, field: &Field, value: ValueRef<'_>) {
        if !(self.message && field.name() == "message" && matches!(value, ValueRef::Str(_))) {
            self.member(field.name(), value);
        }
    }

    fn error(&mut self, field: &Field, _: &str, error: &(dyn Error + 'static)) {
        let mut sources = String::new();
        fields::format_sources(&mut sources, error);
        self.causes(field.name(), &sources);
    }
}

/// A string of JSON (RFC 8259, section 7).
fn string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
