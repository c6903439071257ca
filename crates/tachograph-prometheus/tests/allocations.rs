//! A scrape of what has been scraped before allocates nothing but the page.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use opentelemetry::KeyValue;
use tachograph_prometheus::{Format, PrometheusExporter};
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "counting allocations takes an allocator")]
// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is the same.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn a_steady_scrape_allocates_nothing_but_the_page() {
    let provider = MeterProvider::new();
    for scope in ["first", "second"] {
        let meter = provider.meter(scope);
        let counter: Counter<u64> = meter.counter("requests").build();
        let gauge: Gauge<f64> = meter.gauge("temperature").build();
        let histogram: Histogram<f64> = meter.histogram("duration").with_unit("s").build();
        for n in 0..500 {
            counter.add(1, &[("n", n)]);
            gauge.record(f64::from(n) / 3.0, &[("n", n)]);
            histogram.record(f64::from(n) / 7.0, &[("n", n)]);
        }
    }
    let _observed = provider
        .meter("observed")
        .as_otel()
        .u64_observable_counter("observed")
        .with_callback(|observer| {
            let attributes = const { [] as [KeyValue; 0] };
            observer.observe(1, &attributes);
        })
        .build();
    let exporter = PrometheusExporter::new(provider.reader());
    for format in [Format::Text004, Format::OpenMetrics100, Format::Protobuf] {
        let first = exporter.render(format);
        exporter.render(format);
        assert_eq!(allocations(|| drop(exporter.render(format))), 1, "the page is one allocation");
        let mut page = Vec::with_capacity(first.len() * 2);
        assert_eq!(
            allocations(|| exporter.write_to(format, &mut page)),
            0,
            "into a buffer that is large enough"
        );
        assert!(page.len() >= first.len());
    }
}
