//! The short cut from the API's pairs to a row: by where their strings are.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::{KeyValue, Value};

use crate::cells::Row;
use crate::sync::{AppendVec, Index, Payload};

/// Rows by the addresses of the strings in `&[KeyValue]`, for strings that are static or shared.
///
/// # Why equal addresses are equal attributes
///
/// An entry keeps clones of the pairs it was learnt from. Clones of static and of shared strings are
/// at the address of the original; clones of owned ones are not, and such pairs are not learnt. So an
/// entry's addresses are those of strings that are alive, because the entry keeps them so, and that
/// never change. Whoever comes with the same addresses and lengths has the same strings. An owned
/// string of the caller's is never at the address of one of the entry's.
///
/// What is learnt is bounded, and it is only a short cut: pairs that find no room are looked up by
/// content, as all others are.
pub(super) struct Addresses {
    index: Index,
    entries: AppendVec<Entry>,
    room: usize,
    /// Set when `room` is used up; then nobody tries to learn.
    full: AtomicBool,
}

struct Entry {
    pairs: Box<[Address]>,
    row: Row,
    overflow: bool,
    /// What keeps the addresses taken.
    _kept: Box<[KeyValue]>,
}

/// Where a pair's strings are; a value that is no string is here itself.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Address {
    key: (usize, usize),
    value: (u64, usize),
}

impl Address {
    /// `None` for arrays.
    #[inline(always)]
    fn of(pair: &KeyValue) -> Option<Self> {
        let key = pair.key.as_str();
        Some(Address { key: (key.as_ptr().addr(), key.len()), value: Self::of_value(&pair.value)? })
    }

    /// The word that tells values apart, and the length of a string or what the value is else: no
    /// string is that long.
    #[inline(always)]
    fn of_value(value: &Value) -> Option<(u64, usize)> {
        match value {
            Value::String(text) => {
                let text = text.as_str();
                Some((text.as_ptr().addr() as u64, text.len()))
            }
            Value::I64(value) => Some((value.cast_unsigned(), usize::MAX)),
            Value::Bool(value) => Some((u64::from(*value), usize::MAX - 1)),
            Value::F64(value) => Some((value.to_bits(), usize::MAX - 2)),
            _ => None,
        }
    }
}

/// Odd multipliers for the pairs of a set, by position; beyond the eighth they are used again.
///
/// A sum of products with them, of which the high bits are taken, tells sequences of words apart
/// (multiply-shift hashing; Dietzfelbinger, 1996). Nobody outside can choose addresses.
const MULTIPLIERS: [u64; 8] = [
    0x9E37_79B9_7F4A_7C15,
    0xC2B2_AE3D_27D4_EB4F,
    0x1656_67B1_9E37_79F9,
    0xD6E8_FEB8_6659_FD93,
    0xA076_1D64_78BD_642F,
    0xE703_7ED1_A0B4_28DB,
    0x8EBC_6AF0_9C88_C6E3,
    0x5899_65CC_7537_4CC3,
];

/// A hash of where the values are, in the caller's order; `None` if there are arrays.
///
/// Keys are left to the comparison: one caller names the same ones in the same order.
#[inline(always)]
fn hash(pairs: &[KeyValue]) -> Option<u32> {
    let mut sum = pairs.len() as u64;
    for (at, pair) in pairs.iter().enumerate() {
        let (word, _) = Address::of_value(&pair.value)?;
        sum = sum.wrapping_add(word.wrapping_mul(MULTIPLIERS[at % MULTIPLIERS.len()]));
    }
    Some((sum >> 32) as u32)
}

/// What addresses led to.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) row: Row,
    pub(super) overflow: bool,
}

impl Addresses {
    /// `room` is how many spellings are learnt at most.
    pub(super) fn new(room: usize) -> Self {
        Addresses { index: Index::new(), entries: AppendVec::new(), room, full: AtomicBool::new(false) }
    }

    #[inline(always)]
    pub(super) fn find(&self, pairs: &[KeyValue]) -> Option<Known> {
        let mut known = None;
        self.index.get(hash(pairs)?, |payload| {
            let Some(entry) = self.entries.get(payload as usize) else {
                return false;
            };
            if entry.pairs.len() != pairs.len() {
                return false;
            }
            for (own, pair) in entry.pairs.iter().zip(pairs) {
                if Address::of(pair) != Some(*own) {
                    return false;
                }
            }
            known = Some(Known { row: entry.row, overflow: entry.overflow });
            true
        });
        known
    }

