//! Generated code depends on nothing that the user's code may have changed, and no lint speaks of it.

#![deny(warnings)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]
#![deny(missing_docs, unused_qualifications, unreachable_pub, missing_debug_implementations)]
#![deny(single_use_lifetimes, unused_lifetimes, let_underscore_drop, trivial_casts, unused_results)]
#![deny(elided_lifetimes_in_paths, explicit_outlives_requirements, variant_size_differences)]
#![forbid(unsafe_code)]

#[allow(clippy::redundant_pub_crate, reason = "shared with tests that lack the lint")]
mod support;

/// A crate whose SDK has another name, and nothing called `tachograph`.
pub mod renamed {
    use tachograph_sdk::{self as telemetry, AttributeValue, Attributes};

    /// A value under a path in quotes.
    #[derive(AttributeValue, Clone, Copy, Debug)]
    #[attribute(crate = "tachograph_sdk")]
    pub enum Quoted {
        /// The first.
        One,
        /// The rest.
        #[attribute(other)]
        Rest,
    }

    /// A set under a bare path, relative to where it stands.
    #[derive(Attributes, Clone, Copy, Debug)]
    #[attribute(crate = telemetry)]
    pub struct Bare {
        /// A value.
        pub quoted: Quoted,
    }

    /// A set under a longer path.
    #[derive(Attributes, Clone, Copy, Debug)]
    #[attribute(crate = "crate::renamed::telemetry_again")]
    pub struct Longer {
        /// A value.
        pub quoted: Quoted,
    }

    pub use tachograph_sdk as telemetry_again;
}

/// Everything that generated code could have leant on means something else here.
pub mod hostile {
    #![no_implicit_prelude]
    #![allow(non_camel_case_types, reason = "the names are the point")]

    /// Not the one you know.
    #[derive(::core::fmt::Debug)]
    pub struct Option;
    /// Not the one you know.
    #[derive(::core::fmt::Debug)]
    pub struct usize;
    /// Not the one you know.
    #[derive(::core::fmt::Debug)]
    pub struct str;
    /// Not the one you know.
    pub trait From {}
    /// Not the one you know.
    pub mod core {}
    /// Not the one you know.
    pub mod std {}
    /// Not the one you know.
    pub mod tachograph_sdk {}
    /// Not the one you know.
    #[allow(dead_code, reason = "it is there to be in the way")]
    pub const fn visitor() {}

    /// A value.
    #[derive(::core::fmt::Debug, ::tachograph_sdk::AttributeValue)]
    #[attribute(crate = "::tachograph_sdk")]
    pub enum Some {
        /// The first.
        Some,
        /// Not the one you know.
        None,
        /// The rest.
        #[attribute(other)]
        Other(::std::string::String),
    }

    /// A set whose fields are named as generated variables are.
    #[derive(::core::fmt::Debug, ::tachograph_sdk::Attributes)]
    #[attribute(crate = "::tachograph_sdk")]
    #[allow(clippy::struct_excessive_bools, reason = "each is one name")]
    pub struct Ok<'visit> {
        /// A field.
        pub index: bool,
        /// A field.
        pub visitor: bool,
        /// A field.
        pub product: bool,
        /// A field.
        pub cardinality: bool,
        /// A field.
        pub digit: bool,
        /// A field.
        pub text: &'visit bool,
    }

    /// A set within.
    #[derive(::core::fmt::Debug, ::tachograph_sdk::Attributes)]
    #[attribute(crate = "::tachograph_sdk")]
    pub struct Inner {
        /// A field.
        pub value: ::core::option::Option<bool>,
    }

    /// An enum of errors.
    #[derive(::core::fmt::Debug, ::tachograph_sdk::ErrorType)]
    #[attribute(crate = "::tachograph_sdk")]
    pub enum Error {
        /// What carries something.
        Failed(::std::string::String),
    }

    /// A set with sets inside.
    #[derive(::core::fmt::Debug, ::tachograph_sdk::Attributes)]
    #[attribute(crate = "::tachograph_sdk")]
    pub struct Result<'visit> {
        /// A field.
        #[attribute(flatten, prefix = "a.")]
        pub visitor: Inner,
        /// A field.
        #[attribute(flatten)]
        pub mistake: &'visit ::core::result::Result<u8, Error>,
    }

    /// A set whose parameters are named as generated ones could be.
    #[derive(::core::fmt::Debug, ::tachograph_sdk::Attributes)]
    #[attribute(crate = "::tachograph_sdk")]
    pub struct Err<'a, T, F, V> {
        /// A field.
        pub a: &'a T,
        /// A field.
        pub f: F,
        /// A field.
        pub v: V,
    }
}

