//! Tail sampling: which traces are kept when they are over.

#[path = "support/exporters.rs"]
mod exporters;

use std::time::Duration;

use exporters::{bare, ledger, soon, unscheduled};
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use tachograph_sdk::pipeline::reason;
use tachograph_sdk::testing::InMemorySpanExporter;
use tachograph_sdk::trace::{
    LiveSpan, Parent, Span, SpanStart, TailSampling, TraceFate, Tracer, TracerProvider,
};

fn provider(config: TailSampling) -> (InMemorySpanExporter, TracerProvider) {
    let exporter = InMemorySpanExporter::new();
    let provider = bare().with_tail_sampling(config).with_simple_exporter(exporter.clone()).build();
    (exporter, provider)
}

/// A trace of a root and a child, which `change` may change.
fn trace(tracer: &Tracer, name: &'static str, change: impl FnOnce(&mut Span)) {
    let root = Context::new().with_span(tracer.start_with_context(name, &Context::new()));
    change(&mut tracer.start_with_context("child", &root));
}

fn names(exporter: &InMemorySpanExporter) -> Vec<String> {
    exporter.spans().into_iter().map(|span| span.name).filter(|name| name != "child").collect()
}

#[test]
fn traces_that_are_erroneous_slow_or_marked_are_kept_whole_and_others_are_not() {
    let (exporter, provider) = provider(TailSampling::new(0.0).keep_slow(Duration::from_millis(30)));
    let tracer = provider.tracer("test");
    trace(&tracer, "plain", |_| ());
    trace(&tracer, "error", |span| span.set_status(Status::error("bad")));
    trace(&tracer, "slow", |_| std::thread::sleep(Duration::from_millis(31)));
    trace(&tracer, "marked", |span| span.set_attribute(KeyValue::new("sampling.keep", true)));
    trace(&tracer, "marked not", |span| span.set_attribute(KeyValue::new("sampling.keep", false)));
    trace(&tracer, "pointed at", |span| {
        assert_eq!(provider.keep_trace(span.span_context().trace_id()), TraceFate::Kept);
    });
    assert_eq!(names(&exporter), ["error", "slow", "marked", "pointed at"]);
    assert_eq!(exporter.spans().len(), 8, "each with its child");
    let account = provider.shutdown(soon());
    let tail = account.tail.as_ref().unwrap();
    assert_eq!((tail.erroneous, tail.slow, tail.marked, tail.by_ratio), (1, 1, 2, 0));
    assert_eq!((tail.dropped, tail.early), (2, 0));
    assert!(tail.spans.is_balanced());
    assert_eq!(
        (tail.spans.created, tail.spans.exported, tail.spans.dropped.of(reason::NOT_KEPT)),
        (12, 8, 4)
    );
    assert_eq!(ledger(&account).created, 8);
}

#[test]
fn the_attribute_that_marks_a_trace_can_be_another_one() {
    let (exporter, provider) = provider(TailSampling::new(0.0).with_mark("debug.keep"));
    let tracer = provider.tracer("test");
    trace(&tracer, "marked", |span| span.set_attribute(KeyValue::new("debug.keep", true)));
    trace(&tracer, "marked as before", |span| span.set_attribute(KeyValue::new("sampling.keep", true)));
    trace(&tracer, "no boolean", |span| span.set_attribute(KeyValue::new("debug.keep", "true")));
    assert_eq!(names(&exporter), ["marked"]);
}

#[test]
fn a_flush_leaves_what_is_held_and_a_trace_that_is_over_is_flushed() {
    let exporter = InMemorySpanExporter::new();
    let config = TailSampling::new(1.0);
    let provider =
        bare().with_tail_sampling(config).with_batch_exporter(exporter.clone(), unscheduled()).build();
    let tracer = provider.tracer("test");
    let root = Context::new().with_span(tracer.start_with_context("root", &Context::new()));
    drop(tracer.start_with_context("child", &root));
    provider.flush(soon()).unwrap();
    assert!(exporter.spans().is_empty());
    assert_eq!(provider.account().tail.unwrap().spans.queued, 1);
    drop(root);
    provider.flush(soon()).unwrap();
    assert_eq!(exporter.spans().len(), 2);
}

#[test]
fn the_rest_is_sampled_down_by_the_trace_id() {
    let (exporter, provider) = provider(TailSampling::new(0.25));
    let tracer = provider.tracer("test");
    for _ in 0..2_000 {
        trace(&tracer, "plain", |_| ());
    }
    let kept = names(&exporter).len();
    assert!((350..650).contains(&kept), "{kept} of 2,000");
    assert!(
        exporter
            .spans()
            .iter()
            .all(|span| tachograph_sdk::trace::TraceIdRatio::new(0.25).samples(span.trace_id))
    );
    assert_eq!(exporter.spans().len(), 2 * kept);
}

