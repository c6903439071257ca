//! A parent that is set late, and what else is set through `SpanExt`.
#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState, Tracer as _,
};
use opentelemetry::{Context, KeyValue, Value};
use support::{all, all_sampled, all_with, assert_under, named, names};
use tachograph_sdk::testing::{SpanSnapshot, StatusSnapshot};
use tachograph_sdk::trace::{
    AlwaysOff, Decision, FinishedSpan, ParentBased, Sampler, Sampling, SamplingInput, SpanProcessor,
    TracerProvider,
};
use tachograph_tracing::{ContextMode, SpanExt as _, SpanOptions, TelemetrySubscriber};
use tracing::field::Empty;
use tracing::{Span, info, info_span};

const TRACE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;
const REMOTE: u64 = 0x00f0_67aa_0ba9_02b7;

/// As it comes from a request's headers.
fn remote(sampled: bool) -> Context {
    let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    let state = TraceState::from_key_value([("vendor", "x")]).unwrap();
    let span = SpanContext::new(TraceId::from(TRACE), SpanId::from(REMOTE), flags, true, state);
    Context::new().with_baggage([KeyValue::new("tenant", "blue")]).with_remote_span_context(span)
}

#[tracing::instrument]
fn handler() {
    Span::current().set_parent(&remote(true));
    info_span!("step").in_scope(|| ());
}

#[test]
fn a_span_takes_a_parent_before_it_is_entered_and_while_it_is() {
    for rig in all() {
        let spans = rig.run(|| {
            let before = info_span!("before");
            before.set_parent(&remote(true));
            before.in_scope(|| info_span!("under before").in_scope(|| ()));
            handler();
        });
        for (name, child) in [("before", "under before"), ("handler", "step")] {
            let span = named(&spans, name);
            assert_eq!(span.trace_id, TraceId::from(TRACE), "{name}");
            assert_eq!(span.parent_span_id, Some(SpanId::from(REMOTE)));
            assert!(span.parent_is_remote);
            assert_eq!(span.trace_state, "vendor=x");
            assert_under(&spans, child, name);
            assert_eq!(named(&spans, child).trace_state, "vendor=x");
        }
    }
}

#[test]
fn what_foreign_code_sees_changes_with_the_parent_on_this_thread_at_once() {
    for rig in all() {
        rig.run(|| {
            let span = info_span!("span", otel.kind = "server").entered();
            span.set_parent(&remote(true));
            let current = Context::current();
            assert_eq!(current.span().span_context().trace_id(), TraceId::from(TRACE));
            assert_eq!(Some(current.span().span_context().span_id()), span.ids().map(|ids| ids.1));
            assert_eq!(current.baggage().get("tenant").map(|value| value.as_str()), Some("blue"));
            drop(span);
            assert!(!Context::current().has_active_span());
        });
    }
}

#[test]
fn the_parents_baggage_goes_with_the_spans_context() {
    for rig in all() {
        rig.run(|| {
            let span = info_span!("span");
            span.set_parent(&remote(true));
            assert_eq!(span.context().baggage().get("tenant").map(|value| value.as_str()), Some("blue"));
            if rig.mode == ContextMode::Full {
                let child = span.in_scope(|| info_span!("child"));
                assert_eq!(child.context().baggage().get("tenant").map(|value| value.as_str()), Some("blue"));
            }
        });
    }
}

#[test]
fn a_root_that_was_dropped_and_gets_a_sampled_parent_is_recorded_with_its_fields() {
    for rig in all_sampled(|| Box::new(ParentBased::new(AlwaysOff))) {
        let spans = rig.run(|| {
            let span = info_span!("request", method = "GET", items = 1, late = Empty, otel.name = Empty);
            span.record("late", "recorded before");
            span.record("items", 2);
            span.record("otel.name", "GET /orders");
            let _inside = span.enter();
            span.set_parent(&remote(true));
            info!("an event");
            info_span!("child").in_scope(|| ());
        });
        let span = named(&spans, "GET /orders");
        assert_eq!(span.trace_id, TraceId::from(TRACE));
        assert_eq!(span.attribute("method"), Some(&Value::from("GET")));
        assert_eq!(span.attribute("items"), Some(&Value::I64(2)));
        assert_eq!(span.attribute("late"), Some(&Value::from("recorded before")));
        assert_eq!(span.events.len(), 1);
        assert!(span.start_unix_nanos > 0 && span.start_unix_nanos <= span.end_unix_nanos);
        assert_under(&spans, "child", "GET /orders");
    }
}

