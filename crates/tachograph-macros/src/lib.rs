//! The derives of `tachograph`: [`Attributes`] for sets of attributes, [`AttributeValue`] for values that
//! come from a closed set, [`ErrorType`] for errors.
//!
//! Use them through `tachograph` (or `tachograph-sdk` with its feature `macros`), which export the first
//! two beside the traits of the same names.
//!
//! ```
//! # extern crate tachograph_sdk as tachograph;
//! use tachograph::{AttributeValue, Attributes};
//!
//! #[derive(AttributeValue)]
//! enum Channel {
//!     Web,
//!     MobileApp,
//!     #[attribute(other)]
//!     Other,
//! }
//!
//! #[derive(Attributes)]
//! struct Created {
//!     channel: Channel,
//!     express: bool,
//! }
//!
//! // Three channels, express or not: an instrument finds the series of a `Created` by an index.
//! assert_eq!(Created::CARDINALITY, Some(6));
//!
//! let created = Created { channel: Channel::from("fax"), express: true };
//! assert_eq!(created.index(), 5);
//! ```
//!
//! # One helper attribute
//!
//! The derives are told more by `#[attribute(...)]`, on the type and on its fields or variants. Several
//! keys stand in one list, separated by commas, or in several lists.
//!
//! | on | key | what it does |
//! |---|---|---|
//! | struct, enum | `rename_all = "case"` | writes the names of the fields or variants in this case |
//! | struct, enum | `crate = "path"` | where the traits are, if not in `::tachograph` |
//! | struct | `prefix = "text"` | put before each key that comes from a field's name |
//! | field, variant | `rename = "text"` | the name itself, whole: neither prefix nor case apply to it |
//! | field | `skip` | leaves the field out; its type may be any |
//! | field | `flatten` | makes the field's own attributes part of the set |
//! | field | `prefix = "text"` | beside `flatten`: put before each of their keys |
//! | variant | `value = 404` | an integer or a boolean in place of text |
//! | variant | `other` | the variant for all text, or for all errors, that is no other variant's |
//!
//! # Cases
//!
//! `rename_all` knows serde's names: `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`,
//! `SCREAMING_SNAKE_CASE`, `kebab-case`, `SCREAMING-KEBAB-CASE`. Unlike serde, an acronym is one word
//! (`HTTPServer` is `http_server`); digits belong to the word before them (`UsEast1` is `us_east1`).
//!
//! # The path of the crate
//!
//! Generated code names the traits as `::tachograph::Attributes` and so on. Where the facade is not a
//! dependency or has another name, `crate` says what to write instead of `::tachograph`: in quotes, as
//! with serde, or bare, which lets a macro write `crate = $crate`.
//!
//! ```
//! use tachograph_sdk::{Attributes, AttributeValue};
//!
//! #[derive(Attributes)]
//! #[attribute(crate = "tachograph_sdk")]
//! struct Paid {
//!     retried: bool,
//! }
//! # assert_eq!(Paid::CARDINALITY, Some(2));
//! ```
//!
//! # Mistakes
//!
//! Each gives one message at the token at fault. The derive that failed still writes an implementation, so
//! that the places where the type is used do not complain as well.

