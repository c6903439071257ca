//! Threads that are in many spans at once, and in spans of several subscribers.
#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod support;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;
use support::{Product, Rig, all, all_sampled, assert_root, assert_under, named};
use tachograph_sdk::trace::{AlwaysOff, ParentBased};
use tachograph_tracing::{ContextMode, SpanExt as _, SpanOptions};
use tracing::span::EnteredSpan;
use tracing::{Span, info_span};

/// More than a thread has at hand.
const DEEP: usize = 100;

/// Enters spans, each in the one before; every third of a kind that is attached in lazy mode too.
fn descend(depth: usize) -> Vec<EnteredSpan> {
    let enter = |at: usize| match at % 3 {
        0 => info_span!("step", otel.name = format!("step {at}"), otel.kind = "client").entered(),
        _ => info_span!("step", otel.name = format!("step {at}")).entered(),
    };
    (0..depth).map(enter).collect()
}

#[test]
fn spans_that_are_nested_deeply_are_each_under_the_one_around() {
    for rig in all() {
        let spans = rig.run(|| {
            let mut entered = descend(DEEP);
            while let Some(last) = entered.pop() {
                let at = entered.len();
                info_span!("leaf", otel.name = format!("leaf {at}")).in_scope(|| ());
                drop(last);
            }
            assert!(!Context::current().has_active_span(), "what was attached is detached");
            info_span!("afterwards").in_scope(|| ());
        });
        assert_root(&spans, "step 0");
        assert_root(&spans, "afterwards");
        for at in 0..DEEP {
            assert_under(&spans, &format!("leaf {at}"), &format!("step {at}"));
            if at > 0 {
                assert_under(&spans, &format!("step {at}"), &format!("step {}", at - 1));
            }
        }
    }
}

#[test]
fn deep_spans_that_are_exited_out_of_order_leave_the_innermost_of_the_others_current() {
    for rig in all() {
        let spans = rig.run(|| {
            let mut entered: Vec<_> = descend(DEEP).into_iter().map(Some).collect();
            // From the middle, from the outermost, and from the innermost.
            let order = (30..40).chain(0..10).chain((60..DEEP).rev()).chain(10..30).chain((40..60).rev());
            let order: Vec<_> = order.collect();
            assert_eq!(order.len(), DEEP);
            for (turn, at) in order.into_iter().enumerate() {
                drop(entered[at].take());
                if let Some(top) = entered.iter().rposition(Option::is_some) {
                    // Out of order in lazy mode a guard of another span may still be attached: the parent is then told outright.
                    let leaf = info_span!(parent: &Span::current(), "leaf", otel.name = format!("leaf {turn} in {top}"));
                    leaf.in_scope(|| ());
                }
            }
            assert!(Span::current().is_none());
            assert!(!Context::current().has_active_span(), "{:?} {:?}", rig.product, rig.mode);
        });
        let mut leaves = 0;
        for leaf in spans.iter().filter(|span| span.name.starts_with("leaf")) {
            let (_, top) = leaf.name.rsplit_once(' ').unwrap();
            let parent = named(&spans, &format!("step {top}"));
            assert_eq!(
                leaf.parent_span_id,
                Some(parent.span_id),
                "{} in {:?} {:?}",
                leaf.name,
                rig.product,
                rig.mode
            );
            leaves += 1;
        }
        assert_eq!(leaves, DEEP - 1);
    }
}

#[test]
fn spans_of_several_subscribers_that_are_not_sampled_are_each_in_their_own_trace() {
    let make = || all_sampled(|| Box::new(ParentBased::new(AlwaysOff)));
    for (first, second) in make().into_iter().zip(make()) {
        let span = |rig: &Rig, name: &'static str| {
            tracing::dispatcher::with_default(&rig.dispatch, || info_span!("one", name).entered())
        };
        for _ in 0..3 {
            let roots = [span(&first, "a"), span(&second, "b")];
            let ids = [roots[0].ids().unwrap(), roots[1].ids().unwrap()];
            if first.mode == ContextMode::Lazy {
                assert_ne!(ids[0].0, ids[1].0);
            }
            let children: Vec<_> =
                (0..150).map(|n| span(if n % 2 == 0 { &first } else { &second }, "child")).collect();
            if first.mode == ContextMode::Lazy {
                for (n, child) in children.iter().enumerate() {
                    assert_eq!(child.ids().unwrap(), ids[n % 2], "child {n}");
                }
            }
            children.into_iter().rev().for_each(drop);
        }
        assert!(first.spans().is_empty() && second.spans().is_empty());
    }
}

#[test]
fn slots_of_threads_and_subscribers_that_are_gone_are_used_again() {
    let options = SpanOptions::new().with_context_mode(ContextMode::Lazy).with_max_spans(300);
    for product in [Product::Subscriber, Product::Layer] {
        for _ in 0..3 {
            let rig = Rig::new(product, options.clone(), Some(Box::new(ParentBased::new(AlwaysOff))));
            for _ in 0..10 {
                let dispatch = rig.dispatch.clone();
                let work = move || {
                    tracing::dispatcher::with_default(&dispatch, || {
                        let entered: Vec<_> = (0..150).map(|_| info_span!("one").entered()).collect();
                        let made = entered.iter().filter(|span| span.ids().is_some()).count();
                        entered.into_iter().rev().for_each(drop);
                        made
                    })
                };
                assert_eq!(std::thread::spawn(work.clone()).join().unwrap(), 150, "on a thread that ends");
                assert_eq!(work(), 150, "on one that stays, for one subscriber after the other");
            }
        }
    }
}
