#![allow(unsafe_code)]

use std::ptr;

use super::{AtomicPtr, Ordering};

/// A place for something that most never have: one word, set once, read without a lock.
pub(crate) struct OnceBox<T> {
    /// Null until it is set, by whoever is first; never changed or freed after that before `Drop`.
    place: AtomicPtr<T>,
}

// SAFETY: it hands out `&T` to any thread (T: Sync), and drops the value on whichever thread drops it (T: Send).
unsafe impl<T: Send + Sync> Sync for OnceBox<T> {}
// SAFETY: as above; it owns its value.
unsafe impl<T: Send> Send for OnceBox<T> {}

impl<T> OnceBox<T> {
    pub(crate) fn new() -> Self {
        OnceBox { place: AtomicPtr::new(ptr::null_mut()) }
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: what is not null was made by `Box::into_raw` in `get_or_init` before it was stored (release), and lives
        // as long as this does.
        unsafe { self.place.load(Ordering::Acquire).as_ref() }
    }

    /// The value, made if need be; of several that are made at once the first one stays.
    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let made = Box::into_raw(Box::new(make()));
        let set = self.place.compare_exchange(ptr::null_mut(), made, Ordering::AcqRel, Ordering::Acquire);
        let place = match set {
            Ok(_) => made,
            Err(first) => {
                // SAFETY: made above, and not stored.
                drop(unsafe { Box::from_raw(made) });
                first
            }
        };
        // SAFETY: as in `get`.
        unsafe { &*place }
    }
}

impl<T> Drop for OnceBox<T> {
    fn drop(&mut self) {
        let place = self.place.load(Ordering::Acquire);
        if !place.is_null() {
            // SAFETY: made by `Box::into_raw`, stored once; `&mut self` excludes references.
            drop(unsafe { Box::from_raw(place) });
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_stays_and_is_dropped_with_its_place() {
        let value = std::sync::Arc::new(());
        let once = OnceBox::new();
        assert!(once.get().is_none());
        assert!(ptr::eq(once.get_or_init(|| value.clone()), once.get_or_init(|| unreachable!())));
        assert_eq!(std::sync::Arc::strong_count(&value), 2);
        drop(once);
        assert_eq!(std::sync::Arc::strong_count(&value), 1);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::sync::{AtomicU32, explore};
    use loom::sync::Arc;

    #[test]
    fn all_threads_see_one_value_whole() {
        explore(None, || {
            // An atomic, so that loom reports who sees it before it was made.
            let once = Arc::new(OnceBox::<AtomicU32>::new());
            let value =
                |once: &OnceBox<AtomicU32>, n| once.get_or_init(|| AtomicU32::new(n)).load(Ordering::Relaxed);
            let other = {
                let once = Arc::clone(&once);
                loom::thread::spawn(move || value(&once, 1))
            };
            let here = value(&once, 2);
            assert_eq!(here, other.join().unwrap());
            assert_eq!(once.get().map(|value| value.load(Ordering::Relaxed)), Some(here));
        });
    }
}
