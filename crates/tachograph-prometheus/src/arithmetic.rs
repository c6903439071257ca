//! Numbers of whichever kind they were recorded as.

use tachograph_sdk::metrics::NumberValue;

/// Adds two numbers: integers as the engine does, wrapping; numbers of two kinds as floats.
pub(crate) fn add(a: NumberValue, b: NumberValue) -> NumberValue {
    match (a, b) {
        (NumberValue::U64(a), NumberValue::U64(b)) => NumberValue::U64(a.wrapping_add(b)),
        (NumberValue::I64(a), NumberValue::I64(b)) => NumberValue::I64(a.wrapping_add(b)),
        (a, b) => NumberValue::F64(to_f64(a) + to_f64(b)),
    }
}

#[inline]
pub(crate) fn to_f64(number: NumberValue) -> f64 {
    match number {
        NumberValue::U64(value) => value as f64,
        NumberValue::I64(value) => value as f64,
        NumberValue::F64(value) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_stay_integers_and_mixed_kinds_become_floats() {
        let two_to_the_60 = NumberValue::U64(1 << 60);
        assert_eq!(add(two_to_the_60, NumberValue::U64(1)), NumberValue::U64((1 << 60) + 1));
        assert_eq!(add(NumberValue::I64(-3), NumberValue::I64(1)), NumberValue::I64(-2));
        assert_eq!(add(NumberValue::U64(1), NumberValue::F64(0.5)), NumberValue::F64(1.5));
    }
}
