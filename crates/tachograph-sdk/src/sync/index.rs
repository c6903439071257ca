#![allow(unsafe_code)]

use std::ptr;

use super::{AtomicPtr, AtomicU32, Mutex, Ordering, lock};

/// What an index maps a hash to: a number of up to 24 bits, but for the highest.
pub(crate) type Payload = u32;

/// Two numbers are for slots that are empty, and for those whose entry was removed.
const MOST_PAYLOAD: Payload = (1 << PAYLOAD_BITS) - 3;
/// The slot of an entry that was removed: probing goes on beyond it, and a new entry may take it. Should its missing hash be
/// somebody's, its payload is nobody's.
const REMOVED: u32 = (1 << PAYLOAD_BITS) - 1;
const PAYLOAD_BITS: u32 = 24;

const FIRST_SLOTS: usize = if cfg!(loom) { 2 } else { 16 };

/// A hash index from 32-bit hashes to payloads that is read without a lock while it grows.
///
/// It keeps neither keys nor values, and eight bits of each hash: whoever asks verifies each candidate, and whoever
/// adds one can say the hashes of those before.
pub(crate) struct Index {
    /// The current table, null until the first insert.
    ///
    /// # Protocol
    ///
    /// Writers are serialised by `count`. A slot goes from empty to its entry (release), and what the
    /// entry's payload refers to was published before it; an entry may be removed, and its slot taken by
    /// another, but no slot becomes empty again, so that probing never ends too early. When a table is three quarters full the writer fills one twice its size and publishes that
    /// (release). A reader loads the table (acquire) and probes linearly until it meets an empty
    /// slot (acquire loads). A reader still in an old table may miss an entry made since; it then
    /// takes the caller's slow path, which looks again under the caller's own lock. Old tables are
    /// kept until `Drop`, or until somebody knows that nobody reads them: together they are smaller than the
    /// current one, unless entries were removed.
    table: AtomicPtr<Table>,
    /// How many slots of the table are not empty.
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

    /// Stores an entry in the first free slot, and says whether that was empty; the caller made sure that there is one.
    fn place(&self, hash: u32, entry: u32) -> bool {
        let mut at = hash as usize & self.mask();
        loop {
            let before = self.slots[at].load(Ordering::Relaxed);
            if before == 0 || before == REMOVED {
                self.slots[at].store(entry, Ordering::Release);
                return before == 0;
            }
            at = (at + 1) & self.mask();
        }
    }

    fn entries(&self) -> impl Iterator<Item = u32> {
        self.slots
            .iter()
            .map(|slot| slot.load(Ordering::Relaxed))
            .filter(|entry| !matches!(*entry, 0 | REMOVED))
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
        // SAFETY: a published table lives until `Drop`, or until nobody reads it.
        let slots = unsafe { table.as_ref() }.map_or(&[][..], |table| &table.slots);
        Candidates { slots, at: hash as usize, hash }
    }

    /// Adds an entry, which the caller knows not to be there yet; `hash_of` says what another was added under. Says whether there
    /// is an old table since.
    pub(crate) fn insert(&self, hash: u32, added: Payload, hash_of: impl Fn(Payload) -> u32) -> bool {
        debug_assert!(added <= MOST_PAYLOAD, "callers have no more than that");
        let mut count = lock(&self.count);
        let mut current = self.table.load(Ordering::Relaxed);
        // SAFETY: a published table lives until `Drop`, or until nobody reads it.
        let old = unsafe { current.as_ref() };
        let len = old.map_or(0, |table| table.slots.len());
        let grows = (*count + 1) * 4 > len * 3;
        if grows {
            let live = old.map_or(0, |table| table.entries().count());
            // Where much was removed, the new one is only cleaner.
            let size = if live * 2 < len { len } else { len * 2 };
            let grown = Table::new(size.max(FIRST_SLOTS), current);
            for entry in old.into_iter().flat_map(Table::entries) {
                grown.place(hash_of(payload(entry)), entry);
            }
            *count = live;
            current = Box::into_raw(Box::new(grown));
            self.table.store(current, Ordering::Release);
        }
        // SAFETY: as above; the table has an empty slot, since it is at most three quarters full.
        let was_empty = unsafe { &*current }.place(hash, entry(hash, added));
        *count += usize::from(was_empty);
        grows && len > 0
    }

    /// Removes an entry; says whether it was there. Who looks for it from now on does not find it.
    pub(crate) fn remove(&self, hash: u32, removed: Payload) -> bool {
        let _count = lock(&self.count);
        // SAFETY: as in `insert`.
        let Some(table) = (unsafe { self.table.load(Ordering::Relaxed).as_ref() }) else {
            return false;
        };
        let mut at = hash as usize & table.mask();
        loop {
            match table.slots[at].load(Ordering::Relaxed) {
                0 => return false,
                found if found == entry(hash, removed) => {
                    table.slots[at].store(REMOVED, Ordering::Release);
                    return true;
                }
                _ => at = (at + 1) & table.mask(),
            }
        }
    }