mod ast;
mod attr;
mod case;
mod error;
mod expand;
mod valid;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Derives the trait `Attributes` for a struct: each field is one attribute.
///
/// For structs with named fields and for unit structs (the empty set). Fields are of any type that is an
/// `AttributeValue`; lifetimes and type parameters are fine, and a field whose type depends on a parameter
/// adds the bound that it needs. A key is the field's name (`r#type` is `type`), unless
/// `#[attribute(...)]` says otherwise:
///
/// - on the struct `rename_all = "case"`, `prefix = "text"`, `crate = "path"`;
/// - on a field `rename = "text"`, which is the whole key, `skip`, `flatten`, and beside it `prefix = "text"`.
///
/// ```
/// # extern crate tachograph_sdk as tachograph;
/// use tachograph::{Attributes, ValueRef};
///
/// #[derive(Attributes)]
/// #[attribute(prefix = "shop.")]
/// struct Shipped<'a> {
///     carrier: &'a str,
///     express: bool,
///     #[attribute(rename = "http.route")]
///     route: &'a str,
///     #[attribute(skip)]
///     _weight: f64,
/// }
///
/// let shipped = Shipped { carrier: "pigeon", express: true, route: "/ship", _weight: 0.4 };
/// let mut pairs = Vec::new();
/// shipped.visit(|key, value| pairs.push((key.as_str(), value)));
/// assert_eq!(
///     pairs,
///     [
///         ("shop.carrier", ValueRef::Str("pigeon")),
///         ("shop.express", ValueRef::Bool(true)),
///         ("http.route", ValueRef::Str("/ship")),
///     ]
/// );
/// ```
///
/// # What may be absent
///
/// A field that is an `Option` is an attribute where it is `Some`; one that is a `Result` is an attribute
/// where it is an error. Absent is one value more.
///
/// # Sets within a set
///
/// A field marked `flatten` is a set itself, an `Option` of one or a `Result` whose error is one, and its
/// attributes are those of the whole, behind the field's `prefix` if it has one. The prefix and the keys
/// become one at compile time; a record costs no more for it than comparing the keys of the inner set.
///
/// ```
/// # extern crate tachograph_sdk as tachograph;
/// use tachograph::{AttributeValue, Attributes, AttributeSet};
///
/// #[derive(AttributeValue, Clone, Copy)]
/// enum Zone { A, B }
///
/// #[derive(Attributes, Clone, Copy)]
/// struct Place { zone: Zone, indoors: bool }
///
/// #[derive(Attributes)]
/// struct Moved<P> {
///     #[attribute(flatten, prefix = "from.")]
///     from: P,
///     #[attribute(flatten, prefix = "to.")]
///     to: Option<P>,
///     express: Option<bool>,
/// }
///
/// // Four places; four or none; yes, no or nothing said.
/// assert_eq!(Moved::<Place>::CARDINALITY, Some(4 * 5 * 3));
///
/// let from = Place { zone: Zone::A, indoors: true };
/// let set = AttributeSet::new(&Moved { from, to: None, express: None });
/// let keys: Vec<_> = set.iter().map(|(key, _)| key.as_str()).collect();
/// assert_eq!(keys, ["from.indoors", "from.zone"]);
/// ```
///
/// A set with sets inside has at most 32 attributes, whose keys have at most 1,024 bytes together.
///
/// # Cardinality and index
///
/// `CARDINALITY` is the product of the fields' cardinalities, a constant; it is `None` where one field's
/// is (text and numbers can be anything) and where the product exceeds `usize`. The index is the fields'
/// indexes as the digits of one number, the first field's weighing most: a few multiplications and
/// additions, without a branch where the fields are derived enums and booleans. A hand-written
/// `AttributeValue` whose index is not below its own cardinality makes the index `usize::MAX`, which is
/// nobody's: a mistake there costs a lookup, never a count in the wrong series.
///
/// # Errors
///
/// At compile time, each at the token at fault: tuple structs, enums and unions; two fields with one key;
/// an empty key; unknown, repeated, misplaced or malformed keys of `#[attribute(...)]`; a field whose type
/// is not an `AttributeValue`, or with `flatten` not `Attributes`. Keys that sets within the set have in
/// common are found by the compiler, at the first of those fields; where type parameters decide the keys,
/// when the program that uses the set is built (`cargo check` does not see it):
///
/// ```compile_fail,E0080
/// # extern crate tachograph_sdk as tachograph;
/// # use tachograph::Attributes;
/// #[derive(Attributes)]
/// struct Place { zone: bool }
///
/// #[derive(Attributes)]
/// struct Within<S> {
///     zone: bool,
///     #[attribute(flatten)]
///     set: S,
/// }
///
/// Within { zone: true, set: Place { zone: false } }.visit(|_, _| {});
/// ```
#[proc_macro_derive(Attributes, attributes(attribute))]
pub fn derive_attributes(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::attributes(&input).into()
}

