use std::cell::RefCell;
use std::fmt;
use std::num::NonZeroU64;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::sync::{AppendVec, Mutex, lock};

/// Places for what lives a while and is named by a number: spans of a `tracing` subscriber.
///
/// A place is made once, with `T::default()`, and used again and again; nothing is freed before all of it is. A
/// number names one use of a place, so that an old one finds nothing. Finding is a look into two arrays, without a lock;
/// taking and giving back go through a list of the thread's own.
///
/// `T` brings what locks it needs: who finds a place has a shared reference to it, and others may.
pub struct Slots<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    id: u64,
    limit: usize,
    places: AppendVec<Place<T>>,
    /// Places that no thread has in its list.
    free: Mutex<Vec<u32>>,
}

struct Place<T> {
    /// How often it was given back; part of the number.
    generation: AtomicU32,
    value: T,
}

/// How many free places a thread keeps, and how many it takes or leaves at once.
const KEPT: usize = 64;
const MOVED: usize = 32;

/// Numbers all `Slots` from one.
static IDS: AtomicU64 = AtomicU64::new(1);

/// A thread's own list of free places.
struct Own {
    id: u64,
    free: RefCell<Vec<u32>>,
    back: Box<dyn Back>,
}

/// Where places go when their thread ends.
trait Back {
    fn give_back(&self, free: &[u32]);
    fn is_gone(&self) -> bool;
}

impl<T: Send + Sync> Back for std::sync::Weak<Shared<T>> {
    fn give_back(&self, free: &[u32]) {
        if let Some(shared) = self.upgrade() {
            lock(&shared.free).extend_from_slice(free);
        }
    }

    fn is_gone(&self) -> bool {
        self.strong_count() == 0
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.back.give_back(&self.free.borrow());
    }
}

thread_local! {
    static OWN: RefCell<Vec<Rc<Own>>> = const { RefCell::new(Vec::new()) };
}

impl<T: Default + Send + Sync + 'static> Slots<T> {
    /// At most so many places; 16 million in any case.
    pub fn new(limit: usize) -> Self {
        Slots {
            shared: Arc::new(Shared {
                id: IDS.fetch_add(1, Ordering::Relaxed),
                limit,
                places: AppendVec::new(),
                free: Mutex::new(Vec::new()),
            }),
        }
    }

    /// Takes a place, which `init` sets up, and returns its number; `None` where all are taken. Its value is as its last use
    /// left it.
    #[inline]
    pub fn insert(&self, init: impl FnOnce(&T)) -> Option<NonZeroU64> {
        let index = match self.own() {
            Some(own) => {
                let mut free = own.free.try_borrow_mut().ok()?;
                if free.is_empty() {
                    self.refill(&mut free);
                }
                free.pop()
            }
            None => lock(&self.shared.free).pop().or_else(|| self.grow()),
        }?;
        let place = self.shared.places.get(index as usize)?;
        init(&place.value);
        NonZeroU64::new(u64::from(place.generation.load(Ordering::Relaxed)) << 32 | (u64::from(index) + 1))
    }

    /// The place of a number, until that is removed.
    #[inline]
    pub fn get(&self, number: u64) -> Option<&T> {
        let (index, generation) = parts(number)?;
        let place = self.shared.places.get(index as usize)?;
        (place.generation.load(Ordering::Acquire) == generation).then_some(&place.value)
    }

    /// Gives a place back; whoever has found it meanwhile may go on using it. Says whether the number was still good, which it is
    /// for one caller only.
    #[inline]
    pub fn remove(&self, number: u64) -> bool {
        let Some((index, generation)) = parts(number) else {
            return false;
        };
        let Some(place) = self.shared.places.get(index as usize) else {
            return false;
        };
        let next = generation.wrapping_add(1);
        if place.generation.compare_exchange(generation, next, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return false;
        }
        match self.own() {
            Some(own) => {
                if let Ok(mut free) = own.free.try_borrow_mut() {
                    if free.len() >= KEPT {
                        let surplus = free.len() - MOVED;
                        lock(&self.shared.free).extend(free.drain(surplus..));
                    }
                    free.push(index);
                }
            }
            None => lock(&self.shared.free).push(index),
        }
        true
    }

    /// How many places were ever taken at once, at least.
    pub fn places(&self) -> usize {
        self.shared.places.len()
    }

    #[cold]
    fn refill(&self, free: &mut Vec<u32>) {
        {
            let mut shared = lock(&self.shared.free);
            let left = shared.len().saturating_sub(MOVED);
            free.extend(shared.drain(left..));
        }
        if free.is_empty() {
            free.extend(self.grow());
        }
    }

    /// One more place.
    fn grow(&self) -> Option<u32> {
        let places = &self.shared.places;
        if places.len() >= self.shared.limit {
            return None;
        }
        let index = places.push(Place { generation: AtomicU32::new(0), value: T::default() }).ok()?;
        u32::try_from(index).ok()
    }

    #[inline]
    fn own(&self) -> Option<Rc<Own>> {
        OWN.try_with(|own| {
            let mut own = own.try_borrow_mut().ok()?;
            if let Some(own) = own.iter().find(|own| own.id == self.shared.id) {
                return Some(Rc::clone(own));
            }
            own.retain(|own| !own.back.is_gone());
            let new = Rc::new(Own {
                id: self.shared.id,
                free: RefCell::new(Vec::with_capacity(KEPT + 1)),
                back: Box::new(Arc::downgrade(&self.shared)),
            });
            own.push(Rc::clone(&new));
            Some(new)
        })
        .ok()
        .flatten()
    }
}

/// The index and the generation in a number.
#[inline]
fn parts(number: u64) -> Option<(u32, u32)> {
    Some(((number as u32).checked_sub(1)?, (number >> 32) as u32))
}

impl<T> fmt::Debug for Slots<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots").field("limit", &self.shared.limit).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn a_number_finds_its_place_until_it_is_removed_and_never_another() {
        let slots = Slots::<AtomicUsize>::new(10);
        let first = slots.insert(|value| value.store(1, Ordering::Relaxed)).unwrap().get();
        assert_eq!(slots.get(first).unwrap().load(Ordering::Relaxed), 1);
        assert!(slots.remove(first));
        assert!(!slots.remove(first));
        let second = slots.insert(|value| value.store(2, Ordering::Relaxed)).unwrap().get();
        assert_ne!(first, second);
        assert!(slots.get(first).is_none());
        assert_eq!(slots.get(second).unwrap().load(Ordering::Relaxed), 2);
        assert_eq!(slots.places(), 1, "the place is used again");
        for number in [0, u64::MAX, 1 << 32] {
            assert!(slots.get(number).is_none() && !slots.remove(number), "{number}");
        }
    }

    #[test]
    fn there_are_no_more_places_than_the_limit_and_ended_threads_leave_theirs() {
        let slots = Arc::new(Slots::<AtomicUsize>::new(100));
        let mut numbers: Vec<u64> =
            std::iter::from_fn(|| slots.insert(|_| ())).map(NonZeroU64::get).collect();
        assert_eq!(numbers.len(), 100);
        let other = Arc::clone(&slots);
        let gone = numbers.split_off(50);
        std::thread::spawn(move || gone.into_iter().for_each(|number| assert!(other.remove(number))))
            .join()
            .unwrap();
        numbers.extend(std::iter::from_fn(|| slots.insert(|_| ())).map(NonZeroU64::get));
        assert_eq!(numbers.len(), 100, "what the other thread gave back is here again");
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 100);
    }
}
