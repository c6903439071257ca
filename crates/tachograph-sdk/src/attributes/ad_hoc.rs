//! [`Attributes`] for what needs no type of its own.

use opentelemetry::KeyValue;

use super::{AttributeKey, AttributeValue, Attributes, KeyRef, ValueRef};

impl Attributes for () {
    const CARDINALITY: Option<usize> = Some(1);

    #[inline(always)]
    fn visit<'a>(&'a self, _visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {}
}

impl<T: Attributes + ?Sized> Attributes for &T {
    const CARDINALITY: Option<usize> = T::CARDINALITY;

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
            visitor(key.key(), value.value());
        }
    }
}

impl<K: AttributeKey, V: AttributeValue, const N: usize> Attributes for [(K, V); N] {
    #[inline(always)]
    fn visit<'a>(&'a self, mut visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {
        // Not as a slice: of so few pairs as `N` a loop is unrolled.
        for (key, value) in self {
            visitor(key.key(), value.value());
        }
    }
}
