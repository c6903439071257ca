#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use super::{AtomicPtr, AtomicUsize, Mutex, Ordering, lock};

/// Elements in the first segment; each further segment is twice the one before.
const FIRST: usize = 8;
const FIRST_BITS: u32 = FIRST.trailing_zeros();
/// How many elements fit into some segments.
pub(crate) const fn capacity(segments: u32) -> usize {
    FIRST * ((1 << segments) - 1)
}

/// An append-only vector that is read without a lock, while it grows, and whose elements never move.
///
/// It holds [`capacity`] elements at most: sixteen million, unless it is made for less.
pub(crate) struct AppendVec<T, const SEGMENTS: usize = 21> {
    /// Segment `s` holds `FIRST << s` elements, and is null until the first of them is pushed.
    ///
    /// # Protocol
    ///
    /// Writers are serialised by `push`. A writer stores the segment's pointer (release) if it made
    /// it, writes the element, and then stores the new `len` (release). A reader loads `len`
    /// (acquire) and touches only elements below it: their segment and their contents
    /// happened before. Nothing is moved or freed before `Drop`, which has the vector to itself.
    segments: [AtomicPtr<MaybeUninit<T>>; SEGMENTS],
    len: AtomicUsize,
    push: Mutex<()>,
}

// SAFETY: elements are handed out as `&T` to any thread (T: Sync) and dropped by whichever thread
// drops the vector, after having been pushed by another (T: Send).
unsafe impl<T: Send + Sync, const SEGMENTS: usize> Sync for AppendVec<T, SEGMENTS> {}
// SAFETY: as above; the vector owns its elements.
unsafe impl<T: Send, const SEGMENTS: usize> Send for AppendVec<T, SEGMENTS> {}

/// The segment that element `index` is in, and its place there.
#[inline]
fn locate(index: usize) -> (usize, usize) {
    let shifted = index + FIRST;
    let segment = (usize::BITS - 1 - shifted.leading_zeros() - FIRST_BITS) as usize;
    (segment, shifted - (FIRST << segment))
}

