use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::{StringValue, Value};

use super::schema::ValueSchema;
use super::value_ref::ValueRef;

/// A type that can be an attribute's value.
///
/// Implemented for strings, booleans, and the integers and floats an OpenTelemetry attribute can hold
/// (64-bit signed integers and everything that fits into one; `u64` and `usize` do not), by
/// `#[derive(AttributeValue)]` for enums without fields, and by `#[derive(ErrorType)]` for enums of errors.
///
/// An `Option` is an attribute that may be absent, and a `Result` one that is absent on success and
/// otherwise the error's value. Absent is one value more: the cardinality of an `Option<bool>` is 3.
///
/// # Contract
///
/// Where [`CARDINALITY`](Self::CARDINALITY) is `Some(n)`, [`index`](Self::index) is below `n`, and values
/// of one index are recorded as the same.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an attribute's value",
    label = "not an `AttributeValue`",
    note = "values are strings, booleans, floats, integers that fit into an `i64` (not `u64` or `usize`), enums with `#[derive(AttributeValue)]`, and an `Option` of these; for a struct of attributes say `#[attribute(flatten)]`"
)]
pub trait AttributeValue {
    /// How many distinct values this type has, where that is known at compile time and worth an index.
    const CARDINALITY: Option<usize> = None;

    /// What is known at compile time of the type's values: for a catalogue of a program's instruments.
    const SCHEMA: ValueSchema = ValueSchema::ANY;

    /// This value's index, below [`CARDINALITY`](Self::CARDINALITY); meaningless where that is `None`.
    fn index(&self) -> usize {
        0
    }

    /// The value as it is recorded; `None` where there is to be no such attribute.
    fn value(&self) -> Option<ValueRef<'_>>;
}

impl<T: AttributeValue + ?Sized> AttributeValue for &T {
    const CARDINALITY: Option<usize> = T::CARDINALITY;
    const SCHEMA: ValueSchema = T::SCHEMA;

    #[inline]
    fn index(&self) -> usize {
        T::index(self)
    }

    #[inline(always)]
    fn value(&self) -> Option<ValueRef<'_>> {
        T::value(self)
    }
}

impl<T: AttributeValue> AttributeValue for Option<T> {
    const CARDINALITY: Option<usize> = or_absent(T::CARDINALITY);
    const SCHEMA: ValueSchema = T::SCHEMA.optional();

    #[inline]
    fn index(&self) -> usize {
        self.as_ref().map_or(0, |value| value.index().saturating_add(1))
    }

    #[inline(always)]
    fn value(&self) -> Option<ValueRef<'_>> {
        self.as_ref()?.value()
    }
}

impl<T, E: AttributeValue> AttributeValue for Result<T, E> {
    const CARDINALITY: Option<usize> = or_absent(E::CARDINALITY);
    const SCHEMA: ValueSchema = E::SCHEMA.optional();

    #[inline]
    fn index(&self) -> usize {
        self.as_ref().err().index()
    }

    #[inline(always)]
    fn value(&self) -> Option<ValueRef<'_>> {
        self.as_ref().err()?.value()
    }
}

/// The cardinality with one value more.
pub(super) const fn or_absent(cardinality: Option<usize>) -> Option<usize> {
    match cardinality {
        Some(cardinality) => cardinality.checked_add(1),
        None => None,
    }
}

impl AttributeValue for bool {
    const CARDINALITY: Option<usize> = Some(2);
    const SCHEMA: ValueSchema = ValueSchema::one_of(&[ValueRef::Bool(false), ValueRef::Bool(true)]);

    #[inline]
    fn index(&self) -> usize {
        usize::from(*self)
    }

    #[inline(always)]
    fn value(&self) -> Option<ValueRef<'_>> {
        Some(ValueRef::Bool(*self))
    }
}

impl AttributeValue for Value {
    #[inline(always)]
    fn value(&self) -> Option<ValueRef<'_>> {
        Some(ValueRef::from(self))
    }
}

impl AttributeValue for ValueRef<'_> {
    #[inline(always)]
    fn value(&self) -> Option<ValueRef<'_>> {
        Some(*self)
    }
}

macro_rules! attribute_value {
    ($($type:ty: $schema:ident => |$value:ident| $expression:expr;)*) => {$(
        impl AttributeValue for $type {
            const SCHEMA: ValueSchema = ValueSchema::$schema;

            #[inline(always)]
            fn value(&self) -> Option<ValueRef<'_>> {
                let $value = self;
                Some($expression)
            }
        }
    )*};
}

attribute_value! {
    str: STRING => |value| ValueRef::Str(value);
    String: STRING => |value| ValueRef::Str(value);
    Box<str>: STRING => |value| ValueRef::Str(value);
    Arc<str>: STRING => |value| ValueRef::Str(value);
    Cow<'_, str>: STRING => |value| ValueRef::Str(value);
    StringValue: STRING => |value| ValueRef::Str(value.as_str());
    i8: INT => |value| ValueRef::I64(i64::from(*value));
    i16: INT => |value| ValueRef::I64(i64::from(*value));
    i32: INT => |value| ValueRef::I64(i64::from(*value));
    i64: INT => |value| ValueRef::I64(*value);
    u8: INT => |value| ValueRef::I64(i64::from(*value));
    u16: INT => |value| ValueRef::I64(i64::from(*value));
    u32: INT => |value| ValueRef::I64(i64::from(*value));
    f32: DOUBLE => |value| ValueRef::F64(f64::from(*value));
    f64: DOUBLE => |value| ValueRef::F64(*value);
}
