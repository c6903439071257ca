//! What the SDK says of itself: once, to `tracing`, or to standard error where nothing listens.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::process::Command;

use support::{provider, reports_of};
use tachograph_sdk::{Counter, diag};

#[test]
fn a_report_is_a_warning_of_its_target_and_not_made_twice() {
    let reports = reports_of(|| {
        for n in 0..3 {
            diag::report("test.kind", "one", format_args!("message {n}"));
        }
        diag::report("test.kind", "two", "another subject");
        diag::report("test.other", "one", "another kind");
        diag::inform("test.info", "said once");
        diag::inform("test.info", "said once");
    });
    let said: Vec<_> = reports
        .iter()
        .map(|r| (r.level.as_str(), r.kind.as_str(), r.subject.as_str(), r.message.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("WARN", "test.kind", "one", "message 0"),
            ("WARN", "test.kind", "two", "another subject"),
            ("WARN", "test.other", "one", "another kind"),
            ("INFO", "test.info", "", "said once"),
        ]
    );
}

#[test]
fn a_flood_of_refused_measurements_is_one_report() {
    let reports = reports_of(|| {
        let counter: Counter<f64> = provider().meter("m").counter("flood").build();
        for _ in 0..100_000 {
            counter.add(-1.0, &());
        }
    });
    support::only(&reports, "measurement.refused");
}

/// Runs a test of this file that is ignored otherwise, in a process of its own; what it said.
fn said_by(test: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn where_nothing_listens_each_report_goes_to_standard_error_once() {
    let said = said_by("child_without_a_subscriber");
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("tachograph: ")).collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].contains("1 bad name") && lines[0].ends_with("[instrument.name]"), "{said}");
    assert!(
        lines[1].contains("a measurement of -1.0") && lines[1].ends_with("[measurement.refused]"),
        "{said}"
    );
}

#[test]
#[ignore = "run by the test above, in a process without a subscriber"]
fn child_without_a_subscriber() {
    for _ in 0..3 {
        let counter: Counter<f64> = provider().meter("m").counter("1 bad name").build();
        counter.add(-1.0, &());
        counter.add(-2.0, &());
    }
}

#[test]
fn where_a_subscriber_listens_nothing_goes_to_standard_error() {
    assert!(!said_by("child_with_a_subscriber").contains("tachograph: "));
}

#[test]
#[ignore = "run by the test above, in a process with a subscriber"]
fn child_with_a_subscriber() {
    let reports = reports_of(|| {
        let counter: Counter<f64> = provider().meter("m").counter("1 bad name").build();
        counter.add(-1.0, &());
    });
    assert_eq!(reports.len(), 2);
}

#[test]
fn a_subscriber_that_reports_itself_does_no_harm() {
    let subscriber = support::Keep(Box::new(|report| {
        if report.kind == "test.outer" {
            diag::report("test.inner", "", "from within");
        }
    }));
    tracing::subscriber::with_default(subscriber, || diag::report("test.outer", "", "from without"));
}
