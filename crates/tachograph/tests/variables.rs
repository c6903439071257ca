//! The table of environment variables lists what is read, no less and no more.
#![cfg(all(feature = "otlp", feature = "prometheus", feature = "tower", feature = "tracing"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tachograph::{Environment, Telemetry};

const TABLE: &str = include_str!("../../../docs/environment.md");

/// Read by what finds the system's certificates, from the process.
const OF_CERTIFICATES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The names in the first column of the tables.
fn listed() -> BTreeSet<String> {
    let rows = TABLE.lines().filter(|line| line.starts_with("| `"));
    let columns = rows.filter_map(|row| row.trim_start_matches("| ").split(" | ").next());
    columns.flat_map(|names| names.split(", ")).map(|name| name.trim_matches('`').to_owned()).collect()
}

/// The variables that are asked for while a `Telemetry` is built.
fn read() -> BTreeSet<String> {
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let log = Arc::clone(&asked);
    let environment = Environment::from_fn(move |name| {
        log.lock().unwrap().insert(name.to_owned());
        // With a ratio its argument is read as well.
        (name == "OTEL_TRACES_SAMPLER").then(|| "traceidratio".to_owned())
    });
    drop(Telemetry::builder().with_environment(environment).build().unwrap());
    let asked = asked.lock().unwrap();
    asked.clone()
}

/// Every file of Rust that a folder holds.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The names of variables that stand as texts in the libraries' code, outside of comments and of tests.
fn named_in_sources() -> BTreeSet<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(crates).unwrap() {
        let folder = entry.unwrap().path();
        if folder.file_name().is_some_and(|name| name != "xtask") && folder.join("src").is_dir() {
            sources(&folder.join("src"), &mut files);
        }
    }
    assert!(files.len() > 100, "{} files", files.len());
    let is_test = |path: &PathBuf| path.ends_with("tests.rs") || path.ends_with("fuzzing.rs");
    let mut names = BTreeSet::new();
    for file in files.iter().filter(|path| !is_test(path)) {
        let text = std::fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let code = code.split("#[cfg(all(test").next().unwrap();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let quoted = line.split('"').skip(1).step_by(2);
            names.extend(quoted.filter(|text| is_variable(text)).map(str::to_owned));
        }
    }
    names
}

fn is_variable(text: &str) -> bool {
    let begins = ["OTEL_", "RUST_", "TACHOGRAPH_", "KUBERNETES_", "SSL_", "NO_COLOR"];
    begins.iter().any(|begin| text.starts_with(begin))
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && !text.ends_with('_')
}

#[test]
fn every_variable_that_is_read_is_in_the_table_and_no_other() {
    let (listed, mut read) = (listed(), read());
    assert!(read.contains("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") && read.contains("OTEL_TRACES_SAMPLER_ARG"));
    read.extend(OF_CERTIFICATES.map(str::to_owned));
    let missing: Vec<_> = read.difference(&listed).collect();
    assert!(missing.is_empty(), "docs/environment.md lacks {missing:?}");
    let idle: Vec<_> = listed.difference(&read).collect();
    assert!(idle.is_empty(), "docs/environment.md lists what nothing reads: {idle:?}");
}

#[test]
fn every_variable_that_is_named_in_the_sources_is_in_the_table() {
    let (listed, named) = (listed(), named_in_sources());
    assert!(named.contains("OTEL_SERVICE_NAME") && named.contains("RUST_LOG"), "{named:?}");
    let missing: Vec<_> = named.difference(&listed).collect();
    assert!(missing.is_empty(), "docs/environment.md lacks {missing:?}");
}

#[test]
fn the_table_is_linked_from_where_variables_are_spoken_of() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (document, link) in [
        ("README.md", "(docs/environment.md)"),
        ("docs/guides/metrics.md", "(../environment.md)"),
        ("docs/guides/traces.md", "(../environment.md)"),
        ("docs/guides/propagation.md", "(../environment.md)"),
        ("crates/tachograph/src/builder/mod.rs", "`docs/environment.md`"),
    ] {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        assert!(text.contains(link), "{document} does not link to the table");
    }
}
