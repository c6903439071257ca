//! The `other` variant folds outside input into a closed set, or carries it in an open one.

mod support;

extern crate tachograph_sdk as tachograph;

use std::borrow::Cow;
use std::sync::Arc;

use proptest::prelude::*;
use support::{pairs, text};
use tachograph::{AttributeValue, Attributes, ValueRef};

#[derive(AttributeValue, Clone, Debug, PartialEq)]
enum Method {
    #[attribute(rename = "GET")]
    Get,
    #[attribute(rename = "POST")]
    Post,
    #[attribute(other, rename = "_OTHER")]
    Other,
}

#[derive(AttributeValue, Debug, PartialEq)]
enum Currency {
    #[attribute(other)]
    Unlisted(String),
    #[attribute(rename = "EUR")]
    Euro,
    #[attribute(rename = "USD")]
    Dollar,
}

#[test]
fn known_text_becomes_its_variant_and_unknown_text_the_other_one() {
    assert_eq!(Method::from("GET"), Method::Get);
    assert_eq!(Method::from("POST"), Method::Post);
    assert_eq!(Method::from("get"), Method::Other);
    assert_eq!(Method::from(""), Method::Other);
    assert_eq!(Method::from("_OTHER"), Method::Other);
}

#[test]
fn a_closed_set_counts_its_other_variant() {
    assert_eq!(Method::CARDINALITY, Some(3));
    assert_eq!(Method::Other.index(), 2);
    assert_eq!(Method::Other.value(), Some(ValueRef::Str("_OTHER")));
}

#[test]
fn an_other_variant_that_carries_text_records_that_text() {
    assert_eq!(Currency::from("CHF"), Currency::Unlisted("CHF".to_owned()));
    assert_eq!(text(&Currency::from("CHF")), "CHF");
    assert_eq!(Currency::from("EUR"), Currency::Euro);
    assert_eq!(text(&Currency::Dollar), "USD");
}

#[test]
fn an_open_set_has_no_cardinality() {
    #[derive(Attributes)]
    struct Paid {
        currency: Currency,
        express: bool,
    }
    assert_eq!(Currency::CARDINALITY, None);
    assert_eq!(Paid::CARDINALITY, None);
    let paid = Paid { currency: Currency::from("CHF"), express: false };
    assert_eq!(pairs(&paid)[0].1, r#"Str("CHF")"#);
}

#[test]
fn the_text_can_be_carried_in_any_type_that_holds_text() {
    #[derive(AttributeValue)]
    enum Borrowed<'a> {
        Known,
        #[attribute(other)]
        Other(&'a str),
    }
    #[derive(AttributeValue)]
    enum Clever<'a> {
        Known,
        #[attribute(other)]
        Other(Cow<'a, str>),
    }
    #[derive(AttributeValue)]
    enum Shared {
        Known,
        #[attribute(other)]
        Other {
            text: Arc<str>,
        },
    }
    #[derive(AttributeValue)]
    enum Static {
        Known,
        #[attribute(other)]
        Other(&'static str),
    }
    #[derive(AttributeValue)]
    enum Generic<T> {
        Known,
        #[attribute(other)]
        Other(T),
    }

    let input = String::from("from outside");
    assert_eq!(text(&Borrowed::from(input.as_str())), "from outside");
    assert_eq!(text(&Clever::from(input.as_str())), "from outside");
    assert_eq!(text(&Shared::from(input.as_str())), "from outside");
    assert_eq!(text(&Static::from("static")), "static");
    assert_eq!(text(&Generic::<Box<str>>::from(input.as_str())), "from outside");
    for known in [
        text(&Borrowed::from("known")),
        text(&Clever::from("known")),
        text(&Shared::from("known")),
        text(&Static::from("known")),
        text(&Generic::<String>::from("known")),
    ] {
        assert_eq!(known, "known");
    }
    assert!(matches!(Borrowed::from("known"), Borrowed::Known));
    assert!(matches!(Clever::from("known"), Clever::Known));
    assert!(matches!(Shared::from("known"), Shared::Known));
    assert!(matches!(Static::from("known"), Static::Known));
    assert!(matches!(Generic::<String>::from("known"), Generic::Known));
}

#[test]
fn the_other_variant_may_be_the_only_one() {
    #[derive(AttributeValue)]
    enum Closed {
        #[attribute(other)]
        Anything,
    }
    #[derive(AttributeValue)]
    enum Open {
        #[attribute(other)]
        Anything(String),
    }
    assert_eq!(Closed::CARDINALITY, Some(1));
    assert_eq!(text(&Closed::from("x")), "anything");
    assert_eq!(text(&Open::from("x")), "x");
}

#[test]
fn a_variant_that_carries_its_text_does_not_take_its_own_name() {
    #[derive(AttributeValue)]
    enum Open {
        #[attribute(rename = "other")]
        Named,
        #[attribute(other)]
        Other(String),
    }
    assert!(matches!(Open::from("other"), Open::Named));
    assert_eq!(text(&Open::Named), text(&Open::Other("other".to_owned())));
}

proptest! {
    #[test]
    fn whatever_comes_from_outside_a_closed_set_stays_within_its_bounds(input in ".*") {
        let method = Method::from(input.as_str());
        prop_assert!(Some(method.index()) < Method::CARDINALITY);
        prop_assert!(text(&method) == input || method == Method::Other);
    }

    #[test]
    fn an_open_set_gives_back_the_text_it_was_made_from(input in ".*|EUR|USD") {
        let currency = Currency::from(input.as_str());
        prop_assert_eq!(text(&currency), input);
    }
}
