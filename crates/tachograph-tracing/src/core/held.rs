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
fn is_held_here(number: u64) -> bool {
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

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;
    use tachograph_sdk::explore;

    use super::*;

    #[test]
    fn who_has_a_number_and_no_handle_locks_that_span_or_none() {
        explore(None, || {
            let slot = Arc::new(Slot::default());
            let number = table::number(0, &slot);
            slot.lock().extras.held.dropped = 1;
            let late = {
                let slot = Arc::clone(&slot);
                thread::spawn(move || {
                    if let Some(mut inner) = lock(number, &slot) {
                        assert_eq!(inner.extras.held.dropped, 1, "another span's");
                        inner.extras.held.dropped = 2;
                    }
                })
            };
            // It ends, and the slot is the next span's.
            slot.lock().extras.held.dropped = 1;
            slot.retire();
            slot.lock().extras.held.dropped = 3;
            late.join().unwrap();
            assert_eq!(slot.lock().extras.held.dropped, 3, "what was the other's is left alone");
            assert!(lock(number, &slot).is_none());
        });
    }
}
