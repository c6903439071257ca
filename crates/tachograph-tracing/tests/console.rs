//! The console's lines.
#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

#[path = "support/buffer.rs"]
mod buffer;

use std::io::Write;

use buffer::Buffer;
use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
use serde_json::Value;
use tachograph_sdk::trace::{AlwaysOff, AlwaysOn, ParentBased, TracerProvider};
use tachograph_tracing::{Console, Filter, SpanExt as _, TelemetrySubscriber};
use tracing::field::Empty;
use tracing::{error, info, info_span, warn};

fn provider(sampled: bool) -> TracerProvider {
    match sampled {
        true => TracerProvider::builder().with_sampler(ParentBased::new(AlwaysOn)).build(),
        false => TracerProvider::builder().with_sampler(ParentBased::new(AlwaysOff)).build(),
    }
}

/// What a console prints of some work.
fn printed(console: Console, sampled: bool, work: impl FnOnce(&TracerProvider)) -> String {
    let buffer = Buffer::default();
    let provider = provider(sampled);
    let subscriber = TelemetrySubscriber::builder(provider.tracer("test"))
        .with_console(console.with_writer(buffer.clone()))
        .build();
    tracing::subscriber::with_default(subscriber, || work(&provider));
    buffer.text()
}

#[derive(Debug)]
struct Failure;
impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no luck")
    }
}
impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&std::fmt::Error)
    }
}

#[test]
fn a_line_has_the_ids_of_its_trace_and_the_fields_of_the_spans_around() {
    for sampled in [true, false] {
        let mut ids = None;
        let text = printed(Console::pretty(), sampled, |_| {
            let outer = info_span!("request", method = "GET", status = Empty).entered();
            outer.record("status", 200);
            let inner = info_span!("query").entered();
            ids = inner.ids();
            warn!(target: "shop", rows = 3, "slow");
        });
        let (trace, span) = ids.expect("there is a trace, sampled or not");
        let expected = format!(
            "  WARN request{{method=GET status=200}}:query: shop: slow rows=3 trace_id={trace} span_id={span}\n"
        );
        let (time, rest) = text.split_at(27);
        assert_eq!(rest, expected, "{text}");
        assert!(time.starts_with("20") && time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");
    }
}

#[test]
fn a_line_of_json_is_json_with_the_same_in_it() {
    let mut ids = None;
    let text = printed(Console::json(), true, |_| {
        let _outer = info_span!("request", method = "G\"ET\n", big = u64::MAX, nan = f64::NAN).entered();
        let inner = info_span!("query");
        ids = inner.ids();
        let _inside = inner.enter();
        error!(cause = &Failure as &(dyn std::error::Error + 'static), rows = 3, "bad\u{1}thing\u{9f}");
        info!(only = true);
    });
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    let (trace, span) = ids.unwrap();
    let line = &lines[0];
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["target"], module_path!());
    assert_eq!(line["message"], "bad\u{1}thing\u{9f}");
    assert_eq!(line["fields"]["rows"], 3);
    assert_eq!(line["fields"]["cause"], "no luck");
    assert!(line["fields"]["cause.sources"].as_str().unwrap().starts_with("caused by: "));
    assert_eq!(line["trace_id"], trace.to_string());
    assert_eq!(line["span_id"], span.to_string());
    assert_eq!(line["spans"][0]["name"], "request");
    assert_eq!(line["spans"][0]["fields"]["method"], "G\"ET\n");
    assert_eq!(line["spans"][0]["fields"]["big"], "18446744073709551615");
    assert_eq!(line["spans"][0]["fields"]["nan"], "NaN");
    assert_eq!(line["spans"][1]["name"], "query");
    assert_eq!(lines[1]["message"], "");
    assert_eq!(lines[1]["fields"]["only"], true);
}

#[test]
fn a_line_in_an_opentelemetry_span_has_that_ones_ids_and_one_in_none_has_none() {
    let mut ids = String::new();
    let text = printed(Console::pretty(), true, |provider| {
        provider.tracer("foreign").in_span("otel", |cx| {
            ids = cx.span().span_context().span_id().to_string();
            info!("inside");
        });
        info!("outside");
    });
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].ends_with(&format!("span_id={ids}")), "{text}");
    assert!(!lines[1].contains("trace_id"), "{text}");
}

#[test]
fn text_of_others_neither_breaks_the_line_nor_reaches_the_terminal_as_a_command() {
    let text = printed(Console::pretty(), true, |_| {
        info!(header = "a\nINFO forged \x1b[2J", "tab\there \u{9b}31m");
    });
    assert_eq!(text.lines().count(), 1, "{text:?}");
    assert!(text.contains("a\\nINFO forged \\u{1b}[2J") && text.contains("tab\there \\u{9b}31m"), "{text:?}");
}

#[test]
fn lines_are_coloured_where_that_is_asked_for_and_plain_where_a_writer_is_given() {
    let buffer = Buffer::default();
    let console = Console::pretty().with_writer(buffer.clone()).with_ansi(true);
    let subscriber =
        TelemetrySubscriber::builder(provider(true).tracer("test")).with_console(console).build();
    tracing::subscriber::with_default(subscriber, || {
        info_span!("span", a = 1).in_scope(|| warn!(b = 2, "x"))
    });
    assert!(buffer.text().contains("\x1b[33m WARN\x1b[0m"), "{:?}", buffer.text());
    let plain = printed(Console::pretty(), true, |_| warn!("x"));
    assert!(!plain.contains('\x1b'));
}

#[test]
fn spans_that_the_consoles_filter_does_not_want_are_not_in_its_lines() {
    let console = Console::pretty().with_filter(Filter::parse("warn").unwrap());
    let text = printed(console, true, |_| {
        info_span!("quiet", a = 1).in_scope(|| {
            info!("not printed");
            tracing::warn_span!("loud").in_scope(|| warn!("printed"));
        });
    });
    assert_eq!(text.lines().count(), 1);
    assert!(text.contains(" WARN loud: "), "{text}");
}

#[test]
fn a_writer_that_fails_or_a_value_that_panics_hurts_nobody() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("full"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    struct Bomb;
    impl std::fmt::Debug for Bomb {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("no")
        }
    }
    let subscriber = TelemetrySubscriber::builder(provider(true).tracer("test"))
        .with_console(Console::json().with_writer(Broken))
        .build();
    tracing::subscriber::with_default(subscriber, || info!("lost"));
    let text = printed(Console::json(), true, |_| info!(bomb = ?Bomb, "still there"));
    let line: Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(line["message"], "still there");
}

#[test]
fn lines_of_many_threads_are_whole() {
    let buffer = Buffer::default();
    let subscriber = TelemetrySubscriber::builder(provider(true).tracer("test"))
        .with_console(Console::json().with_writer(buffer.clone()))
        .build();
    let dispatch = tracing::Dispatch::new(subscriber);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let dispatch = dispatch.clone();
            scope.spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    for n in 0..200 {
                        info_span!("work", thread, n).in_scope(|| info!("line"));
                    }
                });
            });
        }
    });
    let text = buffer.text();
    assert_eq!(text.lines().count(), 1_600);
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
}
