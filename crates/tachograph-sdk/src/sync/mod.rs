//! What the lock-free modules are built from.
//!
//! Under `--cfg loom` the atomics, locks and fences are loom's, so that the same code that ships is
//! the code that is model-checked; everywhere else they are the standard library's.

mod append;
#[cfg(loom)]
mod explore;
pub(crate) mod fences;
mod gate;
mod index;
mod once;
mod quick;
#[cfg(loom)]
mod stand_in;
mod table;

pub(crate) use append::{AppendVec, capacity};
pub(crate) use gate::Gate;
pub(crate) use index::{Index, Payload};
pub(crate) use once::OnceBox;
#[cfg(not(loom))]
pub use quick::{QuickGuard, QuickLock};
#[cfg(loom)]
pub use stand_in::{QuickGuard, QuickLock};
pub(crate) use table::LateTable;

#[cfg(loom)]
pub use explore::explore;
#[cfg(loom)]
pub(crate) use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

use std::sync::PoisonError;

/// Locks, and goes on with what is there if a holder panicked.
///
/// No code that can panic runs under the engine's locks except the allocator's own abort, and each
/// critical section leaves its data valid at every step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets another thread run, for the few loops that wait for one.
pub(crate) fn pause(attempt: u32) {
    #[cfg(loom)]
    {
        let _ = attempt;
        loom::thread::yield_now();
    }
    #[cfg(not(loom))]
    match attempt {
        0..16 => std::hint::spin_loop(),
        16..64 => std::thread::yield_now(),
        _ => std::thread::sleep(std::time::Duration::from_micros(20)),
    }
}
