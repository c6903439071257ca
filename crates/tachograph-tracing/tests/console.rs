//! The console's lines.
#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

#[path = "support/buffer.rs"]
mod buffer;

use std::io::Write;

use buffer::Buffer;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceFlags, TraceState, Tracer as _};
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

/// Both forms, sampled and not.
fn every_way(work: impl Fn(&TracerProvider)) -> [String; 4] {
    [(false, true), (false, false), (true, true), (true, false)].map(|(json, sampled)| {
        let console = if json { Console::json() } else { Console::pretty() };
        printed(console, sampled, &work)
    })
}

#[test]
fn a_field_that_is_recorded_again_is_in_a_line_once_with_the_last_value() {
    let texts = every_way(|_| {
        let outer = info_span!("outer", step = 1, late = Empty).entered();
        let _inner = info_span!("inner", step = 7).entered();
        outer.record("step", 2);
        outer.record("late", "here");
        info!("line");
    });
    for text in &texts[..2] {
        assert!(text.contains(" outer{step=2 late=here}:inner{step=7}: "), "{text}");
    }
    for text in &texts[2..] {
        let fields =
            r#"[{"name":"outer","fields":{"step":2,"late":"here"}},{"name":"inner","fields":{"step":7}}]"#;
        assert!(text.contains(fields), "{text}");
    }
}

#[test]
fn a_spans_line_has_its_special_fields_and_what_is_below_its_errors_and_nothing_that_others_set() {
    let failure: &(dyn std::error::Error + 'static) = &Failure;
    let texts = every_way(|_| {
        let span = info_span!("span", otel.kind = "server", cause = failure, later = Empty, a = 1).entered();
        span.set_attribute("others", 1);
        span.record("later", failure);
        info!("line");
    });
    for text in &texts[..2] {
        let cause = "no luck, caused by: an error occurred when formatting an argument";
        assert!(text.contains(&format!("cause={cause} ")), "{text}");
        assert!(text.contains(&format!("later={cause} otel.kind=server}}: ")), "{text}");
    }
    for text in &texts[2..] {
        let line: Value = serde_json::from_str(text).unwrap();
        let fields = &line["spans"][0]["fields"];
        assert_eq!((&fields["otel.kind"], &fields["a"]), (&"server".into(), &1.into()), "{text}");
        for field in ["cause", "later"] {
            assert_eq!(fields[field], "no luck");
            assert!(
                fields[format!("{field}.sources")].as_str().unwrap().starts_with("caused by: "),
                "{text}"
            );
        }
    }
    assert!(texts.iter().all(|text| !text.contains("others")), "{texts:?}");
}

#[test]
fn a_span_that_a_late_parent_makes_unsampled_or_sampled_keeps_its_fields_in_lines() {
    let remote = |sampled: bool| {
        let flags = TraceFlags::new(u8::from(sampled));
        let context = SpanContext::new(7_u128.into(), 8_u64.into(), flags, true, TraceState::NONE);
        Context::new().with_remote_span_context(context)
    };
    let texts = every_way(|_| {
        let span = info_span!("server", path = "/x", status = Empty).entered();
        span.record("status", 200);
        for sampled in [false, true, false] {
            span.set_parent(&remote(sampled));
            info!("line");
        }
    });
    for text in texts {
        let fields =
            if text.starts_with('{') { r#""path":"/x","status":200}"# } else { "{path=/x status=200}" };
        assert_eq!(text.matches(fields).count(), 3, "{text}");
    }
}

#[test]
fn a_field_of_a_span_that_only_the_console_wants_is_in_its_lines_and_goes_with_it() {
    let buffer = Buffer::default();
    let subscriber = TelemetrySubscriber::builder(provider(true).tracer("test"))
        .with_trace_filter(Filter::parse("off").unwrap())
        .with_console(Console::pretty().with_writer(buffer.clone()))
        .build();
    tracing::subscriber::with_default(subscriber, || {
        for turn in 0..3 {
            info_span!("with", turn).in_scope(|| info!("a"));
            info_span!("without").in_scope(|| info!("b"));
        }
    });
    let text = buffer.text();
    let spans: Vec<&str> = text.lines().map(|line| line.split(' ').nth(3).unwrap()).collect();
    assert_eq!(
        spans,
        ["with{turn=0}:", "without:", "with{turn=1}:", "without:", "with{turn=2}:", "without:"]
    );
}

#[test]
fn a_text_that_is_recorded_again_and_again_is_the_last_one_in_lines() {
    let texts = every_way(|_| {
        let span = info_span!("span", kept = "k", progress = Empty).entered();
        for step in 0..1_000 {
            span.record("progress", format!("{step:0>200}"));
        }
        info!("line");
    });
    for text in texts {
        assert!(text.contains("00999") && text.contains("kept"), "{text}");
    }
}

#[test]
fn a_writer_that_panics_or_fails_hurts_nobody_and_what_is_lost_is_counted() {
    enum Bad {
        Panics,
        Fails,
    }
    impl Write for Bad {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            match self {
                Bad::Panics => panic!("this test's own"),
                Bad::Fails => Err(std::io::ErrorKind::BrokenPipe.into()),
            }
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for writer in [Bad::Panics, Bad::Fails] {
        let subscriber = TelemetrySubscriber::builder(provider(true).tracer("test"))
            .with_console(Console::pretty().with_writer(writer))
            .build();
        let dispatch = tracing::Dispatch::new(subscriber);
        tracing::dispatcher::with_default(&dispatch, || {
            info!("one");
            info!("two");
        });
        assert_eq!(dispatch.downcast_ref::<TelemetrySubscriber>().unwrap().lost_lines(), 2);
    }
}

#[test]
fn a_line_in_an_opentelemetry_span_has_the_tracing_spans_around_that_too() {
    let text = printed(Console::pretty(), true, |provider| {
        info_span!("request", path = "/x").in_scope(|| {
            provider.tracer("foreign").in_span("otel", |_| info!("inside"));
        });
    });
    assert!(text.contains(" request{path=/x}: console: inside "), "{text}");
}
