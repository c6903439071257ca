//! Spans of the API, from start to export.

use std::borrow::Cow;

use opentelemetry::trace::{
    Event, Link, Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId,
    TraceState, Tracer as _,
};
use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, Value};
use tachograph_sdk::Resource;
use tachograph_sdk::pipeline::{BatchConfig, Deadline};
use tachograph_sdk::testing::{InMemorySpanExporter, SpanSnapshot, StatusSnapshot, TraceTree};
use tachograph_sdk::trace::{TracerProvider, TracerProviderBuilder};

fn builder(exporter: &InMemorySpanExporter) -> TracerProviderBuilder {
    TracerProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_batch_exporter(exporter.clone(), BatchConfig::spans())
}

fn exported(run: impl FnOnce(&TracerProvider)) -> Vec<SpanSnapshot> {
    let exporter = InMemorySpanExporter::new();
    let provider = builder(&exporter).build();
    run(&provider);
    let account = provider.shutdown(Deadline::NEVER);
    assert!(
        account.exports.iter().all(|(_, ledger)| ledger.is_balanced() && ledger.queued == 0),
        "{account}"
    );
    exporter.spans()
}

#[test]
fn everything_that_is_set_on_a_span_is_exported_with_its_type() {
    let state = TraceState::from_key_value([("a", "1"), ("b", "2")]).unwrap();
    let linked =
        SpanContext::new(TraceId::from(7), SpanId::from(8), TraceFlags::SAMPLED, true, state.clone());
    let parent = SpanContext::new(TraceId::from(5), SpanId::from(6), TraceFlags::new(3), true, state.clone());
    let spans = exported(|provider| {
        let tracer = provider.tracer("shop");
        let mut span = tracer
            .span_builder("pay")
            .with_kind(SpanKind::Client)
            .with_attributes([KeyValue::new("s", "text"), KeyValue::new("i", -3_i64)])
            .with_links(vec![Link::new(linked.clone(), vec![KeyValue::new("why", "because")], 2)])
            .with_events(vec![Event::new("first", std::time::UNIX_EPOCH, vec![KeyValue::new("x", 1)], 4)])
            .start_with_context(&tracer, &Context::new().with_remote_span_context(parent.clone()));
        span.set_attribute(KeyValue::new("b", true));
        span.set_attribute(KeyValue::new("f", 0.5));
        span.set_attribute(KeyValue::new("s", "a longer text than before"));
        let arrays = [
            Array::Bool(vec![true, false]),
            Array::I64(vec![1, i64::MIN]),
            Array::F64(vec![0.25, f64::INFINITY]),
            Array::String(vec!["x".into(), "".into(), "ü".into()]),
        ];
        for (key, array) in ["ab", "ai", "af", "as"].into_iter().zip(arrays) {
            span.set_attribute(KeyValue::new(key, Value::Array(array)));
        }
        span.add_event("second", vec![KeyValue::new("y", "z")]);
        span.set_status(Status::error("declined"));
        span.update_name("pay now");
        span.end();
    });
    let [span] = &spans[..] else { panic!("one span, not {spans:?}") };
    assert_eq!(span.name, "pay now");
    assert_eq!(span.kind, SpanKind::Client);
    assert_eq!(span.trace_id, parent.trace_id());
    assert_eq!(span.parent_span_id, Some(parent.span_id()));
    assert!(span.parent_is_remote);
    assert_eq!(span.trace_flags, TraceFlags::new(3));
    assert_eq!(span.trace_state, "a=1,b=2");
    assert_eq!(span.status, StatusSnapshot::Error("declined".to_owned()));
    assert_eq!(span.scope, "shop");
    assert!(span.start_unix_nanos <= span.end_unix_nanos);
    let expected = [
        KeyValue::new("s", "a longer text than before"),
        KeyValue::new("i", -3_i64),
        KeyValue::new("b", true),
        KeyValue::new("f", 0.5),
        KeyValue::new("ab", Value::Array(vec![true, false].into())),
        KeyValue::new("ai", Value::Array(vec![1, i64::MIN].into())),
        KeyValue::new("af", Value::Array(vec![0.25, f64::INFINITY].into())),
        KeyValue::new("as", Value::Array(Array::String(vec!["x".into(), "".into(), "ü".into()]))),
    ];
    assert_eq!(span.attributes, expected);
    assert_eq!(span.events.len(), 2);
    assert_eq!((span.events[0].name.as_str(), span.events[0].unix_nanos), ("first", 0));
    assert_eq!(span.events[0].attributes, [KeyValue::new("x", 1)]);
    assert_eq!(span.events[0].dropped_attributes, 4);
    assert!((span.start_unix_nanos..=span.end_unix_nanos).contains(&span.events[1].unix_nanos));
    let [link] = &span.links[..] else { panic!("one link, not {:?}", span.links) };
    assert_eq!((link.trace_id, link.span_id), (linked.trace_id(), linked.span_id()));
    assert_eq!((link.is_remote, link.trace_flags), (true, TraceFlags::SAMPLED));
    assert_eq!(link.trace_state, "a=1,b=2");
    assert_eq!(link.attributes, [KeyValue::new("why", "because")]);
    assert_eq!(link.dropped_attributes, 2);
}

