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