#[test]
fn a_root_without_special_fields_that_was_dropped_takes_a_parent_too_and_leaves_nothing_to_the_next_in_its_place()
 {
    for rig in all_sampled(|| Box::new(ParentBased::new(AlwaysOff))) {
        let mut around = (0, 0);
        let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
        let spans = rig.run(|| {
            around.0 = now();
            let span = info_span!("with fields", method = "GET", items = 1, late = Empty);
            around.1 = now();
            span.record("late", "recorded before");
            std::thread::sleep(Duration::from_millis(20));
            let own = span.ids().unwrap();
            span.in_scope(|| {
                assert_eq!(info_span!("before").ids(), Some(own), "it has ids, and lends them");
                span.set_parent(&remote(true));
                info!("an event");
                info_span!("child").in_scope(|| ());
            });
            assert_eq!(span.ids().unwrap(), (TraceId::from(TRACE), own.1));
            drop(span);
            let next = info_span!("without");
            assert_ne!(next.ids().unwrap().0, TraceId::from(TRACE));
            next.set_parent(&remote(true));
        });
        assert_eq!(names(&spans), ["child", "with fields", "without"], "{:?} {:?}", rig.product, rig.mode);
        let span = named(&spans, "with fields");
        assert_eq!((span.trace_id, span.parent_span_id), (TraceId::from(TRACE), Some(SpanId::from(REMOTE))));
        assert_eq!(span.attribute("method"), Some(&Value::from("GET")));
        assert_eq!(span.attribute("items"), Some(&Value::I64(1)));
        assert_eq!(span.attribute("late"), Some(&Value::from("recorded before")));
        assert_eq!(span.events.len(), 1);
        let slack = Duration::from_millis(10).as_nanos() as u64;
        let since = around.0.saturating_sub(slack)..around.1 + slack;
        assert!(since.contains(&span.start_unix_nanos), "{} in {since:?}", span.start_unix_nanos);
        assert_under(&spans, "child", "with fields");
        assert!(named(&spans, "without").attributes.is_empty());
    }
}

#[test]
fn a_span_under_a_local_one_that_is_not_sampled_takes_a_parent_too() {
    for rig in all_sampled(|| Box::new(ParentBased::new(AlwaysOff))) {
        let spans = rig.run(|| {
            info_span!("batch").in_scope(|| {
                let message = info_span!("message", kept = Empty);
                message.set_parent(&remote(true));
                message.record("kept", 1);
                message.in_scope(|| info!("handled"));
                let consumed = info_span!("consume", otel.kind = "consumer", held = 1);
                consumed.set_parent(&remote(true));
            });
        });
        assert_eq!(names(&spans), ["consume", "message"]);
        let message = named(&spans, "message");
        assert_eq!(message.trace_id, TraceId::from(TRACE));
        assert_eq!(message.attribute("kept"), Some(&Value::I64(1)));
        assert_eq!(message.events.len(), 1);
        assert_eq!(named(&spans, "consume").attribute("held"), Some(&Value::I64(1)));
        assert_ne!(message.span_id, named(&spans, "consume").span_id);
    }
}

#[test]
fn a_sampled_span_that_gets_an_unsampled_parent_is_not_exported() {
    for rig in all_sampled(|| Box::new(ParentBased::new(tachograph_sdk::trace::AlwaysOn))) {
        let spans = rig.run(|| {
            let span = info_span!("request").entered();
            span.set_parent(&remote(false));
            info_span!("child").in_scope(|| ());
            assert_eq!(span.ids().map(|ids| ids.0), Some(TraceId::from(TRACE)), "context passes through");
        });
        assert!(spans.is_empty(), "{:?}", names(&spans));
    }
}

