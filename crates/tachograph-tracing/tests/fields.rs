//! What becomes of fields.
#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod support;

use std::fmt;

use opentelemetry::Value;
use opentelemetry::trace::SpanKind;
use support::{all, all_with, named};
use tachograph_sdk::testing::{EventSnapshot, StatusSnapshot};
use tachograph_tracing::SpanOptions;
use tracing::field::Empty;
use tracing::{Level, error, error_span, info, info_span};

#[derive(Debug)]
struct Outer(Inner);
#[derive(Debug)]
struct Inner;

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the order failed")
    }
}
impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the card was refused")
    }
}
impl std::error::Error for Inner {}
impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

fn as_error(error: &Outer) -> &(dyn std::error::Error + 'static) {
    error
}

fn of<'a>(event: &'a EventSnapshot, key: &str) -> Option<&'a Value> {
    event.attributes.iter().find(|pair| pair.key.as_str() == key).map(|pair| &pair.value)
}

#[test]
fn text_of_an_event_that_is_cut_is_counted() {
    for rig in all() {
        let spans = rig.run(|| {
            info_span!("span").in_scope(|| {
                info!(text = "x".repeat(100_000), "long");
                info!("short");
            });
        });
        let text = named(&spans, "span").events[0].attributes.iter().find(|pair| pair.key.as_str() == "text");
        assert!(text.unwrap().value.as_str().len() < 100_000);
        assert_eq!(rig.provider.account().truncated, 1);
    }
}

#[test]
fn fields_keep_their_types_and_integers_never_lose_a_digit() {
    for rig in all() {
        let spans = rig.run(|| {
            let big: u64 = u64::MAX;
            let small: i128 = -5;
            let huge: i128 = i128::MIN;
            let _span = info_span!(
                "typed", a = -1_i64, b = 7_u64, big, small, huge, f = 1.5, yes = true, text = "x", debug = ?Some(1),
                shown = %"y", later = Empty
            )
            .entered();
        });
        let span = named(&spans, "typed");
        for (key, value) in [
            ("a", Value::I64(-1)),
            ("b", Value::I64(7)),
            ("big", Value::from("18446744073709551615")),
            ("small", Value::I64(-5)),
            ("huge", Value::from("-170141183460469231731687303715884105728")),
            ("f", Value::F64(1.5)),
            ("yes", Value::Bool(true)),
            ("text", Value::from("x")),
            ("debug", Value::from("Some(1)")),
            ("shown", Value::from("y")),
        ] {
            assert_eq!(span.attribute(key), Some(&value), "{key}");
        }
        assert_eq!(span.attribute("later"), None);
    }
}

#[test]
fn a_name_a_kind_and_a_status_are_taken_when_the_span_is_made_and_at_any_time_afterwards() {
    for rig in all() {
        let spans = rig.run(|| {
            let _early = info_span!(
                "early",
                otel.name = "GET /orders",
                otel.kind = "server",
                otel.status_code = "ERROR",
                otel.status_description = "gone",
                kept = 1
            )
            .entered();
            let late = info_span!(
                "late",
                otel.name = Empty,
                otel.kind = Empty,
                otel.status_code = Empty,
                otel.status_description = Empty
            );
            let inside = late.enter();
            late.record("otel.name", "POST /orders");
            late.record("otel.kind", "client");
            late.record("otel.status_description", "refused");
            drop(inside);
            late.record("otel.status_code", "error");
        });
        let early = named(&spans, "GET /orders");
        assert_eq!(early.kind, SpanKind::Server);
        assert_eq!(early.status, StatusSnapshot::Error("gone".into()));
        assert_eq!(early.attributes.len(), 1, "what is special is no attribute");
        let late = named(&spans, "POST /orders");
        assert_eq!(late.kind, SpanKind::Client);
        assert_eq!(late.status, StatusSnapshot::Error("refused".into()));
        assert!(late.attributes.is_empty());
    }
}

#[test]
fn a_value_that_is_recorded_again_replaces_the_former() {
    for rig in all() {
        let spans = rig.run(|| {
            let span = info_span!("span", count = 1, other = Empty);
            span.record("count", 2);
            span.record("other", "x");
            span.record("undeclared", 3);
        });
        let span = named(&spans, "span");
        assert_eq!(span.attribute("count"), Some(&Value::I64(2)));
        assert_eq!(span.attributes.len(), 2);
    }
}

