//! The short cut from attributes to a row: by how a caller spells them.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use opentelemetry::{Key, KeyValue, Value};

use crate::attributes::{Attributes, KeyRef, Seed, ValueRef};
use crate::cells::Row;
use crate::sync::{AppendVec, Index, Payload, capacity};

/// Attribute sets of more pairs are looked up by content.
const MOST_PAIRS: usize = 8;
/// Pairs that an entry holds in line.
const INLINE_PAIRS: usize = 4;
/// The most spellings that one stream learns; some 150 bytes each.
const MOST_SPELLINGS: usize = capacity(SPELLING_SEGMENTS as u32);
const SPELLING_SEGMENTS: usize = 7;
/// The most sequences of keys that one stream learns.
const MOST_SHAPES: usize = capacity(SHAPE_SEGMENTS as u32);
const SHAPE_SEGMENTS: usize = 1;
/// After so many sequences of keys that cannot be learnt, nobody tries any more.
const MOST_FAILURES: usize = 64;

/// Rows by the spelling of their attributes: which keys in which order, and values as a few words.
///
/// A look-up by content compares strings wherever they are. This one compares words in one place, and
/// is as exact:
///
/// - Keys are compared by address. A *shape* is a sequence of keys, kept alive here at the addresses
///   at which a caller named them: static strings, or shared ones of which a clone is kept. Who comes
///   with the same addresses and lengths has the same keys, for those strings are alive and never
///   change. A key that a clone does not keep in its place, an owned string, makes no shape.
/// - Values of at most 24 bytes are compared as three words and a length, which are all of them; other
///   values than strings as their bits. Arrays are not learnt.
/// - The API's pairs are compared by the address of their values too, if all of them are static or
///   shared: the entry keeps clones, as a shape does. That spares reading them, however long they are.
///
/// What is learnt is bounded, and is only a short cut: what finds no room is looked up by content.
pub(super) struct Spellings {
    shapes: AppendVec<Shape, SHAPE_SEGMENTS>,
    entries: AppendVec<Entry, SPELLING_SEGMENTS>,
    index: Index,
    /// How many spellings may be learnt; 0 once trying has shown to be in vain.
    room: AtomicUsize,
    failures: AtomicUsize,
    /// Whether there are spellings by the addresses of values: then it is worth to look for one.
    by_address: AtomicBool,
}

struct Shape {
    keys: Box<[(usize, usize)]>,
    /// What keeps the addresses taken.
    _kept: Box<[Key]>,
}

struct Entry {
    row: Row,
    shape: u32,
    overflow: bool,
    kinds: u64,
    words: [Words; INLINE_PAIRS],
    more: Option<Box<[Words; MOST_PAIRS - INLINE_PAIRS]>>,
    /// What keeps the addresses taken, in an entry by address.
    _kept: Box<[KeyValue]>,
}

/// What a value is in words.
type Words = [u64; 3];

/// What a spelling led to.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) row: Row,
    pub(super) overflow: bool,
}

/// A spelling, in words.
struct Spelled {
    len: usize,
    /// Whether all values can be told by words, and there are not too many.
    fits: bool,
    /// For each value a byte: a string's length, or what else it is.
    kinds: u64,
    words: [Words; MOST_PAIRS],
    hash: u64,
}

