//! Numbers as the exposition formats write them.
//!
//! Integers stay integers, so that a `u64` above 2^53 is on the page exactly as it was recorded.
//! Floats have the shortest digits that read back as the same `f64`, in the layout that Go's
//! `strconv.FormatFloat(v, 'g', -1, 64)` uses and that OpenMetrics names canonical: an exponent of at
//! least two digits from `1e+06` upwards and below `1e-04`. OpenMetrics adds `.0` where neither a point
//! nor an exponent is left; that is its only difference from the text format.

use tachograph_sdk::metrics::NumberValue;

use crate::Format;

/// Appends an unsigned integer.
#[inline]
pub(crate) fn write_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a signed integer.
#[inline]
pub(crate) fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a number of whichever kind it was recorded as.
#[inline]
pub(crate) fn write_number(out: &mut Vec<u8>, value: NumberValue, format: Format) {
    match value {
        NumberValue::U64(value) => write_u64(out, value),
        NumberValue::I64(value) => write_i64(out, value),
        NumberValue::F64(value) => write_f64(out, value, format),
    }
}

/// Appends a float as a sample's value or a bucket's bound: `1` or `1.0`, `0.25`, `1e+06`, `+Inf`, `NaN`.
pub(crate) fn write_f64(out: &mut Vec<u8>, value: f64, format: Format) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_infinite() {
        return out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    }
    let point_zero = format == Format::OpenMetrics100;
    // The common case, whole and small, needs no search for the shortest digits.
    if value.abs() < 1e6 && value == value.trunc() {
        write_i64(out, value as i64);
        if point_zero {
            out.extend_from_slice(b".0");
        }
        return;
    }
    let decimal = Decimal::of(value);
    if decimal.exponent < -4 || decimal.exponent >= 6 {
        decimal.write_scientific(out, 2);
    } else {
        decimal.write_plain(out);
    }
}

/// Appends nanoseconds as seconds with three decimals, which are what servers keep: `1520879607.789`.
pub(crate) fn write_seconds(out: &mut Vec<u8>, nanos: u64) {
    let millis = nanos / 1_000_000;
    write_u64(out, millis / 1_000);
    out.push(b'.');
    let decimals = millis % 1_000;
    out.extend_from_slice(&[100, 10, 1].map(|place| b'0' + (decimals / place % 10) as u8));
}

/// Appends a float as a JSON number, as ECMAScript writes it: `1`, `0.25`, `1000000`, `1e+21`, `1e-7`.
///
/// The caller sees to NaN and the infinities, which JSON has no number for.
pub(crate) fn write_json_f64(out: &mut Vec<u8>, value: f64) {
    debug_assert!(value.is_finite());
    let decimal = Decimal::of(value);
    if decimal.exponent < -6 || decimal.exponent >= 21 {
        decimal.write_scientific(out, 1);
    } else {
        decimal.write_plain(out);
    }
}

/// The shortest decimal digits of a finite float: `d.ddd × 10^exponent`.
struct Decimal {
    negative: bool,
    digits: [u8; 17],
    len: usize,
    exponent: i32,
}

impl Decimal {
    fn of(value: f64) -> Self {
        let mut decimal = Decimal { negative: value < 0.0, digits: [b'0'; 17], len: 0, exponent: 0 };
        let mut buffer = zmij::Buffer::new();
        // The formatter writes either form, `0.00012` or `1.2e-7`, with any number of zeros around the
        // digits; what is wanted of it is the digits and where the point is.
        let mut integer_digits: i32 = 0;
        let mut leading_zeros: i32 = 0;
        let mut seen_point = false;
        let mut written_exponent: i32 = 0;
        let mut bytes = buffer.format_finite(value.abs()).bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'.' => seen_point = true,
                b'e' => {
                    written_exponent = parse_exponent(bytes);
                    break;
                }
                b'0' if decimal.len == 0 => leading_zeros += i32::from(seen_point),
                _ => {
                    integer_digits += i32::from(!seen_point);
                    if let Some(slot) = decimal.digits.get_mut(decimal.len) {
                        *slot = byte;
                    }
                    decimal.len += 1;
                }
            }
        }
        // More digits than slots are zeros before the point: `1000000000000000.0` has 17.
        decimal.len = decimal.len.min(decimal.digits.len());
        while decimal.len > 1 && decimal.digits[decimal.len - 1] == b'0' {
            decimal.len -= 1;
        }
        if decimal.len == 0 {
            decimal.len = 1; // zero
            return decimal;
        }
        decimal.exponent =
            written_exponent + if integer_digits > 0 { integer_digits - 1 } else { -leading_zeros - 1 };
        decimal
    }

    fn digits(&self) -> &[u8] {
        &self.digits[..self.len]
    }

    fn write_sign(&self, out: &mut Vec<u8>) {
        if self.negative {
            out.push(b'-');
        }
    }

    fn write_scientific(&self, out: &mut Vec<u8>, exponent_digits: usize) {
        self.write_sign(out);
        let digits = self.digits();
        out.push(digits[0]);
        if digits.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if self.exponent < 0 { b"e-" } else { b"e+" });
        let magnitude = self.exponent.unsigned_abs();
        if exponent_digits == 2 && magnitude < 10 {
            out.push(b'0');
        }
        write_u64(out, u64::from(magnitude));
    }

    fn write_plain(&self, out: &mut Vec<u8>) {
        self.write_sign(out);
        let digits = self.digits();
        let Ok(before_point) = usize::try_from(self.exponent + 1) else {
            out.extend_from_slice(b"0.");
            return self.write_after_point(out);
        };
        if before_point == 0 {
            out.extend_from_slice(b"0.");
            out.extend_from_slice(digits);
        } else if digits.len() <= before_point {
            out.extend_from_slice(digits);
            out.resize(out.len() + before_point - digits.len(), b'0');
        } else {
            out.extend_from_slice(&digits[..before_point]);
            out.push(b'.');
            out.extend_from_slice(&digits[before_point..]);
        }
    }

    fn write_after_point(&self, out: &mut Vec<u8>) {
        let zeros = usize::try_from(-self.exponent - 1).unwrap_or(0);
        out.resize(out.len() + zeros, b'0');
        out.extend_from_slice(self.digits());
    }
}

