//! Cells and places of series that run out, for tests of what becomes of measurements then: a process has four thousand million
//! words, and an instrument sixteen million places.

use std::cell::Cell;
use std::thread::LocalKey;

thread_local! {
    /// How many words this thread may still have rows of; `None` if as many as there are.
    static LEFT: Left = const { Cell::new(None) };
    /// How many places of series this thread may still make, those of overflow series included; `None` likewise.
    static PLACES: Left = const { Cell::new(None) };
}

type Left = Cell<Option<usize>>;

/// Runs something that finds room for rows of so many words, on this thread.
pub(crate) fn with_words<R>(words: usize, run: impl FnOnce() -> R) -> R {
    with(&LEFT, words, run)
}

/// Runs something that finds so many places for series, of all instruments together, on this thread.
pub(crate) fn with_places<R>(places: usize, run: impl FnOnce() -> R) -> R {
    with(&PLACES, places, run)
}

fn with<R>(left: &'static LocalKey<Left>, amount: usize, run: impl FnOnce() -> R) -> R {
    struct Restore(&'static LocalKey<Left>, Option<usize>);
    impl Drop for Restore {
        fn drop(&mut self) {
            self.0.set(self.1);
        }
    }
    let _restore = Restore(left, left.replace(Some(amount)));
    run()
}

/// How many words there is room for on this thread.
pub(crate) fn words_left() -> usize {
    LEFT.get().unwrap_or(usize::MAX)
}

/// Takes room for a row, if there is any.
pub(super) fn take(width: usize) -> bool {
    take_of(&LEFT, width)
}

/// Takes a place, if there is any.
pub(crate) fn take_place() -> bool {
    take_of(&PLACES, 1)
}

fn take_of(of: &'static LocalKey<Left>, amount: usize) -> bool {
    let Some(left) = of.get() else { return true };
    let after = left.checked_sub(amount);
    if after.is_some() {
        of.set(after);
    }
    after.is_some()
}

/// Gives back the room of a row.
pub(super) fn give(width: usize) {
    LEFT.set(LEFT.get().map(|left| left + width));
}
