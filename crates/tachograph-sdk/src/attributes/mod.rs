//! Attributes: what a measurement is about.
//!
//! [`Attributes`] is what an instrument accepts; [`AttributeSet`] is what a series keeps: canonical,
//! sorted by key, each key once. However a set is spelled (a derived struct, an array of borrowed
//! pairs, a slice of [`KeyValue`]), in whatever order and with whatever duplicates, equal attributes
//! are one series.

mod ad_hoc;
mod hash;
mod key;
mod pairs;
mod prefixed;
mod schema;
mod set;
mod texts;
mod value;
mod value_ref;

use opentelemetry::KeyValue;

pub(crate) use hash::{AttributesHash, Seed};
pub use key::{AttributeKey, KeyRef};
pub(crate) use pairs::PairStore;
pub use prefixed::{KeyTexts, PrefixedKeys};
pub use schema::{AttributeField, AttributeSchema, AttributesSchema, ValueKind, ValueSchema};
pub use set::AttributeSet;
pub(crate) use set::LastOrder;
pub use value::AttributeValue;
pub use value_ref::ValueRef;

/// A set of attributes that a measurement carries.
///
/// Implemented by `#[derive(Attributes)]` for structs whose fields are [`AttributeValue`]s, for `()`
/// (no attributes), for `[KeyValue]`, and for arrays and slices of `(key, value)` pairs with borrowed
/// values, so that attributes made up on the spot need neither a [`KeyValue`] nor an allocation. An
/// `Option` of a set may be none, and a `Result` has the attributes of its error.
///
/// # Contract
///
/// [`visit`](Self::visit) yields the same pairs every time it is called on an unchanged value, and
/// records nothing itself: it may be called while the engine makes a series. Where a key is yielded twice,
/// the last value wins. Where [`CARDINALITY`](Self::CARDINALITY) is `Some(n)`, [`index`](Self::index) is
/// below `n`, and values of one index visit the same pairs; an index outside is treated as unknown, and
/// the attributes are looked up instead.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a set of attributes",
    label = "not `Attributes`",
    note = "sets are structs with `#[derive(Attributes)]`, arrays of `(key, value)` pairs, `[KeyValue]`, and `()`"
)]
pub trait Attributes {
    /// How many distinct sets this type can express, where that is known at compile time.
    ///
    /// When it is within the stream's cardinality limit, a series is found by index: no hashing.
    const CARDINALITY: Option<usize> = None;

    /// What is known at compile time of the attributes: for a catalogue of a program's instruments, and
    /// for putting a prefix before the keys of a set within a set.
    const SCHEMA: AttributesSchema = AttributesSchema::UNKNOWN;

    /// This value's index, below [`CARDINALITY`](Self::CARDINALITY); meaningless where that is `None`.
    fn index(&self) -> usize {
        0
    }

    /// Yields each attribute to `visitor`, in any order.
    fn visit<'a>(&'a self, visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>));

    /// The attributes as the API's own pairs, where that is what they are.
    ///
    /// The engine recognises `'static` and shared strings in such pairs by their address.
    #[doc(hidden)]
    fn as_key_values(&self) -> Option<&[KeyValue]> {
        None
    }
}
