//! What the machine needs at least.

use std::cell::{Cell, OnceCell};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::KeyValue;

use super::pairs;
use crate::sets::Label;

/// How many cells a thread's page holds here: as many as there are live series.
const CELLS: usize = 1_024;

thread_local! {
    static PLAIN: [Cell<u64>; CELLS] = const { [const { Cell::new(0) }; CELLS] };
    static PAGE: OnceCell<&'static [AtomicU64; CELLS]> = const { OnceCell::new() };
}

/// A cell of the thread's own that nobody else can read.
#[inline(always)]
pub(crate) fn thread_local_cell(index: usize) {
    PLAIN.with(|cells| {
        let cell = &black_box(cells)[index % CELLS];
        cell.set(cell.get() + 1);
    });
}

/// A cell of the thread's own that a scraper can read: found through the thread, loaded, stored.
#[inline(always)]
pub(crate) fn single_writer(index: usize) {
    PAGE.with(|page| {
        let page = page.get_or_init(|| Box::leak(Box::new([const { AtomicU64::new(0) }; CELLS])));
        load_and_store(&black_box(*page)[index % CELLS]);
    });
}

/// A cell of the thread's own that the caller holds already: no thread-local to find it through.
#[inline(always)]
pub(crate) fn load_and_store(cell: &AtomicU64) {
    cell.store(cell.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// What the API's instruments are: one virtual call, here to something that does nothing.
pub(crate) trait Sink: Send + Sync {
    fn record(&self, value: u64, attributes: &[KeyValue]);
}

struct Nothing;

impl Sink for Nothing {
    #[inline(never)]
    fn record(&self, value: u64, attributes: &[KeyValue]) {
        black_box((value, attributes));
    }
}

/// A sink behind a pointer that the compiler cannot see through.
pub(crate) fn sink() -> Box<dyn Sink> {
    black_box(Box::new(Nothing))
}

/// Builds three pairs, hands them over, drops them.
#[inline(always)]
pub(crate) fn build_and_drop<V: Label>(sink: &dyn Sink, values: [V; 3]) {
    sink.record(1, &pairs(values));
}
