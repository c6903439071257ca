use proptest::prelude::*;

use super::*;
use crate::exponential::MIN_SCALE;
use crate::number::Number;

/// The index by the definition: the largest whose boundary is below the number.
///
/// The logarithm's bits are found one by one, by squaring: a number's square is two or more if the first
/// bit of its logarithm is set. The squares are known from below and from above, to 256 bits; that they
/// agree on every bit is asserted.
fn exact_index(parts: Parts, scale: i32) -> i32 {
    let Parts { exponent, fraction, .. } = parts;
    if fraction == 0 {
        // A power of two is its own boundary, which is not below it.
        return match scale {
            0.. => (exponent << scale) - 1,
            _ => (exponent - 1) >> -scale,
        };
    }
    if scale <= 0 {
        return exponent >> -scale;
    }
    let mut low = Wide([0, 0, fraction << 63, 1 << 63 | fraction >> 1]);
    let mut high = low;
    let mut index = exponent;
    for _ in 0..scale {
        let (low_bit, high_bit);
        (low, low_bit) = low.squared(false);
        (high, high_bit) = high.squared(true);
        assert_eq!(low_bit, high_bit, "256 bits do not decide");
        index = index << 1 | i32::from(low_bit);
    }
    index
}

/// A number of at least one and less than two, in units of 2^-255; the last word comes first.
#[derive(Clone, Copy, Debug)]
struct Wide([u64; 4]);

impl Wide {
    /// The square, halved if it is two or more, and whether it was; rounded down, or up.
    fn squared(self, up: bool) -> (Self, bool) {
        let mut product = [0_u64; 8];
        for (i, a) in self.0.iter().enumerate() {
            let mut carry = 0_u128;
            for (j, b) in self.0.iter().enumerate() {
                let sum = u128::from(product[i + j]) + u128::from(*a) * u128::from(*b) + carry;
                product[i + j] = sum as u64;
                carry = sum >> 64;
            }
            product[i + 4] = carry as u64;
        }
        let is_two = product[7] >> 63 == 1;
        let mut words = [product[4], product[5], product[6], product[7]];
        if !is_two {
            for n in (0..4).rev() {
                let below = product[n + 3];
                words[n] = words[n] << 1 | below >> 63;
            }
        }
        if up {
            for word in &mut words {
                *word = word.wrapping_add(1);
                if *word != 0 {
                    break;
                }
            }
        }
        (Wide(words), is_two)
    }
}

fn assert_exact(parts: Parts, scale: i32) {
    let found = index(parts, (MAX_SCALE - scale) as u32);
    assert_eq!(found, exact_index(parts, scale), "{parts:?} at scale {scale}");
}

fn assert_exact_at_all_scales(parts: Parts) {
    (MIN_SCALE..=MAX_SCALE).for_each(|scale| assert_exact(parts, scale));
}

/// Runs a property over the scales and something else.
fn scales() -> std::ops::RangeInclusive<i32> {
    MIN_SCALE..=MAX_SCALE
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn floats_are_in_the_bucket_that_exact_arithmetic_finds(bits in 1_u64..0x7ff0 << 48, scale in scales()) {
        assert_exact(f64::from_bits(bits).parts().unwrap(), scale);
    }

    #[test]
    fn integers_are_in_the_bucket_that_exact_arithmetic_finds(
        bits in 1..=u64::MAX, zeros in 0_u32..64, scale in scales()
    ) {
        assert_exact((bits >> zeros).max(1).parts().unwrap(), scale);
    }

    #[test]
    fn subnormals_are_in_the_bucket_that_exact_arithmetic_finds(
        bits in 1_u64..1 << 52, zeros in 0_u32..52, scale in scales()
    ) {
        assert_exact(f64::from_bits((bits >> zeros).max(1)).parts().unwrap(), scale);
    }

    /// The numbers next to a boundary are where a mapping errs.
    #[test]
    fn the_neighbours_of_any_boundary_are_on_their_side_of_it(
        boundary in 0_u32..1 << 20, zeros in 0_u32..20, off in -3_i64..=3, exponent in -1022..=1023, scale in scales()
    ) {
        let boundary = boundary >> zeros << zeros;
        let near = (power(boundary) >> 63) as u64;
        // As a float has it, as the largest integers have it, and with all bits.
        for unit in [1 << 12, 2, 1_i64] {
            let fraction = (near & !(unit as u64 - 1)).wrapping_add_signed(off * unit);
            assert_exact(Parts { is_negative: false, exponent, fraction }, scale);
        }
    }
}

#[test]
fn powers_of_two_end_a_bucket_at_every_scale() {
    for exponent in -1074..=1023 {
        let value = if exponent < -1022 {
            f64::from_bits(1 << (exponent + 1074))
        } else {
            f64::from_bits(((exponent + 1023) as u64) << 52)
        };
        let parts = value.parts().unwrap();
        assert_eq!(parts, Parts { is_negative: false, exponent, fraction: 0 });
        assert_exact_at_all_scales(parts);
    }
}

#[test]
fn the_first_and_the_last_numbers_have_a_bucket_at_every_scale() {
    for value in [5e-324, f64::MIN_POSITIVE, f64::MAX, 1.0 - f64::EPSILON / 2.0, 1.0 + f64::EPSILON] {
        assert_exact_at_all_scales(value.parts().unwrap());
        assert_exact_at_all_scales((-value).parts().unwrap());
    }
    for value in [1, 2, 3, u64::MAX - 1, u64::MAX] {
        assert_exact_at_all_scales(value.parts().unwrap());
    }
    assert_exact_at_all_scales(i64::MIN.parts().unwrap());
}

#[test]
fn zero_has_no_bucket() {
    assert_eq!(0.0_f64.parts(), None);
    assert_eq!((-0.0_f64).parts(), None);
    assert_eq!(0_u64.parts(), None);
    assert_eq!(0_i64.parts(), None);
}

#[test]
fn integers_and_floats_of_one_value_are_in_one_bucket() {
    for value in (0..53).flat_map(|shift| [1_u64 << shift, (1 << shift) + 1, (1 << shift) - 1]) {
        assert_eq!(value.parts(), (value as f64).parts(), "{value}");
    }
}

#[test]
fn no_cell_of_the_table_has_two_boundaries() {
    let cell = |boundary: &u64| boundary >> CELL_SHIFT;
    let cells: Vec<u64> = TABLES.boundaries.iter().map(cell).collect();
    assert!(cells.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn the_polynomial_is_as_exact_as_it_is_said_to_be() {
    // Against 2^(j / 2^20) at every j of the first boundary: the whole range of the excess.
    for j in 0..1_u32 << (MAX_SCALE as u32 - TABLE_SCALE) {
        let excess = (power(j) - (1 << 127)) >> 55;
        let found = log2_of_excess(excess as u64);
        let exact = u64::from(j) << (LOG2_UNIT - MAX_SCALE as u32);
        assert!(found.abs_diff(exact) < LOG2_ERROR - (1 << 14), "{j}: {found} {exact}");
    }
}
