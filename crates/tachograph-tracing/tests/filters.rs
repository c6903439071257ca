//! Which spans and events are wanted, and that the others cost nothing.
#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

#[path = "support/buffer.rs"]
mod buffer;
mod support;

use buffer::Buffer;
use proptest::prelude::*;
use support::names;
use tachograph_sdk::pipeline::{BatchConfig, Deadline};
use tachograph_sdk::testing::{InMemorySpanExporter, SpanSnapshot};
use tachograph_sdk::trace::TracerProvider;
use tachograph_tracing::{Console, Filter, TelemetryLayer, TelemetrySubscriber};
use tracing::level_filters::LevelFilter;
use tracing::{Subscriber, debug, debug_span, info, info_span, trace_span, warn, warn_span};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::{EnvFilter, reload};

/// Runs something with a trace filter and a console filter: the spans, and the lines.
fn filtered(traces: &str, console: Option<&str>, work: impl FnOnce()) -> (Vec<SpanSnapshot>, String) {
    let exporter = InMemorySpanExporter::new();
    let provider =
        TracerProvider::builder().with_batch_exporter(exporter.clone(), BatchConfig::spans()).build();
    let buffer = Buffer::default();
    let mut builder = TelemetrySubscriber::builder(provider.tracer("test"))
        .with_trace_filter(Filter::parse(traces).unwrap());
    if let Some(console) = console {
        let filter = Filter::parse(console).unwrap();
        builder = builder.with_console(Console::pretty().with_filter(filter).with_writer(buffer.clone()));
    }
    tracing::subscriber::with_default(builder.build(), work);
    provider.flush(Deadline::NEVER).unwrap();
    let lines = buffer.text();
    (exporter.spans(), lines)
}

fn some_work() {
    info_span!("info").in_scope(|| {
        debug_span!("debug").in_scope(|| {
            info!("an info");
            debug!("a debug");
        });
        info_span!(target: "other::module", "other").in_scope(|| warn!("a warning"));
        trace_span!("trace").in_scope(|| ());
    });
}

#[test]
fn a_quiet_console_does_not_turn_traces_off() {
    let (spans, lines) = filtered("info", Some("warn"), some_work);
    assert_eq!(names(&spans), ["other", "info"]);
    assert_eq!(lines.lines().count(), 1);
    assert!(lines.contains("a warning"));
}

#[test]
fn traces_that_are_off_do_not_silence_the_console() {
    let (spans, lines) = filtered("off", Some("debug"), some_work);
    assert!(spans.is_empty());
    assert_eq!(lines.lines().count(), 3);
    assert!(lines.contains("info:debug: "), "{lines}");
}

#[test]
fn directives_choose_by_target_and_level() {
    let (spans, _) = filtered("warn,filters=trace,other=off", None, some_work);
    assert_eq!(names(&spans), ["debug", "trace", "info"]);
    let (spans, _) = filtered("other::module=info", None, some_work);
    assert_eq!(names(&spans), ["other"]);
}

#[test]
fn an_event_in_a_span_that_is_not_wanted_belongs_to_the_nearest_that_is() {
    for console in [None, Some("debug")] {
        let (spans, _) = filtered("info", console, some_work);
        let info = spans.iter().find(|span| span.name == "info").unwrap();
        assert_eq!(info.events.len(), 1);
        assert_eq!(info.events[0].name, "an info");
    }
}

#[test]
fn a_directive_with_a_span_and_a_fields_value_enables_what_is_in_it() {
    let work = || {
        for user in ["alice", "bob"] {
            info_span!("request", user)
                .in_scope(|| debug_span!("detail", of = user).in_scope(|| debug!("fine")));
        }
    };
    let (spans, lines) = filtered("[request{user=alice}]=debug", Some("off,[request{user=bob}]=debug"), work);
    let detail: Vec<_> = spans.iter().filter(|span| span.name == "detail").collect();
    assert_eq!(detail.len(), 1, "{:?}", names(&spans));
    assert_eq!(detail[0].attribute("of"), Some(&"alice".into()));
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert!(lines.contains("bob"));
}

