//! Which of our numbers a span of another registry has.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::FixedState;

use crate::sync::{AtomicU64, Ordering};

/// Places for one id each; a power of two.
const PLACES: usize = if cfg!(loom) { 2 } else { 4_096 };

/// Maps for ids whose place is taken; a power of two.
const SHARDS: usize = if cfg!(loom) { 1 } else { 16 };

/// An id that no registry gives: somebody is writing here.
const CLAIMED: u64 = u64::MAX;

/// A place for an id. It is empty (zero), claimed by who is about to fill it, or holds an id with its number. An id is
/// here from the span's creation to its close, and asked for in between only, so that who finds it finds its number.
#[derive(Default)]
struct Place {
    id: AtomicU64,
    number: AtomicU64,
}

type Map = HashMap<u64, u64, FixedState>;

/// Foreign ids and our numbers. The bound is that of the foreign registry: what closes there is removed here.
pub(crate) struct Numbers {
    places: Box<[Place]>,
    shards: [Mutex<Map>; SHARDS],
}

impl Default for Numbers {
    fn default() -> Self {
        // Ids are not chosen by anyone outside, so that the hash needs no secret.
        Numbers {
            places: std::iter::repeat_with(Place::default).take(PLACES).collect(),
            shards: std::array::from_fn(|_| Mutex::new(Map::with_hasher(FixedState::default()))),
        }
    }
}

/// The stock registry's ids have an index in the low bits, which is used again, and the thread's above that: one thread's
/// ids are near each other, and apart from others'.
#[inline]
fn spread(id: u64) -> usize {
    id.wrapping_add((id >> 38 & 0xfff).wrapping_mul(257)) as usize
}

impl Numbers {
    #[inline]
    fn place(&self, id: u64) -> &Place {
        &self.places[spread(id) % PLACES]
    }

    #[cold]
    fn shard(&self, id: u64) -> MutexGuard<'_, Map> {
        self.shards[spread(id) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    pub(crate) fn insert(&self, id: u64, number: u64) {
        let place = self.place(id);
        let free = place.id.load(Ordering::Relaxed) == 0
            && place.id.compare_exchange(0, CLAIMED, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if free {
            place.number.store(number, Ordering::Relaxed);
            place.id.store(id, Ordering::Release);
        } else {
            self.shard(id).insert(id, number);
        }
    }

    #[inline]
    pub(crate) fn get(&self, id: u64) -> Option<u64> {
        let place = self.place(id);
        match place.id.load(Ordering::Acquire) == id {
            true => Some(place.number.load(Ordering::Relaxed)),
            false => self.shard(id).get(&id).copied(),
        }
    }

    #[inline]
    pub(crate) fn remove(&self, id: u64) -> Option<u64> {
        let place = self.place(id);
        if place.id.load(Ordering::Acquire) == id {
            let number = place.number.load(Ordering::Relaxed);
            place.id.store(0, Ordering::Release);
            return Some(number);
        }
        self.shard(id).remove(&id)
    }
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbers").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn ids_find_their_numbers_also_where_they_share_a_place() {
        let numbers = Numbers::default();
        let ids: Vec<u64> = (1..=3 * PLACES as u64).chain([1 << 40, 1 << 63]).collect();
        ids.iter().for_each(|id| numbers.insert(*id, id ^ 7));
        assert!(ids.iter().all(|id| numbers.get(*id) == Some(id ^ 7)));
        let (removed, kept) = ids.split_at(ids.len() / 2);
        assert!(removed.iter().all(|id| numbers.remove(*id) == Some(id ^ 7)));
        assert!(removed.iter().all(|id| numbers.get(*id).is_none() && numbers.remove(*id).is_none()));
        assert!(kept.iter().all(|id| numbers.get(*id) == Some(id ^ 7)));
    }

    #[test]
    fn threads_that_share_places_find_their_own() {
        let numbers = Numbers::default();
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let numbers = &numbers;
                scope.spawn(move || {
                    for turn in 0..20_000 {
                        let id = 1 + turn % 50 + PLACES as u64 * (1 + thread);
                        numbers.insert(id, turn + 1);
                        assert_eq!(numbers.get(id), Some(turn + 1));
                        assert_eq!(numbers.remove(id), Some(turn + 1));
                    }
                });
            }
        });
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;
    use tachograph_sdk::explore;

    use super::*;

    #[test]
    fn who_shares_a_place_finds_its_own() {
        explore(3, || {
            let numbers = Arc::new(Numbers::default());
            let threads: Vec<_> = (0..2_u64)
                .map(|number| {
                    let numbers = Arc::clone(&numbers);
                    thread::spawn(move || {
                        let id = 2 + 2 * number;
                        numbers.insert(id, 10 + id);
                        assert_eq!(numbers.get(id), Some(10 + id));
                        assert_eq!(numbers.remove(id), Some(10 + id));
                        assert_eq!(numbers.get(id), None);
                    })
                })
                .collect();
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }
}
