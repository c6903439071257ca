//! Which span is whose parent, in both products and both modes.
#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod support;

use opentelemetry::Context;
use opentelemetry::trace::{SpanKind, TraceContextExt as _, Tracer as _};
use support::{Product, all, assert_root, assert_under, named, names};
use tachograph_tracing::{ContextMode, SpanExt as _};
use tracing::{info, info_span};

#[test]
fn a_span_is_under_the_one_it_is_made_in() {
    for rig in all() {
        let spans = rig.run(|| {
            let outer = info_span!("outer").entered();
            info_span!("first").in_scope(|| info_span!("inner").in_scope(|| ()));
            info_span!("second").in_scope(|| ());
            drop(outer);
            info_span!("apart").in_scope(|| ());
        });
        assert_root(&spans, "outer");
        assert_under(&spans, "first", "outer");
        assert_under(&spans, "inner", "first");
        assert_under(&spans, "second", "outer");
        assert_root(&spans, "apart");
        assert_ne!(named(&spans, "apart").trace_id, named(&spans, "outer").trace_id);
    }
}

#[test]
fn an_explicit_parent_and_an_explicit_root_come_before_the_current_span() {
    for rig in all() {
        let spans = rig.run(|| {
            let elsewhere = info_span!("elsewhere");
            let _outer = info_span!("outer").entered();
            info_span!(parent: &elsewhere, "child").in_scope(|| info_span!("grandchild").in_scope(|| ()));
            info_span!(parent: None, "root").in_scope(|| ());
        });
        assert_under(&spans, "child", "elsewhere");
        assert_under(&spans, "grandchild", "child");
        assert_root(&spans, "root");
        assert_ne!(named(&spans, "root").trace_id, named(&spans, "outer").trace_id);
    }
}

#[test]
fn spans_that_are_exited_out_of_order_leave_the_right_one_current() {
    for rig in all() {
        let spans = rig.run(|| {
            let (a, b) = (info_span!("a"), info_span!("b"));
            let (inside_a, inside_b) = (a.enter(), b.enter());
            drop(inside_a);
            info_span!("in b").in_scope(|| ());
            drop(inside_b);
            info_span!("in none").in_scope(|| ());
            assert!(!Context::current().has_active_span());
        });
        assert_under(&spans, "in b", "b");
        assert_root(&spans, "in none");
    }
}

#[test]
fn a_span_that_is_entered_twice_is_current_until_it_is_exited_twice() {
    for rig in all() {
        let spans = rig.run(|| {
            let span = info_span!("twice");
            let first = span.enter();
            span.in_scope(|| ());
            info_span!("still inside").in_scope(|| ());
            drop(first);
            info_span!("outside").in_scope(|| ());
        });
        assert_under(&spans, "still inside", "twice");
        assert_root(&spans, "outside");
    }
}

#[test]
fn an_opentelemetry_span_is_the_parent_of_a_tracing_span_made_in_it() {
    for rig in all() {
        let tracer = rig.provider.tracer("foreign");
        let spans = rig.run(|| {
            tracer.in_span("otel", |_| info_span!("tracing").in_scope(|| ()));
        });
        assert_under(&spans, "tracing", "otel");
    }
}

#[test]
fn the_span_that_was_entered_last_is_the_parent_whichever_api_it_is_of() {
    for rig in all() {
        let tracer = rig.provider.tracer("foreign");
        let spans = rig.run(|| {
            let outer = info_span!("tracing outer", otel.kind = "server").entered();
            tracer.in_span("otel inner", |_| {
                info_span!("tracing inner").in_scope(|| {
                    info_span!("tracing innermost").in_scope(|| ());
                });
                info_span!("tracing after").in_scope(|| ());
            });
            info_span!("tracing last").in_scope(|| ());
            drop(outer);
        });
        assert_under(&spans, "otel inner", "tracing outer");
        assert_under(&spans, "tracing inner", "otel inner");
        assert_under(&spans, "tracing innermost", "tracing inner");
        assert_under(&spans, "tracing after", "otel inner");
        assert_under(&spans, "tracing last", "tracing outer");
    }
}