#[test]
fn what_nobody_wants_is_switched_off_at_its_callsite() {
    let provider = TracerProvider::builder().build();
    let subscriber = TelemetrySubscriber::builder(provider.tracer("test"))
        .with_trace_filter(Filter::parse("info,noisy=off").unwrap())
        .with_console(Console::pretty().with_filter(Filter::level(LevelFilter::WARN)))
        .build();
    assert_eq!(subscriber.max_level_hint(), Some(LevelFilter::INFO));
    tracing::subscriber::with_default(subscriber, || {
        assert!(debug_span!("debug").is_disabled());
        assert!(info_span!(target: "noisy", "noisy").is_disabled());
        assert!(!info_span!("info").is_disabled());
        // Never evaluated, since nobody listens.
        debug!(value = unreachable_value(), "debug");
    });
    for (filter, hint) in [("off", LevelFilter::OFF), ("error,a=debug", LevelFilter::DEBUG)] {
        let subscriber = TelemetrySubscriber::builder(provider.tracer("test"))
            .with_trace_filter(Filter::parse(filter).unwrap())
            .build();
        assert_eq!(subscriber.max_level_hint(), Some(hint), "{filter}");
    }
}

fn unreachable_value() -> i64 {
    unreachable!("a disabled event's fields are not evaluated")
}

#[test]
fn a_filter_that_is_not_understood_is_refused_with_what_is_wrong() {
    for text in ["info,a=loud", "a[b", "=", "[x{y=z}"] {
        let Err(error) = Filter::parse(text) else { panic!("{text} was taken") };
        let said = error.to_string();
        assert!(said.contains(&format!("{text:?}")) && said.contains("target=debug"), "{said}");
    }
}

#[test]
fn a_layers_filter_is_its_own_and_a_parent_it_does_not_see_is_skipped() {
    let exporter = InMemorySpanExporter::new();
    let provider =
        TracerProvider::builder().with_batch_exporter(exporter.clone(), BatchConfig::spans()).build();
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber = tracing_subscriber::registry()
        .with(TelemetryLayer::new(provider.tracer("test")).with_filter(LevelFilter::INFO))
        .with(
            tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(move || writer.clone())
                .with_filter(EnvFilter::new("warn")),
        );
    tracing::subscriber::with_default(subscriber, || {
        some_work();
        let outer = info_span!("outer");
        let hidden = debug_span!(parent: &outer, "hidden");
        drop(info_span!(parent: &hidden, "explicit"));
    });
    provider.flush(Deadline::NEVER).unwrap();
    let spans = exporter.spans();
    assert_eq!(names(&spans), ["other", "info", "explicit", "outer"]);
    let lines = buffer.text();
    assert_eq!(lines.lines().count(), 1, "{lines}");
}

#[test]
fn a_filter_outside_that_is_changed_leaves_spans_alone_that_are_there_already() {
    let exporter = InMemorySpanExporter::new();
    let provider =
        TracerProvider::builder().with_batch_exporter(exporter.clone(), BatchConfig::spans()).build();
    let buffer = Buffer::default();
    let inner = TelemetrySubscriber::builder(provider.tracer("test"))
        .with_trace_filter(Filter::level(LevelFilter::DEBUG))
        .with_console(Console::pretty().with_writer(buffer.clone()))
        .build();
    let (filter, handle) = reload::Layer::new(LevelFilter::INFO);
    tracing::subscriber::with_default(inner.with(filter), || {
        let outer = info_span!("outer", a = 1).entered();
        let unprinted = |name: &'static str| debug_span!("unprinted", name).entered();
        assert!(unprinted("early").is_disabled());
        handle.reload(LevelFilter::DEBUG).unwrap();
        let wanted = unprinted("wanted");
        handle.reload(LevelFilter::WARN).unwrap();
        assert!(info_span!("none").is_disabled());
        warn!("in both");
        drop(wanted);
        outer.record("a", 2);
        warn!("in the outer one");
    });
    provider.flush(Deadline::NEVER).unwrap();
    let spans = exporter.spans();
    assert_eq!(names(&spans), ["unprinted", "outer"]);
    assert_eq!(spans[0].parent_span_id, Some(spans[1].span_id));
    assert_eq!((spans[0].events.len(), spans[1].events.len()), (1, 1));
    assert_eq!(spans[1].attribute("a"), Some(&2.into()));
    let lines = buffer.text();
    assert!(lines.contains("outer{a=1}: filters: in both") && lines.contains("outer{a=2}: "), "{lines}");
}