#[test]
fn of_fields_with_one_name_and_of_one_field_that_comes_twice_the_last_value_is_kept() {
    for rig in all() {
        let spans = rig.run(|| {
            drop(info_span!("names", a = 1, b = 2, a = 3));
            let known = info_span!("values", c = Empty);
            let metadata = known.metadata().unwrap();
            let field = metadata.fields().field("c").unwrap();
            let (first, last) = (4, 5);
            let twice: [(_, Option<&dyn tracing::Value>); 2] =
                [(&field, Some(&first)), (&field, Some(&last))];
            drop(tracing::Span::new(metadata, &metadata.fields().value_set(&twice)));
        });
        let pairs = |name: &str, nth: usize| {
            let span = spans.iter().filter(|span| span.name == name).nth(nth).unwrap();
            span.attributes.iter().map(|pair| format!("{}={}", pair.key, pair.value)).collect::<Vec<_>>()
        };
        assert_eq!(pairs("names", 0), ["a=3", "b=2"]);
        assert!([0, 1].iter().any(|nth| pairs("values", *nth) == ["c=5"]), "{:?}", pairs("values", 0));
    }
}

#[test]
fn an_error_is_an_exception_event_with_its_chain_of_sources() {
    for rig in all() {
        let spans = rig.run(|| {
            let failed = Outer(Inner);
            let span = info_span!("made with", failure = as_error(&failed), late = Empty);
            span.record("late", as_error(&failed));
            let _inside = span.enter();
            error!(cause = as_error(&failed), attempt = 2, "giving up");
            info!(error = %failed, "as text");
        });
        let span = named(&spans, "made with");
        assert_eq!(span.attribute("failure"), Some(&Value::from("the order failed")));
        assert_eq!(span.events.len(), 4);
        for event in &span.events {
            assert_eq!(event.name, "exception");
            assert_eq!(of(event, "exception.message"), Some(&Value::from("the order failed")));
        }
        for event in &span.events[..3] {
            assert_eq!(
                of(event, "exception.stacktrace"),
                Some(&Value::from("caused by: the card was refused"))
            );
        }
        assert_eq!(of(&span.events[2], "attempt"), Some(&Value::I64(2)));
        assert_eq!(of(&span.events[2], "message"), Some(&Value::from("giving up")));
        assert_eq!(
            span.status,
            StatusSnapshot::Error("the order failed".into()),
            "by the event of level ERROR"
        );
    }
}

#[tracing::instrument(err)]
fn fails() -> Result<(), Outer> {
    Err(Outer(Inner))
}

#[test]
fn an_instrumented_function_that_fails_has_the_error_and_the_status() {
    for rig in all() {
        let spans = rig.run(|| assert!(fails().is_err()));
        let span = named(&spans, "fails");
        assert_eq!(span.status, StatusSnapshot::Error("the order failed".into()));
        assert_eq!(of(&span.events[0], "exception.message"), Some(&Value::from("the order failed")));
    }
}

#[test]
fn a_status_that_a_field_has_set_stays_and_the_option_turns_errors_off() {
    for rig in all() {
        let spans = rig.run(|| {
            info_span!("fine", otel.status_code = "ok").in_scope(|| error!("but not really"));
        });
        assert_eq!(named(&spans, "fine").status, StatusSnapshot::Ok);
    }
    for rig in all_with(SpanOptions::new().with_errors_as_status(false)) {
        let spans = rig.run(|| info_span!("span").in_scope(|| error!("no matter")));
        assert_eq!(named(&spans, "span").status, StatusSnapshot::Unset);
    }
}

#[test]
fn events_have_their_level_their_target_and_their_fields() {
    for rig in all() {
        let spans = rig.run(|| {
            info_span!("span").in_scope(|| {
                tracing::event!(target: "billing", Level::WARN, amount = 9.5, "charged {}", "twice");
                info!(only = "fields");
            });
        });
        let events = &named(&spans, "span").events;
        assert_eq!(events[0].name, "charged twice");
        assert_eq!(of(&events[0], "level"), Some(&Value::from("WARN")));
        assert_eq!(of(&events[0], "target"), Some(&Value::from("billing")));
        assert_eq!(of(&events[0], "amount"), Some(&Value::F64(9.5)));
        assert_eq!(of(&events[0], "message"), None, "it is the name");
        assert_eq!(events[1].name, "event");
        assert_eq!(of(&events[1], "only"), Some(&Value::from("fields")));
    }
}

