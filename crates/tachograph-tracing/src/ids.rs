//! Which of our numbers a span of another registry has.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::FixedState;

use crate::core::Core;

/// A power of two.
const SHARDS: usize = 32;
const RECENT: usize = 16;

thread_local! {
    /// What this thread has looked up lately: core, foreign id, number. A number that finds its slot is still that id's,
    /// since a slot's next use has another number.
    static LATELY: [Cell<(u64, u64, u64)>; RECENT] = const { [const { Cell::new((0, 0, 0)) }; RECENT] };
}

type Map = HashMap<u64, u64, FixedState>;

/// Foreign ids and our numbers. The bound is that of the foreign registry: what closes there is removed here.
pub(crate) struct Numbers {
    shards: [Mutex<Map>; SHARDS],
}

impl Default for Numbers {
    fn default() -> Self {
        // Ids are not chosen by anyone outside, so that the hash needs no secret.
        Numbers { shards: std::array::from_fn(|_| Mutex::new(Map::with_hasher(FixedState::default()))) }
    }
}

#[inline]
fn place(id: u64) -> usize {
    (id ^ (id >> 38)) as usize
}

impl Numbers {
    fn shard(&self, id: u64) -> MutexGuard<'_, Map> {
        self.shards[place(id) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn insert(&self, core: &Core, id: u64, number: u64) {
        self.shard(id).insert(id, number);
        let _ = LATELY.try_with(|lately| lately[place(id) % RECENT].set((core.id, id, number)));
    }

    #[inline]
    pub(crate) fn get(&self, core: &Core, id: u64) -> Option<u64> {
        let known = LATELY.try_with(|lately| lately[place(id) % RECENT].get()).unwrap_or_default();
        if (known.0, known.1) == (core.id, id) && core.table.get(known.2).is_some() {
            return Some(known.2);
        }
        let number = *self.shard(id).get(&id)?;
        let _ = LATELY.try_with(|lately| lately[place(id) % RECENT].set((core.id, id, number)));
        Some(number)
    }

    pub(crate) fn remove(&self, core: &Core, id: u64) -> Option<u64> {
        let _ = core;
        self.shard(id).remove(&id)
    }
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbers").finish_non_exhaustive()
    }
}
