#![allow(unsafe_code)]

use std::ptr;

use super::{AtomicPtr, AtomicU32, Mutex, Ordering, lock};

/// What an index maps a hash to: a number of up to 24 bits, but for the highest.
pub(crate) type Payload = u32;

/// One number is for empty slots.
const MOST_PAYLOAD: Payload = (1 << PAYLOAD_BITS) - 2;
const PAYLOAD_BITS: u32 = 24;

const FIRST_SLOTS: usize = 16;

/// A hash index from 32-bit hashes to payloads that is read without a lock while it grows.
///
/// It keeps neither keys nor values, and eight bits of each hash: whoever asks verifies each candidate, and whoever
/// adds one can say the hashes of those before. Entries are never removed.
pub(crate) struct Index {
    /// The current table, null until the first insert.
    ///
    /// # Protocol
    ///
    /// Writers are serialised by `count`. A slot goes from empty to its entry once (release) and
    /// never changes again, and what the entry's payload refers to was published before it. When a
    /// table is three quarters full the writer fills one twice its size and publishes that
    /// (release). A reader loads the table (acquire) and probes linearly until it meets an empty
    /// slot (acquire loads). A reader still in an old table may miss an entry made since; it then
    /// takes the caller's slow path, which looks again under the caller's own lock. Old tables are
    /// kept until `Drop`: together they are smaller than the current one.
    table: AtomicPtr<Table>,
    count: Mutex<usize>,
}

struct Table {
    slots: Box<[AtomicU32]>,
    previous: *mut Table,
}

/// High eight bits: the hash's. The others: the payload plus one, so that zero is an empty slot.
fn entry(hash: u32, payload: Payload) -> u32 {
    hash >> PAYLOAD_BITS << PAYLOAD_BITS | (payload + 1)
}

fn payload(entry: u32) -> Payload {
    (entry & ((1 << PAYLOAD_BITS) - 1)).wrapping_sub(1)
}

impl Table {
    fn new(size: usize, previous: *mut Table) -> Self {
        Table { slots: (0..size).map(|_| AtomicU32::new(0)).collect(), previous }
    }

    fn mask(&self) -> usize {
        self.slots.len() - 1
    }

    /// Stores an entry in the first empty slot; the caller made sure that there is one.
    fn place(&self, hash: u32, entry: u32) {
        let mut at = hash as usize & self.mask();
        while self.slots[at].load(Ordering::Relaxed) != 0 {
            at = (at + 1) & self.mask();
        }
        self.slots[at].store(entry, Ordering::Release);
    }
}

// SAFETY: the raw pointers are to tables that this index owns and frees only in `Drop`; everything
// in them is atomic.
unsafe impl Send for Index {}
// SAFETY: as above; writers are serialised by `count`.
unsafe impl Sync for Index {}

impl Index {
    pub(crate) fn new() -> Self {
        Index { table: AtomicPtr::new(ptr::null_mut()), count: Mutex::new(0) }
    }

    /// The payloads under `hash`, for the caller to verify.
    #[inline(always)]
    pub(crate) fn candidates(&self, hash: u32) -> Candidates<'_> {
        let table = self.table.load(Ordering::Acquire);
        // SAFETY: a published table lives until `Drop`.
        let slots = unsafe { table.as_ref() }.map_or(&[][..], |table| &table.slots);
        Candidates { slots, at: hash as usize, hash }
    }

    /// Adds an entry, which the caller knows not to be there yet; `hash_of` says what another was added under.
    pub(crate) fn insert(&self, hash: u32, added: Payload, hash_of: impl Fn(Payload) -> u32) {
        debug_assert!(added <= MOST_PAYLOAD, "callers have no more than that");
        let mut count = lock(&self.count);
        let mut current = self.table.load(Ordering::Relaxed);
        // SAFETY: a published table lives until `Drop`.
        let old = unsafe { current.as_ref() }.map_or(&[][..], |table| &table.slots);
        if (*count + 1) * 4 > old.len() * 3 {
            let grown = Table::new((old.len() * 2).max(FIRST_SLOTS), current);
            for entry in old.iter().map(|slot| slot.load(Ordering::Relaxed)).filter(|entry| *entry != 0) {
                grown.place(hash_of(payload(entry)), entry);
            }
            current = Box::into_raw(Box::new(grown));
            self.table.store(current, Ordering::Release);
        }
        // SAFETY: as above; the table has an empty slot, since it is at most three quarters full.
        unsafe { &*current }.place(hash, entry(hash, added));
        *count += 1;
    }
}

/// The payloads under a hash; see [`Index::candidates`].
pub(crate) struct Candidates<'a> {
    slots: &'a [AtomicU32],
    at: usize,
    hash: u32,
}

impl Iterator for Candidates<'_> {
    type Item = Payload;

    #[inline(always)]
    fn next(&mut self) -> Option<Payload> {
        loop {
            // The length is a power of two, or zero; then nothing is there to get.
            let slot = self.slots.get(self.at & self.slots.len().wrapping_sub(1))?;
            let entry = slot.load(Ordering::Acquire);
            if entry == 0 {
                return None;
            }
            self.at += 1;
            if (entry ^ self.hash) >> PAYLOAD_BITS == 0 {
                return Some(payload(entry));
            }
        }
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        let mut table = self.table.load(Ordering::Acquire);
        while !table.is_null() {
            // SAFETY: `insert` made every table of the chain with `Box::into_raw`, each is linked
            // once, and `&mut self` means that no reader is left.
            let owned = unsafe { Box::from_raw(table) };
            table = owned.previous;
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn finds_every_entry_through_growth_and_collisions() {
        let index = Index::new();
        assert_eq!(index.candidates(7).next(), None);
        // Few distinct hashes, so that most entries collide with others.
        let hash_of = |payload: Payload| (payload % 613).wrapping_mul(0x9e37_79b9);
        let payloads = || (0..10_000).chain([MOST_PAYLOAD]);
        for payload in payloads() {
            index.insert(hash_of(payload), payload, hash_of);
        }
        for payload in payloads() {
            assert!(index.candidates(hash_of(payload)).any(|found| found == payload));
        }
        assert_eq!(index.candidates(hash_of(613) ^ 0xff00_0000).next(), None);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::sync::AppendVec;
    use loom::sync::Arc;

    #[test]
    fn an_entry_that_is_found_refers_to_something_published() {
        loom::model(|| {
            let shared = Arc::new((AppendVec::<_>::new(), Index::new()));
            let writer = {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || {
                    let id = shared.0.push(Box::new(42)).ok().unwrap();
                    shared.1.insert(9, id as u32, |_| 9);
                })
            };
            let found = shared.1.candidates(9).find(|id| **shared.0.get(*id as usize).unwrap() == 42);
            assert!(found.is_none() || found == Some(0));
            writer.join().unwrap();
            assert_eq!(shared.1.candidates(9).next(), Some(0));
        });
    }
}