#[test]
fn location_thread_target_and_times_are_there_when_they_are_asked_for() {
    let options = SpanOptions::new()
        .with_location(true)
        .with_threads(true)
        .with_target(true)
        .with_busy_and_idle_time(true);
    for rig in all_with(options) {
        let spans = rig.run(|| {
            let span = info_span!("span");
            std::thread::sleep(std::time::Duration::from_millis(3));
            span.in_scope(|| {
                std::thread::sleep(std::time::Duration::from_millis(5));
                info!("here");
            });
        });
        let span = named(&spans, "span");
        assert_eq!(span.attribute("code.file.path"), Some(&Value::from(file!())));
        assert_eq!(span.attribute("code.module.name"), Some(&Value::from(module_path!())));
        assert!(matches!(span.attribute("code.line.number"), Some(Value::I64(line)) if *line > 1));
        assert_eq!(span.attribute("target"), Some(&Value::from(module_path!())));
        assert!(matches!(span.attribute("thread.id"), Some(Value::I64(id)) if *id > 0));
        assert!(span.attribute("thread.name").is_some());
        let nanos = |key: &str| match span.attribute(key) {
            Some(Value::I64(nanos)) => *nanos,
            other => panic!("{key} is {other:?}"),
        };
        assert!(nanos("busy_ns") >= 5_000_000 && nanos("idle_ns") >= 3_000_000);
        assert!(of(&span.events[0], "code.line.number").is_some());
    }
    for rig in all() {
        let spans = rig.run(|| drop(info_span!("bare")));
        assert!(named(&spans, "bare").attributes.is_empty(), "none of it unless it is asked for");
    }
}

#[test]
fn what_panics_while_it_is_formatted_is_contained() {
    struct Bomb;
    impl fmt::Debug for Bomb {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half of ")?;
            panic!("no");
        }
    }
    for rig in all() {
        let spans = rig.run(|| {
            let span = error_span!("span", bomb = ?Bomb, late = Empty, after = 1);
            span.record("late", tracing::field::debug(Bomb));
            span.in_scope(|| info!(bomb = ?Bomb, "event"));
        });
        let span = named(&spans, "span");
        let said = Value::from("<panicked while it was formatted>");
        assert_eq!(span.attribute("bomb"), Some(&said));
        assert_eq!(span.attribute("late"), Some(&said));
        assert_eq!(span.attribute("after"), Some(&Value::I64(1)));
        assert_eq!(of(&span.events[0], "bomb"), Some(&said));
    }
}

#[test]
fn a_value_that_logs_and_makes_spans_while_it_is_formatted_blocks_nothing() {
    struct Chatty;
    impl fmt::Debug for Chatty {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let current = tracing::Span::current();
            current.record("late", 1);
            info_span!("nested", of = ?1).in_scope(|| info!("from within"));
            f.write_str("chatty")
        }
    }
    for rig in all() {
        let spans = rig.run(|| {
            let outer = info_span!("outer", late = Empty, value = Empty);
            let _inside = outer.enter();
            outer.record("value", tracing::field::debug(Chatty));
            info!(value = ?Chatty, "event");
            drop(info_span!("inner", value = ?Chatty));
        });
        let outer = named(&spans, "outer");
        assert_eq!(outer.attribute("value"), Some(&Value::from("chatty")));
        assert_eq!(named(&spans, "inner").attribute("value"), Some(&Value::from("chatty")));
    }
}

#[test]
fn a_million_characters_and_too_many_fields_are_cut_and_counted() {
    for rig in all() {
        let spans = rig.run(|| {
            let long = "é".repeat(1_000_000);
            let span = info_span!("span", long = long.as_str());
            span.in_scope(|| info!(long = long.as_str(), "event"));
        });
        let span = named(&spans, "span");
        assert!(span.truncated > 0);
        let Some(Value::String(kept)) = span.attribute("long") else { panic!("the text is kept in part") };
        assert!(kept.as_str().len() < 1_000_000 && kept.as_str().chars().all(|c| c == 'é'));
    }
}

#[test]
fn a_field_error_that_is_no_text_does_not_make_an_event_an_exception() {
    for rig in all() {
        let spans = rig.run(|| {
            info_span!("span").in_scope(|| {
                info!(error = false, "fine");
                info!(error = 7, "a code");
                info!(error = "text", "an error");
            });
        });
        let events = &named(&spans, "span").events;
        let names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(names, ["fine", "a code", "exception"]);
        let of = |at: usize, key: &str| {
            let event = events.get(at).unwrap();
            event.attributes.iter().find(|pair| pair.key.as_str() == key).map(|pair| pair.value.clone())
        };
        assert_eq!((of(0, "error"), of(1, "error")), (Some(false.into()), Some(7.into())));
        assert_eq!(of(2, "exception.message"), Some("text".into()));
    }
}
