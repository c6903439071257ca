#![allow(unsafe_code)]
#![cfg_attr(loom, allow(unreachable_pub, dead_code, reason = "what is built on it has a stand-in"))]

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::{AtomicU32, Ordering, pause};

#[cfg(loom)]
use loom::cell::UnsafeCell;
#[cfg(not(loom))]
use std::cell::UnsafeCell;

/// A lock for what one thread uses all the time, and others look at now and then, for a few instructions each.
///
/// It is one locked operation where the standard library's has two and looks twice whether its thread unwinds: nobody is ever asleep
/// in the kernel because of it who would have to be woken. Who finds it taken tries again a few times, lets other threads run, and
/// then sleeps for some microseconds at a time. A panic in a holder leaves it free, and what it holds as it was left: critical
/// sections keep that valid at every step.
///
/// # Protocol
///
/// `taken` goes from 0 to 1 by a compare-and-exchange (acquire), and back by a store (release) of whoever made it 1. So one thread
/// at a time is between the two, and sees what those before it did there.
#[derive(Default)]
pub struct QuickLock<T> {
    taken: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached through `lock` alone, by one thread at a time (see the protocol), to which it may be sent.
unsafe impl<T: Send> Send for QuickLock<T> {}
// SAFETY: as above: a shared lock hands out the value to one thread at a time.
unsafe impl<T: Send> Sync for QuickLock<T> {}

impl<T> QuickLock<T> {
    /// Locks it. Whoever has it already waits for ever.
    #[inline(always)]
    pub fn lock(&self) -> QuickGuard<'_, T> {
        if self.taken.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.wait();
        }
        self.claim();
        QuickGuard { lock: self, not_send: PhantomData }
    }

    #[cold]
    #[inline(never)]
    fn wait(&self) {
        for attempt in 0.. {
            if self.taken.load(Ordering::Relaxed) == 0
                && self.taken.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return;
            }
            pause(attempt);
        }
    }

    #[cfg(not(loom))]
    #[inline(always)]
    fn claim(&self) {}

    #[cfg(not(loom))]
    #[inline(always)]
    fn value(&self) -> *mut T {
        self.value.get()
    }

    /// Tells loom that the value is used from here on, and until the lock is released: it fails where another thread is not done.
    #[cfg(loom)]
    fn claim(&self) {
        self.value.with_mut(|_| ());
    }

    #[cfg(loom)]
    fn value(&self) -> *mut T {
        self.value.with_mut(|value| value)
    }
}

/// What a [`QuickLock`] holds, until this is dropped, by the thread that locked it.
pub struct QuickGuard<'a, T> {
    lock: &'a QuickLock<T>,
    not_send: PhantomData<*mut T>,
}

impl<T> Deref for QuickGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: this guard's thread is the one between `lock` and the guard's drop, and the reference does not outlive the guard,
        // nor live beside one from `deref_mut`, both of which borrow it.
        unsafe { &*self.lock.value() }
    }
}

impl<T> DerefMut for QuickGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; the guard is borrowed for as long as the reference lives, so that there is no other.
        unsafe { &mut *self.lock.value() }
    }
}

impl<T> Drop for QuickGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.lock.claim();
        self.lock.taken.store(0, Ordering::Release);
    }
}

impl<T> fmt::Debug for QuickLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuickLock").finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for QuickGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn threads_that_fight_for_it_come_in_one_at_a_time() {
        let lock = QuickLock::<(u64, u64)>::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let mut both = lock.lock();
                        assert_eq!(both.0, both.1);
                        both.0 += 1;
                        std::hint::black_box(&mut *both);
                        both.1 += 1;
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), (80_000, 80_000));
    }

    #[test]
    fn a_holder_that_panics_leaves_it_free() {
        let lock = QuickLock::<u64>::default();
        let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            *lock.lock() = 1;
            let _held = lock.lock();
            panic!("this test's own");
        }));
        assert!(panics.is_err());
        assert_eq!(*lock.lock(), 1);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;
    use crate::sync::explore;

    #[test]
    fn holders_come_one_after_the_other_and_see_what_was_done() {
        explore(None, || {
            let lock = Arc::new(QuickLock::<u32>::default());
            let other = {
                let lock = Arc::clone(&lock);
                thread::spawn(move || {
                    *lock.lock() += 1;
                    *lock.lock() += 1;
                })
            };
            *lock.lock() += 1;
            other.join().unwrap();
            assert_eq!(*lock.lock(), 3);
        });
    }
}
