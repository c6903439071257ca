//! What the README and the guide say is so: the example is compiled, run and scraped, the names are
//! those on the page, the configuration is one that Prometheus takes.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

// The real programs are found as the exposition's own tests do it.
#[path = "../../tachograph-prometheus/tests/support/peers.rs"]
mod peers;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::{get, page, telemetry};

const README: &str = include_str!("../../../README.md");
const GUIDE: &str = include_str!("../../../docs/guides/metrics.md");
const SELF_METRICS: &str = include_str!("../../../docs/guides/self-metrics.md");
const EXAMPLE: &str = include_str!("../examples/quickstart.rs");

/// The only block of this language in a document.
fn block<'a>(document: &'a str, language: &str) -> &'a str {
    let mut blocks = document.split("\n```").skip(1).step_by(2);
    let mut found = blocks.by_ref().filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'));
    let block = found.next().unwrap();
    assert_eq!(found.next(), None, "more than one block of {language}");
    block
}

#[test]
fn the_readmes_example_is_the_one_that_is_compiled_and_run() {
    let (_header, example) = EXAMPLE.split_once("\n\n").unwrap();
    assert!(format!("{}\n", block(README, "rust")) == example, "README.md and examples/quickstart.rs differ");
}

/// Where cargo put the example: beside this test, or built now if only this test was asked for.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let name = format!("quickstart{}", std::env::consts::EXE_SUFFIX);
    let example = test.parent().unwrap().parent().unwrap().join("examples").join(name);
    if !example.exists() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--package", "tachograph", "--example", "quickstart"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success() && example.exists(), "{} could not be built", example.display());
    }
    example
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_readmes_example_serves_what_the_readme_shows() {
    let mut command = Command::new(example());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OTEL_")) {
        command.env_remove(name);
    }
    let mut running = Running(command.env("ADDRESS", "127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap());
    let mut said = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let url = said.trim().strip_prefix("metrics at ").unwrap();

    ureq::post(url.replace("/metrics", "/orders")).send("web").unwrap();
    let (status, page) = get(url).unwrap();
    assert_eq!(status, 200);
    for line in block(README, "text").lines() {
        assert!(page.lines().any(|found| found == line), "{line}\nis not on the page:\n{page}");
    }
    assert!(page.contains("http_server_request_duration_seconds_count{"), "{page}");
    assert!(
        page.contains("http_route=\"/orders\"") && page.contains("service_name=\"order-service\""),
        "{page}"
    );
}

#[test]
fn the_guides_table_of_names_is_what_prometheus_shows() {
    let table = GUIDE.split("## Names and units").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
        .map(|line| line.trim_matches(['|', ' ']).split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 6);
    for row in rows {
        let telemetry = telemetry();
        let meter = telemetry.meter("test");
        let unquoted = |text: &'static str| text.trim_matches('`');
        let (name, unit) = (unquoted(row[1]), unquoted(row[2]));
        match row[0] {
            "counter" => meter.counter(name).with_unit(unit).build::<u64, ()>().add(1, &()),
            "up-down counter" => meter.up_down_counter(name).with_unit(unit).build::<i64, ()>().add(1, &()),
            "gauge" => meter.gauge(name).with_unit(unit).build::<f64, ()>().record(1.0, &()),
            "histogram" => meter.histogram(name).with_unit(unit).build::<f64, ()>().record(1.0, &()),
            other => panic!("no such instrument: {other}"),
        }
        let shown = unquoted(row[3].split(',').next().unwrap());
        let page = page(&telemetry);
        assert!(
            page.lines().any(|line| line.starts_with(&format!("{shown}{{"))),
            "{shown} is not on:\n{page}"
        );
    }
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn the_readmes_scrape_configuration_is_one_that_prometheus_takes() {
    let file = peers::empty_folder("readme-configuration").join("prometheus.yml");
    std::fs::write(&file, block(README, "yaml")).unwrap();
    for version in ["prometheus-2", "prometheus-3"] {
        let mut promtool = Command::new(peers::program(&format!("{version}/promtool")));
        let (code, said) = peers::run(promtool.args(["check", "config"]).arg(&file));
        assert_eq!(code, Some(0), "{version}: {said}");
    }
}

#[test]
fn every_file_that_the_documents_link_to_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guides = root.join("docs/guides");
    for (document, folder) in [(README, &root), (GUIDE, &guides), (SELF_METRICS, &guides)] {
        for link in document.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            let is_file = !path.is_empty() && !path.contains("://");
            assert!(!is_file || folder.join(path).exists(), "{link} leads nowhere");
        }
    }
}
