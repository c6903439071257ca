//! The short cut from attributes to a row: by how a caller spells them.

mod hidden;
mod words;

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

use opentelemetry::{KeyValue, Value};

use crate::attributes::{AttributeSet, Attributes, Seed, ValueRef};
use crate::cells::Row;
use crate::sync::{AppendVec, Index, Payload, capacity};
use words::{FEW, Header, MANY, MOST_PAIRS, Pairs, Places, Shape, Spelled, Texts};

/// The most words that the spellings of one stream take.
const MOST_WORDS: usize = capacity(WORD_SEGMENTS as u32);
const WORD_SEGMENTS: usize = 11;
/// As many as a spelling takes, give or take a few.
const USUAL_WORDS: usize = 8;
/// The most sequences of keys that one stream learns.
const MOST_SHAPES: usize = capacity(SHAPE_SEGMENTS as u32);
const SHAPE_SEGMENTS: usize = 1;
/// After so many sequences of keys that cannot be learnt, nobody tries any more.
const MOST_FAILURES: u8 = 64;
/// The most spellings under one hash that are learnt.
const MOST_ALIKE: usize = 4;

/// Rows by the spelling of their attributes: which keys in which order, and which values.
///
/// - Keys are compared by address. A [`Shape`] is a sequence of keys, kept alive here at the addresses
///   at which a caller named them: static strings, or shared ones of which a clone is kept. Who comes
///   with the same addresses and lengths has the same keys, for those strings are alive and never
///   change. A key that a clone does not keep in its place, an owned string, makes no shape.
/// - The API's values are first looked for by *place*: a string is one word, of its address and length.
///   That says what it is only where the series' own attributes are at the same places: they were
///   static or shared when the series was made, so that the same argument holds. No string is read then.
/// - All others are looked for by *text*: a string is all its bytes, as words, and its length.
/// - Values that are no strings are their bits and their kind. Arrays are not learnt.
///
/// So equal words mean equal attributes, and finding a spelling is hashing and comparing a few words.
///
/// What is learnt is bounded, and is only a short cut: what finds no room is looked up by content.
pub(super) struct Spellings {
    shapes: AppendVec<Shape, SHAPE_SEGMENTS>,
    /// Each spelling in a run of words: what [`Spelled`] says, its row beside the header.
    words: AppendVec<u64, WORD_SEGMENTS>,
    /// Where each begins.
    index: Index,
    /// How many words may be taken; 0 once trying has shown to be in vain.
    room: AtomicU32,
    failures: AtomicU8,
    /// Whether anything can be found by place.
    places: AtomicBool,
}

/// The words of one spelling. Its row shares the first with its header.
#[derive(Clone, Copy)]
struct Run<'a>(&'a [u64]);

impl Run<'_> {
    /// A word; zero past the end, which words of a spelling that is as long never are.
    #[inline(always)]
    fn word(self, number: usize) -> u64 {
        self.0.get(number).copied().unwrap_or(0)
    }

    #[inline(always)]
    fn header(self) -> Header {
        Header::of((self.word(0) >> 32) as u32)
    }

    /// What it leads to, if it is a spelling of these words after the header.
    #[inline(always)]
    fn known_by(self, header: Header, words: impl Iterator<Item = u64>) -> Option<Known> {
        let differ =
            words.enumerate().fold(u64::from(self.header().differs_from(header)), |all, (number, own)| {
                all | (self.word(1 + number) ^ own)
            });
        if differ == 0 { self.known() } else { None }
    }

    #[inline(always)]
    fn known(self) -> Option<Known> {
        let row = Row::from_bits(self.word(0) as u32)?;
        Some(Known { row, overflow: self.header().is_overflow() })
    }
}

/// What a spelling led to.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) row: Row,
    pub(super) overflow: bool,
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

/// Calls a method with as many of some pairs as there are, that number being known where it is compiled: so few
/// are read without a loop. `None` for no pairs and for too many.
macro_rules! by_len {
    ($pairs:expr, |$array:ident| $then:expr) => {
        by_len!($pairs, $array, $then, [a] [a b] [a b c] [a b c d] [a b c d e] [a b c d e f] [a b c d e f g] [a b c d e f g h])
    };
    ($pairs:expr, $array:ident, $then:expr, $([$($name:ident)+])+) => {
        match $pairs {
            $([$($name),+] => { let $array = [$($name),+]; $then })+
            _ => None,
        }
    };
    ($len:expr, $this:ident.$method:ident($($argument:expr),*)) => {
        match $len {
            1 => $this.$method::<1, _>($($argument),*),
            2 => $this.$method::<2, _>($($argument),*),
            3 => $this.$method::<3, _>($($argument),*),
            4 => $this.$method::<4, _>($($argument),*),
            5 => $this.$method::<5, _>($($argument),*),
            6 => $this.$method::<6, _>($($argument),*),
            7 => $this.$method::<7, _>($($argument),*),
            8 => $this.$method::<8, _>($($argument),*),
            _ => None,
        }
    };
}