    /// Whether there are tables before the current one.
    pub(crate) fn has_old_tables(&self) -> bool {
        let _count = lock(&self.count);
        // SAFETY: as in `insert`; `previous` is written by whoever has the lock.
        unsafe { self.table.load(Ordering::Relaxed).as_ref() }.is_some_and(|table| !table.previous.is_null())
    }

    /// Frees the tables before the current one.
    ///
    /// # Safety
    ///
    /// Nobody reads any of them.
    pub(crate) unsafe fn free_old_tables(&self) {
        let _count = lock(&self.count);
        let current = self.table.load(Ordering::Relaxed);
        if current.is_null() {
            return;
        }
        // SAFETY: the current table is only read by others, but for `previous`, which nobody reads.
        let old = unsafe { ptr::replace(&raw mut (*current).previous, ptr::null_mut()) };
        // SAFETY: the caller's promise.
        unsafe { free_chain(old) };
    }

    /// Makes the index empty and frees its tables.
    ///
    /// # Safety
    ///
    /// Nobody reads any of it.
    pub(crate) unsafe fn clear(&self) {
        let mut count = lock(&self.count);
        *count = 0;
        // SAFETY: the caller's promise.
        unsafe { free_chain(self.table.swap(ptr::null_mut(), Ordering::AcqRel)) };
    }
}

/// # Safety
///
/// Every table of the chain was made by `insert`, and nobody reads any of them.
unsafe fn free_chain(mut table: *mut Table) {
    while !table.is_null() {
        // SAFETY: `insert` made it with `Box::into_raw`, it is linked once, and nobody reads it.
        table = unsafe { Box::from_raw(table) }.previous;
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
        // SAFETY: `&mut self` means that no reader is left.
        unsafe { free_chain(self.table.load(Ordering::Acquire)) };
    }
}

#[cfg(all(test, not(loom)))]
#[allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
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

    fn slots(index: &Index) -> usize {
        // SAFETY: this test alone has the index.
        unsafe { index.table.load(Ordering::Relaxed).as_ref() }.unwrap().slots.len()
    }

    #[test]
    fn what_is_removed_is_not_found_and_the_rest_is_however_many_come_and_go() {
        let index = Index::new();
        let hash_of = |payload: Payload| (payload % 61).wrapping_mul(0x9e37_79b9);
        (0..100).for_each(|payload| {
            index.insert(hash_of(payload), payload, hash_of);
        });
        for payload in 100..100_000 {
            assert!(index.remove(hash_of(payload - 100), payload - 100));
            assert!(!index.remove(hash_of(payload - 100), payload - 100));
            index.insert(hash_of(payload), payload, hash_of);
            // SAFETY: this test alone has the index.
            unsafe { index.free_old_tables() };
        }
        for payload in 99_800..100_000 {
            let found = index.candidates(hash_of(payload)).any(|found| found == payload);
            assert_eq!(found, payload >= 99_900, "{payload}");
        }
        assert!(slots(&index) <= 512, "{}", slots(&index));
    }

    #[test]
    fn an_index_that_was_cleared_is_as_new() {
        let index = Index::new();
        index.insert(7, 1, |_| 7);
        // SAFETY: this test alone has the index.
        unsafe { index.clear() };
        assert_eq!(index.candidates(7).next(), None);
        index.insert(7, 2, |_| 7);
        assert_eq!(index.candidates(7).collect::<Vec<_>>(), [2]);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::sync::{AppendVec, explore};
    use loom::sync::Arc;

    /// The second entry makes the table grow, and the third takes an empty slot of what it has grown to.
    const HASHES: [u32; 3] = [5, 9, 13];

    /// The elements are atomics so that loom reports who sees one before it was made.
    type Shared = (AppendVec<AtomicU32>, Index);

    fn add(shared: &Shared, hash: u32) {
        let id = shared.0.push(AtomicU32::new(hash)).ok().unwrap();
        shared.1.insert(hash, id as u32, |payload| HASHES[payload as usize]);
    }

    fn find(shared: &Shared, hash: u32) -> Option<u32> {
        let is_it = |id: &u32| shared.0.get(*id as usize).unwrap().load(Ordering::Relaxed) == hash;
        shared.1.candidates(hash).find(is_it)
    }

    #[test]
    fn an_entry_that_is_found_refers_to_something_published() {
        explore(None, || {
            let shared: Arc<Shared> = Arc::new((AppendVec::new(), Index::new()));
            add(&shared, HASHES[0]);
            let reader = {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || {
                    let found = find(&shared, HASHES[2]);
                    assert!(found.is_none() || found == Some(2));
                    assert_eq!(find(&shared, HASHES[0]), Some(0), "also while the table grows");
                })
            };
            add(&shared, HASHES[1]);
            add(&shared, HASHES[2]);
            reader.join().unwrap();
            assert_eq!(HASHES.map(|hash| find(&shared, hash)), [Some(0), Some(1), Some(2)]);
        });
    }
}
