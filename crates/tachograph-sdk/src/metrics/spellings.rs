//! The short cut from attributes to a row: by how a caller spells them.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use opentelemetry::{Key, KeyValue, Value};

use crate::attributes::{AttributeSet, Attributes, KeyRef, Seed, ValueRef};
use crate::cells::Row;
use crate::sync::{AppendVec, Index, Payload, capacity};

/// Attribute sets of more pairs have no short cut.
const MOST_PAIRS: usize = 8;
/// The most bytes that an entry keeps of its strings, all together.
const MOST_TEXT: usize = 64;
/// The most spellings that one stream learns; 192 bytes each.
const MOST_SPELLINGS: usize = capacity(SPELLING_SEGMENTS as u32);
const SPELLING_SEGMENTS: usize = 7;
/// The most sequences of keys that one stream learns.
const MOST_SHAPES: usize = capacity(SHAPE_SEGMENTS as u32);
const SHAPE_SEGMENTS: usize = 1;
/// After so many sequences of keys that cannot be learnt, nobody tries any more.
const MOST_FAILURES: usize = 64;
/// The most texts under one hash that are learnt, for the hash of long ones is but a sample.
const MOST_ALIKE: usize = 4;

/// Rows by the spelling of their attributes: which keys in which order, and which values.
///
/// - Keys are compared by address. A *shape* is a sequence of keys, kept alive here at the addresses
///   at which a caller named them: static strings, or shared ones of which a clone is kept. Who comes
///   with the same addresses and lengths has the same keys, for those strings are alive and never
///   change. A key that a clone does not keep in its place, an owned string, makes no shape.
/// - The API's values are first looked for by *place*, address and length, where the series' own
///   attributes are at the same places: they were static or shared when the series was made, so that
///   the same argument holds. No string is read then.
/// - All others are looked for by *text*: by a hash, which samples long strings, and by comparing the
///   bytes with those that the entry keeps.
/// - Values that are no strings are told by their bits. Arrays are not learnt.
///
/// Reading no string is what makes the first way quick. The second spares the way to the series, its
/// attributes and their strings; comparing short values as words in line was quicker still, for twice the
/// code (docs/COMPARISON.md).
///
/// What is learnt is bounded, and is only a short cut: what finds no room is looked up by content.
pub(super) struct Spellings {
    shapes: AppendVec<Shape, SHAPE_SEGMENTS>,
    entries: AppendVec<Entry, SPELLING_SEGMENTS>,
    by_place: Index,
    by_text: Index,
    /// How many spellings may be learnt; 0 once trying has shown to be in vain.
    room: AtomicUsize,
    failures: AtomicUsize,
    /// Whether anything can be found by place.
    places: AtomicBool,
}

struct Shape {
    keys: [(usize, usize); MOST_PAIRS],
    /// What keeps the addresses taken; as many as there are keys.
    kept: Box<[Key]>,
}

/// A spelling, in whole cache lines.
#[repr(align(64))]
struct Entry {
    places: Places,
    row: Row,
    shape: u32,
    overflow: bool,
    /// The strings, one after the other; nothing if they are longer.
    text: [u8; MOST_TEXT],
}

impl Entry {
    /// Whether the entry is of a shape, its first `N` values at these places.
    ///
    /// Word by word: what was just stored in halves cannot be loaded whole without a stall.
    #[inline(always)]
    fn is_at<const N: usize>(&self, places: &Places, shape: usize) -> bool {
        let mut differ = self.shape as usize ^ shape;
        for number in 0..N.min(MOST_PAIRS) {
            differ |= usize::from(self.places.at[number] != places.at[number]);
            differ |= (self.places.extent[number] ^ places.extent[number]) as usize;
        }
        differ == 0
    }

    /// Whether the entry is of a shape, and its values as long as these.
    #[inline(always)]
    fn is_as_long(&self, places: &Places, shape: usize) -> bool {
        let mut differ = self.shape as usize ^ shape;
        for number in 0..MOST_PAIRS {
            differ |= (self.places.extent[number] ^ places.extent[number]) as usize;
        }
        differ == 0
    }

    #[inline(always)]
    fn known(&self) -> Known {
        Known { row: self.row, overflow: self.overflow }
    }
}

/// Where values are: a string's address and length, or the bits and the kind of what is none.
struct Places {
    at: [u64; MOST_PAIRS],
    extent: [u32; MOST_PAIRS],
}

impl Places {
    #[inline(always)]
    fn hash(&self, seed: Seed, shape: usize) -> u32 {
        let mut sum = 0_u64;
        for (number, (at, extent)) in self.at.iter().zip(self.extent).enumerate() {
            sum = sum.wrapping_add(seed.scatter(number, at.wrapping_add(u64::from(extent))));
        }
        (sum >> 32) as u32 ^ shape as u32
    }
}

