//! Which slot this thread has locked while it runs code of others.

use std::cell::Cell;
use tachograph_sdk::QuickGuard;

use crate::slot::{Inner, Slot};
use crate::table;

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

/// The lock of the slot of a number, unless this thread has it already. Looked at again under the lock: who has a number and no
/// handle may find the slot, and lock it when it is another span's.
pub(crate) fn lock(number: u64, slot: &Slot) -> Option<QuickGuard<'_, Inner>> {
    if is_held_here(number) {
        return None;
    }
    let inner = slot.lock();
    table::is_of(number, slot).then_some(inner)
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
