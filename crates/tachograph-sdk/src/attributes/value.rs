use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::{Array, StringValue, Value};

/// A borrowed attribute value.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    I64(i64),
    /// A floating-point number; compared by its bits, so that `NaN` equals itself and `0.0` is not `-0.0`.
    F64(f64),
    /// A string.
    Str(&'a str),
    /// An array, of the API's own.
    Array(&'a Array),
}

impl ValueRef<'_> {
    /// The value as the API's own [`Value`]; copies strings and arrays.
    pub fn to_value(&self) -> Value {
        match *self {
            ValueRef::Bool(value) => Value::Bool(value),
            ValueRef::I64(value) => Value::I64(value),
            ValueRef::F64(value) => Value::F64(value),
            ValueRef::Str(value) => Value::String(StringValue::from(value.to_owned())),
            ValueRef::Array(value) => Value::Array(value.clone()),
        }
    }
}

impl PartialEq for ValueRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (ValueRef::Str(a), ValueRef::Str(b)) => a == b,
            (ValueRef::I64(a), ValueRef::I64(b)) => a == b,
            (ValueRef::Bool(a), ValueRef::Bool(b)) => a == b,
            (ValueRef::F64(a), ValueRef::F64(b)) => a.to_bits() == b.to_bits(),
            (ValueRef::Array(Array::F64(a)), ValueRef::Array(Array::F64(b))) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
            }
            (ValueRef::Array(a), ValueRef::Array(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for ValueRef<'_> {}

impl<'a> From<&'a Value> for ValueRef<'a> {
    #[inline(always)]
    fn from(value: &'a Value) -> Self {
        // Strings first, and in line: most are.
        match value {
            Value::String(text) => ValueRef::Str(text.as_str()),
            other => from_other(other),
        }
    }
}

#[inline(never)]
fn from_other(value: &Value) -> ValueRef<'_> {
    match value {
        Value::Bool(value) => ValueRef::Bool(*value),
        Value::I64(value) => ValueRef::I64(*value),
        Value::F64(value) => ValueRef::F64(*value),
        Value::String(value) => ValueRef::Str(value.as_str()),
        Value::Array(value) => ValueRef::Array(value),
        // The API's enum is non-exhaustive; a kind it gains in 0.33.x is kept as an empty string
        // until it is known here, so that a record never fails.
        _ => ValueRef::Str(""),
    }
}

impl<'a> From<&'a str> for ValueRef<'a> {
    fn from(value: &'a str) -> Self {
        ValueRef::Str(value)
    }
}

impl From<bool> for ValueRef<'_> {
    fn from(value: bool) -> Self {
        ValueRef::Bool(value)
    }
}

impl From<i64> for ValueRef<'_> {
    fn from(value: i64) -> Self {
        ValueRef::I64(value)
    }
}

impl From<f64> for ValueRef<'_> {
    fn from(value: f64) -> Self {
        ValueRef::F64(value)
    }
}

/// A type that can be an attribute's value.
///
/// Implemented for strings, booleans, and the integers and floats an OpenTelemetry attribute can hold
/// (64-bit signed integers and everything that fits into one; `u64` and `usize` do not), and by
/// `#[derive(AttributeValue)]` for enums without fields.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an attribute's value",
    label = "not an `AttributeValue`",
    note = "values are strings, booleans, floats, integers that fit into an `i64` (not `u64` or `usize`), and enums with `#[derive(AttributeValue)]`"
)]
pub trait AttributeValue {
    /// How many distinct values this type has, where that is known at compile time and worth an index.
    const CARDINALITY: Option<usize> = None;

    /// This value's index, below [`CARDINALITY`](Self::CARDINALITY); meaningless where that is `None`.
    fn index(&self) -> usize {
        0
    }

    /// The value as it is recorded.
    fn value(&self) -> ValueRef<'_>;
}

impl<T: AttributeValue + ?Sized> AttributeValue for &T {
    const CARDINALITY: Option<usize> = T::CARDINALITY;

    #[inline]
    fn index(&self) -> usize {
        T::index(self)
    }

    #[inline]
    fn value(&self) -> ValueRef<'_> {
        T::value(self)
    }
}

impl AttributeValue for bool {
    const CARDINALITY: Option<usize> = Some(2);

    #[inline]
    fn index(&self) -> usize {
        usize::from(*self)
    }

    #[inline]
    fn value(&self) -> ValueRef<'_> {
        ValueRef::Bool(*self)
    }
}

impl AttributeValue for Value {
    #[inline]
    fn value(&self) -> ValueRef<'_> {
        ValueRef::from(self)
    }
}

impl AttributeValue for ValueRef<'_> {
    #[inline]
    fn value(&self) -> ValueRef<'_> {
        *self
    }
}

macro_rules! attribute_value {
    ($($type:ty => |$value:ident| $expression:expr;)*) => {$(
        impl AttributeValue for $type {
            #[inline]
            fn value(&self) -> ValueRef<'_> {
                let $value = self;
                $expression
            }
        }
    )*};
}

attribute_value! {
    str => |value| ValueRef::Str(value);
    String => |value| ValueRef::Str(value);
    Box<str> => |value| ValueRef::Str(value);
    Arc<str> => |value| ValueRef::Str(value);
    Cow<'_, str> => |value| ValueRef::Str(value);
    StringValue => |value| ValueRef::Str(value.as_str());
    i8 => |value| ValueRef::I64(i64::from(*value));
    i16 => |value| ValueRef::I64(i64::from(*value));
    i32 => |value| ValueRef::I64(i64::from(*value));
    i64 => |value| ValueRef::I64(*value);
    u8 => |value| ValueRef::I64(i64::from(*value));
    u16 => |value| ValueRef::I64(i64::from(*value));
    u32 => |value| ValueRef::I64(i64::from(*value));
    f32 => |value| ValueRef::F64(f64::from(*value));
    f64 => |value| ValueRef::F64(*value);
}
