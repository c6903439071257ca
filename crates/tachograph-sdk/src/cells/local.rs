//! The calling thread's own slab.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ptr;

use super::arena::Arena;
use super::place::Place;
use super::row::{Row, Spot, Word};
use super::short_cuts::ShortCuts;
use super::slab::Slab;
use super::{ARENA, arena};
use crate::sync::{AtomicPtr, Ordering};

/// What the fast paths need of the thread's slab: its short cuts, and its directory's blocks. Beside it, what it counts.
///
/// Constant-initialised and without a destructor, so that it can be read at any time of the
/// thread's life, its destruction included, at the cost of a load.
struct Local {
    /// Never null.
    short_cuts: Cell<*const ShortCuts>,
    blocks: Cell<*const AtomicPtr<Word>>,
    len: Cell<usize>,
    /// Where this thread says that it is within a section; null until it has a slab.
    place: Cell<*const Place>,
    /// How many records there are until the next that is due; here, because a record has the address at hand.
    countdown: Cell<u32>,
}

impl Local {
    fn set(&self, blocks: &[AtomicPtr<Word>], short_cuts: Option<&ShortCuts>) {
        self.blocks.set(blocks.as_ptr());
        self.len.set(blocks.len());
        self.short_cuts.set(short_cuts.map_or(ShortCuts::none(), ptr::from_ref));
    }
}

#[derive(Clone, Copy)]
enum State {
    Unused,
    Owner(usize),
    Ended,
}

thread_local! {
    static LOCAL: Local =
        const {
            Local {
                short_cuts: Cell::new(ShortCuts::none()),
                blocks: Cell::new(ptr::null()),
                len: Cell::new(0),
                place: Cell::new(ptr::null()),
                countdown: Cell::new(0),
            }
        };
    static STATE: Cell<State> = const { Cell::new(State::Unused) };
    /// Gives the slab back when the thread ends.
    static GUARD: Guard = const { Guard };
}

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        let state = STATE.replace(State::Ended);
        LOCAL.with(|local| {
            local.set(&[], None);
            local.place.set(ptr::null());
        });
        if let State::Owner(slab) = state {
            arena().release_slab(slab);
        }
    }
}

/// The row's words in this thread's own slab, if they are there already: only this thread writes them.
#[inline(always)]
pub(super) fn known_words(row: Row) -> Option<*const Word> {
    let (blocks, len) = LOCAL.with(|local| (local.blocks.get(), local.len.get()));
    if row.block() >= len {
        return None;
    }
    // SAFETY: `blocks` are this thread's slab's, which is never freed; the index is in range.
    let block = unsafe { &*blocks.add(row.block()) }.load(Ordering::Relaxed);
    // SAFETY: the arena deals rows within their block's size.
    (!block.is_null()).then(|| unsafe { block.add(row.offset()) }.cast_const())
}

/// The words of a sum in this thread's own slab, if there is a short cut to them.
#[inline(always)]
pub(super) fn words_at(spot: Spot) -> Option<*const Word> {
    let short_cuts = LOCAL.with(|local| local.short_cuts.get());
    // SAFETY: they are this thread's slab's, which is never freed, or those of nobody.
    unsafe { &*short_cuts }.words(spot)
}

/// Counts a record of this thread's, and says whether it is the one to be looked at more closely. Then
/// [`set_due_after`] says which is next; else a very late one is.
#[inline(always)]
pub(crate) fn is_due() -> bool {
    LOCAL.with(|local| {
        let (left, due) = local.countdown.get().overflowing_sub(1);
        local.countdown.set(left);
        due
    })
}

/// Has this thread's next record looked at after so many others.
pub(crate) fn set_due_after(records: u32) {
    LOCAL.with(|local| local.countdown.set(records));
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
    let slab = own_or_adopted_slab()?;
    let words = arena.own_words(slab, row);
    LOCAL.with(|local| local.set(slab.blocks(), slab.short_cuts.get()));
    words
}

/// Where this thread says that it is within a section; null if it has no slab yet, or never will.
#[inline(always)]
pub(super) fn place() -> *const Place {
    LOCAL.with(|local| local.place.get())
}

/// The slab this thread owns, adopted if need be; `None` if it is being destroyed.
pub(super) fn own_or_adopted_slab() -> Option<&'static Slab> {
    own_slab().or_else(|| adopt(arena()))
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
    let slab = arena.slabs.get(slab)?;
    LOCAL.with(|local| local.place.set(ptr::from_ref(&slab.section)));
    Some(slab)
}