#[test]
fn a_context_without_a_span_changes_no_parent() {
    for rig in all() {
        let spans = rig.run(|| {
            info_span!("outer").in_scope(|| {
                let inner = info_span!("inner");
                inner.set_parent(&Context::new());
            });
        });
        assert_under(&spans, "inner", "outer");
    }
}

#[test]
fn links_attributes_events_and_status_are_set_at_any_time_while_the_span_lives() {
    for rig in all() {
        let spans = rig.run(|| {
            let to = remote(true).span().span_context().clone();
            let span = info_span!("span", declared = 1);
            span.set_attribute("before", "entered");
            let inside = span.enter();
            Span::current().set_attribute("inside", 2);
            span.add_link(to.clone());
            drop(inside);
            span.add_link_with_attributes(to, vec![KeyValue::new("why", "retry")]);
            span.add_event("note", vec![KeyValue::new("of", "somebody")]);
            span.set_attribute("declared", 3);
            let other = span.clone();
            std::thread::scope(|scope| {
                scope.spawn(move || other.set_status(Status::error("elsewhere")));
            });
        });
        let span = named(&spans, "span");
        assert_eq!(span.attribute("before"), Some(&Value::from("entered")));
        assert_eq!(span.attribute("inside"), Some(&Value::I64(2)));
        assert_eq!(span.attribute("declared"), Some(&Value::I64(3)));
        assert_eq!(span.links.len(), 2);
        assert_eq!(span.links[0].span_id, SpanId::from(REMOTE));
        assert_eq!(span.links[0].trace_state, "vendor=x");
        assert_eq!(span.links[1].attributes.len(), 1);
        assert_eq!(span.events[0].name, "note");
        assert_eq!(span.status, StatusSnapshot::Error("elsewhere".into()));
    }
}

#[test]
fn what_foreign_code_sets_on_the_current_span_is_set_on_the_tracing_span() {
    for rig in all() {
        let spans = rig.run(|| {
            let span = info_span!("span", otel.kind = "client");
            let context = span.context();
            span.in_scope(|| {
                let current = Context::current();
                current.span().set_attribute(KeyValue::new("foreign", true));
                current.span().add_event("seen", vec![]);
                current.span().record_error(&std::fmt::Error);
                current.span().update_name("renamed");
                current.span().set_status(Status::error("bad"));
                current.span().add_link(remote(true).span().span_context().clone(), vec![]);
                current.span().end();
                current.span().set_attribute(KeyValue::new("after end", true));
            });
            drop(span);
            context.span().set_attribute(KeyValue::new("too late", true));
            assert!(!context.span().is_recording());
        });
        let span = named(&spans, "renamed");
        assert_eq!(span.attribute("foreign"), Some(&Value::Bool(true)));
        assert_eq!(span.attribute("after end"), Some(&Value::Bool(true)), "it is tracing that ends it");
        assert_eq!(span.attribute("too late"), None);
        assert_eq!(span.events.len(), 2);
        assert_eq!(span.events[1].name, "exception");
        assert_eq!(span.links.len(), 1);
        assert_eq!(span.status, StatusSnapshot::Error("bad".into()));
    }
}

#[test]
fn a_time_of_foreign_code_is_placed_as_the_span_s_own_are() {
    for rig in all() {
        let spans = rig.run(|| {
            let chosen = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
            loop {
                // A time that the system's clock showed just before the span began, as one that was set back a little shows it
                // after.
                let before = SystemTime::now();
                std::thread::sleep(Duration::from_micros(50));
                let span = info_span!("span");
                span.context().span().add_event_with_timestamp("near", before, vec![]);
                span.context().span().add_event_with_timestamp("chosen", chosen, vec![]);
                // Of a time that is further off it is thought that somebody chose it.
                if before.elapsed().is_ok_and(|elapsed| elapsed < Duration::from_micros(500)) {
                    break;
                }
                span.context().span().update_name("too slow");
            }
        });
        let span = named(&spans, "span");
        assert_eq!(span.events[0].unix_nanos, span.start_unix_nanos, "not before the span");
        assert_eq!(span.events[1].unix_nanos, 1_000_000_000, "a time that somebody chose stays");
    }
}