/// What a spelling led to.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) row: Row,
    pub(super) overflow: bool,
}

/// A value's place; `None` for arrays, and for strings beyond all reason.
#[inline(always)]
fn place_of(value: ValueRef<'_>) -> Option<(u64, u32)> {
    // Strings first: a switch over all kinds would be mispredicted for the common one.
    let ValueRef::Str(text) = value else {
        return bits_of(value);
    };
    place_of_str(text)
}

#[inline(always)]
fn place_of_str(text: &str) -> Option<(u64, u32)> {
    let len = text.len();
    (len < OTHERS as usize).then_some((text.as_ptr().addr() as u64, len as u32))
}

/// Extents from here on are kinds.
const OTHERS: u32 = 1 << 31;

#[inline(never)]
fn bits_of(value: ValueRef<'_>) -> Option<(u64, u32)> {
    match value {
        ValueRef::I64(value) => Some((value.cast_unsigned(), OTHERS)),
        ValueRef::Bool(value) => Some((u64::from(value), OTHERS + 1)),
        // Most floats' low bits are zero, and those are what the hash makes most of.
        ValueRef::F64(value) => Some((value.to_bits().rotate_left(32), OTHERS + 2)),
        ValueRef::Str(_) | ValueRef::Array(_) => None,
    }
}

#[inline(never)]
fn bits_of_value(value: &Value) -> Option<(u64, u32)> {
    bits_of(ValueRef::from(value))
}

#[inline(always)]
fn address(key: &str) -> (usize, usize) {
    (key.as_ptr().addr(), key.len())
}

/// A spelling, as far as it can be told without reading any string.
struct Spelled {
    len: usize,
    /// Whether all values have places, and there are not too many.
    fits: bool,
    /// Whether the keys are those of the shape that was looked at.
    same_keys: bool,
    places: Places,
}

impl Spelled {
    #[inline(always)]
    fn read<A: Attributes + ?Sized>(attributes: &A, shape: Option<&Shape>) -> Self {
        let mut places = Places { at: [0; MOST_PAIRS], extent: [0; MOST_PAIRS] };
        let (mut len, mut fits, mut same_keys) = (0, true, true);
        attributes.visit(|key, value| {
            let number = len;
            len += 1;
            let (Some((at, extent)), true) = (place_of(value), number < MOST_PAIRS) else {
                fits = false;
                return;
            };
            places.at[number] = at;
            places.extent[number] = extent;
            same_keys &= shape.is_some_and(|shape| shape.keys[number] == address(key.as_str()));
        });
        same_keys &= shape.is_some_and(|shape| shape.kept.len() == len);
        Spelled { len, fits, same_keys, places }
    }
}

/// A hash of the contents.
#[inline(always)]
fn text_hash<A: Attributes + ?Sized>(seed: Seed, attributes: &A, shape: usize) -> u32 {
    let mut hash = shape as u64;
    attributes.visit(|_, value| {
        let (a, b) = match value {
            ValueRef::Str(text) => Seed::sample(text.as_bytes()),
            other => bits_of(other).map_or((0, 0), |(at, extent)| (at, u64::from(extent))),
        };
        hash = hash.rotate_left(23) ^ seed.mix(a, b);
    });
    (hash ^ hash >> 32) as u32
}

/// Whether these are the values of an entry with the same extents.
#[inline(always)]
fn same_text<A: Attributes + ?Sized>(entry: &Entry, attributes: &A) -> bool {
    let mut rest = entry.text.as_slice();
    let mut same = true;
    let mut number = 0;
    attributes.visit(|_, value| {
        if let ValueRef::Str(text) = value {
            let Some((own, others)) = rest.split_at_checked(text.len()) else {
                same = false;
                return;
            };
            same = same && own == text.as_bytes();
            rest = others;
        } else {
            same &= bits_of(value).is_some_and(|(bits, _)| entry.places.at.get(number) == Some(&bits));
        }
        number += 1;
    });
    same
}

/// The strings one after the other, if they are not too long together.
fn text_of<A: Attributes + ?Sized>(attributes: &A) -> Option<[u8; MOST_TEXT]> {
    let mut all = [0; MOST_TEXT];
    let mut len = 0;
    attributes.visit(|_, value| {
        if let ValueRef::Str(text) = value {
            if let Some(place) = all.get_mut(len..).and_then(|rest| rest.get_mut(..text.len())) {
                place.copy_from_slice(text.as_bytes());
            }
            len += text.len();
        }
    });
    (len <= MOST_TEXT).then_some(all)
}

/// Whether a set holds the very strings that the attributes name.
fn pins<A: Attributes + ?Sized>(set: &AttributeSet, attributes: &A) -> bool {
    let mut all = true;
    attributes.visit(|key, value| {
        if let ValueRef::Str(text) = value {
            let own = set.get(key.as_str());
            all &= matches!(own, Some(Value::String(own)) if ptr::eq(own.as_str(), text));
        }
    });
    all
}

