//! [`Attributes`] for what needs no type of its own.

use opentelemetry::KeyValue;

use super::value::or_absent;
use super::{AttributeField, AttributeKey, AttributeValue, Attributes, AttributesSchema, KeyRef, ValueRef};

impl Attributes for () {
    const CARDINALITY: Option<usize> = Some(1);
    const SCHEMA: AttributesSchema = AttributesSchema::new(&[]);

    #[inline(always)]
    fn visit<'a>(&'a self, _visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {}
}

impl<T: Attributes + ?Sized> Attributes for &T {
    const CARDINALITY: Option<usize> = T::CARDINALITY;
    const SCHEMA: AttributesSchema = T::SCHEMA;

    #[inline]
    fn index(&self) -> usize {
        T::index(self)
    }

    #[inline(always)]
    fn visit<'a>(&'a self, visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {
        T::visit(self, visitor);
    }

    #[inline]
    fn as_key_values(&self) -> Option<&[KeyValue]> {
        T::as_key_values(self)
    }
}

/// A set that may be absent: then there are no attributes.
impl<T: Attributes> Attributes for Option<T> {
    const CARDINALITY: Option<usize> = or_absent(T::CARDINALITY);
    const SCHEMA: AttributesSchema =
        AttributesSchema::new(const { &[AttributeField::flatten("", &T::SCHEMA).optional()] });

    #[inline]
    fn index(&self) -> usize {
        self.as_ref().map_or(0, |attributes| attributes.index().saturating_add(1))
    }

    #[inline(always)]
    fn visit<'a>(&'a self, visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {
        if let Some(attributes) = self {
            attributes.visit(visitor);
        }
    }
}

/// The attributes of the error; none on success.
impl<T, E: Attributes> Attributes for Result<T, E> {
    const CARDINALITY: Option<usize> = <Option<E> as Attributes>::CARDINALITY;
    const SCHEMA: AttributesSchema = <Option<E> as Attributes>::SCHEMA;

    #[inline]
    fn index(&self) -> usize {
        self.as_ref().err().map_or(0, |error| error.index().saturating_add(1))
    }

    #[inline(always)]
    fn visit<'a>(&'a self, visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {
        if let Err(error) = self {
            error.visit(visitor);
        }
    }
}

impl Attributes for [KeyValue] {
    #[inline(always)]
    fn visit<'a>(&'a self, mut visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {
        for pair in self {
            visitor(KeyRef::borrowed(pair.key.as_str()), ValueRef::from(&pair.value));
        }
    }

    #[inline]
    fn as_key_values(&self) -> Option<&[KeyValue]> {
        Some(self)
    }
}

impl<const N: usize> Attributes for [KeyValue; N] {
    #[inline(always)]
    fn visit<'a>(&'a self, visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {
        self.as_slice().visit(visitor);
    }

    #[inline]
    fn as_key_values(&self) -> Option<&[KeyValue]> {
        Some(self)
    }
}

impl<K: AttributeKey, V: AttributeValue> Attributes for [(K, V)] {
    #[inline(always)]
    fn visit<'a>(&'a self, mut visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {
        for (key, value) in self {
            if let Some(value) = value.value() {
                visitor(key.key(), value);
            }
        }
    }
}

impl<K: AttributeKey, V: AttributeValue, const N: usize> Attributes for [(K, V); N] {
    #[inline(always)]
    fn visit<'a>(&'a self, mut visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {
        // Not as a slice: of so few pairs as `N` a loop is unrolled.
        for (key, value) in self {
            if let Some(value) = value.value() {
                visitor(key.key(), value);
            }
        }
    }
}
