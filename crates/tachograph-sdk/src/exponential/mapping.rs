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
        let between = Between::new(parts, TABLES.boundaries_below(parts.fraction), shift);
        if is_above(parts, (between.boundary << TABLE_SHIFT) + (between.after << shift)) {
            between.first + between.after as i32
        } else {
            between.first + between.before as i32
        }
    })
}

/// As [`index`], unless that takes long.
#[inline(always)]
pub(crate) fn index_at_once(parts: Parts, shift: u32) -> Option<i32> {
    let below = TABLES.boundaries_below(parts.fraction);
    if shift >= TABLE_SHIFT {
        let index = (parts.exponent << TABLE_SCALE) + below as i32 - 1;
        return Some(index >> (shift - TABLE_SHIFT));
    }
    let Between { first, before, after, .. } = Between::new(parts, below, shift);
    (before == after).then_some(first + after as i32)
}

/// Where a number is at a scale that there is no table for: in one of two buckets, or in the one that both are.
struct Between {
    /// The last boundary of the table that the number is above, and the index of the bucket that begins there.
    boundary: u32,
    first: i32,
    /// How many buckets are in between, at the least and at the most.
    before: u32,
    after: u32,
}

impl Between {
    /// For a number that is above so many boundaries of the table.
    #[inline(always)]
    fn new(Parts { exponent, fraction, .. }: Parts, below: u32, shift: u32) -> Self {
        let scale = MAX_SCALE as u32 - shift;
        let octave = exponent << scale;
        let Some(boundary) = below.checked_sub(1) else {
            // A power of two is in the bucket that ends with it.
            return Between { boundary: 0, first: octave - 1, before: 0, after: 0 };
        };
        let first = octave + (boundary << (scale - TABLE_SCALE)) as i32;
        // Divided by the boundary, in units of 2^-62; a little less than one after rounding.
        let inverse = TABLES.inverses[boundary as usize % BOUNDARIES];
        let quotient = high_product(1 << 63 | fraction >> 1, inverse);
        let log2 = log2_of_excess(quotient.saturating_sub(1 << 62) << 10);
        let before = (log2.saturating_sub(LOG2_ERROR) >> (LOG2_UNIT - scale)) as u32;
        let after = ((log2 + LOG2_ERROR) >> (LOG2_UNIT - scale)) as u32;
        Between { boundary, first, before, after }
    }
}

/// By how much [`log2_of_excess`] may be wrong, in its units: 2^36 for the terms left out, and what was
/// rounded.
const LOG2_ERROR: u64 = 1 << 37;
const LOG2_UNIT: u32 = 71;

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
fn is_above(parts: Parts, boundary: u32) -> bool {
    match boundary >> MAX_SCALE {
        // No fraction is between a boundary and what it is rounded down to (see `roots`).
        0 => 1 << 127 | u128::from(parts.fraction) << 63 > power(boundary),
        // The next octave's first.
        _ => false,
    }
}

#[cfg(test)]
mod tests;
