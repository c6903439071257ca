//! `assert_eq!(metric.value(&attributes), 3)`.

use crate::number::NumberValue;

/// An integer equals an integer of the same value, whatever their kinds; a float never does.
macro_rules! equals_integers {
    ($($integer:ty)*) => {$(
        impl PartialEq<$integer> for NumberValue {
            fn eq(&self, other: &$integer) -> bool {
                match *self {
                    NumberValue::U64(value) => i128::from(value) == i128::from(*other),
                    NumberValue::I64(value) => i128::from(value) == i128::from(*other),
                    NumberValue::F64(_) => false,
                }
            }
        }
    )*};
}

// `i32` is what an integer literal is where nothing else decides.
equals_integers!(u64 i64 i32);

/// A float equals a float; an integer never does.
impl PartialEq<f64> for NumberValue {
    fn eq(&self, other: &f64) -> bool {
        matches!(self, NumberValue::F64(value) if value == other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_equal_integers_and_floats_equal_floats() {
        assert_eq!(NumberValue::U64(3), 3);
        assert_eq!(NumberValue::I64(-3), -3_i64);
        assert_eq!(NumberValue::U64(u64::MAX), u64::MAX);
        assert_ne!(NumberValue::U64(u64::MAX), -1_i64);
        assert_eq!(NumberValue::F64(0.5), 0.5);
        assert_ne!(NumberValue::F64(3.0), 3);
        assert_ne!(NumberValue::U64(3), 3.0);
    }
}