impl Spellings {
    /// For a stream of at most `limit` series.
    pub(super) fn new(limit: usize) -> Self {
        Spellings {
            shapes: AppendVec::new(),
            words: AppendVec::new(),
            index: Index::new(),
            room: AtomicU32::new(room(limit)),
            failures: AtomicU8::new(0),
            places: AtomicBool::new(false),
        }
    }

    /// The row that these attributes were learnt to lead to.
    #[inline(always)]
    pub(super) fn find<A: Attributes + ?Sized>(&self, seed: Seed, attributes: &A) -> Option<Known> {
        match attributes.as_key_values() {
            None => self.find_text(seed, attributes),
            Some(pairs) => by_len!(pairs, |pairs| self.find_pairs(seed, pairs, attributes)),
        }
    }

    #[inline(always)]
    fn find_pairs<const N: usize, A: Attributes + ?Sized>(
        &self,
        seed: Seed,
        pairs: [&KeyValue; N],
        attributes: &A,
    ) -> Option<Known> {
        if self.places.load(Ordering::Relaxed)
            && let Some(known) = self.find_places(seed, pairs, attributes)
        {
            return Some(known);
        }
        self.find_pairs_text(seed, pairs, attributes)
    }

    /// By place.
    #[inline(always)]
    fn find_places<const N: usize, A: Attributes + ?Sized>(
        &self,
        seed: Seed,
        pairs: [&KeyValue; N],
        attributes: &A,
    ) -> Option<Known> {
        // Most streams have one shape.
        let same_keys = self.shapes.get(0)?.is_of_pairs(pairs);
        let shape = if same_keys { 0 } else { self.shape_of(attributes)? };
        let places = Places::read(seed, pairs, shape)?;
        for payload in self.index.candidates(places.hash) {
            let run = Run(self.words.run(payload as usize, Places::<N>::WORDS)?);
            if let Some(known) = run.known_by(places.header, places.values.iter().copied()) {
                return Some(known);
            }
        }
        None
    }

    #[inline(never)]
    fn find_pairs_text<const N: usize, A: Attributes + ?Sized>(
        &self,
        seed: Seed,
        pairs: [&KeyValue; N],
        attributes: &A,
    ) -> Option<Known> {
        // Before anything is read.
        let first = self.shapes.get(0)?;
        let pairs = Pairs::of_few(pairs);
        if pairs.fit { self.find_texts::<N, A>(seed, first, &pairs, attributes) } else { None }
    }

    /// By text.
    #[inline(always)]
    fn find_text<A: Attributes + ?Sized>(&self, seed: Seed, attributes: &A) -> Option<Known> {
        // Before anything is read.
        let first = self.shapes.get(0)?;
        let pairs = Pairs::of(attributes);
        if !pairs.fit {
            return None;
        }
        by_len!(pairs.len, self.find_texts(seed, first, &pairs, attributes))
    }

    #[inline(always)]
    fn find_texts<const N: usize, A: Attributes + ?Sized>(
        &self,
        seed: Seed,
        first: &Shape,
        pairs: &Pairs<'_>,
        attributes: &A,
    ) -> Option<Known> {
        let same_keys = first.is_of_texts::<N>(pairs);
        let shape = if same_keys { 0 } else { self.shape_of(attributes)? };
        if !pairs.exceed::<N>(FEW) {
            self.find_short_texts::<N, FEW>(seed, pairs, shape)
        } else if !pairs.exceed::<N>(MANY) {
            self.find_short_texts::<N, MANY>(seed, pairs, shape)
        } else {
            self.find_spelled(&Spelled::of_long_texts(seed, attributes, shape)?)
        }
    }

    #[inline(always)]
    fn find_short_texts<const N: usize, const W: usize>(
        &self,
        seed: Seed,
        pairs: &Pairs<'_>,
        shape: usize,
    ) -> Option<Known> {
        let texts = Texts::<N, W>::read(seed, pairs, shape);
        for payload in self.index.candidates(texts.hash) {
            let run = Run(self.words.run(payload as usize, Texts::<N, W>::WORDS)?);
            // One loop after the other: a chain of them would be called, and the words written to the stack for it.
            let mut differ =
                u64::from(run.header().differs_from(texts.header)) | (run.word(1) ^ texts.lengths);
            for (number, own) in texts.values.as_flattened().iter().enumerate() {
                differ |= run.word(2 + number) ^ own;
            }
            if differ == 0 {
                return run.known();
            }
        }
        None
    }

