//! A set within a set: its attributes are those of the whole, its index a digit of the whole's.

mod support;

extern crate tachograph_sdk as tachograph;

use std::collections::HashSet;

use support::{assert_index_is_a_bijection, keys, pairs};
use tachograph::attributes::{AttributeField, AttributesSchema, ValueSchema};
use tachograph::{AttributeValue, Attributes, ErrorType, KeyRef, ValueRef};

#[derive(AttributeValue, Clone, Copy, Debug)]
enum Zone {
    A,
    B,
    C,
}

#[derive(Attributes, Clone, Copy, Debug)]
struct Place {
    zone: Zone,
    #[attribute(rename = "place.indoors")]
    indoors: bool,
}

fn places() -> impl Iterator<Item = Place> {
    [Zone::A, Zone::B, Zone::C]
        .into_iter()
        .flat_map(|zone| [false, true].map(|indoors| Place { zone, indoors }))
}

#[test]
fn the_attributes_of_a_set_within_are_those_of_the_whole() {
    #[derive(Attributes)]
    #[attribute(prefix = "shop.")]
    struct Moved {
        before: bool,
        #[attribute(flatten)]
        place: Place,
        after: bool,
    }
    let moved =
        |place| [false, true].map(|flag| Moved { before: flag, place, after: !flag }).into_iter().next();
    let keys = keys(&moved(places().next().expect("a place")).expect("a set"));
    assert_eq!(keys, ["shop.before", "zone", "place.indoors", "shop.after"], "a prefix is the fields' own");
    assert_index_is_a_bijection(places().flat_map(|place| {
        [(false, false), (false, true), (true, false), (true, true)].map(|(before, after)| Moved {
            before,
            place,
            after,
        })
    }));
}

#[derive(Attributes)]
struct Route {
    #[attribute(flatten, prefix = "from.")]
    from: Place,
    #[attribute(flatten, prefix = "to.")]
    to: Option<Place>,
}

#[test]
fn a_prefix_tells_two_sets_of_one_type_apart() {
    let all = || places().flat_map(|from| places().map(Some).chain([None]).map(move |to| Route { from, to }));
    assert_eq!(Route::CARDINALITY, Some(6 * 7));
    assert_index_is_a_bijection(all());
    let seen: HashSet<Vec<String>> = all().map(|route| keys(&route)).collect();
    assert_eq!(
        seen,
        HashSet::from([
            vec!["from.zone".to_owned(), "from.place.indoors".to_owned()],
            ["from.zone", "from.place.indoors", "to.zone", "to.place.indoors"].map(str::to_owned).to_vec(),
        ])
    );
}

