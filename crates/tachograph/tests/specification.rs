//! The documents on the specification name tests that exist.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::path::{Path, PathBuf};

/// Everything between back ticks that names a test, as file and function.
fn named(document: &str) -> Vec<(&str, &str)> {
    let quoted = document.split('`').skip(1).step_by(2);
    let tests = quoted.filter_map(|text| text.rsplit_once("::"));
    let is_file = |file: &str| {
        let is_word = file.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        file.contains('/') || is_word && file != "global"
    };
    // A name alone stands in the key to the tables.
    tests.filter(|(file, name)| is_file(file) && *name != "name").collect()
}

/// Where the file of a test is; a name alone is one of the SDK's.
fn file_of(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    if name.starts_with("crates/") {
        return root.join(name);
    }
    let (package, file) = match name.split_once('/') {
        Some(("tachograph", file)) => ("tachograph".to_owned(), file),
        Some((package, file)) => (format!("tachograph-{package}"), file),
        None => ("tachograph-sdk".to_owned(), name),
    };
    root.join("crates").join(package).join("tests").join(file).with_extension("rs")
}

fn missing(document: &str) -> Vec<String> {
    let is_there = |file: &str, test: &str| {
        let text = std::fs::read_to_string(file_of(file));
        // Some are made by a macro, which takes a name and a block.
        let (function, given) = (format!("fn {test}("), format!("\n    {test}:"));
        text.is_ok_and(|text| test == "*" || text.contains(&function) || text.contains(&given))
    };
    let named = named(document);
    let lost = named.into_iter().filter(|(file, test)| !is_there(file, test));
    lost.map(|(file, test)| format!("{file}::{test}")).collect()
}

#[test]
fn every_test_that_the_document_on_traces_names_exists() {
    let document = include_str!("../../../docs/SPEC-TRACES.md");
    assert!(named(document).len() > 100);
    assert_eq!(missing(document), [""; 0]);
}

#[test]
fn every_test_that_the_document_on_metrics_names_exists() {
    let document = include_str!("../../../docs/SPEC-METRICS.md");
    assert!(named(document).len() > 50);
    assert_eq!(missing(document), [""; 0]);
}

#[test]
fn a_test_that_does_not_exist_is_found_out() {
    let document = "done: `sdk/trace_spans::no_such_test`, `otlp/nowhere::a_test`, `trace_spans::*`";
    assert_eq!(missing(document), ["sdk/trace_spans::no_such_test", "otlp/nowhere::a_test"]);
}