/// Derives the trait `AttributeValue` for an enum: each variant is one value.
///
/// A variant's value is its name in `snake_case` (`WebShop` is `web_shop`), unless `#[attribute(...)]`
/// says otherwise:
///
/// - on the enum `rename_all = "case"`, `crate = "path"`;
/// - on a variant `rename = "text"`, `value = 404` (an integer or a boolean) or `other`.
///
/// ```
/// # extern crate tachograph_sdk as tachograph;
/// use tachograph::{AttributeValue, ValueRef};
///
/// #[derive(AttributeValue)]
/// #[attribute(rename_all = "kebab-case")]
/// enum Outcome {
///     Ok,
///     NotFound,
///     #[attribute(rename = "5xx")]
///     ServerError,
/// }
///
/// #[derive(AttributeValue)]
/// enum Status {
///     #[attribute(value = 200)]
///     Ok,
///     #[attribute(value = 404)]
///     NotFound,
/// }
///
/// assert_eq!(Outcome::NotFound.value(), Some(ValueRef::Str("not-found")));
/// assert_eq!(Outcome::ServerError.value(), Some(ValueRef::Str("5xx")));
/// assert_eq!(Status::NotFound.value(), Some(ValueRef::I64(404)));
/// ```
///
/// `CARDINALITY` is the number of variants. The index is the variant's position, whatever its
/// discriminant; where discriminants are not set by hand, it costs nothing to compute.
///
/// # Outside input
///
/// Text that comes from outside (a header, a tenant's name) can be anything, and each new text is a new
/// series. One variant marked `other` folds it into a closed set: the derive then also implements
/// `From<&str>`, which gives the variant whose value the text is, and the `other` variant for all else.
/// Without an `other` variant there is nothing to give, and no conversion is derived.
///
/// ```
/// # extern crate tachograph_sdk as tachograph;
/// use tachograph::{AttributeValue, ValueRef};
///
/// #[derive(AttributeValue)]
/// #[attribute(rename_all = "UPPERCASE")]
/// enum Method {
///     Get,
///     Post,
///     #[attribute(other, rename = "_OTHER")]
///     Other,
/// }
///
/// assert_eq!(Method::CARDINALITY, Some(3));
/// assert_eq!(Method::from("POST").value(), Some(ValueRef::Str("POST")));
/// assert_eq!(Method::from("BREW").value(), Some(ValueRef::Str("_OTHER")));
/// ```
///
/// An `other` variant with one field keeps the text, and the set open: its value is that text, the
/// cardinality is unknown, and `From<&str>` holds where the field's type has it (`String`, `Box<str>`,
/// `Cow<'_, str>`, `&'static str` for static text). Such an instrument looks its series up, and only the
/// stream's cardinality limit bounds their number.
///
/// ```
/// # extern crate tachograph_sdk as tachograph;
/// use tachograph::{AttributeValue, ValueRef};
///
/// #[derive(AttributeValue)]
/// enum Currency {
///     Eur,
///     Usd,
///     #[attribute(other)]
///     Other(String),
/// }
///
/// assert_eq!(Currency::CARDINALITY, None);
/// assert!(matches!(Currency::from("eur"), Currency::Eur));
/// assert_eq!(Currency::from("chf").value(), Some(ValueRef::Str("chf")));
/// ```
///
/// # Errors
///
/// At compile time, each at the token at fault: structs, unions and enums without variants; a variant
/// with fields that is not `other`; two variants with one value (an index stands for one value) or two
/// `other` variants; integer or boolean values in an enum with an `other` variant, which is made from
/// text; unknown, repeated, misplaced or malformed keys of `#[attribute(...)]`.
#[proc_macro_derive(AttributeValue, attributes(attribute))]
pub fn derive_attribute_value(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::attribute_value(&input).into()
}

/// Derives the traits `AttributeValue` and `Attributes` for an enum of errors: the variant is the type of
/// the error, what it carries is not recorded.
///
/// A type is the variant's name in `snake_case`, unless `#[attribute(...)]` says otherwise:
///
/// - on the enum `rename_all = "case"`, `crate = "path"`;
/// - on a variant `rename = "text"`, or `other`, whose value is the `_OTHER` that the semantic conventions
///   have for errors that are no other.
///
/// As a set the error is one attribute, `error.type`. So it is an instrument's set by itself, and within a
/// set, flattened, it is there where something failed:
///
/// ```
/// # extern crate tachograph_sdk as tachograph;
/// use tachograph::{Attributes, AttributeSet, ErrorType};
///
/// #[derive(Debug, ErrorType)]
/// enum PaymentError {
///     Declined { code: u16 },
///     Io(std::io::Error),
///     #[attribute(other)]
///     Unexpected(Box<dyn std::error::Error>),
/// }
///
/// #[derive(Attributes)]
/// struct Paid<'a> {
///     retried: bool,
///     #[attribute(flatten)]
///     result: &'a Result<(), PaymentError>,
/// }
///
/// // Retried or not; no error, or one of three types.
/// assert_eq!(Paid::CARDINALITY, Some(8));
///
/// let declined = Err(PaymentError::Declined { code: 51 });
/// let set = AttributeSet::new(&Paid { retried: false, result: &declined });
/// assert_eq!(set.get("error.type"), Some(&"declined".into()));
///
/// let paid = AttributeSet::new(&Paid { retried: false, result: &Ok(()) });
/// assert_eq!(paid.get("error.type"), None);
///
/// let error = PaymentError::Unexpected("lightning".into());
/// assert_eq!(AttributeSet::new(&error).get("error.type"), Some(&"_OTHER".into()));
/// ```
///
/// As a value, in a field without `flatten`, it goes by the field's key.
///
/// # Errors
///
/// At compile time, each at the token at fault: structs, unions and enums without variants; two variants
/// with one value or two `other` variants; unknown, repeated, misplaced or malformed keys of
/// `#[attribute(...)]`.
#[proc_macro_derive(ErrorType, attributes(attribute))]
pub fn derive_error_type(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::error_type(&input).into()
}
