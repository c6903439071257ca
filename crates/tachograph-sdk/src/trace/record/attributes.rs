use std::fmt;

use opentelemetry::{Array, StringValue, Value};

use super::layout::{ATTRIBUTE_HEAD, bytes_at, kind, u16_at, u32_at};
use super::text::text;

/// The attributes of a span, an event or a link, in the order in which they were first set.
#[derive(Clone)]
pub struct RecordAttributes<'a> {
    rest: &'a [u8],
    left: u32,
}

impl<'a> RecordAttributes<'a> {
    /// Of what has none.
    pub(crate) const NONE: Self = RecordAttributes { rest: &[], left: 0 };

    #[inline]
    pub(super) fn new(bytes: &'a [u8], count: u32) -> Self {
        RecordAttributes { rest: bytes, left: count }
    }

    /// The value of a key. It is looked for from the start, and the iterator stays where it is.
    pub fn get(&self, key: &str) -> Option<RecordValue<'a>> {
        self.clone().find(|(known, _)| *known == key).map(|(_, value)| value)
    }
}

impl<'a> Iterator for RecordAttributes<'a> {
    type Item = (&'a str, RecordValue<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (head, rest) = self.rest.split_at_checked(ATTRIBUTE_HEAD)?;
        let (key, rest) = rest.split_at_checked(usize::from(u16_at(head, 2)))?;
        let (value, rest) = rest.split_at_checked(u32_at(head, 4) as usize)?;
        self.rest = rest;
        self.left = self.left.saturating_sub(1);
        let [kind] = bytes_at(head, 0);
        Some((text(key), RecordValue::read(kind, value)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for RecordAttributes<'_> {}

impl fmt::Debug for RecordAttributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}

/// A value, with its type.
#[derive(Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum RecordValue<'a> {
    /// A string.
    Str(&'a str),
    /// A signed integer.
    I64(i64),
    /// A boolean.
    Bool(bool),
    /// A floating-point number.
    F64(f64),
    /// An array, whose elements are of one type.
    Array(RecordArray<'a>),
}

impl<'a> RecordValue<'a> {
    #[inline]
    fn read(kind: u8, bytes: &'a [u8]) -> Self {
        match kind {
            kind::STR => RecordValue::Str(text(bytes)),
            kind::I64 => RecordValue::I64(i64::from_ne_bytes(bytes_at(bytes, 0))),
            kind::BOOL => RecordValue::Bool(bytes_at(bytes, 0) == [1]),
            kind::F64 => RecordValue::F64(f64::from_ne_bytes(bytes_at(bytes, 0))),
            _ => RecordValue::Array(RecordArray { kind, rest: bytes }),
        }
    }

    /// The value as the API's own; copies strings and arrays.
    pub fn to_value(&self) -> Value {
        match *self {
            RecordValue::Str(value) => Value::String(StringValue::from(value.to_owned())),
            RecordValue::I64(value) => Value::I64(value),
            RecordValue::Bool(value) => Value::Bool(value),
            RecordValue::F64(value) => Value::F64(value),
            RecordValue::Array(array) => Value::Array(array.to_array()),
        }
    }
}

impl fmt::Debug for RecordValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordValue::Str(value) => value.fmt(f),
            RecordValue::I64(value) => value.fmt(f),
            RecordValue::Bool(value) => value.fmt(f),
            RecordValue::F64(value) => value.fmt(f),
            RecordValue::Array(array) => array.fmt(f),
        }
    }
}

/// An array's elements, all of one type: strings, integers, booleans or floats.
#[derive(Clone, Copy, PartialEq)]
pub struct RecordArray<'a> {
    kind: u8,
    rest: &'a [u8],
}

impl<'a> RecordArray<'a> {
    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The array as the API's own.
    pub fn to_array(self) -> Array {
        match self.kind {
            kind::I64_ARRAY => Array::I64(
                self.filter_map(|v| if let RecordValue::I64(v) = v { Some(v) } else { None }).collect(),
            ),
            kind::BOOL_ARRAY => Array::Bool(
                self.filter_map(|v| if let RecordValue::Bool(v) = v { Some(v) } else { None }).collect(),
            ),
            kind::F64_ARRAY => Array::F64(
                self.filter_map(|v| if let RecordValue::F64(v) = v { Some(v) } else { None }).collect(),
            ),
            _ => Array::String(
                self.filter_map(|v| {
                    if let RecordValue::Str(v) = v { Some(StringValue::from(v.to_owned())) } else { None }
                })
                .collect(),
            ),
        }
    }
}

impl<'a> Iterator for RecordArray<'a> {
    type Item = RecordValue<'a>;

    fn next(&mut self) -> Option<RecordValue<'a>> {
        let (kind, len) = match self.kind {
            kind::STR_ARRAY => {
                let (len, rest) = self.rest.split_at_checked(4)?;
                self.rest = rest;
                (kind::STR, u32_at(len, 0) as usize)
            }
            kind::I64_ARRAY => (kind::I64, 8),
            kind::BOOL_ARRAY => (kind::BOOL, 1),
            kind::F64_ARRAY => (kind::F64, 8),
            _ => return None,
        };
        let (element, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(RecordValue::read(kind, element))
    }
}

impl fmt::Debug for RecordArray<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}