fn parse_exponent(bytes: impl Iterator<Item = u8>) -> i32 {
    let (mut negative, mut magnitude) = (false, 0);
    for byte in bytes {
        match byte {
            b'-' => negative = true,
            b'0'..=b'9' => magnitude = magnitude * 10 + i32::from(byte - b'0'),
            _ => {}
        }
    }
    if negative { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        write_f64(&mut out, value, Format::Text004);
        String::from_utf8(out).unwrap()
    }

    fn open_metrics(value: f64) -> String {
        let mut out = Vec::new();
        write_f64(&mut out, value, Format::OpenMetrics100);
        String::from_utf8(out).unwrap()
    }

    fn json(value: f64) -> String {
        let mut out = Vec::new();
        write_json_f64(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn open_metrics_floats_are_in_the_canonical_form() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "0.0"),
            (1.0, "1.0"),
            (-1.0, "-1.0"),
            (0.005, "0.005"),
            (0.0001, "0.0001"),
            (0.000_012, "1.2e-05"),
            (1e-5, "1e-05"),
            (99_999.5, "99999.5"),
            (100_000.0, "100000.0"),
            (999_999.0, "999999.0"),
            (999_999.5, "999999.5"),
            (1e6, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (-1_234_567.25, "-1.23456725e+06"),
            (1e10, "1e+10"),
            (1e15, "1e+15"),
            (1e16, "1e+16"),
            (1e22, "1e+22"),
            (1e100, "1e+100"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "5e-324"),
            (9_007_199_254_740_992.0, "9.007199254740992e+15"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(open_metrics(value), expected);
        }
    }

    #[test]
    fn text_floats_differ_from_open_metrics_only_by_the_missing_point_zero() {
        for (value, expected) in [
            (0.0, "0"),
            (1.0, "1"),
            (-3.0, "-3"),
            (0.25, "0.25"),
            (100_000.0, "100000"),
            (1e6, "1e+06"),
            (1e-5, "1e-05"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(text(value), expected);
            assert_eq!(open_metrics(value).trim_end_matches(".0"), expected);
        }
    }

    #[test]
    fn json_floats_are_written_as_ecmascript_writes_them() {
        for (value, expected) in [
            (0.0, "0"),
            (2.0, "2"),
            (1e6, "1000000"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1e-8, "1e-8"),
            (-1.5, "-1.5"),
        ] {
            assert_eq!(json(value), expected);
        }
    }

    #[test]
    fn integers_above_two_to_the_53_are_exact() {
        let mut out = Vec::new();
        write_u64(&mut out, u64::MAX);
        out.push(b' ');
        write_i64(&mut out, i64::MIN);
        assert_eq!(out, b"18446744073709551615 -9223372036854775808");
    }

    #[test]
    fn seconds_have_three_decimals() {
        for (nanos, expected) in
            [(0, "0.000"), (1_520_879_607_789_999_999, "1520879607.789"), (5_000_000, "0.005")]
        {
            let mut out = Vec::new();
            write_seconds(&mut out, nanos);
            assert_eq!(out, expected.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn every_float_reads_back_as_itself(value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO) {
            for written in [text(value), open_metrics(value), json(value)] {
                prop_assert_eq!(written.parse::<f64>().unwrap(), value, "{}", written);
            }
        }

        #[test]
        fn whole_floats_read_back_as_themselves(value in any::<i64>()) {
            let value = value as f64;
            prop_assert_eq!(text(value).parse::<f64>().unwrap(), value);
        }
    }
}