#[test]
fn a_span_that_is_dropped_without_an_end_has_ended() {
    let spans = exported(|provider| drop(provider.tracer("shop").start("pay")));
    assert_eq!(spans.len(), 1);
    assert!(spans[0].end_unix_nanos >= spans[0].start_unix_nanos);
}

#[test]
fn what_is_done_after_the_end_has_no_effect_and_is_counted() {
    let exporter = InMemorySpanExporter::new();
    let provider = builder(&exporter).build();
    let mut span = provider.tracer("shop").start("pay");
    assert!(span.is_recording());
    span.end();
    assert!(!span.is_recording());
    span.set_attribute(KeyValue::new("late", true));
    span.update_name(Cow::from("late"));
    span.end();
    drop(span);
    let account = provider.shutdown(Deadline::NEVER);
    assert_eq!((account.ended, account.after_end), (1, 3));
    let spans = exporter.spans();
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].name, "pay");
    assert_eq!(spans[0].attributes, []);
}

#[test]
fn children_nest_through_the_context() {
    let spans = exported(|provider| {
        let tracer = provider.tracer("shop");
        tracer.in_span("order", |context| {
            context.span().set_attribute(KeyValue::new("through", "context"));
            tracer.in_span("pay", |_| ());
        });
    });
    let [pay, order] = &spans[..] else { panic!("two spans, not {spans:?}") };
    assert_eq!((pay.name.as_str(), order.name.as_str()), ("pay", "order"));
    assert_eq!(pay.parent_span_id, Some(order.span_id));
    assert_eq!(pay.trace_id, order.trace_id);
    assert_eq!(order.parent_span_id, None);
    assert!(!pay.parent_is_remote);
    assert_eq!(order.trace_flags, TraceFlags::new(3), "a new trace with random ids carries the random flag");
    assert_eq!(order.attributes, [KeyValue::new("through", "context")]);
    assert!(order.start_unix_nanos <= pay.start_unix_nanos && pay.end_unix_nanos <= order.end_unix_nanos);
}

#[test]
fn a_trace_can_be_looked_at_as_a_tree() {
    let mut spans = exported(|provider| {
        let tracer = provider.tracer("shop");
        tracer.in_span("order", |_| {
            tracer.in_span("pay", |_| tracer.in_span("charge", |_| ()));
            tracer.in_span("ship", |_| ());
        });
    });
    let tree = TraceTree::only(spans.clone());
    tree.assert_shape("order(pay(charge) ship)");
    assert_eq!(tree.parent_of("charge").map(|span| span.name.as_str()), Some("pay"));
    assert_eq!(tree.parent_of("order"), None);
    spans.retain(|span| span.name != "pay");
    let names: Vec<_> = TraceTree::only(spans).orphans().map(|span| span.name.clone()).collect();
    assert_eq!(names, ["charge"]);
}

#[test]
fn spans_whose_ids_are_wrong_are_shown_each_once() {
    let mut spans = exported(|provider| {
        let tracer = provider.tracer("shop");
        tracer.in_span("root", |_| tracer.in_span("same", |_| tracer.in_span("inner", |_| ())));
    });
    spans.sort_by_key(|span| span.start_unix_nanos);
    // A span with its parent's id.
    let (root, same) = (spans[0].span_id, spans[1].span_id);
    spans[1].span_id = root;
    spans[2].parent_span_id = Some(root);
    TraceTree::only(spans.clone()).assert_shape("root(same inner)");
    // Two that are each other's parents.
    (spans[1].span_id, spans[1].parent_span_id) = (same, Some(spans[2].span_id));
    spans[2].parent_span_id = Some(same);
    TraceTree::only(spans).assert_shape("root same(inner)");
}

#[test]
fn a_large_trace_is_shown_in_no_time() {
    let spans = exported(|provider| {
        let tracer = provider.tracer("shop");
        tracer.in_span("r", |_| (0..2_000).for_each(|_| tracer.in_span("c", |_| ())));
    });
    TraceTree::only(spans).assert_shape(&format!("r({}c)", "c ".repeat(1_999)));
}

#[test]
fn scopes_are_told_apart_by_all_they_have_and_numbered_once() {
    let scope = |version: &'static str, pairs: &[(&'static str, i64)]| {
        let pairs = pairs.iter().map(|(key, value)| KeyValue::new(*key, *value));
        InstrumentationScope::builder("shop").with_version(version).with_attributes(pairs).build()
    };
    let exporter = InMemorySpanExporter::new();
    let provider = builder(&exporter).build();
    for scope in
        [scope("1", &[]), scope("2", &[]), scope("1", &[("k", 1)]), scope("1", &[("k", 2)]), scope("1", &[])]
    {
        drop(provider.tracer_with_scope(scope.clone()).start("span"));
        assert_eq!(*provider.tracer_with_scope(scope.clone()).scope(), scope);
    }
    provider.shutdown(Deadline::NEVER);
    assert_eq!(exporter.spans().len(), 5);
}