/// The API's pairs, so many that they are read without a loop.
struct Pairs<'p, const N: usize>([&'p KeyValue; N]);

impl<const N: usize> Attributes for Pairs<'_, N> {
    #[inline(always)]
    fn visit<'a>(&'a self, mut visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {
        for pair in self.0 {
            visitor(KeyRef::borrowed(pair.key.as_str()), ValueRef::from(&pair.value));
        }
    }
}

impl Spellings {
    /// For a stream of at most `limit` series.
    pub(super) fn new(limit: usize) -> Self {
        Spellings {
            shapes: AppendVec::new(),
            entries: AppendVec::new(),
            by_place: Index::new(),
            by_text: Index::new(),
            // Sets are spelled in several orders.
            room: AtomicUsize::new(limit.saturating_mul(2).saturating_add(64).min(MOST_SPELLINGS)),
            failures: AtomicUsize::new(0),
            places: AtomicBool::new(false),
        }
    }

    /// The row that these attributes were learnt to lead to.
    #[inline(always)]
    pub(super) fn find<A: Attributes + ?Sized>(&self, seed: Seed, attributes: &A) -> Option<Known> {
        match attributes.as_key_values() {
            None => self.find_text(seed, attributes),
            Some([a]) => self.find_pairs(seed, [a]),
            Some([a, b]) => self.find_pairs(seed, [a, b]),
            Some([a, b, c]) => self.find_pairs(seed, [a, b, c]),
            Some([a, b, c, d]) => self.find_pairs(seed, [a, b, c, d]),
            Some([a, b, c, d, e]) => self.find_pairs(seed, [a, b, c, d, e]),
            Some([a, b, c, d, e, f]) => self.find_pairs(seed, [a, b, c, d, e, f]),
            Some([a, b, c, d, e, f, g]) => self.find_pairs(seed, [a, b, c, d, e, f, g]),
            Some([a, b, c, d, e, f, g, h]) => self.find_pairs(seed, [a, b, c, d, e, f, g, h]),
            Some(_) => None,
        }
    }

    #[inline(always)]
    fn find_pairs<const N: usize>(&self, seed: Seed, pairs: [&KeyValue; N]) -> Option<Known> {
        if self.places.load(Ordering::Relaxed)
            && let Some(known) = self.find_places(seed, pairs)
        {
            return Some(known);
        }
        self.find_pairs_text(seed, pairs)
    }

    /// By place.
    #[inline(always)]
    fn find_places<const N: usize>(&self, seed: Seed, pairs: [&KeyValue; N]) -> Option<Known> {
        // Most streams have one shape: it is compared along the way.
        let first = self.shapes.get(0)?;
        let mut same_keys = first.kept.len() == N;
        let mut places = Places { at: [0; MOST_PAIRS], extent: [0; MOST_PAIRS] };
        for (number, pair) in pairs.into_iter().enumerate() {
            let (at, extent) = match &pair.value {
                Value::String(text) => place_of_str(text.as_str())?,
                other => bits_of_value(other)?,
            };
            places.at[number] = at;
            places.extent[number] = extent;
            same_keys &= first.keys[number] == address(pair.key.as_str());
        }
        let shape = if same_keys { 0 } else { self.shape_of(&Pairs(pairs))? };
        for payload in self.by_place.candidates(places.hash(seed, shape)) {
            let entry = self.entries.get(payload as usize)?;
            if entry.is_at::<N>(&places, shape) {
                return Some(entry.known());
            }
        }
        None
    }

    /// By text; as plain strings, if that is what they all are, for these are read three times.
    #[inline(never)]
    fn find_pairs_text<const N: usize>(&self, seed: Seed, pairs: [&KeyValue; N]) -> Option<Known> {
        let mut texts = [(KeyRef::borrowed(""), ""); N];
        for (text, pair) in texts.iter_mut().zip(pairs) {
            let Value::String(value) = &pair.value else {
                return self.find_mixed_text(seed, &Pairs(pairs));
            };
            *text = (KeyRef::borrowed(pair.key.as_str()), value.as_str());
        }
        self.find_text(seed, &texts)
    }

    #[inline(never)]
    fn find_mixed_text<A: Attributes + ?Sized>(&self, seed: Seed, attributes: &A) -> Option<Known> {
        self.find_text(seed, attributes)
    }

    /// By text.
    #[inline(always)]
    fn find_text<A: Attributes + ?Sized>(&self, seed: Seed, attributes: &A) -> Option<Known> {
        let (spelled, shape) = self.spelled(attributes)?;
        for payload in self.by_text.candidates(text_hash(seed, attributes, shape)) {
            let entry = self.entries.get(payload as usize)?;
            if entry.is_as_long(&spelled.places, shape) && same_text(entry, attributes) {
                return Some(entry.known());
            }
        }
        None
    }

