//! Base-2 exponential histograms: which bucket a number is in, and what buckets have in common at
//! different scales. Numbers only; where counts are kept is the cells' business.
//!
//! At scale `s` each boundary is 2^(2^-s) times the one before, so that each bucket of scale `s` is two
//! of scale `s + 1`, and its index half of theirs: lowering the scale by `n` shifts indices right by `n`.
//! A bucket takes what is above its lower boundary and at most the upper one.

mod buckets;
mod distribution;
mod mapping;
mod roots;

pub use buckets::ExponentialBuckets;
pub(crate) use buckets::steps_to_fit;
pub(crate) use distribution::{Distribution, Part};
pub(crate) use mapping::{index, index_at_once, index_by_table};

/// The largest scale, the specification's default: a million buckets between a number and its double.
pub(crate) const MAX_SCALE: i32 = 20;

/// The smallest scale. Three buckets hold all floating-point numbers then.
pub(crate) const MIN_SCALE: i32 = -10;

/// The fewest buckets a side can do with; see [`MIN_SCALE`].
pub(crate) const MIN_SIZE: u32 = 3;

/// The most buckets a side may have: 128 KiB of them.
pub(crate) const MAX_SIZE: u32 = 16_384;
