//! Spellings as words, of which equal ones mean equal attributes.

use std::ptr;

use opentelemetry::{Key, KeyValue, Value};

use crate::attributes::{Attributes, KeyRef, Seed, ValueRef};

/// Attribute sets of more pairs have no short cut.
pub(super) const MOST_PAIRS: usize = 8;
/// The words of a value by text where all strings are short: shorter than these are together.
pub(super) const FEW: usize = 2;
/// And where none is long, likewise.
pub(super) const MANY: usize = 4;
/// The longest string whose length has room in a word of eight.
pub(super) const LONGEST: usize = u8::MAX as usize;

/// Attributes, read out of whatever they are in.
///
/// Plain arrays, and never referred to out of line: what is read here is kept in registers.
pub(super) struct Pairs<'a> {
    /// More than [`MOST_PAIRS`] if there are too many.
    pub(super) len: usize,
    /// Whether all values can be told.
    pub(super) fit: bool,
    keys: [&'a str; MOST_PAIRS],
    texts: [&'a str; MOST_PAIRS],
    /// The bits of what is no string, and its kind.
    bits: [u64; MOST_PAIRS],
    kinds: u32,
}

impl<'a> Pairs<'a> {
    const NONE: Self = Pairs {
        len: 0,
        fit: true,
        keys: [""; MOST_PAIRS],
        texts: [""; MOST_PAIRS],
        bits: [0; MOST_PAIRS],
        kinds: 0,
    };

    #[inline(always)]
    pub(super) fn of<A: Attributes + ?Sized>(attributes: &'a A) -> Self {
        let mut pairs = Pairs::NONE;
        attributes.visit(|key, value| pairs.push(key.as_str(), value));
        pairs
    }

    #[inline(always)]
    pub(super) fn of_few<const N: usize>(few: [&'a KeyValue; N]) -> Self {
        let mut pairs = Pairs::NONE;
        few.into_iter().for_each(|pair| pairs.push(pair.key.as_str(), ValueRef::from(&pair.value)));
        pairs
    }

    #[inline(always)]
    fn push(&mut self, key: &'a str, value: ValueRef<'a>) {
        let number = self.len;
        self.len += 1;
        if number >= MOST_PAIRS {
            return;
        }
        self.keys[number] = key;
        match value {
            ValueRef::Str(text) => self.texts[number] = text,
            other => match bits_of(other) {
                Some((bits, kind)) => {
                    self.bits[number] = bits;
                    self.kinds |= Header::kind(number, kind);
                }
                None => self.fit = false,
            },
        }
    }

    /// Whether there is room to tell these attributes by text.
    pub(super) fn are_told_by_text(&self) -> bool {
        let words = self.texts.iter().map(|text| text.len().div_ceil(size_of::<u64>()));
        let others = (0..MOST_PAIRS).filter(|number| !self.is_text(*number)).count();
        self.texts.iter().all(|text| text.len() <= LONGEST)
            && words.sum::<usize>() + others <= MOST_PAIRS * MANY
    }

    /// Whether there are strings that so many words for each value do not hold.
    #[inline(always)]
    pub(super) fn exceed<const N: usize>(&self, words: usize) -> bool {
        let lengths = self.texts.iter().take(N).fold(0, |all, text| all | text.len());
        lengths >= words * size_of::<u64>()
    }

    #[inline(always)]
    fn is_text(&self, number: usize) -> bool {
        self.kinds & Header::kind(number, Kind::F64) == 0
    }
}

/// A sequence of keys, by their places.
pub(super) struct Shape {
    keys: [(usize, usize); MOST_PAIRS],
    /// What keeps the places taken; as many as there are keys.
    kept: Box<[Key]>,
}

impl Shape {
    /// The shape of some attributes, if their keys stay where they are.
    pub(super) fn of<A: Attributes + ?Sized>(attributes: &A) -> Option<Self> {
        let mut keys = [(0, 0); MOST_PAIRS];
        let mut given = Vec::new();
        attributes.visit(|key, _| given.push(key));
        let kept: Box<[Key]> = match attributes.as_key_values() {
            Some(pairs) => pairs.iter().map(|pair| pair.key.clone()).collect(),
            None => given.iter().map(KeyRef::to_key).collect(),
        };
        if kept.len() > MOST_PAIRS {
            return None;
        }
        for ((place, given), kept) in keys.iter_mut().zip(&given).zip(&kept) {
            *place = (given.as_str().as_ptr().addr(), given.as_str().len());
            if !ptr::eq(kept.as_str(), given.as_str()) {
                return None;
            }
        }
        Some(Shape { keys, kept })
    }

    /// How many keys.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn is_of<A: Attributes + ?Sized>(&self, attributes: &A) -> bool {
        let (mut number, mut differ) = (0, 0);
        attributes.visit(|key, _| {
            differ |= self.differs(number, key.as_str());
            number += 1;
        });
        differ | (number ^ self.kept.len()) == 0
    }

    #[inline(always)]
    pub(super) fn is_of_pairs<const N: usize>(&self, pairs: [&KeyValue; N]) -> bool {
        let differ = pairs.iter().enumerate().map(|(number, pair)| self.differs(number, pair.key.as_str()));
        differ.fold(self.kept.len() ^ N, |all, differs| all | differs) == 0
    }

    #[inline(always)]
    pub(super) fn is_of_texts<const N: usize>(&self, pairs: &Pairs<'_>) -> bool {
        let differ = (0..N.min(MOST_PAIRS)).map(|number| self.differs(number, pairs.keys[number]));
        differ.fold(self.kept.len() ^ N, |all, differs| all | differs) == 0
    }

    /// Bits that are set where a key is elsewhere.
    #[inline(always)]
    fn differs(&self, number: usize, key: &str) -> usize {
        let (at, len) = self.keys[number % MOST_PAIRS];
        (at ^ key.as_ptr().addr()) | (len ^ key.len())
    }
}

/// The bits and the kind of a value that is no string; `None` for arrays.
#[inline(always)]
fn bits_of(value: ValueRef<'_>) -> Option<(u64, Kind)> {
    match value {
        ValueRef::I64(value) => Some((value.cast_unsigned(), Kind::I64)),
        ValueRef::Bool(value) => Some((u64::from(value), Kind::Bool)),
        ValueRef::F64(value) => Some((value.to_bits(), Kind::F64)),
        ValueRef::Str(_) | ValueRef::Array(_) => None,
    }
}

/// What a value that is no string is. The last has all bits of a kind.
#[derive(Clone, Copy)]
enum Kind {
    I64 = 1,
    Bool,
    F64,
}

/// What the words of a spelling are.
#[derive(Clone, Copy)]
enum Mode {
    Place,
    /// With [`FEW`] words for each value.
    ShortText,
    /// With [`MANY`].
    Text,
    LongText,
}

impl Mode {
    /// By text with so many words for each value.
    const fn of_text(words: usize) -> Self {
        if words == FEW { Mode::ShortText } else { Mode::Text }
    }
}

/// What a spelling begins with: its mode, its shape and the kinds of its values. One bit says where
/// it leads, and is no part of the spelling.
#[derive(Clone, Copy)]
pub(super) struct Header(u32);

impl Header {
    const OVERFLOW: u32 = 1 << 31;
    /// Above the kinds, which are two bits for each value.
    const SHAPE: u32 = 2 * MOST_PAIRS as u32;
    const MODE: u32 = Self::SHAPE + 8;

    #[inline(always)]
    fn new(mode: Mode, shape: usize, kinds: u32) -> Self {
        Header(kinds | (shape as u32) << Self::SHAPE | (mode as u32) << Self::MODE)
    }

    /// A kind among the kinds: two bits for each value, zero for a string.
    #[inline(always)]
    fn kind(number: usize, kind: Kind) -> u32 {
        (kind as u32) << (number % MOST_PAIRS * 2)
    }

    #[inline(always)]
    pub(super) fn of(bits: u32) -> Self {
        Header(bits)
    }

    pub(super) fn to_bits(self) -> u32 {
        self.0
    }

    fn is(self, mode: Mode) -> bool {
        self.0 >> Self::MODE & 3 == mode as u32
    }

    pub(super) fn is_by_place(self) -> bool {
        self.is(Mode::Place)
    }

    /// How many words there are, itself included, of a spelling of so many pairs; `None` where that depends on its strings.
    pub(super) fn words(self, pairs: usize) -> Option<usize> {
        if self.is(Mode::Place) {
            Some(1 + pairs)
        } else if self.is(Mode::ShortText) {
            Some(2 + pairs * FEW)
        } else {
            self.is(Mode::Text).then_some(2 + pairs * MANY)
        }
    }

    pub(super) fn shape(self) -> usize {
        (self.0 >> Self::SHAPE) as usize & 0xff
    }

    /// The hash that these words were read with, those after the header; not of a spelling with a long string, which has its own.
    pub(super) fn hash_of(self, seed: Seed, words: &[u64]) -> u32 {
        let header = Header(self.0 & !Self::OVERFLOW);
        if self.is(Mode::Place) {
            let scattered = words.iter().enumerate().map(|(number, word)| seed.scatter(number, *word));
            return hash_of(scattered.fold(0, u64::wrapping_add), header);
        }
        let (lengths, rest) = words.split_first().map_or((0, words), |(first, rest)| (*first, rest));
        let size = if self.is(Mode::ShortText) { FEW } else { MANY };
        let scattered = rest.chunks(size).enumerate().map(|(number, words)| scattered(seed, number, words));
        hash_of(scattered.fold(lengths << 32, u64::wrapping_add), header)
    }

    pub(super) fn leading_to_overflow(self, overflow: bool) -> Self {
        if overflow { Header(self.0 | Header::OVERFLOW) } else { self }
    }

    #[inline(always)]
    pub(super) fn is_overflow(self) -> bool {
        self.0 & Header::OVERFLOW != 0
    }

    /// Bits that are set where the spellings differ.
    #[inline(always)]
    pub(super) fn differs_from(self, other: Header) -> u32 {
        (self.0 ^ other.0) & !Header::OVERFLOW
    }
}

/// A hash of words that were scattered and added up.
#[inline(always)]
fn hash_of(sum: u64, header: Header) -> u32 {
    (sum >> 32) as u32 ^ header.0
}

/// Attributes by place: a word for each, of a string its address and length.
pub(super) struct Places<const N: usize> {
    pub(super) header: Header,
    pub(super) hash: u32,
    pub(super) values: [u64; N],
}

impl<const N: usize> Places<N> {
    /// How many words there are, the header included.
    pub(super) const WORDS: usize = 1 + N;

    /// Attributes of a shape; `None` if some value is an array, or a place does not fit into a word.
    #[inline(always)]
    pub(super) fn read(seed: Seed, pairs: [&KeyValue; N], shape: usize) -> Option<Self> {
        let (mut kinds, mut sum, mut addresses, mut lengths) = (0, 0_u64, 0, 0);
        let mut values = [0; N];
        for (number, pair) in pairs.into_iter().enumerate() {
            let word = match &pair.value {
                // Strings first: a switch over all kinds would be mispredicted for the common one.
                Value::String(text) => {
                    let text = text.as_str();
                    let (at, len) = (text.as_ptr().addr() as u64, text.len() as u64);
                    addresses |= at;
                    lengths |= len;
                    at << 16 | len
                }
                other => {
                    let (bits, kind) = bits_of(ValueRef::from(other))?;
                    kinds |= Header::kind(number, kind);
                    bits
                }
            };
            values[number] = word;
            sum = sum.wrapping_add(seed.scatter(number, word));
        }
        let header = Header::new(Mode::Place, shape, kinds);
        (addresses >> 48 | lengths >> 16 == 0).then_some(Places {
            header,
            hash: hash_of(sum, header),
            values,
        })
    }
}

/// Attributes by text: the lengths of strings in a word, and then `W` words for each value, [`FEW`] or [`MANY`].
pub(super) struct Texts<const N: usize, const W: usize> {
    pub(super) header: Header,
    pub(super) hash: u32,
    pub(super) lengths: u64,
    pub(super) values: [[u64; W]; N],
}

impl<const N: usize, const W: usize> Texts<N, W> {
    /// How many words there are, the header included.
    pub(super) const WORDS: usize = 2 + N * W;

    /// Attributes of a shape, which are `N` and have no string that is too long.
    #[inline(always)]
    pub(super) fn read(seed: Seed, pairs: &Pairs<'_>, shape: usize) -> Self {
        let (mut lengths, mut sum) = (0, 0_u64);
        let mut values = [[0; W]; N];
        for (number, value) in values.iter_mut().enumerate().take(MOST_PAIRS) {
            if pairs.is_text(number) {
                let text = pairs.texts[number].as_bytes();
                lengths |= (text.len() as u64) << (number * 8);
                *value = short(text);
            } else {
                value[0] = pairs.bits[number];
            }
            sum = sum.wrapping_add(scattered(seed, number, value));
        }
        let header = Header::new(Mode::of_text(W), shape, pairs.kinds);
        Texts { header, hash: hash_of(sum.wrapping_add(lengths << 32), header), lengths, values }
    }
}

/// The words of a value by text as one.
#[inline(always)]
fn scattered(seed: Seed, number: usize, words: &[u64]) -> u64 {
    match *words {
        [a, b] => seed.scatter(number, a ^ b.rotate_left(32)),
        [a, b, c, d] => seed.scatter_two(number, a ^ b.rotate_left(32), c ^ d.rotate_left(32)),
        _ => 0,
    }
}

/// A string in so many words, which with its length are all there is to it if it is shorter than they are.
#[inline(always)]
fn short<const W: usize>(text: &[u8]) -> [u64; W] {
    let word = |eight: &[u8; 8]| u64::from_ne_bytes(*eight);
    let half = |four: &[u8; 4]| u64::from(u32::from_ne_bytes(*four));
    let len = text.len();
    let mut words = [0; W];
    if let (Some(head), Some(tail)) = (text.first_chunk(), text.last_chunk()) {
        words[0] = word(head);
        words[1] = word(tail);
        if W == MANY {
            // The bytes from 8 to 16, and those from 16 to 8 before the end, as far as there are any.
            words[2] = word(text[..len.min(16)].last_chunk().unwrap_or(head));
            words[3] = word(text[..(len - 8).max(8)].last_chunk().unwrap_or(tail));
        }
    } else if let (Some(head), Some(tail)) = (text.first_chunk(), text.last_chunk()) {
        words[0] = half(head) | half(tail) << 32;
    } else if let (Some(head), Some(tail)) = (text.first(), text.last()) {
        let middle = text[len / 2];
        words[0] = u64::from(*head) | u64::from(middle) << 8 | u64::from(*tail) << 16;
    }
    words
}

/// A spelling as a whole, for what has time.
pub(super) struct Spelled {
    pub(super) hash: u32,
    words: [u64; MOST_WORDS],
    len: usize,
}

/// The most words: header, lengths, and many for each value; where a string is long, a hash.
const MOST_WORDS: usize = Texts::<MOST_PAIRS, MANY>::WORDS + 1;

impl Spelled {
    fn new(hash: u32, header: Header) -> Self {
        let mut words = [0; MOST_WORDS];
        words[0] = u64::from(header.0);
        Spelled { hash, words, len: 1 }
    }

    /// Puts something else where the header is.
    pub(super) fn set_first(&mut self, word: u64) {
        self.words[0] = word;
    }

    /// Appends a word; `None` if there is no room.
    fn push(&mut self, word: u64) -> Option<()> {
        *self.words.get_mut(self.len)? = word;
        self.len += 1;
        Some(())
    }

    pub(super) fn header(&self) -> Header {
        Header(self.words[0] as u32)
    }

    /// All words, the header first.
    pub(super) fn words(&self) -> &[u64] {
        &self.words[..self.len]
    }

    /// By place.
    pub(super) fn of_places<const N: usize>(seed: Seed, pairs: [&KeyValue; N], shape: usize) -> Option<Self> {
        let places = Places::read(seed, pairs, shape)?;
        let mut spelled = Spelled::new(places.hash, places.header);
        places.values.iter().try_for_each(|word| spelled.push(*word))?;
        Some(spelled)
    }

    /// By text.
    pub(super) fn of_texts<A: Attributes + ?Sized>(seed: Seed, attributes: &A, shape: usize) -> Option<Self> {
        let pairs = Pairs::of(attributes);
        if !pairs.exceed::<MOST_PAIRS>(FEW) {
            Spelled::of_short_texts::<FEW>(seed, &pairs, shape)
        } else if !pairs.exceed::<MOST_PAIRS>(MANY) {
            Spelled::of_short_texts::<MANY>(seed, &pairs, shape)
        } else {
            Spelled::of_long_texts(seed, attributes, shape)
        }
    }

    /// By text with so many words for each value.
    fn of_short_texts<const W: usize>(seed: Seed, pairs: &Pairs<'_>, shape: usize) -> Option<Self> {
        // As for the most pairs there can be: those that are not there are empty strings, which add nothing.
        let texts = Texts::<MOST_PAIRS, W>::read(seed, pairs, shape);
        let mut spelled = Spelled::new(texts.hash, texts.header);
        spelled.push(texts.lengths)?;
        texts.values[..pairs.len].as_flattened().iter().try_for_each(|word| spelled.push(*word))?;
        Some(spelled)
    }

    /// By text where some string takes more than [`MANY`] words: the hash, the lengths, and as many words as it takes.
    #[inline(never)]
    pub(super) fn of_long_texts<A: Attributes + ?Sized>(
        seed: Seed,
        attributes: &A,
        shape: usize,
    ) -> Option<Self> {
        let pairs = Pairs::of(attributes);
        let header = Header::new(Mode::LongText, shape, pairs.kinds);
        let mut spelled = Spelled::new(0, header);
        // For the hash and the lengths.
        spelled.push(0)?;
        spelled.push(0)?;
        let mut lengths = 0;
        for number in 0..pairs.len.min(MOST_PAIRS) {
            if !pairs.is_text(number) {
                spelled.push(pairs.bits[number])?;
                continue;
            }
            let text = pairs.texts[number].as_bytes();
            lengths |= u64::from(u8::try_from(text.len()).ok()?) << (number * 8);
            for chunk in text.chunks(size_of::<u64>()) {
                let mut word = [0; size_of::<u64>()];
                word[..chunk.len()].copy_from_slice(chunk);
                spelled.push(u64::from_ne_bytes(word))?;
            }
        }
        spelled.words[2] = lengths;
        let sum = spelled.words()[2..].iter().fold(0_u64, |sum, word| seed.mix(sum, *word));
        spelled.hash = hash_of(sum, header);
        spelled.words[1] = u64::from(spelled.hash);
        Some(spelled)
    }
}