impl<T, const SEGMENTS: usize> AppendVec<T, SEGMENTS> {
    pub(crate) fn new() -> Self {
        AppendVec {
            segments: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            len: AtomicUsize::new(0),
            push: Mutex::new(()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// Appends, and says where; gives the value back when the vector is full.
    pub(crate) fn push(&self, value: T) -> Result<usize, T> {
        let _writer = lock(&self.push);
        self.push_as_writer(value)
    }

    /// As `push`, whose lock the caller holds.
    fn push_as_writer(&self, value: T) -> Result<usize, T> {
        let index = self.len.load(Ordering::Relaxed);
        let (segment, offset) = locate(index);
        if segment >= SEGMENTS {
            return Err(value);
        }
        let mut base = self.segments[segment].load(Ordering::Relaxed);
        if base.is_null() {
            let fresh: Box<[MaybeUninit<T>]> = Box::new_uninit_slice(FIRST << segment);
            base = Box::into_raw(fresh).cast();
            self.segments[segment].store(base, Ordering::Release);
        }
        // SAFETY: `base` points to `FIRST << segment` elements and `locate` keeps `offset` below
        // that; this element is not yet below `len`, so no reader looks at it, and the lock keeps
        // other writers away.
        unsafe { base.add(offset).write(MaybeUninit::new(value)) };
        self.len.store(index + 1, Ordering::Release);
        Ok(index)
    }

    /// Appends values one after the other in memory, and says where the first is; `None` when there is no
    /// room for them.
    ///
    /// A run lies in one segment: what is too small at the end of the last is filled with copies.
    pub(crate) fn push_run(&self, values: &[T]) -> Option<usize>
    where
        T: Clone,
    {
        let filler = values.first()?;
        let _writer = lock(&self.push);
        loop {
            let (segment, offset) = locate(self.len());
            if offset + values.len() <= FIRST << segment || segment >= SEGMENTS {
                break;
            }
            self.push_as_writer(filler.clone()).ok()?;
        }
        let first = self.push_as_writer(filler.clone()).ok()?;
        for value in &values[1..] {
            self.push_as_writer(value.clone()).ok()?;
        }
        Some(first)
    }

    /// Puts a value in the place of an element, which is given back.
    ///
    /// # Safety
    ///
    /// Nobody has a reference to the element, and nobody takes one before this has returned.
    pub(crate) unsafe fn replace(&self, index: usize, value: T) -> Option<T> {
        let _writer = lock(&self.push);
        (index < self.len()).then(|| {
            let (segment, offset) = locate(index);
            let base = self.segments[segment].load(Ordering::Relaxed);
            // SAFETY: as in `get`; that nobody else looks at it is the caller's promise.
            unsafe { (*base.add(offset)).as_mut_ptr().replace(value) }
        })
    }

    /// Makes the elements unreachable, and says how many there were; they stay where they are.
    pub(crate) fn hide(&self) -> usize {
        self.len.swap(0, Ordering::AcqRel)
    }

    /// Makes the elements reachable again that [`hide`](Self::hide) counted. The caller saw to it that nobody pushed meanwhile.
    pub(crate) fn show(&self, len: usize) {
        self.len.store(len, Ordering::Release);
    }

    /// Drops the elements that [`hide`](Self::hide) counted; their memory is kept for others.
    ///
    /// # Safety
    ///
    /// Nobody has a reference to any, or is about to take one that was reachable before; nobody pushed meanwhile.
    pub(crate) unsafe fn drop_hidden(&self, len: usize) {
        for index in 0..len {
            let (segment, offset) = locate(index);
            let base = self.segments[segment].load(Ordering::Relaxed);
            // SAFETY: it was written, for it was below the length; that nobody looks at it is the caller's promise, and
            // since the length is zero it is not dropped again.
            unsafe { (*base.add(offset)).assume_init_drop() };
        }
    }

    /// The place of an element.
    ///
    /// # Safety
    ///
    /// They are of an index below a length that was read with acquire.
    #[inline(always)]
    unsafe fn place(&self, segment: usize, offset: usize) -> NonNull<MaybeUninit<T>> {
        // SAFETY: an element that was pushed is in one of the segments, whose pointer was stored before the length, and never
        // changes again (see the field).
        unsafe {
            let base = self.segments.get_unchecked(segment).load(Ordering::Relaxed);
            NonNull::new_unchecked(base).add(offset)
        }
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        if index >= self.len() {
            return None;
        }
        let (segment, offset) = locate(index);
        // SAFETY: `index < len` was read with acquire, so the element was written before, and does not change again.
        Some(unsafe { self.place(segment, offset).as_ref().assume_init_ref() })
    }

    /// The elements of a run; `None` if they are not all there, or not in one segment.
    #[inline]
    pub(crate) fn run(&self, index: usize, len: usize) -> Option<&[T]> {
        let (segment, offset) = locate(index);
        if len == 0 || index + len > self.len() || offset + len > FIRST << segment {
            return None;
        }
        // SAFETY: as in `get`, for all of the run: it ends below `len` and within its segment.
        Some(unsafe { NonNull::slice_from_raw_parts(self.place(segment, offset).cast::<T>(), len).as_ref() })
    }

    /// The elements there are now, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.len()).map_while(|index| self.get(index))
    }

    /// Those from an index on, each with its own: to begin late costs nothing.
    pub(crate) fn iter_from(&self, first: usize) -> impl Iterator<Item = (usize, &T)> {
        (first..self.len()).map_while(|index| Some((index, self.get(index)?)))
    }

    /// Those from an index on, each with its own, that are in one segment, and no more than `most`; none past the end. For who has
    /// many to go through: where the segment is is looked up once.
    #[inline]
    pub(crate) fn piece_from(&self, first: usize, most: usize) -> impl Iterator<Item = (usize, &T)> {
        let (segment, offset) = locate(first);
        let start = first - offset;
        let end = self.len().min(start + (FIRST << segment)).min(first.saturating_add(most));
        let base = self.segments.get(segment).map_or(ptr::null_mut(), |base| base.load(Ordering::Relaxed));
        (first..end).map(move |index| {
            // SAFETY: as in `get`: `index` is below the length that was read, and in the segment that begins at `start`.
            (index, unsafe { (*base.add(index - start)).assume_init_ref() })
        })
    }
}

impl<T, const SEGMENTS: usize> Drop for AppendVec<T, SEGMENTS> {
    fn drop(&mut self) {
        let mut left = self.len.load(Ordering::Acquire);
        for (segment, slot) in self.segments.iter().enumerate() {
            let base = slot.load(Ordering::Acquire);
            if base.is_null() {
                break;
            }
            let size = FIRST << segment;
            let used = left.min(size);
            left -= used;
            // SAFETY: `push` made this allocation as a boxed slice of `size` elements, of which the
            // first `used` were written; `&mut self` means nobody looks at them any more.
            unsafe {
                ptr::drop_in_place(ptr::slice_from_raw_parts_mut(base.cast::<T>(), used));
                drop(Box::from_raw(ptr::slice_from_raw_parts_mut(base, size)));
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn elements_come_back_in_order_and_are_dropped_once() {
        let witness = Arc::new(());
        let vec: AppendVec<_> = AppendVec::new();
        for expected in 0..1000_usize {
            assert_eq!(vec.push((expected, Arc::clone(&witness))).ok(), Some(expected));
        }
        assert_eq!(vec.len(), 1000);
        assert!(vec.iter().map(|(n, _)| *n).eq(0..1000));
        assert!(vec.get(1000).is_none());
        drop(vec);
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn what_is_replaced_or_hidden_is_dropped_once() {
        let (old, new) = (Arc::new(()), Arc::new(()));
        let vec: AppendVec<_> = AppendVec::new();
        (0..20).for_each(|_| drop(vec.push(Arc::clone(&old))));
        // SAFETY: this test alone has the vector.
        unsafe { vec.replace(3, Arc::clone(&new)) };
        assert_eq!((Arc::strong_count(&old), Arc::strong_count(&new)), (20, 2));
        assert!(Arc::ptr_eq(vec.get(3).unwrap(), &new));
        let hidden = vec.hide();
        assert_eq!((hidden, vec.len()), (20, 0));
        assert!(vec.get(3).is_none());
        vec.show(hidden);
        assert!(Arc::ptr_eq(vec.get(3).unwrap(), &new));
        let hidden = vec.hide();
        // SAFETY: as above.
        unsafe { vec.drop_hidden(hidden) };
        assert_eq!((Arc::strong_count(&old), Arc::strong_count(&new)), (1, 1));
        assert_eq!(vec.push(Arc::clone(&old)).ok(), Some(0));
        drop(vec);
        assert_eq!(Arc::strong_count(&old), 1);
    }

    #[test]
    fn a_run_lies_in_one_segment_and_is_read_whole() {
        let vec: AppendVec<u32, 3> = AppendVec::new();
        let mut runs = Vec::new();
        for n in 0.. {
            let run = [3 * n, 3 * n + 1, 3 * n + 2];
            let Some(first) = vec.push_run(&run) else { break };
            runs.push((first, run));
        }
        // Two, five and ten in the segments of 8, 16 and 32, and the rest of each filled up.
        assert_eq!(runs.len(), 2 + 5 + 10);
        for (first, run) in runs {
            assert_eq!(vec.run(first, 3), Some(&run[..]));
        }
        assert_eq!(vec.run(7, 1), vec.get(7).map(std::slice::from_ref));
        assert_eq!(vec.run(7, 2), None, "across segments");
        assert_eq!(vec.run(54, 3), None, "past the end");
        assert_eq!(vec.push_run(&[]), None);
    }

    #[test]
    fn pieces_are_the_elements_of_one_segment_after_the_other() {
        let vec: AppendVec<usize, 4> = AppendVec::new();
        assert_eq!(vec.piece_from(0, 9).count(), 0);
        for len in [1, 8, 9, 23, 24, 30, capacity(4)] {
            (vec.len()..len).for_each(|n| assert_eq!(vec.push(n), Ok(n)));
            for first in 0..=len {
                let (mut next, mut pieces) = (first, 0);
                while next < len {
                    let before = next;
                    for (index, element) in vec.piece_from(before, 50) {
                        assert_eq!((index, *element), (next, next));
                        next += 1;
                    }
                    assert!(next > before && next <= before + 50);
                    assert_eq!(vec.piece_from(before, 3).count(), 3.min(next - before));
                    pieces += 1;
                }
                assert_eq!(vec.piece_from(next, 9).count(), 0);
                assert!(pieces <= 5, "the last segment in two");
            }
        }
    }

    #[test]
    fn every_index_below_the_capacity_has_a_place_of_its_own() {
        let mut expected = (0, 0);
        for index in 0..5000 {
            assert_eq!(locate(index), expected);
            expected.1 += 1;
            if expected.1 == FIRST << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::sync::{AtomicU64, explore};
    use loom::sync::Arc;

    #[test]
    fn a_reader_sees_whole_elements_in_order_while_two_writers_push() {
        explore(None, || {
            // Of atomics, so that loom reports who sees one before it was made.
            let vec: Arc<AppendVec<AtomicU64>> = Arc::new(AppendVec::new());
            let values = |vec: &AppendVec<AtomicU64>| -> Vec<u64> {
                vec.iter().map(|n| n.load(Ordering::Relaxed)).collect()
            };
            let push = |vec: &AppendVec<AtomicU64>, n| vec.push(AtomicU64::new(n)).is_ok();
            let writer = {
                let vec = Arc::clone(&vec);
                loom::thread::spawn(move || push(&vec, 1))
            };
            let reader = {
                let vec = Arc::clone(&vec);
                loom::thread::spawn(move || {
                    let seen = values(&vec);
                    assert!(values(&vec).starts_with(&seen));
                })
            };
            assert!(push(&vec, 0));
            assert!(writer.join().unwrap());
            reader.join().unwrap();
            let mut all = values(&vec);
            all.sort_unstable();
            assert_eq!(all, [0, 1]);
        });
    }
}
