//! A bounded table that only grows, read without a lock.
//!
//! What a server layer remembers (its route templates, the attribute sets it has reported) is
//! small, written a few times after start and read at every request from every thread. So there is
//! no lock and no counter that readers write: each slot is a [`OnceLock`], a lookup is an acquire
//! load and a comparison, and an entry never moves or goes away while the table lives.
//!
//! An entry lives in the first slot of its probe sequence that was vacant when it came. Slots are
//! never emptied, so a later search for it meets the same occupied slots and arrives there, and
//! two threads that insert equal entries meet at the same slot, where one of them wins.

use std::sync::OnceLock;

/// Levels of 64, 128, … 2,048 slots; each is allocated when a search first reaches it.
const LEVELS: usize = 6;
const FIRST_LEVEL: usize = 64;
/// Slots of one level that one hash may occupy.
const WINDOW: usize = 8;

/// A bounded, append-only table of up to 4,032 entries.
pub(crate) struct AppendTable<T> {
    levels: [OnceLock<Box<[OnceLock<T>]>>; LEVELS],
}

impl<T> AppendTable<T> {
    pub(crate) const fn new() -> Self {
        Self { levels: [const { OnceLock::new() }; LEVELS] }
    }

    /// The entry for which `same` holds, made by `make` where there is none, and its position,
    /// which is stable. `None` when every slot that `hash` may use holds something else.
    ///
    /// `same` must hold for what `make` makes, and equal entries must come with equal hashes.
    pub(crate) fn find_or_insert(
        &self,
        hash: u64,
        same: impl Fn(&T) -> bool,
        make: impl Fn() -> T,
    ) -> Option<(u32, &T)> {
        let mut base = 0;
        for (level, slots) in self.levels.iter().enumerate() {
            let len = FIRST_LEVEL << level;
            let slots = slots.get_or_init(|| (0..len).map(|_| OnceLock::new()).collect());
            // Other bits for each level, so that what collided in one is spread in the next.
            let start = (hash >> (level * 10)) as usize;
            for step in 0..WINDOW {
                let at = start.wrapping_add(step) & (len - 1);
                let entry = slots[at].get_or_init(&make);
                if same(entry) {
                    return Some(((base + at) as u32, entry));
                }
            }
            base += len;
        }
        None
    }

    /// The entry at a position that [`find_or_insert`](Self::find_or_insert) returned.
    pub(crate) fn at(&self, position: u32) -> Option<&T> {
        let mut position = position as usize;
        for (level, slots) in self.levels.iter().enumerate() {
            let len = FIRST_LEVEL << level;
            if position < len {
                return slots.get()?[position].get();
            }
            position -= len;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::hash::BuildHasher;

    use foldhash::fast::RandomState;
    use proptest::prelude::*;

    fn put(table: &AppendTable<String>, hash: u64, text: &str) -> Option<u32> {
        let found = table.find_or_insert(hash, |entry| entry == text, || text.to_owned());
        found.map(|(position, entry)| {
            assert_eq!(entry, text);
            position
        })
    }

    #[test]
    fn an_entry_keeps_its_position_however_many_come_after_it() {
        let (table, hasher) = (AppendTable::new(), RandomState::default());
        let position = |n: usize| {
            let text = n.to_string();
            put(&table, hasher.hash_one(&text), &text)
        };
        let first: Vec<_> = (0..1_000).map(position).collect();
        assert!(first.iter().all(Option::is_some));
        assert_eq!(first, (0..1_000).map(position).collect::<Vec<_>>());
        for (n, at) in first.iter().enumerate() {
            assert_eq!(table.at(at.unwrap()), Some(&n.to_string()));
        }
    }

    #[test]
    fn a_full_table_refuses_new_entries_and_still_finds_the_old() {
        let (table, hasher) = (AppendTable::new(), RandomState::default());
        let mut held = Vec::new();
        for n in 0..20_000 {
            let text = n.to_string();
            if let Some(at) = put(&table, hasher.hash_one(&text), &text) {
                held.push((text, at));
            }
        }
        assert!(held.len() <= 4_032, "bounded: {}", held.len());
        assert!(held.len() > 3_000, "and well used: {}", held.len());
        for (text, at) in held {
            assert_eq!(put(&table, hasher.hash_one(&text), &text), Some(at));
        }
    }

    #[test]
    fn an_unused_table_has_no_entries() {
        let table = AppendTable::<String>::new();
        assert_eq!(table.at(0), None);
        assert_eq!(table.at(u32::MAX), None);
    }

    #[test]
    fn threads_that_insert_the_same_entries_at_once_agree_on_every_position() {
        let (table, hasher) = (AppendTable::new(), RandomState::default());
        let positions = || -> Vec<_> {
            (0..500)
                .map(|n: usize| n.to_string())
                .map(|text| put(&table, hasher.hash_one(&text), &text))
                .collect()
        };
        let all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(positions)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
    }

    proptest! {
        /// Bad hashes cost room, never correctness: equal entries share one position, others do not.
        #[test]
        fn entries_are_found_again_whatever_their_hashes(
            inserts in prop::collection::vec((0_u64..4, 0_u32..200), 1..400)
        ) {
            let table = AppendTable::new();
            let mut seen = HashMap::new();
            for (hash, n) in inserts {
                // Equal entries need equal hashes, so the entry carries the hash's choice.
                let text = format!("{hash}/{n}");
                if let Some(at) = put(&table, hash, &text) {
                    prop_assert_eq!(*seen.entry(text).or_insert(at), at);
                } else {
                    prop_assert!(!seen.contains_key(&text));
                }
            }
            let mut positions: Vec<_> = seen.values().collect();
            positions.sort_unstable();
            positions.dedup();
            prop_assert_eq!(positions.len(), seen.len());
        }
    }
}
