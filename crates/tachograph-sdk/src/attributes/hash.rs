//! Hashes of attribute sets: by content, the same for every spelling of a set, and by address.

use std::hash::Hasher;
use std::sync::OnceLock;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;
use opentelemetry::{Array, KeyValue, Value};

use super::{Attributes, ValueRef};

/// A process's random seed, so that nobody outside can choose attributes that collide.
#[derive(Clone, Copy)]
pub(crate) struct Seed {
    shared: &'static SharedSeed,
    start: u64,
}

impl Seed {
    pub(crate) fn of_process() -> Self {
        static SEED: OnceLock<(SharedSeed, u64)> = OnceLock::new();
        let (shared, start) = SEED.get_or_init(|| {
            // The standard library's keys are the operating system's randomness.
            let random = |salt: u64| {
                use std::hash::{BuildHasher, RandomState};
                RandomState::new().hash_one(salt)
            };
            (SharedSeed::from_u64(random(0)), random(1))
        });
        Seed { shared, start: *start }
    }

    #[inline]
    fn hasher(self) -> FoldHasher<'static> {
        FoldHasher::with_seed(self.start, self.shared)
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
        let mut hasher = self.seed.hasher();
        hasher.write(key.as_bytes());
        match value {
            ValueRef::Str(value) => hasher.write(value.as_bytes()),
            ValueRef::Bool(value) => hasher.write_u64(1 + u64::from(value)),
            ValueRef::I64(value) => hasher.write_u64(value.cast_unsigned()),
            ValueRef::F64(value) => hasher.write_u64(value.to_bits()),
            ValueRef::Array(value) => hash_array(&mut hasher, value),
        }
        self.sum = self.sum.wrapping_add(hasher.finish());
    }

    #[inline]
    pub(crate) fn finish(self) -> u32 {
        // The sum's high bits are the better mixed ones; fold the low ones in.
        ((self.sum >> 32) ^ self.sum) as u32
    }

    /// The hash of attributes as they are visited, duplicates included.
    #[inline]
    pub(crate) fn of<A: Attributes + ?Sized>(seed: Seed, attributes: &A) -> u32 {
        let mut hash = AttributesHash::new(seed);
        attributes.visit(|key, value| hash.add(key, value));
        hash.finish()
    }
}

#[cold]
fn hash_array(hasher: &mut FoldHasher<'_>, array: &Array) {
    match array {
        Array::Bool(values) => values.iter().for_each(|value| hasher.write_u64(1 + u64::from(*value))),
        Array::I64(values) => values.iter().for_each(|value| hasher.write_u64(value.cast_unsigned())),
        Array::F64(values) => values.iter().for_each(|value| hasher.write_u64(value.to_bits())),
        Array::String(values) => values.iter().for_each(|value| hasher.write(value.as_str().as_bytes())),
        _ => {}
    }
}

/// A hash of pairs by where their strings are, in the caller's order; `None` for pairs with arrays.
///
/// Equal hashes say nothing: the caller compares the addresses themselves.
#[inline]
pub(crate) fn address_hash(seed: Seed, pairs: &[KeyValue]) -> Option<u32> {
    let mut hash = seed.start;
    for pair in pairs {
        let value = match &pair.value {
            Value::String(value) => value.as_str().as_ptr().addr() as u64,
            Value::I64(value) => value.cast_unsigned(),
            Value::Bool(value) => u64::from(*value),
            Value::F64(value) => value.to_bits(),
            _ => return None,
        };
        let key = pair.key.as_str().as_ptr().addr() as u64;
        hash = hash.rotate_left(23) ^ fold(key ^ seed.start, value ^ 0x9E37_79B9_7F4A_7C15);
    }
    Some((hash ^ hash >> 32) as u32)
}

/// Both halves of the product, folded into one word.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}
