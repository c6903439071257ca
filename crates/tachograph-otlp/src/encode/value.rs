//! Attributes: `KeyValue`, `AnyValue`, `ArrayValue`.

use opentelemetry::{Array, Value};
use tachograph_sdk::trace::{RecordArray, RecordValue};

use super::wire::{bytes, len_tag, tag, varint, varint_len};

mod field {
    pub(super) const KEY: u32 = 1;
    pub(super) const VALUE: u32 = 2;
    pub(super) const STRING: u32 = 1;
    pub(super) const BOOL: u32 = 2;
    pub(super) const INT: u32 = 3;
    pub(super) const DOUBLE: u32 = 4;
    pub(super) const ARRAY: u32 = 5;
    pub(super) const ELEMENTS: u32 = 1;
}

/// The attributes of a record, as `KeyValue`s of a field.
#[inline]
pub(super) fn record_attributes<'a>(
    out: &mut Vec<u8>,
    field: u32,
    attributes: impl Iterator<Item = (&'a str, RecordValue<'a>)>,
) {
    for (key, value) in attributes {
        attribute(out, field, key, value.into());
    }
}

/// One attribute of a resource or a scope.
pub(super) fn api_attribute(out: &mut Vec<u8>, field: u32, key: &str, value: &Value) {
    attribute(out, field, key, value.into());
}

/// The longest content of a message whose length has one digit.
const SHORT: usize = 0x7f;

/// A `KeyValue`. Most are short texts and small numbers: every length in those has one digit, and they are written
/// in few pieces.
#[inline(always)]
fn attribute(out: &mut Vec<u8>, field: u32, key: &str, value: Any<'_>) {
    match value {
        Any::Plain(Plain::Str(text)) if key.len() + text.len() + 6 <= SHORT => {
            let len = text.len() as u8;
            short_key(out, field, key, len + 4);
            out.extend_from_slice(&[len_tag(field::VALUE), len + 2, len_tag(field::STRING), len]);
            out.extend_from_slice(text.as_bytes());
        }
        Any::Plain(Plain::I64(number @ 0..0x80)) if key.len() + 6 <= SHORT => {
            short_key(out, field, key, 4);
            out.extend_from_slice(&[len_tag(field::VALUE), 2, tag(field::INT, 0), number as u8]);
        }
        Any::Plain(Plain::I64(number @ 0x80..0x4000)) if key.len() + 7 <= SHORT => {
            short_key(out, field, key, 5);
            let digits = [number as u8 | 0x80, (number >> 7) as u8];
            out.extend_from_slice(&[len_tag(field::VALUE), 3, tag(field::INT, 0), digits[0], digits[1]]);
        }
        value => any_attribute(out, field, key, value),
    }
}

/// The begin of a `KeyValue` whose value takes so many bytes, tag and length included.
#[inline(always)]
fn short_key(out: &mut Vec<u8>, field: u32, key: &str, value: u8) {
    let len = key.len() as u8;
    out.extend_from_slice(&[len_tag(field), len + 2 + value, len_tag(field::KEY), len]);
    out.extend_from_slice(key.as_bytes());
}

fn any_attribute(out: &mut Vec<u8>, field: u32, key: &str, value: Any<'_>) {
    let value_len = value.len();
    let rest = 1 + varint_len(value_len as u64) + value_len;
    out.push(len_tag(field));
    varint(out, (1 + varint_len(key.len() as u64) + key.len() + rest) as u64);
    bytes(out, field::KEY, key.as_bytes());
    out.push(len_tag(field::VALUE));
    varint(out, value_len as u64);
    value.write(out);
}

