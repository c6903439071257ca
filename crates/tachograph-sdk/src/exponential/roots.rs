//! Powers of two with broken exponents, as exactly as 128 bits allow.

/// 2^(2^-1), 2^(2^-2) and so on to 2^(2^-20), rounded down, in units of 2^-127. The tests square them.
const ROOTS: [u128; 20] = [
    0xb504f333f9de6484597d89b3754abe9f,
    0x9837f0518db8a96f46ad23182e42f6f6,
    0x8b95c1e3ea8bd6e6fbe4628758a53c90,
    0x85aac367cc487b14c5c95b8c2154c1b2,
    0x82cd8698ac2ba1d73e2a475b46520bff,
    0x8164d1f3bc0307737be56527bd14def4,
    0x80b1ed4fd999ab6c25335719b6e6fd20,
    0x8058d7d2d5e5f6b094d589f608ee4aa2,
    0x802c6436d0e04f50ff8ce94a6797b3ce,
    0x8016302f174676283690dfe44d11d008,
    0x800b179c82028fd0945e54e2ae18f2f0,
    0x80058baf7fee3b5d1c718b38e549cb93,
    0x8002c5d00fdcfcb6b6566a58c048be1f,
    0x800162e61bed4a48e84c2e1a463473d9,
    0x8000b17292f702a3aa22beacca949013,
    0x800058b92abbae02030c5fa5256f41fe,
    0x80002c5c8dade4d71776c0f4dbea67d6,
    0x8000162e44eaf636526be456600bdbe4,
    0x80000b1721fa7c188307016c1cd4e8b6,
    0x8000058b90de7e4cecfc487503488bb1,
];

/// By how much [`power`] may be less than the truth: it rounds down at most 20 factors and 19 products,
/// each by less than one unit, and a factor is less than two.
#[cfg(test)]
pub(super) const ERROR: u128 = 1 << 7;

/// 2^(`exponent` / 2^20) in units of 2^-127, for exponents below 2^20: at most [`ERROR`] too little.
pub(super) const fn power(exponent: u32) -> u128 {
    let mut product = 1 << 127;
    let mut bit = 0;
    while bit < 20 {
        if exponent >> (19 - bit) & 1 == 1 {
            product = multiply(product, ROOTS[bit]);
        }
        bit += 1;
    }
    product
}

/// The product of two numbers in units of 2^-127, rounded down; less than two, as they are.
const fn multiply(a: u128, b: u128) -> u128 {
    const LOW: u128 = u64::MAX as u128;
    let (a_high, a_low) = (a >> 64, a & LOW);
    let (b_high, b_low) = (b >> 64, b & LOW);
    let low = a_low * b_low;
    let first = a_high * b_low + (low >> 64);
    let second = a_low * b_high + (first & LOW);
    let high = a_high * b_high + (first >> 64) + (second >> 64);
    high << 1 | (second & LOW) >> 63
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a` squared, in units of 2^-254: the upper and the lower 128 bits.
    fn square(a: u128) -> (u128, u128) {
        const LOW: u128 = u64::MAX as u128;
        let (high, low) = (a >> 64, a & LOW);
        let middle = high * low;
        let (rest, carry) = (low * low).overflowing_add(middle << 65);
        (high * high + (middle >> 63) + u128::from(carry), rest)
    }

    #[test]
    fn each_root_squared_is_the_one_before() {
        let mut before = None;
        for root in ROOTS {
            // Rounded down, the root squared is at most the one before, and the next number squared is
            // more; the one before was itself rounded down, so that the next may be needed to reach it.
            let (least, most) = before.map_or(((1 << 127, 0), (1 << 127, 0)), |b: u128| {
                ((b >> 1, (b & 1) << 127), ((b + 1) >> 1, ((b + 1) & 1) << 127))
            });
            assert!(square(root) <= most && square(root + 1) > least, "{root:#x}");
            before = Some(root);
        }
    }

    #[test]
    fn products_are_exact_to_the_last_bit() {
        assert_eq!(multiply(1 << 127, 1 << 127), 1 << 127);
        assert_eq!(multiply(3 << 126, 5 << 125), 15 << 124);
        assert_eq!(multiply(u128::MAX >> 1, u128::MAX), u128::MAX - 2);
        let (high, low) = square(ROOTS[3]);
        assert_eq!(multiply(ROOTS[3], ROOTS[3]), high << 1 | low >> 127);
    }

    /// So a comparison with the power, rounded down, is one with the boundary itself.
    #[test]
    fn no_number_of_64_bits_is_between_a_power_and_its_approximation() {
        for exponent in 0..1 << 20 {
            let power = power(exponent);
            let next_number = (power >> 64 << 64).wrapping_add(1 << 64);
            let distance = next_number.wrapping_sub(power);
            assert!(distance > ERROR, "{exponent}");
        }
    }
}
