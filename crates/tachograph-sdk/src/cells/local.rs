//! The calling thread's own slab.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ptr;

use super::arena::Arena;
use super::row::{Row, Word};
use super::slab::Slab;
use super::{ARENA, arena};
use crate::sync::{AtomicPtr, Ordering};

/// What the fast path needs of the thread's slab: its directory's blocks.
///
/// Constant-initialised and without a destructor, so that it can be read at any time of the
/// thread's life, its destruction included, at the cost of a load.
#[derive(Clone, Copy)]
struct Local {
    blocks: *const AtomicPtr<Word>,
    len: usize,
}

#[derive(Clone, Copy)]
enum State {
    Unused,
    Owner(usize),
    Ended,
}

thread_local! {
    static LOCAL: Cell<Local> = const { Cell::new(Local { blocks: ptr::null(), len: 0 }) };
    static STATE: Cell<State> = const { Cell::new(State::Unused) };
    /// Gives the slab back when the thread ends.
    static GUARD: Guard = const { Guard };
}

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        let state = STATE.replace(State::Ended);
        LOCAL.set(Local { blocks: ptr::null(), len: 0 });
        if let State::Owner(slab) = state {
            arena().release_slab(slab);
        }
    }
}

/// The row's words in this thread's own slab, if they are there already: only this thread writes them.
#[inline(always)]
pub(super) fn known_words(row: Row) -> Option<*const Word> {
    let local = LOCAL.get();
    if row.block() >= local.len {
        return None;
    }
    // SAFETY: `blocks` are this thread's slab's, which is never freed; the index is in range.
    let block = unsafe { &*local.blocks.add(row.block()) }.load(Ordering::Relaxed);
    // SAFETY: the arena deals rows within their block's size.
    (!block.is_null()).then(|| unsafe { block.add(row.offset()) }.cast_const())
}

/// As [`known_words`], made if need be; `None` when they are to be written in the shared slab.
#[inline]
pub(super) fn own_words(row: Row) -> Option<*const Word> {
    known_words(row).or_else(|| make_own_words(row))
}

#[cold]
#[inline(never)]
fn make_own_words(row: Row) -> Option<*const Word> {
    let arena = arena();
    let slab = own_slab().or_else(|| adopt(arena))?;
    let words = arena.own_words(slab, row);
    let blocks = slab.blocks();
    LOCAL.set(Local { blocks: blocks.as_ptr(), len: blocks.len() });
    words
}

/// The slab this thread owns, if it does yet.
pub(super) fn own_slab() -> Option<&'static Slab> {
    match STATE.get() {
        State::Owner(slab) => ARENA.get()?.slabs.get(slab),
        State::Unused | State::Ended => None,
    }
}

fn adopt(arena: &'static Arena) -> Option<&'static Slab> {
    if matches!(STATE.get(), State::Ended) {
        return None;
    }
    // Registers the destructor first: a slab that nobody would give back is not taken.
    GUARD.try_with(|_| ()).ok()?;
    let slab = arena.adopt_slab()?;
    STATE.set(State::Owner(slab));
    arena.slabs.get(slab)
}