    #[inline(never)]
    fn find_spelled(&self, spelled: &Spelled) -> Option<Known> {
        for payload in self.index.candidates(spelled.hash) {
            let run = Run(self.words.run(payload as usize, spelled.words().len())?);
            if let Some(known) = run.known_by(spelled.header(), spelled.words()[1..].iter().copied()) {
                return Some(known);
            }
        }
        None
    }

    #[inline(never)]
    fn shape_of<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<usize> {
        self.shapes.iter().position(|shape| shape.is_of(attributes))
    }

    /// Whether it is worth trying to learn these attributes, which lead to the series of a set.
    #[inline(never)]
    pub(super) fn wants<A: Attributes + ?Sized>(&self, attributes: &A, set: &AttributeSet) -> bool {
        if self.words.len() >= self.room.load(Ordering::Relaxed) as usize {
            return false;
        }
        let mut keys_stay = true;
        attributes.visit(|key, _| keys_stay &= key.is_static());
        // Of the API's keys it shows when a clone is made.
        keys_stay |= attributes.as_key_values().is_some();
        let pairs = Pairs::of(attributes);
        (1..=MOST_PAIRS).contains(&pairs.len)
            && pairs.fit
            && keys_stay
            && (pairs.are_told_by_text() || pins(set, attributes))
    }

    /// Learns that attributes lead to a row, if it can. The caller lets in one at a time; `set` is the
    /// series' own attributes. Says whether there is an old table of the index since.
    pub(super) fn learn<A: Attributes + ?Sized>(
        &self,
        seed: Seed,
        attributes: &A,
        set: &AttributeSet,
        known: Known,
    ) -> bool {
        let Some(shape) = self.shape_of(attributes).or_else(|| self.learn_shape(attributes)) else {
            // Keys that do not stay, or too many: trying again costs more than it may bring.
            if self.failures.fetch_add(1, Ordering::Relaxed) >= MOST_FAILURES {
                self.room.store(0, Ordering::Relaxed);
            }
            return false;
        };
        let spelled = match attributes.as_key_values() {
            Some(pairs) if pins(set, attributes) => {
                by_len!(pairs, |pairs| Spelled::of_places(seed, pairs, shape))
            }
            _ => Spelled::of_texts(seed, attributes, shape),
        };
        spelled.is_some_and(|spelled| self.learn_spelled(seed, spelled, known))
    }

    fn learn_spelled(&self, seed: Seed, mut spelled: Spelled, known: Known) -> bool {
        // Somebody else may have learnt it meanwhile.
        if self.find_spelled(&spelled).is_some() || self.index.candidates(spelled.hash).count() >= MOST_ALIKE
        {
            return false;
        }
        let by_place = spelled.header().is_by_place();
        let header = spelled.header().leading_to_overflow(known.overflow);
        spelled.set_first(u64::from(header.to_bits()) << 32 | u64::from(Row::to_bits(known.row)));
        let Some(number) = self.words.push_run(spelled.words()) else { return false };
        let hash_of = |at: Payload| self.hash_at(seed, at as usize).unwrap_or(0);
        let has_grown = self.index.insert(spelled.hash, number as Payload, hash_of);
        if by_place {
            self.places.store(true, Ordering::Relaxed);
        }
        has_grown
    }

    pub(super) fn have_old_tables(&self) -> bool {
        self.index.has_old_tables()
    }

    /// The hash of a spelling that was learnt.
    fn hash_at(&self, seed: Seed, at: usize) -> Option<u32> {
        let header = Run(self.words.run(at, 1)?).header();
        let pairs = self.shapes.get(header.shape())?.len();
        match header.words(pairs) {
            Some(words) => Some(header.hash_of(seed, &self.words.run(at, words)?[1..])),
            None => Some(*self.words.get(at + 1)? as u32),
        }
    }

    fn learn_shape<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<usize> {
        if self.shapes.len() >= MOST_SHAPES {
            return None;
        }
        self.shapes.push(Shape::of(attributes)?).ok()
    }
}

/// How many words the spellings of so many series may take: sets are spelled in several orders and ways.
fn room(limit: usize) -> u32 {
    limit.saturating_mul(4).saturating_add(64).saturating_mul(USUAL_WORDS).min(MOST_WORDS) as u32
}

#[cfg(test)]
mod tests;