#[test]
fn the_slowest_are_kept_by_a_running_quantile() {
    let (exporter, provider) = provider(TailSampling::new(0.0).keep_slowest(0.9));
    let tracer = provider.tracer("test");
    let took = |name: &'static str, millis: u64| {
        let start = std::time::UNIX_EPOCH + Duration::from_secs(1_000);
        let mut span =
            tracer.span_builder(name).with_start_time(start).start_with_context(&tracer, &Context::new());
        span.end_with_timestamp(start + Duration::from_millis(millis));
    };
    (0..200).for_each(|_| took("usual", 10));
    took("slow", 100);
    assert_eq!(names(&exporter), ["slow"]);
}

#[test]
fn spans_that_end_after_their_trace_share_its_fate() {
    let (exporter, provider) = provider(TailSampling::new(0.0));
    let tracer = provider.tracer("test");
    for name in ["kept", "dropped"] {
        let root = Context::new().with_span(tracer.start_with_context(name, &Context::new()));
        let mut late = tracer.start_with_context("late", &root);
        if name == "kept" {
            root.span().set_status(Status::error("bad"));
        }
        let id = root.span().span_context().trace_id();
        root.span().end();
        let (fate, answer) =
            if name == "kept" { (TraceFate::Kept, Some(true)) } else { (TraceFate::Dropped, Some(false)) };
        assert_eq!(provider.keep_trace(id), fate, "it is over");
        assert_eq!(provider.trace_keeper()(id.to_bytes()), answer);
        late.end();
    }
    assert_eq!(names(&exporter), ["kept", "late"]);
    let account = provider.shutdown(soon());
    assert!(account.tail.unwrap().spans.is_balanced());
}

#[test]
fn a_trace_with_two_local_roots_is_over_when_both_have_ended() {
    let (exporter, provider) = provider(TailSampling::new(0.0));
    let tracer = provider.tracer("test");
    let remote =
        SpanContext::new(TraceId::from(77), SpanId::from(6), TraceFlags::SAMPLED, true, TraceState::NONE);
    let context = Context::new().with_remote_span_context(remote);
    let first = tracer.start_with_context("first", &context);
    let mut second = tracer.start_with_context("second", &context);
    drop(first);
    assert!(exporter.spans().is_empty());
    second.set_status(Status::error("bad"));
    drop(second);
    assert_eq!(names(&exporter), ["first", "second"]);
}

#[test]
fn what_is_held_is_bounded_and_the_oldest_is_decided_early() {
    let (exporter, provider) = provider(TailSampling::new(0.0).with_max_traces(10));
    let tracer = provider.tracer("test");
    let erroneous = |name: &'static str| {
        let root = Context::new().with_span(tracer.start_with_context(name, &Context::new()));
        tracer.start_with_context("child", &root).set_status(Status::error("bad"));
        root
    };
    let mut open = vec![erroneous("oldest")];
    open.extend(
        (0..20).map(|_| Context::new().with_span(tracer.start_with_context("open", &Context::new()))),
    );
    assert_eq!(exporter.spans().len(), 1, "the oldest trace's child, for there were eleven traces");
    let account = provider.account();
    let tail = account.tail.as_ref().unwrap();
    assert_eq!((tail.early, tail.erroneous), (11, 1), "{account}");
    drop(open);
    assert_eq!(names(&exporter), ["oldest"], "its root came later and shares the decision");

    let (_, provider) = self::provider(TailSampling::new(0.0).with_max_bytes(10_000));
    let tracer = provider.tracer("test");
    let root = Context::new().with_span(tracer.start_with_context("root", &Context::new()));
    for _ in 0..1_000 {
        drop(tracer.start_with_context("child", &root));
    }
    let account = provider.account();
    let spans = &account.tail.as_ref().unwrap().spans;
    assert!(
        spans.is_balanced() && spans.queued == 0 && spans.dropped.of(reason::NOT_KEPT) == 1_000,
        "{account}"
    );
}

#[test]
fn a_shutdown_decides_what_is_held_with_what_is_known() {
    let exporter = InMemorySpanExporter::new();
    let provider = bare()
        .with_tail_sampling(TailSampling::new(0.0))
        .with_batch_exporter(exporter.clone(), unscheduled())
        .build();
    let tracer = provider.tracer("test");
    let roots: Vec<_> = ["bad", "good"]
        .into_iter()
        .map(|what| {
            let root = Context::new().with_span(tracer.start_with_context("root", &Context::new()));
            let mut child = tracer.start_with_context(what, &root);
            if what == "bad" {
                child.set_status(Status::error("bad"));
            }
            root
        })
        .collect();
    let account = provider.shutdown(soon());
    assert_eq!(names(&exporter), ["bad"]);
    assert_eq!(account.tail.as_ref().map(|tail| (tail.early, tail.spans.queued)), Some((2, 0)), "{account}");
    drop(roots);
    let account = provider.account();
    assert!(account.tail.unwrap().spans.is_balanced());
    assert_eq!(provider.account().live(), 0);
}