#[test]
fn a_tracing_span_is_the_parent_of_an_opentelemetry_span_started_in_it() {
    for rig in all() {
        let tracer = rig.provider.tracer("foreign");
        let spans = rig.run(|| {
            let _server = info_span!("server", otel.kind = "server").entered();
            info_span!("internal").in_scope(|| tracer.in_span("otel", |_| ()));
        });
        // In lazy mode foreign code sees the nearest span that is attached.
        let parent = if rig.mode == ContextMode::Full { "internal" } else { "server" };
        assert_under(&spans, "otel", parent);
    }
}

#[test]
fn a_context_that_is_attached_without_a_span_does_not_hide_the_tracing_span() {
    for rig in all() {
        let spans = rig.run(|| {
            let _outer = info_span!("outer").entered();
            let _empty = Context::new().attach();
            info_span!("inner").in_scope(|| ());
        });
        assert_under(&spans, "inner", "outer");
    }
}

#[test]
fn a_context_with_more_values_and_the_same_span_changes_no_parent() {
    #[derive(Debug)]
    struct Value;
    for rig in all() {
        let spans = rig.run(|| {
            let _outer = info_span!("outer").entered();
            let _more = Context::current_with_value(Value).attach();
            info_span!("inner").in_scope(|| assert!(Context::current().get::<Value>().is_some()));
        });
        assert_under(&spans, "inner", "outer");
    }
}

#[test]
fn a_span_follows_another_as_a_link() {
    for rig in all() {
        let spans = rig.run(|| {
            let before = info_span!("before");
            let after = info_span!("after");
            after.follows_from(&before);
            drop(before);
            drop(after);
        });
        let (before, after) = (named(&spans, "before"), named(&spans, "after"));
        assert_eq!(after.links.len(), 1);
        assert_eq!((after.links[0].trace_id, after.links[0].span_id), (before.trace_id, before.span_id));
        assert_ne!(after.trace_id, before.trace_id);
    }
}

#[test]
fn an_event_is_recorded_in_the_span_that_was_entered_last_whichever_api_it_is_of() {
    for rig in all() {
        let tracer = rig.provider.tracer("foreign");
        let spans = rig.run(|| {
            let outer = info_span!("outer").entered();
            info!("in outer");
            tracer.in_span("otel", |_| info!(count = 2, "in otel"));
            info!(parent: None, "in none");
            info_span!("inner").in_scope(|| info!(parent: &*outer, "in outer too"));
        });
        let events = |name: &str| -> Vec<String> {
            named(&spans, name).events.iter().map(|event| event.name.clone()).collect()
        };
        assert_eq!(events("outer"), ["in outer", "in outer too"]);
        assert_eq!(events("otel"), ["in otel"]);
        assert!(events("inner").is_empty());
        let attributes = &named(&spans, "otel").events[0].attributes;
        assert!(attributes.iter().any(|pair| pair.key.as_str() == "count" && pair.value == 2.into()));
    }
}

#[test]
fn a_parent_may_end_before_its_children() {
    for rig in all() {
        let spans = rig.run(|| {
            let parent = info_span!("parent");
            let child = info_span!(parent: &parent, "child");
            drop(parent);
            if rig.product == Product::Subscriber {
                assert_eq!(names(&rig.spans()), ["parent"], "it ends with its last handle");
            }
            drop(child);
        });
        assert_under(&spans, "child", "parent");
    }
}

#[test]
fn a_spans_context_is_what_foreign_code_gets_to_inject() {
    for rig in all() {
        let spans = rig.run(|| {
            let span = info_span!("request", otel.kind = "client");
            let context = span.context();
            assert_eq!(
                span.ids(),
                Some((context.span().span_context().trace_id(), context.span().span_context().span_id()))
            );
            assert!(context.span().is_recording());
            let _inside = span.enter();
            assert_eq!(Context::current().span().span_context(), context.span().span_context());
        });
        assert_eq!(named(&spans, "request").kind, SpanKind::Client);
    }
}