/// A type with deprecated parts, of private and public types.
pub mod aged {
    use tachograph_sdk::{AttributeValue, Attributes};

    /// A value with a deprecated variant.
    #[derive(AttributeValue, Clone, Copy, Debug)]
    #[attribute(crate = "tachograph_sdk")]
    pub enum Old {
        /// In use.
        New,
        /// Out of use.
        #[deprecated = "gone"]
        Gone,
        /// The rest.
        #[attribute(other)]
        Rest,
    }

    #[derive(AttributeValue, Clone, Copy, Debug)]
    #[attribute(crate = "tachograph_sdk")]
    enum Private {
        One,
    }

    /// A set with a deprecated field, and one of a private type.
    #[derive(Attributes, Clone, Copy, Debug)]
    #[attribute(crate = "tachograph_sdk")]
    pub struct Aged<T> {
        /// A field.
        #[deprecated = "gone"]
        pub old: Old,
        private: Private,
        hidden: Hidden<T>,
    }

    #[derive(Clone, Copy, Debug)]
    struct Hidden<T>(T);

    impl<T: AttributeValue> AttributeValue for Hidden<T> {
        fn value(&self) -> Option<tachograph_sdk::ValueRef<'_>> {
            self.0.value()
        }
    }

    impl<T> Aged<T> {
        /// A set.
        #[allow(deprecated, reason = "it is deprecated for others")]
        pub const fn new(value: T) -> Self {
            Self { old: Old::New, private: Private::One, hidden: Hidden(value) }
        }
    }
}

/// Sets and values made by a macro of the crate that owns them.
#[macro_export]
macro_rules! define_by_macro {
    ($set:ident { $field:ident: $value:ident { $($variant:ident),* } }) => {
        /// A value.
        #[derive($crate::telemetry::AttributeValue, Clone, Copy, Debug)]
        #[attribute(crate = $crate::telemetry)]
        pub enum $value {
            $(
                /// A variant.
                $variant,
            )*
        }
        /// A set.
        #[derive($crate::telemetry::Attributes, Clone, Copy, Debug)]
        #[attribute(crate = $crate::telemetry)]
        pub struct $set {
            /// A field.
            pub $field: $value,
        }
    };
}

pub use tachograph_sdk as telemetry;

define_by_macro!(Macroed { kind: Kind { First, Second } });

#[cfg(test)]
mod tests {
    use super::support::{keys, pairs, text};
    use super::{Kind, Macroed, aged, hostile, renamed};
    use tachograph_sdk::Attributes as _;

    #[test]
    fn the_traits_are_found_where_the_user_says() {
        let quoted = renamed::Quoted::from("one");
        assert_eq!(text(&quoted), "one");
        assert_eq!(renamed::Bare::CARDINALITY, Some(2));
        assert_eq!(keys(&renamed::Bare { quoted }), keys(&renamed::Longer { quoted }));
    }

    #[test]
    fn no_name_of_the_users_gets_in_the_way() {
        assert_eq!(text(&hostile::Some::from("none")), "none");
        let ok = hostile::Ok {
            index: true,
            visitor: false,
            product: false,
            cardinality: false,
            digit: false,
            text: &true,
        };
        assert_eq!(ok.index(), 0b10_0001);
        assert_eq!(keys(&ok), ["index", "visitor", "product", "cardinality", "digit", "text"]);
        let failed = Err(hostile::Error::Failed(String::new()));
        let result = hostile::Result { visitor: hostile::Inner { value: Some(true) }, mistake: &failed };
        assert_eq!(keys(&result), ["a.value", "error.type"]);
        assert_eq!(keys(&hostile::Err { a: &1, f: 2, v: 3 }), ["a", "f", "v"]);
    }

    #[test]
    fn deprecated_and_private_parts_are_recorded_like_any() {
        assert_eq!(keys(&aged::Aged::new("x")), ["old", "private", "hidden"]);
        assert_eq!(text(&aged::Old::from("gone")), "gone");
    }

    #[test]
    fn a_macro_can_name_the_crate_of_its_own() {
        assert_eq!(pairs(&Macroed { kind: Kind::Second })[0].1, r#"Str("second")"#);
        assert_eq!(Macroed { kind: Kind::First }.index(), 0);
    }
}
