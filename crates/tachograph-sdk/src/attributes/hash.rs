//! Hashes of attribute sets by content, the same for every spelling of a set.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;
use opentelemetry::Array;

use super::{Attributes, ValueRef};

/// A process's random seed, so that nobody outside can choose attributes that collide.
#[derive(Clone, Copy)]
pub(crate) struct Seed(&'static Random);

struct Random {
    first: u64,
    second: u64,
    /// Odd, two for each of the first places of a set.
    factors: [u64; 16],
    long: SharedSeed,
}

impl Seed {
    pub(crate) fn of_process() -> Self {
        static RANDOM: OnceLock<Random> = OnceLock::new();
        Seed(RANDOM.get_or_init(|| {
            // The standard library's keys are the operating system's randomness.
            let random = || RandomState::new().hash_one(0);
            Random {
                first: random(),
                second: random(),
                factors: std::array::from_fn(|_| random() | 1),
                long: SharedSeed::from_u64(random()),
            }
        }))
    }

    /// Mixes two words: both halves of their product, folded into one.
    #[inline]
    pub(crate) fn mix(self, a: u64, b: u64) -> u64 {
        let product = u128::from(a ^ self.0.first) * u128::from(b ^ self.0.second);
        (product as u64) ^ (product >> 64) as u64
    }

    /// Scatters the word in a place below eight; the upper half of the sum of all is a hash.
    #[inline(always)]
    pub(crate) fn scatter(self, place: usize, word: u64) -> u64 {
        word.wrapping_mul(self.0.factors[place & 7])
    }

    /// As [`scatter`](Self::scatter), two words in one place.
    #[inline(always)]
    pub(crate) fn scatter_two(self, place: usize, a: u64, b: u64) -> u64 {
        self.scatter(place, a).wrapping_add(b.wrapping_mul(self.0.factors[8 + (place & 7)]))
    }

    /// A string as two words: all of it up to 16 bytes.
    #[inline(always)]
    pub(crate) fn words(self, text: &[u8]) -> (u64, u64) {
        match Seed::short(text) {
            Some((a, b)) => (a, b ^ (text.len() as u64) << 56),
            None => (self.long(text), 1),
        }
    }

    /// A string of at most 16 bytes as two words, which with its length are all of it.
    ///
    /// Four overlapping loads cover all lengths from 4 on: lengths vary from record to record, and a
    /// branch for each range of them would be mispredicted.
    #[inline(always)]
    fn short(text: &[u8]) -> Option<(u64, u64)> {
        let load = |four: &[u8; 4]| u64::from(u32::from_ne_bytes(*four));
        let len = text.len();
        if let (Some(head), Some(tail)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
            if len > 16 {
                return None;
            }
            // The bytes from 4 to 8, and those from 8 to 4 before the end, as far as there are any.
            let second = text[..len.min(8)].last_chunk::<4>().unwrap_or(head);
            let third = text[len.saturating_sub(8)..].first_chunk::<4>().unwrap_or(tail);
            Some((load(head) | load(second) << 32, load(third) | load(tail) << 32))
        } else if let (Some(head), Some(tail)) = (text.first(), text.last()) {
            Some((u64::from(*head) | u64::from(text[len / 2]) << 8, u64::from(*tail)))
        } else {
            Some((0, 0))
        }
    }

    /// Longer strings are worth a call.
    #[inline(never)]
    fn long(self, text: &[u8]) -> u64 {
        let mut hasher = self.hasher();
        hasher.write(text);
        hasher.finish()
    }

    fn hasher(self) -> FoldHasher<'static> {
        FoldHasher::with_seed(self.0.first, &self.0.long)
    }
}

/// A hash of a set by content, built pair by pair in any order.
#[derive(Clone, Copy)]
pub(crate) struct AttributesHash {
    seed: Seed,
    sum: u64,
}

impl AttributesHash {
    #[inline]
    pub(crate) fn new(seed: Seed) -> Self {
        AttributesHash { seed, sum: 0 }
    }

    /// Adds a pair. Pairs commute, so that order does not matter.
    #[inline]
    pub(crate) fn add(&mut self, key: &str, value: ValueRef<'_>) {
        // A program has few keys, and the sets of one instrument mostly the same: the key's end is
        // there to tell `a=1,b=2` from `a=2,b=1`, no more.
        let key = key.as_bytes();
        let key_word = key.last_chunk::<4>().map_or(0, |tail| u64::from(u32::from_ne_bytes(*tail)))
            | key.last().map_or(0, |last| u64::from(*last)) << 32
            | (key.len() as u64) << 40;
        let (a, b) = match value {
            ValueRef::Str(text) => self.seed.words(text.as_bytes()),
            ValueRef::Bool(value) => (u64::from(value), 2),
            ValueRef::I64(value) => (value.cast_unsigned(), 3),
            ValueRef::F64(value) => (value.to_bits(), 4),
            ValueRef::Array(value) => (hash_array(self.seed, value), 5),
        };
        self.sum = self.sum.wrapping_add(self.seed.mix(a, b ^ key_word.rotate_left(16)));
    }

    #[inline]
    pub(crate) fn finish(self) -> u32 {
        ((self.sum >> 32) ^ self.sum) as u32
    }

    /// The hash of attributes as they are visited, duplicates included.
    #[inline]
    pub(crate) fn of<A: Attributes + ?Sized>(seed: Seed, attributes: &A) -> u32 {
        let mut hash = AttributesHash::new(seed);
        attributes.visit(|key, value| hash.add(key.as_str(), value));
        hash.finish()
    }
}

#[inline(never)]
fn hash_array(seed: Seed, array: &Array) -> u64 {
    let mut hasher = seed.hasher();
    match array {
        Array::Bool(values) => values.iter().for_each(|value| hasher.write_u64(u64::from(*value))),
        Array::I64(values) => values.iter().for_each(|value| hasher.write_u64(value.cast_unsigned())),
        Array::F64(values) => values.iter().for_each(|value| hasher.write_u64(value.to_bits())),
        Array::String(values) => values.iter().for_each(|value| hasher.write(value.as_str().as_bytes())),
        _ => {}
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash<A: Attributes>(attributes: A) -> u32 {
        AttributesHash::of(Seed::of_process(), &attributes)
    }

    #[test]
    fn order_does_not_matter_and_everything_else_does() {
        let base = hash([("a", "1"), ("b", "2")]);
        assert_eq!(base, hash([("b", "2"), ("a", "1")]));
        for other in [[("a", "2"), ("b", "1")], [("a", "1"), ("b", "3")], [("a", "1"), ("c", "2")]] {
            assert_ne!(base, hash(other), "{other:?}");
        }
        assert_ne!(hash([("a", 1)]), hash([("a", true)]));
    }

    #[test]
    fn strings_of_every_length_differ_by_each_of_their_bytes() {
        for len in 0..40 {
            let text = "x".repeat(len);
            let base = hash([("k", text.as_str())]);
            assert_ne!(base, hash([("k", format!("{text}x").as_str())]), "{len}");
            for at in 0..len {
                let mut other = text.clone().into_bytes();
                other[at] = b'y';
                assert_ne!(base, hash([("k", std::str::from_utf8(&other).unwrap())]), "{len} {at}");
            }
        }
    }
}
