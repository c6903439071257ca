/// A number that an instrument records: `u64`, `i64` or `f64`.
///
/// Sealed: these are the kinds of OpenTelemetry's data model. Integers never pass through `f64`.
pub trait Number: Copy + PartialOrd + Send + Sync + std::fmt::Debug + sealed::Sealed + 'static {
    /// Which of the three it is.
    #[doc(hidden)]
    const KIND: NumberKind;
    /// The bits of zero.
    #[doc(hidden)]
    const ZERO_BITS: u64;

    /// The number as a cell keeps it.
    #[doc(hidden)]
    fn to_bits(self) -> u64;

    /// The inverse of [`to_bits`](Self::to_bits).
    #[doc(hidden)]
    fn from_bits(bits: u64) -> Self;

    /// The bits of a sum after `value` was added. Integers wrap.
    #[doc(hidden)]
    fn add(sum: u64, value: Self) -> u64;

    /// A mapping to integers that keeps the order, and whose zero no recorded number is above of
    /// below.
    #[doc(hidden)]
    fn ordered(self) -> u64;

    /// The inverse of [`ordered`](Self::ordered).
    #[doc(hidden)]
    fn from_ordered(ordered: u64) -> Self;

    /// Whether it is neither NaN nor infinite.
    #[doc(hidden)]
    #[inline]
    fn is_finite(self) -> bool {
        true
    }

    /// Whether it is sure that any sum takes it: finite, and not negative where sums of the kind may be monotonic. What this is
    /// false of may be taken all the same, as -0.0 is, after a closer look.
    #[doc(hidden)]
    #[inline]
    fn suits_any_sum(self) -> bool {
        true
    }

    /// Whether it is zero or more.
    #[doc(hidden)]
    fn is_non_negative(self) -> bool;

    /// The number itself, if it is a floating-point one.
    #[doc(hidden)]
    fn as_float(self) -> Option<f64> {
        None
    }

    /// Its parts, or `None` if it is zero; for finite numbers.
    #[doc(hidden)]
    fn parts(self) -> Option<Parts>;

    /// As [`parts`](Self::parts), where they are at hand: `None` for what is not finite, and for a number that
    /// takes a closer look.
    #[doc(hidden)]
    #[inline]
    fn parts_at_hand(self) -> Option<Parts> {
        self.parts()
    }

    /// The largest number of this kind that is at most `bound`, or `None` if all are above it.
    #[doc(hidden)]
    fn floor_of(bound: f64) -> Option<Self>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u64 {}
    impl Sealed for i64 {}
    impl Sealed for f64 {}
}

/// The kinds of numbers.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberKind {
    U64,
    I64,
    F64,
}

/// The parts of a finite number other than zero: its distance from zero is 1 + `fraction` times two to the
/// power of `exponent`.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    pub(crate) is_negative: bool,
    pub(crate) exponent: i32,
    /// In units of 2^-64.
    pub(crate) fraction: u64,
}

impl Parts {
    #[inline]
    fn of_integer(is_negative: bool, distance: u64) -> Option<Self> {
        let zeros = distance.leading_zeros();
        let significand = distance.checked_shl(zeros)?;
        Some(Parts { is_negative, exponent: 63 - zeros as i32, fraction: significand << 1 })
    }
}

/// A number whose kind is known at run time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NumberValue {
    /// An unsigned integer.
    U64(u64),
    /// A signed integer.
    I64(i64),
    /// A floating-point number.
    F64(f64),
}

impl Default for NumberValue {
    fn default() -> Self {
        NumberValue::U64(0)
    }
}

impl NumberValue {
    pub(crate) fn from_bits(kind: NumberKind, bits: u64) -> Self {
        match kind {
            NumberKind::U64 => NumberValue::U64(u64::from_bits(bits)),
            NumberKind::I64 => NumberValue::I64(i64::from_bits(bits)),
            NumberKind::F64 => NumberValue::F64(f64::from_bits(bits)),
        }
    }

    /// The nearest `f64`.
    pub fn as_f64(self) -> f64 {
        match self {
            NumberValue::U64(value) => value as f64,
            NumberValue::I64(value) => value as f64,
            NumberValue::F64(value) => value,
        }
    }
}

impl From<u64> for NumberValue {
    fn from(value: u64) -> Self {
        NumberValue::U64(value)
    }
}

impl From<i64> for NumberValue {
    fn from(value: i64) -> Self {
        NumberValue::I64(value)
    }
}

impl From<f64> for NumberValue {
    fn from(value: f64) -> Self {
        NumberValue::F64(value)
    }
}

impl Number for u64 {
    const KIND: NumberKind = NumberKind::U64;
    const ZERO_BITS: u64 = 0;

    #[inline]
    fn to_bits(self) -> u64 {
        self
    }

    #[inline]
    fn from_bits(bits: u64) -> Self {
        bits
    }

    #[inline]
    fn add(sum: u64, value: Self) -> u64 {
        sum.wrapping_add(value)
    }

    #[inline]
    fn ordered(self) -> u64 {
        self
    }

    #[inline]
    fn from_ordered(ordered: u64) -> Self {
        ordered
    }