/// A line of directives, of parts that mean something.
fn directives() -> impl Strategy<Value = String> {
    let level = prop::sample::select(vec!["off", "error", "warn", "info", "debug", "trace", "INFO", "3"]);
    let target = prop::sample::select(vec!["filters", "other", "other::module", "oth", "nothing"]);
    let one = prop_oneof![
        level.clone().prop_map(str::to_owned),
        target.clone().prop_map(str::to_owned),
        (target, level).prop_map(|(target, level)| format!("{target}={level}")),
    ];
    prop::collection::vec(one, 1..5).prop_map(|parts| parts.join(","))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_line_means_what_it_means_to_env_filter(text in directives()) {
        let Ok(theirs) = EnvFilter::builder().parse(&text) else {
            prop_assert!(Filter::parse(&text).is_err());
            return Ok(());
        };
        let probe = || [
            info_span!("a").is_disabled(),
            debug_span!("b").is_disabled(),
            warn_span!(target: "other", "c").is_disabled(),
            info_span!(target: "other::module", "d").is_disabled(),
            trace_span!(target: "otherwise", "e").is_disabled(),
            tracing::enabled!(target: "nothing", tracing::Level::ERROR),
        ];
        let expected = tracing::subscriber::with_default(tracing_subscriber::registry().with(theirs), probe);
        let provider = TracerProvider::builder().build();
        let ours = TelemetrySubscriber::builder(provider.tracer("test"))
            .with_trace_filter(Filter::parse(&text).unwrap())
            .build();
        prop_assert_eq!(tracing::subscriber::with_default(ours, probe), expected, "{}", text);
    }
}

/// Spans with fields, entered, left and recorded, and what is enabled at each point.
fn enabled_within() -> Vec<bool> {
    let mut seen = Vec::new();
    let mut look = || {
        seen.push(tracing::enabled!(tracing::Level::DEBUG));
        seen.push(tracing::enabled!(target: "other", tracing::Level::TRACE));
        seen.push(tracing::enabled!(target: "other", tracing::Level::INFO));
    };
    look();
    for user in ["alice", "bob"] {
        let request = info_span!("request", user, late = tracing::field::Empty, n = 7);
        request.in_scope(|| {
            look();
            let detail = debug_span!(target: "other", "detail", ok = true);
            detail.in_scope(&mut look);
            request.record("late", "now");
            look();
        });
        look();
        request.in_scope(|| {
            look();
            info_span!("request", user = "carol").in_scope(&mut look);
            look();
        });
        drop(request);
        look();
    }
    seen
}

#[test]
fn directives_with_spans_and_fields_mean_what_they_mean_to_env_filter() {
    for text in [
        "[request]=debug",
        "info,[request{user=alice}]=debug",
        "filters[request{user=bob}]=trace",
        "warn,other[detail]=trace",
        "warn,[{user}]=trace",
        "off,[request{n=7}]=debug",
        "info,[request{late=now}]=debug",
        "info,[{ok=true}]=trace",
        "[request]=off,debug",
        "error,[request]=debug,other=trace",
        "info,[request{user=\"a.*\"}]=trace",
    ] {
        let theirs = EnvFilter::builder().parse(text).unwrap();
        let theirs =
            tracing::subscriber::with_default(tracing_subscriber::registry().with(theirs), enabled_within);
        for consoled in [false, true] {
            let provider = TracerProvider::builder().build();
            let filter = Filter::parse(text).unwrap();
            let builder = TelemetrySubscriber::builder(provider.tracer("test"));
            let ours = match consoled {
                false => builder.with_trace_filter(filter),
                true => builder
                    .with_trace_filter(Filter::parse("off").unwrap())
                    .with_console(Console::pretty().with_writer(Buffer::default()).with_filter(filter)),
            };
            let ours = tracing::subscriber::with_default(ours.build(), enabled_within);
            assert_eq!(ours, theirs, "{text}, of the console: {consoled}");
        }
    }
}
