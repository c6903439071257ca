//! From a number to its bucket, exactly.
//!
//! The exponent says which octave a number is in. At scales up to [`TABLE_SCALE`] the significand's
//! first bits say which boundary of the octave is near, and one comparison on which side of it the number
//! is: all boundaries fit into two kilobytes. At larger scales what is left is divided by that boundary,
//! and a short polynomial tells the logarithm of the quotient to some 34 bits; where these do not decide,
//! which one number in ten thousand meets at the largest scale, the boundary itself is computed. Integers
//! only, so that the result is the same on every machine, and is what exact arithmetic would find.

use super::MAX_SCALE;
use super::roots::power;
use crate::number::Parts;

/// The scale that the tables are for.
const TABLE_SCALE: u32 = 8;
const BOUNDARIES: usize = 1 << TABLE_SCALE;
/// Cells that an octave is divided into evenly: so narrow that none has two boundaries.
const CELLS: usize = 2 * BOUNDARIES;

/// What is left of a fraction is the number of its cell.
const CELL_SHIFT: u32 = u64::BITS - TABLE_SCALE - 1;

/// How much the scale is below the largest, where the tables begin to serve.
const TABLE_SHIFT: u32 = MAX_SCALE as u32 - TABLE_SCALE;

struct Tables {
    /// The boundaries without the one that each of them begins with, rounded down, in units of 2^-64.
    boundaries: [u64; BOUNDARIES],
    /// How many boundaries are below all numbers of a cell; one less where all boundaries are.
    below: [u8; CELLS],
    /// One divided by each boundary, rounded down, in units of 2^-63.
    inverses: [u64; BOUNDARIES],
}

static TABLES: Tables = Tables::new();

impl Tables {
    const fn new() -> Self {
        let mut boundaries = [0; BOUNDARIES];
        let mut inverses = [1 << 63; BOUNDARIES];
        let mut n = 1;
        while n < BOUNDARIES {
            boundaries[n] = (power((n as u32) << TABLE_SHIFT) >> 63) as u64;
            inverses[n] = (power(((BOUNDARIES - n) as u32) << TABLE_SHIFT) >> 65) as u64;
            n += 1;
        }
        let mut below = [0; CELLS];
        let mut cell = 0;
        let mut count = 0;
        while cell < CELLS {
            let first = (cell as u64) << CELL_SHIFT;
            while count < BOUNDARIES - 1 && boundaries[count] < first {
                count += 1;
            }
            below[cell] = count as u8;
            cell += 1;
        }
        Tables { boundaries, below, inverses }
    }

    /// How many boundaries a number is above, by its fraction: from none, if that is zero, to all.
    #[inline(always)]
    fn boundaries_below(&self, fraction: u64) -> u32 {
        let below = self.below[(fraction >> CELL_SHIFT) as usize];
        // No fraction is between a boundary and what it is rounded down to (see `roots`).
        u32::from(below) + u32::from(fraction > self.boundaries[usize::from(below)])
    }
}

/// The index of a number's bucket at the scale [`MAX_SCALE`] - `shift`.
pub(crate) fn index(parts: Parts, shift: u32) -> i32 {
    index_at_once(parts, shift).unwrap_or_else(|| {
        let coarse = coarse_index(parts);
        let (before, after) = fine_indices(parts.fraction, coarse, shift);
        let within = (coarse as u32 % BOUNDARIES as u32) << TABLE_SHIFT;
        let fine = if is_above(parts.fraction, within + (after << shift)) { after } else { before };
        (coarse << (TABLE_SHIFT - shift)) + fine as i32
    })
}

/// As [`index`], unless that takes long.
#[inline(always)]
pub(crate) fn index_at_once(parts: Parts, shift: u32) -> Option<i32> {
    let by_table = index_by_table(parts, shift);
    if by_table.is_some() {
        return by_table;
    }
    let coarse = coarse_index(parts);
    let (before, after) = fine_indices(parts.fraction, coarse, shift);
    (before == after).then_some((coarse << (TABLE_SHIFT - shift)) + after as i32)
}

/// As [`index`], at a scale that there is a table for.
#[inline(always)]
pub(crate) fn index_by_table(parts: Parts, shift: u32) -> Option<i32> {
    (shift >= TABLE_SHIFT).then(|| coarse_index(parts) >> (shift - TABLE_SHIFT))
}

/// The index of a number's bucket at the tables' scale.
#[inline(always)]
fn coarse_index(parts: Parts) -> i32 {
    (parts.exponent << TABLE_SCALE) + TABLES.boundaries_below(parts.fraction) as i32 - 1
}

/// By how much [`log2_of_excess`] may be wrong, in its units: 2^36 for the terms left out, and what was
/// rounded.
const LOG2_ERROR: u64 = 1 << 37;
const LOG2_UNIT: u32 = 71;

/// Which of the smaller buckets that a bucket of the tables' scale consists of a number of that bucket is in: at the
/// least and at the most.
#[inline(always)]
fn fine_indices(fraction: u64, coarse: i32, shift: u32) -> (u32, u32) {
    if fraction == 0 {
        // A power of two is in the bucket that ends with it.
        let last = (1 << (TABLE_SHIFT - shift)) - 1;
        return (last, last);
    }
    // Divided by the boundary before it, in units of 2^-62; a little less than one after rounding.
    let inverse = TABLES.inverses[coarse as usize % BOUNDARIES];
    let quotient = high_product(1 << 63 | fraction >> 1, inverse);
    let log2 = log2_of_excess(quotient.saturating_sub(1 << 62) << 10);
    let unit = LOG2_UNIT - MAX_SCALE as u32 + shift;
    ((log2.saturating_sub(LOG2_ERROR) >> unit) as u32, ((log2 + LOG2_ERROR) >> unit) as u32)
}

/// The logarithm to base two of 1 + `excess`, the excess in units of 2^-72 and the result in 2^-71.
///
/// Three terms of the series: the excess is less than 2^-8.5, so that what is left out is less than
/// 2^-35.5, or 2^35.5 units.
#[inline(always)]
fn log2_of_excess(excess: u64) -> u64 {
    /// The logarithm of e in units of 2^-63, and half of it in units of 2^-64.
    const LOG2_E: u64 = 0xb8aa_3b29_5c17_f0bb;
    /// A third of it in units of 2^-64.
    const THIRD: u64 = 0x7b1c_2770_e80f_f5d2;
    let tail = LOG2_E - (high_product(excess, THIRD) >> 8);
    let tail = LOG2_E - (high_product(excess, tail) >> 9);
    high_product(excess, tail)
}

#[inline(always)]
fn high_product(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

/// Whether a number is above the boundary of this index within its octave, at the largest scale.
#[cold]
fn is_above(fraction: u64, boundary: u32) -> bool {
    match boundary >> MAX_SCALE {
        // No fraction is between a boundary and what it is rounded down to (see `roots`).
        0 => 1 << 127 | u128::from(fraction) << 63 > power(boundary),
        // The next octave's first.
        _ => false,
    }
}

#[cfg(test)]
mod tests;
