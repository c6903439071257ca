//! What the caller's thread allocates. A test of its own program: it counts in the allocator.
#![allow(clippy::unwrap_used, reason = "tests, and what they share")]
#![allow(unsafe_code, reason = "a global allocator cannot be written without")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use support::{Product, Rig};
use tachograph_sdk::pipeline::Deadline;
use tachograph_sdk::trace::{AlwaysOff, ParentBased, Sampler};
use tachograph_tracing::{ContextMode, SpanOptions};
use tracing::field::Empty;
use tracing::{info, info_span};

struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static GLOBAL: Counting = Counting;

fn count() {
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: every call is passed on to `System` unchanged; the counting touches no allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise for `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above, for `pointer` too.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn trace(copied: &str) {
    let root =
        info_span!("root", method = "GET", id = copied, status = 200, items = 3, late = Empty).entered();
    for depth in 0..10 {
        let child = info_span!("child", method = "GET", id = copied, depth, debug = ?Some(depth)).entered();
        root.record("late", depth);
        child.record("depth", 2);
    }
}

/// Allocations of this thread for one trace of eleven spans, once everything has grown.
fn per_trace(product: Product, mode: ContextMode, sampler: Option<Box<dyn Sampler>>, work: fn(&str)) -> f64 {
    let rig = Rig::new(product, SpanOptions::new().with_context_mode(mode), sampler);
    tracing::dispatcher::with_default(&rig.dispatch, || {
        let mut calls = 0;
        for round in 0..80 {
            let before = CALLS.get();
            (0..25).for_each(|_| work("4711-0815"));
            // Slots are taken from a list in turn; in the first half all of them grow their buffers.
            if round >= 40 {
                calls += CALLS.get() - before;
            }
            // So that the worker has given the threads' buffers back, however busy the machine is.
            rig.provider.flush(Deadline::NEVER).unwrap();
        }
        calls as f64 / 1_000.0
    })
}

fn off() -> Option<Box<dyn Sampler>> {
    Some(Box::new(ParentBased::new(AlwaysOff)))
}

#[test]
fn spans_in_lazy_mode_allocate_nothing_and_in_full_mode_twice() {
    assert_eq!(per_trace(Product::Subscriber, ContextMode::Lazy, None, trace), 0.0);
    assert_eq!(per_trace(Product::Subscriber, ContextMode::Full, None, trace), 22.0);
    assert_eq!(per_trace(Product::Layer, ContextMode::Lazy, None, trace), 0.0);
    assert_eq!(per_trace(Product::Layer, ContextMode::Full, None, trace), 22.0);
}

#[test]
fn spans_that_are_not_sampled_allocate_nothing_in_lazy_mode_and_the_root_twice_in_full_mode() {
    assert_eq!(per_trace(Product::Subscriber, ContextMode::Lazy, off(), trace), 0.0);
    assert_eq!(per_trace(Product::Subscriber, ContextMode::Full, off(), trace), 2.0);
}

#[test]
fn events_with_fields_allocate_nothing() {
    let work = |copied: &str| {
        info_span!("span").in_scope(|| {
            info!(id = copied, count = 3, debug = ?Some(1), "an event");
            info!("another {}", copied);
        });
    };
    assert_eq!(per_trace(Product::Subscriber, ContextMode::Lazy, None, work), 0.0);
}