    #[inline]
    fn is_non_negative(self) -> bool {
        true
    }

    #[inline]
    fn parts(self) -> Option<Parts> {
        Parts::of_integer(false, self)
    }

    fn floor_of(bound: f64) -> Option<Self> {
        // `as` saturates.
        (bound >= 0.0).then_some(bound.floor() as u64)
    }
}

impl Number for i64 {
    const KIND: NumberKind = NumberKind::I64;
    const ZERO_BITS: u64 = 0;

    #[inline]
    fn to_bits(self) -> u64 {
        self.cast_unsigned()
    }

    #[inline]
    fn from_bits(bits: u64) -> Self {
        bits.cast_signed()
    }

    #[inline]
    fn add(sum: u64, value: Self) -> u64 {
        sum.wrapping_add(value.cast_unsigned())
    }

    #[inline]
    fn ordered(self) -> u64 {
        self.cast_unsigned() ^ 1 << 63
    }

    #[inline]
    fn from_ordered(ordered: u64) -> Self {
        (ordered ^ 1 << 63).cast_signed()
    }

    #[inline]
    fn is_non_negative(self) -> bool {
        self >= 0
    }

    #[inline]
    fn parts(self) -> Option<Parts> {
        Parts::of_integer(self < 0, self.unsigned_abs())
    }

    fn floor_of(bound: f64) -> Option<Self> {
        (bound >= i64::MIN as f64).then_some(bound.floor() as i64)
    }
}

impl Number for f64 {
    const KIND: NumberKind = NumberKind::F64;
    const ZERO_BITS: u64 = 0;

    #[inline]
    fn to_bits(self) -> u64 {
        f64::to_bits(self)
    }

    #[inline]
    fn from_bits(bits: u64) -> Self {
        f64::from_bits(bits)
    }

    #[inline]
    fn add(sum: u64, value: Self) -> u64 {
        (f64::from_bits(sum) + value).to_bits()
    }

    /// As in IEEE 754's total order: negative numbers reversed, positive ones above them.
    #[inline]
    fn ordered(self) -> u64 {
        let bits = self.to_bits();
        let sign = (bits.cast_signed() >> 63).cast_unsigned();
        bits ^ (sign | 1 << 63)
    }

    #[inline]
    fn from_ordered(ordered: u64) -> Self {
        let sign = (!ordered.cast_signed() >> 63).cast_unsigned();
        f64::from_bits(ordered ^ (sign | 1 << 63))
    }

    #[inline]
    fn is_finite(self) -> bool {
        f64::is_finite(self)
    }

    #[inline]
    fn suits_any_sum(self) -> bool {
        // One comparison: the bits of what is negative, -0.0 too, of NaN and of infinity are larger.
        self.to_bits() < f64::INFINITY.to_bits()
    }

    #[inline]
    fn is_non_negative(self) -> bool {
        self >= 0.0
    }

    #[inline]
    fn as_float(self) -> Option<f64> {
        Some(self)
    }

    fn parts(self) -> Option<Parts> {
        self.parts_at_hand().or_else(|| {
            // A subnormal number is its fraction's bits times 2^-1074.
            let parts = Parts::of_integer(self.is_sign_negative(), self.to_bits() & ((1 << 52) - 1))?;
            Some(Parts { exponent: parts.exponent - 1074, ..parts })
        })
    }

    #[inline]
    fn parts_at_hand(self) -> Option<Parts> {
        let bits = self.to_bits();
        let exponent = (bits << 1 >> 53) as i32;
        // The least is that of zero and of subnormal numbers, the largest that of what is not finite.
        (1..0x7ff).contains(&exponent).then_some(Parts {
            is_negative: bits >> 63 == 1,
            exponent: exponent - 1023,
            fraction: bits << 12,
        })
    }

    fn floor_of(bound: f64) -> Option<Self> {
        Some(bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_kept_and_can_be_undone() {
        let floats = [f64::MIN, -1.5, -f64::MIN_POSITIVE, -0.0, 0.0, 5e-324, 1.0, f64::MAX];
        for pair in floats.windows(2) {
            assert!(pair[0].ordered() < pair[1].ordered(), "{pair:?}");
        }
        for value in floats {
            assert_eq!(f64::from_ordered(value.ordered()).to_bits(), value.to_bits());
            assert!(value.ordered() > 0 && !value.ordered() > 0);
        }
        let integers = [i64::MIN, -1, 0, 1, i64::MAX];
        for pair in integers.windows(2) {
            assert!(pair[0].ordered() < pair[1].ordered());
        }
        for value in integers {
            assert_eq!(i64::from_ordered(value.ordered()), value);
        }
    }

    #[test]
    fn the_floor_of_a_bound_separates_integers_as_the_bound_does() {
        for bound in [-1.0, 0.0, 0.5, 1.0, 2.5, 1e19, 1e30] {
            for value in [0_u64, 1, 2, 3, u64::MAX] {
                let below = u64::floor_of(bound).is_some_and(|floor| value <= floor);
                // Exact for these: each is either small or far away from the bound.
                assert_eq!(below, value as f64 <= bound, "{value} {bound}");
            }
        }
    }
}
