//! The catalogue as JSON, by hand: the engine needs no more of it than this.

use std::fmt::Write as _;

use super::{CatalogueEntry, sorted_values};
use crate::attributes::{AttributeSchema, ValueRef};

pub(super) fn write(entries: &[&CatalogueEntry]) -> String {
    let mut page = String::from("{\n  \"instruments\": [");
    for (at, entry) in entries.iter().enumerate() {
        page.push_str(if at == 0 { "\n    {" } else { ",\n    {" });
        write_entry(&mut page, entry);
        page.push_str("\n    }");
    }
    page.push_str(if entries.is_empty() { "]\n}\n" } else { "\n  ]\n}\n" });
    page
}

fn write_entry(page: &mut String, entry: &CatalogueEntry) {
    let mut first = true;
    let mut member = |page: &mut String, key: &str, value: String| {
        page.push_str(if first { "\n      " } else { ",\n      " });
        first = false;
        page.push_str(&string(key));
        page.push_str(": ");
        page.push_str(&value);
    };
    member(page, "scope", string(entry.scope()));
    member(page, "name", string(entry.name()));
    member(page, "kind", string(entry.kind()));
    member(page, "number", string(entry.number()));
    member(page, "unit", string(entry.unit()));
    member(page, "description", string(entry.description()));
    if let Some(boundaries) = entry.boundaries() {
        member(page, "boundaries", list(boundaries.iter().map(|bound| number(*bound))));
    }
    member(page, "cardinality_limit", entry.cardinality_limit().to_string());
    member(page, "open_attributes", entry.has_open_attributes().to_string());
    let attributes: Vec<_> =
        entry.attributes().iter().map(|entry| format!("\n        {}", attribute(entry))).collect();
    let close = if attributes.is_empty() { "]" } else { "\n      ]" };
    member(page, "attributes", format!("[{}{close}", attributes.join(",")));
}

fn attribute(attribute: &AttributeSchema) -> String {
    let schema = &attribute.value;
    format!(
        "{{ \"key\": {}, \"type\": {}, \"optional\": {}, \"open\": {}, \"values\": {} }}",
        string(&attribute.key),
        string(schema.kind().as_str()),
        schema.is_optional(),
        schema.is_open(),
        list(sorted_values(attribute).into_iter().map(value)),
    )
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

fn value(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Bool(value) => value.to_string(),
        ValueRef::I64(value) => value.to_string(),
        ValueRef::F64(value) => number(value),
        ValueRef::Str(value) => string(value),
        // No schema lists arrays: they are not constants.
        ValueRef::Array(_) => string(&value.to_value().as_str()),
    }
}

/// A number; what JSON has no number for is text.
fn number(value: f64) -> String {
    if value.is_finite() { format!("{value:?}") } else { string(&value.to_string()) }
}

/// A string, by RFC 8259, section 7.
fn string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c < ' ' => {
                // Nothing fails that is written to a string.
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