/// An `AnyValue`, of the engine's records or of the API alike.
#[derive(Clone, Copy)]
enum Any<'a> {
    Plain(Plain<'a>),
    RecordArray(RecordArray<'a>),
    Array(&'a Array),
    /// Of a type that is not known here: a value that is not set.
    Unknown,
}

impl<'a> From<RecordValue<'a>> for Any<'a> {
    #[inline(always)]
    fn from(value: RecordValue<'a>) -> Self {
        match value {
            RecordValue::Array(array) => Any::RecordArray(array),
            value => Plain::of(value).map_or(Any::Unknown, Any::Plain),
        }
    }
}

impl<'a> From<&'a Value> for Any<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::String(value) => Any::Plain(Plain::Str(value.as_str())),
            Value::I64(value) => Any::Plain(Plain::I64(*value)),
            Value::Bool(value) => Any::Plain(Plain::Bool(*value)),
            Value::F64(value) => Any::Plain(Plain::F64(*value)),
            Value::Array(array) => Any::Array(array),
            _ => Any::Unknown,
        }
    }
}

impl Any<'_> {
    /// How many bytes [`write`](Self::write) writes.
    #[inline(always)]
    fn len(self) -> usize {
        match self {
            Any::Plain(value) => value.len(),
            Any::RecordArray(_) | Any::Array(_) => {
                let elements = self.elements_len();
                1 + varint_len(elements as u64) + elements
            }
            Any::Unknown => 0,
        }
    }

    #[inline(always)]
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Any::Plain(value) => value.write(out),
            Any::RecordArray(_) | Any::Array(_) => self.write_array(out),
            Any::Unknown => {}
        }
    }

    fn write_array(self, out: &mut Vec<u8>) {
        out.push(len_tag(field::ARRAY));
        varint(out, self.elements_len() as u64);
        self.each(|element| {
            out.push(len_tag(field::ELEMENTS));
            varint(out, element.len() as u64);
            element.write(out);
        });
    }

    fn elements_len(self) -> usize {
        let mut sum = 0;
        self.each(|element| {
            let len = element.len();
            sum += 1 + varint_len(len as u64) + len;
        });
        sum
    }

    /// The elements of an array. Arrays hold no arrays.
    fn each(self, mut element: impl FnMut(Plain<'_>)) {
        match self {
            Any::RecordArray(array) => array.filter_map(Plain::of).for_each(element),
            Any::Array(Array::String(values)) => values.iter().for_each(|v| element(Plain::Str(v.as_str()))),
            Any::Array(Array::I64(values)) => values.iter().for_each(|v| element(Plain::I64(*v))),
            Any::Array(Array::Bool(values)) => values.iter().for_each(|v| element(Plain::Bool(*v))),
            Any::Array(Array::F64(values)) => values.iter().for_each(|v| element(Plain::F64(*v))),
            _ => {}
        }
    }
}

/// An `AnyValue` that is no array. What is empty or zero is written all the same: it says of which type it is.
#[derive(Clone, Copy)]
enum Plain<'a> {
    Str(&'a str),
    I64(i64),
    Bool(bool),
    F64(f64),
}

impl<'a> Plain<'a> {
    #[inline(always)]
    fn of(value: RecordValue<'a>) -> Option<Self> {
        match value {
            RecordValue::Str(value) => Some(Plain::Str(value)),
            RecordValue::I64(value) => Some(Plain::I64(value)),
            RecordValue::Bool(value) => Some(Plain::Bool(value)),
            RecordValue::F64(value) => Some(Plain::F64(value)),
            _ => None,
        }
    }

    #[inline(always)]
    fn len(self) -> usize {
        match self {
            Plain::Str(value) => 1 + varint_len(value.len() as u64) + value.len(),
            // Negative ones as the 64 bits that they are, which takes ten bytes.
            Plain::I64(value) => 1 + varint_len(value as u64),
            Plain::Bool(_) => 2,
            Plain::F64(_) => 9,
        }
    }

    #[inline(always)]
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Plain::Str(value) => bytes(out, field::STRING, value.as_bytes()),
            Plain::I64(value) => {
                out.push(tag(field::INT, 0));
                varint(out, value as u64);
            }
            Plain::Bool(value) => out.extend_from_slice(&[tag(field::BOOL, 0), u8::from(value)]),
            Plain::F64(value) => {
                let [a, b, c, d, e, f, g, h] = value.to_le_bytes();
                out.extend_from_slice(&[tag(field::DOUBLE, 1), a, b, c, d, e, f, g, h]);
            }
        }
    }
}