#[test]
fn a_root_that_gets_another_parent_late_leaves_its_trace() {
    let (exporter, provider) = provider(TailSampling::new(0.0));
    let tracer = provider.tracer("test");
    let remote = |trace| {
        SpanContext::new(TraceId::from(trace), SpanId::from(6), TraceFlags::SAMPLED, true, TraceState::NONE)
    };
    for (trace, marked) in [(1, true), (2, false)] {
        let mut live = LiveSpan::new();
        tracer.start_span(&mut live, SpanStart::new("moves"));
        live.set_attribute("sampling.keep", marked);
        assert!(tracer.set_parent(&mut live, Parent::from(&remote(trace))));
        tracer.end_span(&mut live, None);
    }
    assert_eq!(names(&exporter), ["moves"]);
    let account = provider.account();
    let tail = account.tail.as_ref().unwrap();
    assert_eq!((tail.marked, tail.dropped, tail.early, tail.spans.queued), (1, 1, 0, 0), "{account}");
}

#[test]
fn a_child_that_gets_a_parent_in_another_process_late_is_a_root_of_that_trace() {
    let (exporter, provider) = provider(TailSampling::new(0.0));
    let tracer = provider.tracer("test");
    let remote =
        SpanContext::new(TraceId::from(7), SpanId::from(6), TraceFlags::SAMPLED, true, TraceState::NONE);
    let (mut root, mut message, mut step) = (LiveSpan::new(), LiveSpan::new(), LiveSpan::new());
    tracer.start_span(&mut root, SpanStart::new("consumer loop"));
    tracer
        .start_span(&mut message, SpanStart::new("message").with_parent(Parent::from(&root.span_context())));
    assert!(tracer.set_parent(&mut message, Parent::from(&remote)));
    tracer.start_span(&mut step, SpanStart::new("step").with_parent(Parent::from(&message.span_context())));
    for live in [&mut step, &mut message, &mut root] {
        tracer.end_span(live, None);
    }
    assert!(exporter.spans().is_empty(), "nothing of either trace is worth keeping: {:?}", names(&exporter));
    let account = provider.account();
    let tail = account.tail.as_ref().unwrap();
    assert_eq!((tail.dropped, tail.spans.created, tail.spans.dropped.total()), (2, 3, 3), "{account}");
}

#[test]
fn a_root_that_gets_another_parent_in_its_own_trace_does_not_end_it() {
    let (exporter, provider) = provider(TailSampling::new(0.0));
    let tracer = provider.tracer("test");
    let (mut root, mut step) = (LiveSpan::new(), LiveSpan::new());
    tracer.start_span(&mut root, SpanStart::new("root"));
    tracer.start_span(&mut step, SpanStart::new("step").with_parent(Parent::from(&root.span_context())));
    tracer.end_span(&mut step, None);
    let caller =
        SpanContext::new(root.trace_id(), SpanId::from(6), TraceFlags::SAMPLED, true, TraceState::NONE);
    assert!(tracer.set_parent(&mut root, Parent::from(&caller)));
    root.set_attribute("sampling.keep", true);
    tracer.end_span(&mut root, None);
    assert_eq!(names(&exporter), ["step", "root"], "what is known at the end decides about all of it");
}

#[test]
fn of_a_trace_that_it_does_not_know_nobody_says_whether_it_is_kept() {
    let (_, sampling) = provider(TailSampling::new(0.0).with_max_traces(1));
    let tracer = sampling.tracer("test");
    let mut first = TraceId::INVALID;
    trace(&tracer, "first", |span| first = span.span_context().trace_id());
    assert_eq!(sampling.keep_trace(first), TraceFate::Dropped);
    trace(&tracer, "second", |_| ());
    assert_eq!(sampling.keep_trace(first), TraceFate::Unknown, "it is forgotten");
    assert_eq!(sampling.keep_trace(TraceId::from(1)), TraceFate::Unknown, "it was never here");

    let plain = bare().build();
    let span = plain.tracer("test").start("span");
    assert_eq!(plain.keep_trace(span.span_context().trace_id()), TraceFate::Unknown);
    assert!(plain.account().tail.is_none());

    let keep = sampling.trace_keeper();
    let root = tracer.start("held");
    let id = root.span_context().trace_id().to_bytes();
    assert_eq!(keep(id), Some(true));
    drop((sampling, root));
    assert_eq!(keep(id), None, "the provider has gone");
}
