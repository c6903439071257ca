//! Sections: what a thread does between finding a row and having recorded in it; see [`Place`].
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ptr;

use super::place::{PATIENCE, Place};
use super::{arena, local};
use crate::sync::{Ordering, fences, pause};

/// A section of this thread's, until it is dropped.
#[must_use]
pub(crate) struct Section {
    /// Null if it is within another.
    place: *const Place,
    of_thread: PhantomData<*const ()>,
}

/// Begins a section: rows that are found within are there until its end.
#[inline(always)]
pub(crate) fn section() -> Section {
    let place = local::place();
    if place.is_null() {
        return first_section();
    }
    // SAFETY: it is this thread's slab's, which is never freed.
    let begun = unsafe { &*place }.begin();
    Section { place: if begun { place } else { ptr::null() }, of_thread: PhantomData }
}

#[cold]
#[inline(never)]
fn first_section() -> Section {
    let place = match local::own_or_adopted_slab() {
        Some(slab) => ptr::from_ref(&slab.section),
        None => {
            // One of those without a slab: they are counted.
            arena().outsiders.fetch_add(1, Ordering::SeqCst);
            return Section { place: outside(), of_thread: PhantomData };
        }
    };
    // SAFETY: as in `section`.
    let begun = unsafe { &*place }.begin();
    Section { place: if begun { place } else { ptr::null() }, of_thread: PhantomData }
}

/// An address that is no place's, for sections of threads without a slab.
fn outside() -> *const Place {
    ptr::dangling()
}

impl Drop for Section {
    #[inline(always)]
    fn drop(&mut self) {
        if self.place.is_null() {
            return;
        }
        if self.place == outside() {
            arena().outsiders.fetch_sub(1, Ordering::Release);
        } else {
            // SAFETY: it is this thread's slab's, which is never freed.
            unsafe { &*self.place }.end();
        }
    }
}

/// Waits until all sections have ended that began before what this thread wrote last can be seen; `false` if one of them goes on
/// for long, or this thread is within one itself.
pub(crate) fn wait_for_sections() -> bool {
    if !fences::heavy() {
        return false;
    }
    let arena = arena();
    let outsiders = || arena.outsiders.load(Ordering::Acquire) == 0;
    let are_out = outsiders()
        || (0..PATIENCE).any(|attempt| {
            pause(attempt.min(63));
            outsiders()
        });
    are_out && arena.slabs.iter().all(|slab| slab.section.wait())
}
