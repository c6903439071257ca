//! An allocator that counts, when it is asked to.
//!
//! Counting is off while time is measured, and then costs one relaxed load per allocation.
#![allow(unsafe_code, reason = "a global allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

struct Counting;

static ENABLED: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

#[global_allocator]
static GLOBAL: Counting = Counting;

fn note(calls: u64, bytes: i64) {
    if ENABLED.load(Ordering::Relaxed) {
        CALLS.fetch_add(calls, Ordering::Relaxed);
        let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if bytes > 0 {
            PEAK.fetch_max(live, Ordering::Relaxed);
        }
    }
}

// SAFETY: every call is passed on to `System` unchanged; the counting touches no allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as i64);
        // SAFETY: the caller's promise for `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(0, -(layout.size() as i64));
        // SAFETY: the caller's promise for `pointer` and `layout` is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, size as i64 - layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// What `run` allocated, on all threads.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// How often memory was asked for (or an allocation resized).
    pub(crate) calls: u64,
    /// By how many bytes the memory in use grew, as asked for (the allocator's own overhead apart).
    pub(crate) live: i64,
    /// By how many it had grown at the most, meanwhile.
    pub(crate) peak: i64,
}

/// Counts what `run` allocates.
pub(crate) fn counted<T>(run: impl FnOnce() -> T) -> (T, Usage) {
    let (calls, live) = (CALLS.load(Ordering::SeqCst), LIVE.load(Ordering::SeqCst));
    PEAK.store(live, Ordering::SeqCst);
    ENABLED.store(true, Ordering::SeqCst);
    let value = run();
    ENABLED.store(false, Ordering::SeqCst);
    let usage = Usage {
        calls: CALLS.load(Ordering::SeqCst) - calls,
        live: LIVE.load(Ordering::SeqCst) - live,
        peak: PEAK.load(Ordering::SeqCst) - live,
    };
    (value, usage)
}
