//! Which slot this thread has locked while it runs code of others.

use std::cell::Cell;
use std::sync::MutexGuard;

use crate::slot::{Inner, Slot};

thread_local! {
    /// The slot, if any, whose lock this thread holds while it runs code of a sampler or a processor. What such code
    /// reports about the same span is not recorded there, for it would wait for itself.
    static HELD_HERE: Cell<u64> = const { Cell::new(0) };
}

/// Whether this thread holds the slot's lock already.
#[inline]
pub(crate) fn is_held_here(number: u64) -> bool {
    HELD_HERE.try_with(Cell::get).is_ok_and(|held| held == number)
}

/// The lock of a slot, unless this thread has it already.
#[inline]
pub(super) fn lock(number: u64, slot: &Slot) -> Option<MutexGuard<'_, Inner>> {
    (!is_held_here(number)).then(|| slot.lock())
}

/// Runs code of samplers or processors while a slot's lock is held.
#[inline(always)]
pub(super) fn guarded(number: u64, run: impl FnOnce()) {
    struct Reset(u64);
    impl Drop for Reset {
        fn drop(&mut self) {
            let _ = HELD_HERE.try_with(|held| held.set(self.0));
        }
    }
    let _reset = Reset(HELD_HERE.try_with(|held| held.replace(number)).unwrap_or_default());
    run();
}
