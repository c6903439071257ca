//! What an instrument says of its attributes.

use crate::attributes::{Attributes, AttributesSchema};

/// Attributes of whatever spelling, for instruments that are not typed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Dynamic;

/// What the attributes of an instrument may be: [`Dynamic`], or of a type that implements [`Attributes`].
///
/// Nothing else implements it; it is the bound of what makes an instrument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a set of attributes nor `Dynamic`",
    label = "an instrument cannot have these attributes",
    note = "sets are structs with `#[derive(Attributes)]`, arrays of `(key, value)` pairs, `[KeyValue]`, and `()`"
)]
pub trait InstrumentAttributes {
    /// What is known of the attributes at compile time.
    #[doc(hidden)]
    fn schema() -> Option<&'static AttributesSchema>;
}

impl InstrumentAttributes for Dynamic {
    fn schema() -> Option<&'static AttributesSchema> {
        None
    }
}

impl<A: Attributes + ?Sized> InstrumentAttributes for A {
    fn schema() -> Option<&'static AttributesSchema> {
        Some(const { &A::SCHEMA })
    }
}
