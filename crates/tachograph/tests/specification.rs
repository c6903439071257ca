//! The documents on the specification name tests that exist, and links lead somewhere.
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

/// The headings of a document, as links name them: lower case, dashes for spaces, letters and digits alone.
fn anchors(document: &str) -> Vec<String> {
    let headings = document.lines().filter(|line| line.starts_with('#'));
    let titles = headings.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let kept = |letter: &char| letter.is_alphanumeric() || " -_".contains(*letter);
    titles.map(|title| title.chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

#[test]
fn every_link_of_the_documents_leads_to_a_file_and_a_heading() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let mut links = 0;
    for name in [
        "SPEC-TRACES.md",
        "SPEC-METRICS.md",
        "environment.md",
        "guides/traces.md",
        "guides/metrics.md",
        "guides/propagation.md",
        "guides/self-metrics.md",
        "../README.md",
    ] {
        let path = docs.join(name);
        let document = std::fs::read_to_string(&path).unwrap();
        for link in document.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            if file.contains("://") {
                continue;
            }
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{name}: {link} leads nowhere");
            if !anchor.is_empty() {
                let target = std::fs::read_to_string(target).unwrap();
                assert!(anchors(&target).iter().any(|known| known == anchor), "{name}: no heading {link}");
            }
            links += 1;
        }
    }
    assert!(links > 30, "{links}");
}