    /// The attributes as far as they can be told without reading a string, and their shape's number.
    #[inline(always)]
    fn spelled<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<(Spelled, usize)> {
        let spelled = Spelled::read(attributes, Some(self.shapes.get(0)?));
        if !spelled.fits {
            return None;
        }
        let shape = if spelled.same_keys { 0 } else { self.shape_of(attributes)? };
        Some((spelled, shape))
    }

    #[inline(never)]
    fn shape_of<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<usize> {
        self.shapes.iter().position(|shape| {
            let mut number = 0;
            let mut same = true;
            attributes.visit(|key, _| {
                same &= shape.keys.get(number) == Some(&address(key.as_str()));
                number += 1;
            });
            same && number == shape.kept.len()
        })
    }

    /// Whether it is worth trying to learn these attributes, which lead to the series of a set.
    #[inline(never)]
    pub(super) fn wants<A: Attributes + ?Sized>(&self, attributes: &A, set: &AttributeSet) -> bool {
        if self.entries.len() >= self.room.load(Ordering::Relaxed) {
            return false;
        }
        let (mut len, mut text_len, mut fits, mut keys_stay) = (0, 0, true, true);
        attributes.visit(|key, value| {
            len += 1;
            fits &= place_of(value).is_some();
            keys_stay &= key.is_static();
            if let ValueRef::Str(text) = value {
                text_len += text.len();
            }
        });
        // Of the API's keys it shows when a clone is made.
        keys_stay |= attributes.as_key_values().is_some();
        (1..=MOST_PAIRS).contains(&len)
            && fits
            && keys_stay
            && (text_len <= MOST_TEXT || pins(set, attributes))
    }

    /// Learns that attributes lead to a row, if it can. The caller lets in one at a time; `set` is the
    /// series' own attributes.
    pub(super) fn learn<A: Attributes + ?Sized>(
        &self,
        seed: Seed,
        attributes: &A,
        set: &AttributeSet,
        known: Known,
    ) {
        let spelled = Spelled::read(attributes, None);
        let (text, pinned) = (text_of(attributes), pins(set, attributes));
        if spelled.len == 0 || !spelled.fits || !(pinned || text.is_some()) {
            return;
        }
        let Some(shape) = self.shape_of(attributes).or_else(|| self.learn_shape(attributes)) else {
            // Keys that do not stay, or too many: trying again costs more than it may bring.
            if self.failures.fetch_add(1, Ordering::Relaxed) >= MOST_FAILURES {
                self.room.store(0, Ordering::Relaxed);
            }
            return;
        };
        // Somebody else may have learnt it meanwhile.
        let by_place = pinned && attributes.as_key_values().is_some();
        let place_hash = spelled.places.hash(seed, shape);
        let known_place = |payload| {
            self.entries
                .get(payload as usize)
                .is_some_and(|entry: &Entry| entry.is_at::<MOST_PAIRS>(&spelled.places, shape))
        };
        let by_place = by_place && !self.by_place.candidates(place_hash).any(known_place);
        let text_hash = text_hash(seed, attributes, shape);
        let by_text = text.is_some()
            && self.find_text(seed, attributes).is_none()
            && self.by_text.candidates(text_hash).count() < MOST_ALIKE;
        if !by_place && !by_text {
            return;
        }
        let Known { row, overflow } = known;
        let text = text.unwrap_or([0; MOST_TEXT]);
        let entry = Entry { places: spelled.places, row, shape: shape as u32, overflow, text };
        if let Ok(number) = self.entries.push(entry) {
            if by_text {
                self.by_text.insert(text_hash, number as Payload);
            }
            if by_place {
                self.by_place.insert(place_hash, number as Payload);
                self.places.store(true, Ordering::Relaxed);
            }
        }
    }

    fn learn_shape<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<usize> {
        if self.shapes.len() >= MOST_SHAPES {
            return None;
        }
        let mut keys = [(0, 0); MOST_PAIRS];
        let mut kept = Vec::new();
        attributes.visit(|key, _| {
            if let Some(place) = keys.get_mut(kept.len()) {
                *place = address(key.as_str());
            }
            kept.push(key);
        });
        let kept: Box<[Key]> = match attributes.as_key_values() {
            Some(pairs) => pairs.iter().map(|pair| pair.key.clone()).collect(),
            None => kept.iter().map(KeyRef::to_key).collect(),
        };
        let stayed = kept.iter().map(|key| address(key.as_str())).eq(keys.into_iter().take(kept.len()));
        if !stayed {
            return None;
        }
        self.shapes.push(Shape { keys, kept }).ok()
    }
}

#[cfg(test)]
mod tests;
