//! Cells that run out, for tests of what becomes of measurements then: a process has four thousand million words.

use std::cell::Cell;

thread_local! {
    /// How many words this thread may still have rows of; `None` if as many as there are.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Runs something that finds room for rows of so many words, on this thread.
pub(crate) fn with_words<R>(words: usize, run: impl FnOnce() -> R) -> R {
    struct Restore(Option<usize>);
    impl Drop for Restore {
        fn drop(&mut self) {
            LEFT.set(self.0);
        }
    }
    let _restore = Restore(LEFT.replace(Some(words)));
    run()
}

/// How many words there is room for on this thread.
pub(crate) fn words_left() -> usize {
    LEFT.get().unwrap_or(usize::MAX)
}

/// Takes room for a row, if there is any.
pub(super) fn take(width: usize) -> bool {
    let Some(left) = LEFT.get() else { return true };
    let after = left.checked_sub(width);
    if after.is_some() {
        LEFT.set(after);
    }
    after.is_some()
}

/// Gives back the room of a row.
pub(super) fn give(width: usize) {
    LEFT.set(LEFT.get().map(|left| left + width));
}