#[test]
fn prefixes_add_up_from_the_outside_in() {
    #[derive(Attributes)]
    struct Order {
        express: bool,
        #[attribute(flatten, prefix = "route.")]
        route: Route,
    }
    let place = Place { zone: Zone::B, indoors: true };
    let order = Order { express: false, route: Route { from: place, to: Some(place) } };
    assert_eq!(
        pairs(&order),
        [
            ("express", "Bool(false)"),
            ("route.from.zone", r#"Str("b")"#),
            ("route.from.place.indoors", "Bool(true)"),
            ("route.to.zone", r#"Str("b")"#),
            ("route.to.place.indoors", "Bool(true)"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
    );
    assert_eq!(Order::CARDINALITY, Some(2 * 6 * 7));
}

#[test]
fn a_key_behind_a_prefix_lives_as_long_as_the_program() {
    fn key(route: &Route) -> KeyRef<'_> {
        let mut first = None;
        route.visit(|key, _| first = first.or(Some(key)));
        first.expect("a key")
    }
    let route = Route { from: Place { zone: Zone::A, indoors: false }, to: None };
    let again = Route { from: Place { zone: Zone::B, indoors: true }, to: None };
    assert_eq!(key(&route).as_str(), "from.zone");
    assert!(std::ptr::eq(key(&route).as_str(), key(&again).as_str()), "one string, not a copy each time");
}

#[test]
fn a_type_parameter_may_be_the_set_within() {
    #[derive(Attributes)]
    struct With<'a, S, V> {
        #[attribute(flatten, prefix = "inner.")]
        set: S,
        value: V,
        #[attribute(flatten)]
        extra: &'a S,
    }
    let place = Place { zone: Zone::C, indoors: false };
    let with = With { set: place, value: "x", extra: &place };
    assert_eq!(keys(&with), ["inner.zone", "inner.place.indoors", "value", "zone", "place.indoors"]);
    assert_eq!(With::<Place, bool>::CARDINALITY, Some(6 * 2 * 6));
    assert_eq!(With::<Place, String>::CARDINALITY, None);
}

#[test]
fn an_error_within_is_its_type_and_absent_on_success() {
    #[derive(Debug, ErrorType)]
    enum Failure {
        NotFound,
        #[attribute(other)]
        Unexpected(
            #[allow(dead_code, reason = "what is carried is not recorded")] Box<dyn std::error::Error>,
        ),
    }
    #[derive(Attributes)]
    struct Read<'a> {
        cached: bool,
        #[attribute(flatten)]
        result: &'a Result<u8, Failure>,
    }
    let all = [Ok(1), Err(Failure::NotFound), Err(Failure::Unexpected("x".into()))];
    assert_eq!(Read::CARDINALITY, Some(6));
    assert_index_is_a_bijection(
        all.iter().flat_map(|result| [false, true].map(|cached| Read { cached, result })),
    );
    assert_eq!(keys(&Read { cached: true, result: &all[0] }), ["cached"]);
    let unexpected = Read { cached: true, result: &all[2] };
    assert_eq!(pairs(&unexpected)[1], ("error.type".to_owned(), r#"Str("_OTHER")"#.to_owned()));
}

#[test]
fn attributes_made_up_on_the_spot_can_be_flattened_and_make_the_cardinality_unknown() {
    #[derive(Attributes)]
    struct Open<'a> {
        #[attribute(flatten)]
        extra: [(&'static str, &'a str); 2],
        flag: bool,
    }
    let open = Open { extra: [("a", "1"), ("b", "2")], flag: true };
    assert_eq!(keys(&open), ["a", "b", "flag"]);
    assert_eq!(Open::CARDINALITY, None);
    assert!(Open::SCHEMA.is_open());
}

#[test]
fn a_set_by_hand_that_lists_its_keys_can_have_a_prefix_and_a_key_it_forgot_stays_as_it_is() {
    struct Forgetful;
    impl Attributes for Forgetful {
        const SCHEMA: AttributesSchema =
            AttributesSchema::new(&[AttributeField::new("listed", ValueSchema::INT)]);

        fn visit<'a>(&'a self, mut visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {
            visitor(KeyRef::from_static("listed"), ValueRef::I64(1));
            visitor(KeyRef::from_static("forgotten"), ValueRef::I64(2));
        }
    }
    #[derive(Attributes)]
    struct Outer {
        #[attribute(flatten, prefix = "p.")]
        inner: Forgetful,
    }
    assert_eq!(keys(&Outer { inner: Forgetful }), ["p.listed", "forgotten"]);
}

#[test]
fn the_schema_lists_every_attribute_with_its_values() {
    let attributes = Route::SCHEMA.attributes();
    let listed: Vec<_> = attributes
        .iter()
        .map(|attribute| {
            let value = attribute.value;
            (attribute.key.as_str(), value.kind().as_str(), value.values().len(), value.is_optional())
        })
        .collect();
    assert_eq!(
        listed,
        [
            ("from.zone", "string", 3, false),
            ("from.place.indoors", "boolean", 2, false),
            ("to.zone", "string", 3, true),
            ("to.place.indoors", "boolean", 2, true),
        ]
    );
    assert!(!Route::SCHEMA.is_open());
}