    /// Whether it is worth to take a lock and learn these pairs.
    #[inline]
    pub(super) fn wants(&self, pairs: &[KeyValue]) -> bool {
        !self.full.load(Ordering::Relaxed) && pairs.iter().all(keeps_its_address)
    }

    /// Learns that these pairs lead to a row. The caller lets in one at a time.
    pub(super) fn learn(&self, pairs: &[KeyValue], known: Known) {
        if self.entries.len() >= self.room {
            self.full.store(true, Ordering::Relaxed);
            return;
        }
        let (Some(hash), Some(addresses)) = (hash(pairs), addresses(pairs)) else {
            return;
        };
        let kept: Box<[KeyValue]> = pairs.into();
        if self::addresses(&kept).as_ref() != Some(&addresses) || self.find(pairs).is_some() {
            return;
        }
        let Known { row, overflow } = known;
        let entry = Entry { pairs: addresses, row, overflow, _kept: kept };
        if let Ok(number) = self.entries.push(entry) {
            self.index.insert(hash, number as Payload);
        }
    }
}

fn addresses(pairs: &[KeyValue]) -> Option<Box<[Address]>> {
    pairs.iter().map(Address::of).collect()
}

/// Whether a clone of the pair is likely to have the same addresses: its strings are not owned.
///
/// The API does not say; its `Debug` text does, for 0.33. That is a hint and no more, which saves
/// cloning owned strings in vain: `learn` compares what it cloned with the original.
fn keeps_its_address(pair: &KeyValue) -> bool {
    let value_keeps = match &pair.value {
        Value::String(value) => !is_owned(value),
        Value::Array(_) => false,
        _ => true,
    };
    value_keeps && !is_owned(&pair.key)
}

#[inline(never)]
fn is_owned(text: &dyn fmt::Debug) -> bool {
    struct First(Option<u8>);
    impl fmt::Write for First {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 = self.0.or(text.bytes().next());
            // Enough was seen.
            Err(fmt::Error)
        }
    }
    let mut first = First(None);
    let _ = fmt::write(&mut first, format_args!("{text:?}"));
    // `Static` or `RefCounted`, else `Owned`.
    !matches!(first.0, Some(b'S' | b'R'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::Key;
    use std::sync::Arc;

    #[test]
    fn the_hint_about_owned_strings_is_right_for_this_version_of_the_api() {
        let shared: Arc<str> = "shared".into();
        assert!(keeps_its_address(&KeyValue::new("static", "static")));
        assert!(keeps_its_address(&KeyValue::new(Key::from(shared.clone()), shared)));
        assert!(keeps_its_address(&KeyValue::new("static", 1)));
        assert!(!keeps_its_address(&KeyValue::new("static", "owned".to_owned())));
        assert!(!keeps_its_address(&KeyValue::new("owned".to_owned(), "static")));
    }

    #[test]
    fn owned_pairs_are_not_learnt_whatever_the_hint_says() {
        let row = crate::cells::allocate(1).unwrap();
        let addresses = Addresses::new(10);
        let owned = [KeyValue::new("k", "owned".to_owned())];
        addresses.learn(&owned, Known { row, overflow: false });
        assert!(addresses.find(&owned).is_none());

        let fixed = [KeyValue::new("k", "static"), KeyValue::new("n", 1)];
        addresses.learn(&fixed, Known { row, overflow: false });
        assert!(addresses.find(&fixed).is_some());
        let other = [KeyValue::new("k", &"static"[..4]), KeyValue::new("n", 1)];
        assert!(addresses.find(&other).is_none());
        let other = [KeyValue::new("k", "static"), KeyValue::new("n", true)];
        assert!(addresses.find(&other).is_none());
    }

    #[test]
    fn no_more_is_learnt_than_there_is_room_for() {
        let row = crate::cells::allocate(1).unwrap();
        let addresses = Addresses::new(3);
        for n in 0..10 {
            let pairs = [KeyValue::new("k", n)];
            addresses.learn(&pairs, Known { row, overflow: false });
            assert_eq!(addresses.find(&pairs).is_some(), n < 3);
        }
        assert!(!addresses.wants(&[]));
    }
}