impl Spelled {
    /// Reads the attributes, each value by `tell`; `see_key` is told of each key, and its place.
    #[inline(always)]
    fn read<A: Attributes + ?Sized>(
        seed: Seed,
        attributes: &A,
        tell: impl Fn(ValueRef<'_>) -> Option<(u64, Words)>,
        mut see_key: impl FnMut(usize, KeyRef<'_>),
    ) -> Self {
        let mut len = 0;
        let mut fits = true;
        let mut kinds = 0_u64;
        let mut hash = 0_u64;
        let mut words = [[0; 3]; MOST_PAIRS];
        attributes.visit(|key, value| {
            let at = len;
            len += 1;
            let (Some(place), Some((kind, word))) = (words.get_mut(at), tell(value)) else {
                fits = false;
                return;
            };
            see_key(at, key);
            *place = word;
            kinds = kinds << 8 | kind;
            let [a, b, c] = word;
            hash = hash.rotate_left(23) ^ seed.mix(a.wrapping_add(c), b ^ kind << 56);
        });
        Spelled { len, fits, kinds, words, hash }
    }

    #[inline(always)]
    fn hash(&self, shape: usize) -> u32 {
        let hash = self.hash.wrapping_add(shape as u64);
        (hash ^ hash >> 32) as u32
    }
}

/// A value's kind and three words, which are all of it; `None` for long strings and arrays.
#[inline(always)]
fn by_content(value: ValueRef<'_>) -> Option<(u64, Words)> {
    // Strings first: a switch over all kinds would be mispredicted for the common one.
    let ValueRef::Str(text) = value else {
        return by_bits(value);
    };
    let text = text.as_bytes();
    if let Some((a, b)) = Seed::short(text) {
        return Some((text.len() as u64, [a, b, 0]));
    }
    let (head, tail) = (text.first_chunk::<8>()?, text.last_chunk::<8>()?);
    let middle = text.get(8..16)?.first_chunk::<8>()?;
    let words = [head, tail, middle].map(|chunk| u64::from_ne_bytes(*chunk));
    (text.len() <= 24).then_some((text.len() as u64, words))
}

/// A value's kind and where it is, or its bits; `None` for arrays.
#[inline(always)]
fn by_address(value: ValueRef<'_>) -> Option<(u64, Words)> {
    let ValueRef::Str(text) = value else {
        return by_bits(value);
    };
    Some((0xFC, [text.as_ptr().addr() as u64, text.len() as u64, 0]))
}

#[inline(never)]
fn by_bits(value: ValueRef<'_>) -> Option<(u64, Words)> {
    match value {
        ValueRef::I64(value) => Some((0xFF, [value.cast_unsigned(), 0, 0])),
        ValueRef::Bool(value) => Some((0xFE, [u64::from(value), 0, 0])),
        ValueRef::F64(value) => Some((0xFD, [value.to_bits(), 0, 0])),
        ValueRef::Str(_) | ValueRef::Array(_) => None,
    }
}

#[inline(always)]
fn address(key: &str) -> (usize, usize) {
    (key.as_ptr().addr(), key.len())
}

impl Spellings {
    /// For a stream of at most `limit` series.
    pub(super) fn new(limit: usize) -> Self {
        Spellings {
            shapes: AppendVec::new(),
            entries: AppendVec::new(),
            index: Index::new(),
            // Sets are spelled in several orders.
            room: AtomicUsize::new(limit.saturating_mul(2).saturating_add(64).min(MOST_SPELLINGS)),
            failures: AtomicUsize::new(0),
            by_address: AtomicBool::new(false),
        }
    }

    /// The row that these attributes were learnt to lead to.
    #[inline(always)]
    pub(super) fn find<A: Attributes + ?Sized>(&self, seed: Seed, attributes: &A) -> Option<Known> {
        // As arrays of a known length, the API's pairs are read without a loop.
        match attributes.as_key_values() {
            None => self.find_spelled(seed, attributes, by_content),
            Some([a]) => self.find_pairs(seed, [a]),
            Some([a, b]) => self.find_pairs(seed, [a, b]),
            Some([a, b, c]) => self.find_pairs(seed, [a, b, c]),
            Some([a, b, c, d]) => self.find_pairs(seed, [a, b, c, d]),
            Some([a, b, c, d, e]) => self.find_pairs(seed, [a, b, c, d, e]),
            Some(more) => self.find_pair_list(seed, more),
        }
    }

    #[inline(never)]
    fn find_pairs<const N: usize>(&self, seed: Seed, pairs: [&KeyValue; N]) -> Option<Known> {
        let mut texts = [(KeyRef::borrowed(""), ""); N];
        for (text, pair) in texts.iter_mut().zip(pairs) {
            let Value::String(value) = &pair.value else {
                return self.find_other_pairs(seed, pairs);
            };
            *text = (KeyRef::borrowed(pair.key.as_str()), value.as_str());
        }
        if self.by_address.load(Ordering::Relaxed)
            && let Some(known) = self.find_spelled(seed, &texts, by_address)
        {
            return Some(known);
        }
        self.find_spelled(seed, &texts, by_content)
    }

    #[inline(never)]
    fn find_other_pairs<const N: usize>(&self, seed: Seed, pairs: [&KeyValue; N]) -> Option<Known> {
        let pairs = pairs.map(|pair| (KeyRef::borrowed(pair.key.as_str()), ValueRef::from(&pair.value)));
        self.find_pair_list(seed, &pairs)
    }

    #[inline(never)]
    fn find_pair_list<A: Attributes + ?Sized>(&self, seed: Seed, pairs: &A) -> Option<Known> {
        if self.by_address.load(Ordering::Relaxed)
            && let Some(known) = self.find_spelled(seed, pairs, by_address)
        {
            return Some(known);
        }
        self.find_spelled(seed, pairs, by_content)
    }

    #[inline(always)]
    fn find_spelled<A: Attributes + ?Sized>(
        &self,
        seed: Seed,
        attributes: &A,
        tell: impl Fn(ValueRef<'_>) -> Option<(u64, Words)>,
    ) -> Option<Known> {
        // Most streams have one shape: it is compared along the way.
        let first = self.shapes.get(0)?;
        let mut same = true;
        let spelled = Spelled::read(seed, attributes, tell, |at, key| {
            same &= first.keys.get(at) == Some(&address(key.as_str()));
        });
        if !spelled.fits {
            return None;
        }
        let shape = if same && first.keys.len() == spelled.len { 0 } else { self.other_shape(attributes)? };
        self.entry(shape, &spelled)
    }

    #[inline(never)]
    fn other_shape<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<usize> {
        self.shapes.iter().position(|shape| {
            let mut at = 0;
            let mut same = true;
            attributes.visit(|key, _| {
                same &= shape.keys.get(at) == Some(&address(key.as_str()));
                at += 1;
            });
            same && at == shape.keys.len()
        })
    }

    #[inline(always)]
    fn entry(&self, shape: usize, spelled: &Spelled) -> Option<Known> {
        for payload in self.index.candidates(spelled.hash(shape)) {
            let entry = self.entries.get(payload as usize)?;
            let mut same = entry.kinds == spelled.kinds && entry.shape as usize == shape;
            for (own, word) in entry.words.iter().zip(&spelled.words).take(spelled.len) {
                same &= own == word;
            }
            if spelled.len > INLINE_PAIRS {
                same &= entry.more.as_deref() == spelled.words.last_chunk();
            }
            if same {
                return Some(Known { row: entry.row, overflow: entry.overflow });
            }
        }
        None
    }

    /// Whether it is worth to take a lock and learn these attributes.
    #[inline(never)]
    pub(super) fn wants<A: Attributes + ?Sized>(&self, attributes: &A) -> bool {
        if self.entries.len() >= self.room.load(Ordering::Relaxed) {
            return false;
        }
        let (mut len, mut short, mut keys_stay) = (0, true, true);
        attributes.visit(|key, value| {
            len += 1;
            short &= by_content(value).is_some();
            keys_stay &= key.is_static();
        });
        if let Some(pairs) = attributes.as_key_values() {
            keys_stay = !pairs.iter().any(|pair| is_owned(&pair.key));
            short |= pairs.iter().all(keeps_its_address);
        }
        len > 0 && len <= MOST_PAIRS && short && keys_stay
    }

    /// Learns that attributes lead to a row, if it can. The caller lets in one at a time.
    pub(super) fn learn<A: Attributes + ?Sized>(&self, seed: Seed, attributes: &A, known: Known) {
        let mut spelled = Spelled::read(seed, attributes, by_content, |_, _| {});
        let mut kept = Box::default();
        if let Some(pairs) = attributes.as_key_values()
            && pairs.iter().all(keeps_its_address)
        {
            let clones: Box<[KeyValue]> = pairs.into();
            let addresses = Spelled::read(seed, attributes, by_address, |_, _| {});
            if addresses.words == Spelled::read(seed, &*clones, by_address, |_, _| {}).words {
                (spelled, kept) = (addresses, clones);
            }
        }
        if !spelled.fits {
            return;
        }
        let Some(shape) = self.other_shape(attributes).or_else(|| self.learn_shape(attributes)) else {
            // Too many sequences of keys: trying again costs more than it may bring.
            if self.failures.fetch_add(1, Ordering::Relaxed) >= MOST_FAILURES {
                self.room.store(0, Ordering::Relaxed);
            }
            return;
        };
        if self.entry(shape, &spelled).is_some() {
            return;
        }
        let Known { row, overflow } = known;
        let (Some(words), Some(more)) = (spelled.words.first_chunk(), spelled.words.last_chunk()) else {
            return;
        };
        let by_address = !kept.is_empty();
        let more = (spelled.len > INLINE_PAIRS).then(|| Box::new(*more));
        let (shape_number, kinds) = (shape as u32, spelled.kinds);
        let entry = Entry { row, shape: shape_number, overflow, kinds, words: *words, more, _kept: kept };
        if let Ok(number) = self.entries.push(entry) {
            self.index.insert(spelled.hash(shape), number as Payload);
            if by_address {
                self.by_address.store(true, Ordering::Relaxed);
            }
        }
    }

    fn learn_shape<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<usize> {
        if self.shapes.len() >= MOST_SHAPES {
            return None;
        }
        let mut keys = Vec::new();
        attributes.visit(|key, _| keys.push(address(key.as_str())));
        let mut kept = Vec::new();
        match attributes.as_key_values() {
            Some(pairs) => kept.extend(pairs.iter().map(|pair| pair.key.clone())),
            None => attributes.visit(|key, _| kept.push(key.to_key())),
        }
        let stayed = kept.iter().map(|key| address(key.as_str())).eq(keys.iter().copied());
        if !stayed {
            return None;
        }
        self.shapes.push(Shape { keys: keys.into(), _kept: kept.into() }).ok()
    }
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
    use std::sync::Arc;

    fn known() -> Known {
        Known { row: crate::cells::allocate(1).unwrap(), overflow: false }
    }

    fn learns<A: Attributes>(attributes: A) -> bool {
        let (seed, spellings) = (Seed::of_process(), Spellings::new(10));
        spellings.learn(seed, &attributes, known());
        spellings.find(seed, &attributes).is_some()
    }

    #[test]
    fn keys_that_keep_their_address_and_short_values_are_learnt() {
        let shared: Arc<str> = "shared".into();
        assert!(learns([("k", "short"), ("l", "16 bytes in full")]));
        assert!(learns([KeyValue::new("k", "owned".to_owned()), KeyValue::new("n", 1)]));
        assert!(learns([KeyValue::new(Key::from(shared), 1.5)]));
        assert!(learns([("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5), ("f", 6), ("g", 7), ("h", 8)]));
        assert!(!learns([KeyValue::new("owned".to_owned(), "v")]));
        assert!(!learns([("owned".to_owned(), "v")]));
        assert!(learns([("k", "twenty-four bytes, full!")]));
        assert!(!learns([("k", "twenty-five bytes are more")]));
        assert!(learns([KeyValue::new("k", "static, so its length does not matter")]));
        assert!(!learns([KeyValue::new("k", "owned, so its length matters".to_owned())]));
        assert!(!learns([
            ("a", 1),
            ("b", 2),
            ("c", 3),
            ("d", 4),
            ("e", 5),
            ("f", 6),
            ("g", 7),
            ("h", 8),
            ("i", 9)
        ]));
    }

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
    fn an_address_is_no_more_than_its_length() {
        let (seed, spellings) = (Seed::of_process(), Spellings::new(100));
        let text = "a static string of some length";
        spellings.learn(seed, &[KeyValue::new("k", text)], known());
        assert!(spellings.find(seed, &[KeyValue::new("k", text)]).is_some());
        assert!(spellings.find(seed, &[KeyValue::new("k", &text[..29])]).is_none());
        assert!(spellings.find(seed, &[KeyValue::new("k", text.to_owned())]).is_none());
    }

    #[test]
    fn whatever_differs_is_told_apart() {
        let (seed, spellings) = (Seed::of_process(), Spellings::new(100));
        let learnt = [("k", "ab"), ("l", "c"), ("m", ""), ("n", "12345678"), ("o", "x")];
        spellings.learn(seed, &learnt, known());
        assert!(spellings.find(seed, &learnt).is_some());
        assert!(spellings.find(seed, &learnt[..4]).is_none());
        for at in 0..learnt.len() {
            for other in ["a", "bc", "1234567", "123456789", "\0", "xx"] {
                let mut pairs = learnt;
                pairs[at].1 = other;
                assert_eq!(spellings.find(seed, &pairs).is_some(), learnt[at].1 == other);
            }
            let mut pairs = learnt;
            pairs[at].0 = "other";
            assert!(spellings.find(seed, &pairs).is_none());
        }
        let mut turned = learnt;
        turned.swap(0, 1);
        assert!(spellings.find(seed, &turned).is_none(), "another shape");
        spellings.learn(seed, &turned, known());
        assert!(spellings.find(seed, &turned).is_some());
        assert!(spellings.find(seed, &[("n", 1)]).is_none());
        spellings.learn(seed, &[("n", 1)], known());
        assert!(spellings.find(seed, &[("n", 1)]).is_some());
        assert!(spellings.find(seed, &[("n", true)]).is_none());
    }

    #[test]
    fn no_more_is_learnt_than_there_is_room_for() {
        let (seed, spellings) = (Seed::of_process(), Spellings::new(1));
        for n in 0..100 {
            if spellings.wants(&[("k", "v")]) {
                spellings.learn(seed, &[("k", n)], known());
            }
            assert_eq!(spellings.find(seed, &[("k", n)]).is_some(), n < 66);
        }
    }

    #[test]
    fn after_enough_failures_nobody_tries_to_learn() {
        let (seed, spellings) = (Seed::of_process(), Spellings::new(100));
        for n in 0..=MOST_FAILURES {
            assert!(spellings.wants(&[("k", "v")]));
            spellings.learn(seed, &[(format!("key {n}"), "v")], known());
        }
        assert!(!spellings.wants(&[("k", "v")]));
    }
}
