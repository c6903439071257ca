#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A table that most never need: it is made with the first use of one of its places.
///
/// A look is a load, a comparison and the place, made or not. `T` has nothing to drop.
pub(crate) struct LateTable<T> {
    /// How many places there are, and the places. That of [`EMPTY`] until it is made, by whoever is first (as in
    /// [`OnceBox`](super::OnceBox), which has a model); never changed or freed after that before `Drop`.
    table: AtomicPtr<usize>,
    of: PhantomData<T>,
}

// SAFETY: it hands out `&T` to any thread (T: Sync); the places are made and freed by any (T: Send).
unsafe impl<T: Send + Sync> Sync for LateTable<T> {}
// SAFETY: as above; it owns its places.
unsafe impl<T: Send> Send for LateTable<T> {}

/// The length of a table without places.
static EMPTY: usize = 0;

fn empty() -> *mut usize {
    (&raw const EMPTY).cast_mut()
}

impl<T: Default> LateTable<T> {
    pub(crate) const fn new() -> Self {
        const { assert!(!std::mem::needs_drop::<T>()) };
        LateTable { table: AtomicPtr::new((&raw const EMPTY).cast_mut()), of: PhantomData }
    }

    /// The layout of a table, and where in it the places begin.
    fn layout(len: usize) -> Option<(Layout, usize)> {
        let places = Layout::array::<T>(len).ok()?;
        Layout::new::<usize>().extend(places).ok()
    }

    /// Where the places begin, for any length.
    const FIRST: usize = size_of::<usize>().next_multiple_of(align_of::<T>());

    /// The place of an index, if the table is made and has it.
    #[inline(always)]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        let table = self.table.load(Ordering::Acquire);
        // SAFETY: it begins with its length, and so many places follow.
        unsafe { (index < *table).then(|| &*table.byte_add(Self::FIRST).cast::<T>().add(index)) }
    }

    /// The place of an index, in a table that is made with so many if need be; the same number each time.
    pub(crate) fn get_or_make(&self, len: usize, index: usize) -> Option<&T> {
        if ptr::eq(self.table.load(Ordering::Acquire), empty()) {
            self.make(len);
        }
        self.get(index)
    }

    fn make(&self, len: usize) {
        let Some((layout, first)) = Self::layout(len).filter(|(_, first)| *first == Self::FIRST) else {
            return;
        };
        // SAFETY: the layout has a length at least.
        let table = unsafe { alloc(layout) }.cast::<usize>();
        if table.is_null() {
            handle_alloc_error(layout);
        }
        // SAFETY: it was allocated for a length and so many places.
        unsafe {
            table.write(len);
            let places = table.byte_add(first).cast::<T>();
            (0..len).for_each(|index| places.add(index).write(T::default()));
        }
        if self.table.compare_exchange(empty(), table, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: allocated above with this layout, and not stored.
            unsafe { dealloc(table.cast(), layout) };
        }
    }

    /// All places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        (0..).map_while(|index| self.get(index))
    }
}

impl<T> Drop for LateTable<T> {
    fn drop(&mut self) {
        let table = self.table.load(Ordering::Acquire);
        // SAFETY: it begins with its length.
        let places = Layout::array::<T>(unsafe { *table });
        if !ptr::eq(table, empty())
            && let Ok(places) = places
            && let Ok((layout, _)) = Layout::new::<usize>().extend(places)
        {
            // SAFETY: allocated in `make` with this layout, stored once; `&mut self` excludes references.
            unsafe { dealloc(table.cast(), layout) };
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    fn words(table: &LateTable<AtomicU32>) -> Vec<u32> {
        table.iter().map(|word| word.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn it_has_no_places_until_one_is_used_and_then_all() {
        let table = LateTable::<AtomicU32>::new();
        assert!(table.get(0).is_none() && table.get(usize::MAX).is_none());
        assert!(words(&table).is_empty());
        assert!(table.get_or_make(3, 3).is_none());
        table.get_or_make(3, 1).unwrap().store(7, Ordering::Relaxed);
        assert_eq!(words(&table), [0, 7, 0]);
        assert!(table.get(3).is_none() && table.get(usize::MAX).is_none());
    }

    #[test]
    fn threads_that_make_it_at_once_share_one() {
        for _ in 0..50 {
            let table = LateTable::<AtomicU32>::new();
            let start = std::sync::Barrier::new(4);
            std::thread::scope(|scope| {
                for index in 0..4_u32 {
                    let (table, start) = (&table, &start);
                    scope.spawn(move || {
                        start.wait();
                        let place = table.get_or_make(4, index as usize).unwrap();
                        assert_eq!(place.swap(1 + index, Ordering::Relaxed), 0);
                    });
                }
            });
            assert_eq!(words(&table), [1, 2, 3, 4]);
        }
    }
}
