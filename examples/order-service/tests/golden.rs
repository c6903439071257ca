//! The order metrics on the page, in every format, to the byte.
//!
//! `UPDATE_GOLDEN=1` writes the files anew. That real parsers accept them is the matter of
//! `real_servers.rs`.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::path::Path;

use support::{Service, trade};

const TEXT: &str = "text/plain;version=0.0.4";
const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0";

/// The families that the service itself makes and whose values do not depend on the time.
const FAMILIES: [&str; 6] = [
    "order_created",
    "order_value_EUR",
    "order_ended",
    "order_queue_depth",
    "stock_level",
    "order_compensation",
];

/// The page's lines about these families, with a fixed time where series began.
fn order_metrics(page: &str) -> String {
    let mut kept = String::new();
    for line in page.lines() {
        let name =
            line.strip_prefix("# ").map_or(line, |comment| comment.split_once(' ').unwrap_or_default().1);
        let is_ours = FAMILIES
            .iter()
            .any(|family| name.strip_prefix(family).is_some_and(|rest| rest.starts_with(['{', ' ', '_'])));
        if !is_ours && line != "# EOF" {
            continue;
        }
        let is_time = !line.starts_with('#') && line.contains("_created{") && page.ends_with("# EOF\n");
        match line.rsplit_once(' ') {
            Some((series, _)) if is_time => kept.push_str(&format!("{series} 1700000000.0")),
            _ => kept.push_str(line),
        }
        kept.push('\n');
    }
    kept
}

fn compare(name: &str, accept: &str) {
    let service = Service::start(&["--no-traffic"]);
    trade(&service);
    let found = order_metrics(&service.page(accept));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap();
    assert!(found == expected, "{name} is not as it should be; found:\n{found}");
    let created = r#"order_created_total{channel="web",otel_scope_name="order-service",region="eu"} 3"#;
    assert!(found.lines().any(|line| line == created), "{found}");
}

#[test]
fn the_text_format_shows_what_was_traded_to_the_byte() {
    compare("text-0.0.4.txt", TEXT);
}

#[test]
fn open_metrics_shows_what_was_traded_to_the_byte() {
    compare("openmetrics-1.0.0.txt", OPEN_METRICS);
}
