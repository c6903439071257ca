//! The fast path allocates once for a header's value, and for what the API's types are made of.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use http::HeaderMap;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::TraceState;
use opentelemetry::{Context, KeyValue};
use support::{TRACEPARENT, headers, with_span};
use tachograph_propagation::{Format, Propagator};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; counting neither allocates nor unwinds.
#[allow(unsafe_code, reason = "an allocator cannot be written without it")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are this function's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are this function's.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations<T>(run: impl FnOnce() -> T) -> usize {
    let before = ALLOCATIONS.get();
    drop(run());
    ALLOCATIONS.get() - before
}

/// Allocations of injection into a map that has room.
fn injecting(propagator: &Propagator, cx: &Context) -> usize {
    let mut map = HeaderMap::with_capacity(64);
    allocations(|| propagator.inject_headers(cx, &mut map))
}

fn extracting(propagator: &Propagator, lines: &[(&str, &str)]) -> usize {
    let (map, empty) = (headers(lines).expect("valid"), Context::new());
    allocations(|| propagator.extract_headers(&empty, &map))
}

#[test]
fn injecting_a_span_allocates_its_value_only() {
    let cx = with_span(1, TraceState::NONE);
    assert_eq!(injecting(&Propagator::default(), &cx), 1);
    assert_eq!(injecting(&Format::B3.into(), &cx), 1);
    assert_eq!(injecting(&Format::B3Multi.into(), &cx), 3);
    assert_eq!(injecting(&Format::Jaeger.into(), &cx), 1);
}

#[test]
fn injecting_a_tracestate_and_a_plain_baggage_allocates_a_value_for_each() {
    let state = TraceState::from_key_value([("a", "1"), ("b", "2")]).expect("valid");
    let cx = with_span(1, state);
    assert_eq!(injecting(&Propagator::default(), &cx), 2);
    let cx = cx.with_baggage([KeyValue::new("key", "value"), KeyValue::new("other", "value")]);
    assert_eq!(injecting(&Propagator::default(), &cx), 3);
}

#[test]
fn injecting_nothing_allocates_nothing() {
    assert_eq!(injecting(&Propagator::new(Format::ALL), &Context::new()), 0);
}

#[test]
fn extracting_a_span_allocates_the_contexts_share_of_it_only() {
    for (format, name, value) in [
        (Format::TraceContext, "traceparent", TRACEPARENT),
        (Format::B3, "b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"),
        (Format::Jaeger, "uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1"),
    ] {
        assert_eq!(extracting(&format.into(), &[(name, value)]), 1, "{format}");
    }
    assert_eq!(extracting(&Propagator::default(), &[("traceparent", TRACEPARENT)]), 1);
}

#[test]
fn extracting_from_headers_without_context_allocates_nothing() {
    let lines =
        [("host", "example.org"), ("accept", "*/*"), ("tracestate", "a=1"), ("traceparent", "nonsense")];
    assert_eq!(extracting(&Propagator::new(Format::ALL), &lines), 0);
}

#[test]
fn extracting_baggage_allocates_what_the_apis_types_need() {
    // A key and a value for each member; the map grows twice at most; the context's entry, and its map.
    let lines = [("baggage", "key=value,other=value")];
    let by_hand = allocations(|| {
        let mut baggage = opentelemetry::baggage::Baggage::new();
        for key in ["key", "other"] {
            baggage.insert(key.to_owned(), "value".to_owned());
        }
        Context::new().with_baggage(baggage)
    });
    assert_eq!(extracting(&Format::Baggage.into(), &lines), by_hand);
}