#[test]
fn what_a_late_field_says_does_not_say_again_what_others_did() {
    for rig in all() {
        let spans = rig.run(|| {
            let span =
                info_span!("span", otel.name = "first", otel.kind = "client", otel.status_code = Empty);
            span.context().span().update_name("second");
            span.record("otel.status_code", "error");
        });
        let span = named(&spans, "second");
        assert_eq!((&span.kind, &span.status), (&SpanKind::Client, &StatusSnapshot::Error("".into())));
    }
}

#[test]
fn an_event_in_a_span_of_the_api_is_as_one_in_a_span_of_tracing() {
    for rig in all_with(SpanOptions::new().with_location(true)) {
        let spans = rig.run(|| {
            let tracer = rig.provider.tracer("library");
            let context = Context::current_with_span(tracer.start("foreign"));
            let attached = context.clone().attach();
            tracing::error!(error = "no stock", "failed");
            drop(attached);
            context.span().end();
            info_span!("own").in_scope(|| tracing::error!(error = "no stock", "failed"));
        });
        let [foreign, own] = ["foreign", "own"].map(|name| named(&spans, name));
        assert_eq!((&foreign.status, foreign.events.len()), (&StatusSnapshot::Error("no stock".into()), 1));
        assert_eq!(foreign.status, own.status);
        let keys = |span: &SpanSnapshot| -> Vec<_> {
            span.events[0].attributes.iter().map(|pair| pair.key.to_string()).collect()
        };
        assert_eq!(keys(foreign), keys(own));
    }
}

#[test]
fn an_event_in_a_span_of_the_api_that_is_only_recorded_is_recorded() {
    #[derive(Debug)]
    struct RecordOnly;
    impl Sampler for RecordOnly {
        fn sample(&self, _: &SamplingInput<'_>) -> Sampling {
            Sampling::of(Decision::RecordOnly)
        }
    }
    #[derive(Debug, Default)]
    struct Events(Arc<AtomicUsize>);
    impl SpanProcessor for Events {
        fn on_end(&self, span: &FinishedSpan<'_>) {
            self.0.fetch_add(span.record().events().count(), Ordering::Relaxed);
        }
    }
    let events = Events::default();
    let seen = Arc::clone(&events.0);
    let provider = TracerProvider::builder().with_sampler(RecordOnly).with_processor(events).build();
    let subscriber = TelemetrySubscriber::builder(provider.tracer("test")).build();
    tracing::subscriber::with_default(subscriber, || {
        let context = Context::current_with_span(provider.tracer("library").start("foreign"));
        let _attached = context.clone().attach();
        info!("seen");
        context.span().end();
    });
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}

#[test]
fn on_a_disabled_span_and_on_another_subscribers_nothing_happens() {
    let none = Span::none();
    none.set_parent(&remote(true));
    none.set_attribute("a", 1);
    none.set_status(Status::Ok);
    assert_eq!(none.ids(), None);
    assert!(!none.context().has_active_span());
    let other = tracing_subscriber::registry();
    tracing::subscriber::with_default(other, || {
        let span = info_span!("others");
        span.set_parent(&remote(true));
        assert_eq!(span.ids(), None);
    });
}

#[test]
fn in_lazy_mode_a_span_whose_context_was_asked_for_is_attached_from_then_on() {
    for rig in all() {
        let tracer = rig.provider.tracer("foreign");
        let spans = rig.run(|| {
            let span = info_span!("span");
            assert_eq!(span.in_scope(|| Context::current().has_active_span()), rig.mode == ContextMode::Full);
            let _context = span.context();
            span.in_scope(|| tracer.in_span("otel", |_| ()));
        });
        assert_under(&spans, "otel", "span");
    }
}
