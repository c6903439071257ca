//! What the machine needs at least.

use std::cell::{Cell, OnceCell};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::metrics::{BoundCounter, BoundSyncInstrument, Counter, SyncInstrument};
use opentelemetry::{KeyValue, Value};

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

/// An instrument behind the API that does nothing.
struct Nothing;

impl SyncInstrument<u64> for Nothing {
    #[inline(never)]
    fn measure(&self, value: u64, attributes: &[KeyValue]) {
        black_box((value, attributes));
    }
}

/// The API's counter over nothing: adding to it builds the pairs, calls virtually and drops them.
pub(crate) fn nothing() -> Counter<u64> {
    Counter::new(black_box(Arc::new(Nothing)))
}

/// An instrument behind the API whose handles are cells of the thread's own.
struct Cells;

impl SyncInstrument<u64> for Cells {
    fn measure(&self, _value: u64, _attributes: &[KeyValue]) {}

    /// The attribute says which cell.
    fn bind(&self, attributes: &[KeyValue]) -> Box<dyn BoundSyncInstrument<u64> + Send + Sync> {
        match attributes.first().map(|pair| &pair.value) {
            Some(Value::I64(cell)) => Box::new(BoundCell(*cell as usize)),
            _ => Box::new(BoundCell(0)),
        }
    }
}

struct BoundCell(usize);

impl BoundSyncInstrument<u64> for BoundCell {
    fn measure(&self, _value: u64) {
        single_writer(self.0);
    }
}

/// The least that any implementation of the API's bound counter costs which a scraper can read.
pub(crate) fn bound_cell(index: usize) -> BoundCounter<u64> {
    Counter::new(black_box(Arc::new(Cells))).bind(&[KeyValue::new("cell", index as i64)])
}
