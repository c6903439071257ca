//! The catalogue as Markdown.

use std::fmt::Write as _;

use super::{CatalogueEntry, plain, sorted_values};
use crate::attributes::AttributeSchema;

pub(super) fn write(entries: &[&CatalogueEntry]) -> String {
    let mut page = String::from("# Metrics\n");
    let mut scope = None;
    for entry in entries {
        if scope != Some(entry.scope()) {
            scope = Some(entry.scope());
            page += &format!("\n## {}\n", line(entry.scope()));
        }
        write_entry(&mut page, entry);
    }
    page
}

fn write_entry(page: &mut String, entry: &CatalogueEntry) {
    // Nothing fails that is written to a string.
    let _ = write!(page, "\n### {}\n\n", code(entry.name()));
    if !entry.description().is_empty() {
        let _ = write!(page, "{}\n\n", line(entry.description()));
    }
    let _ = writeln!(page, "- kind: {} of {}", entry.kind().replace('_', " "), entry.number());
    if !entry.unit().is_empty() {
        let _ = writeln!(page, "- unit: {}", code(entry.unit()));
    }
    if let Some(boundaries) = entry.boundaries() {
        let boundaries: Vec<_> = boundaries.iter().map(f64::to_string).collect();
        let _ = writeln!(page, "- boundaries: {}", boundaries.join(", "));
    }
    let _ = writeln!(page, "- at most {} attribute sets", entry.cardinality_limit());
    match (entry.attributes(), entry.has_open_attributes()) {
        ([], true) => page.push_str("- attributes: not declared\n"),
        ([], false) => page.push_str("- attributes: none\n"),
        (_, true) => page.push_str("- attributes: these, and others that are not declared\n"),
        (_, false) => {}
    }
    if !entry.attributes().is_empty() {
        page.push_str("\n| attribute | type | values | |\n|---|---|---|---|\n");
    }
    for attribute in entry.attributes() {
        write_attribute(page, attribute);
    }
}

fn write_attribute(page: &mut String, attribute: &AttributeSchema) {
    let schema = &attribute.value;
    let mut values: Vec<_> = sorted_values(attribute).into_iter().map(|value| code(&plain(value))).collect();
    if schema.is_open() {
        values.push(if values.is_empty() { "any".to_owned() } else { "others".to_owned() });
    }
    let presence = if schema.is_optional() { "may be absent" } else { "always" };
    let (key, kind) = (code(&attribute.key), schema.kind().as_str());
    let _ = writeln!(page, "| {key} | {kind} | {} | {presence} |", values.join(", "));
}

/// Text that stays within its line and its cell.
fn line(text: &str) -> String {
    let text =
        text.split_whitespace().collect::<Vec<_>>().join(" ").replace('\\', "\\\\").replace('|', "\\|");
    // Nor does it begin a section.
    if text.starts_with('#') { format!("\\{text}") } else { text }
}

/// Text as code, whatever backticks it has.
fn code(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ").replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if text.is_empty() || text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}
