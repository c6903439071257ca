//! A value that may be absent is no attribute where it is, and one value more for the index.

mod support;

extern crate tachograph_sdk as tachograph;

use support::{assert_index_is_a_bijection, keys, pairs};
use tachograph::{AttributeSet, AttributeValue, Attributes, ErrorType};

#[derive(AttributeValue, Clone, Copy, Debug)]
enum Channel {
    Web,
    App,
}

const CHANNELS: [Option<Channel>; 3] = [None, Some(Channel::Web), Some(Channel::App)];

#[derive(Attributes)]
struct Created {
    channel: Option<Channel>,
    express: bool,
    gift: Option<bool>,
}

#[test]
fn what_is_none_is_no_attribute() {
    assert_eq!(keys(&Created { channel: None, express: true, gift: None }), ["express"]);
    let all = Created { channel: Some(Channel::App), express: true, gift: Some(false) };
    assert_eq!(
        pairs(&all),
        [("channel", r#"Str("app")"#), ("express", "Bool(true)"), ("gift", "Bool(false)")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
    );
}

#[test]
fn absent_is_one_value_more_and_has_an_index() {
    assert_eq!(Created::CARDINALITY, Some(3 * 2 * 3));
    assert_index_is_a_bijection(CHANNELS.into_iter().flat_map(|channel| {
        [false, true].into_iter().flat_map(move |express| {
            [None, Some(false), Some(true)].map(move |gift| Created { channel, express, gift })
        })
    }));
}

#[test]
fn references_and_generics_may_be_absent_too() {
    #[derive(Attributes)]
    struct Held<'a, T> {
        name: Option<&'a str>,
        value: Option<T>,
        borrowed: &'a Option<T>,
    }
    let held = Held { name: None, value: Some(Channel::Web), borrowed: &None };
    assert_eq!(keys(&held), ["value"]);
    assert_eq!(Held::<Channel>::CARDINALITY, None, "a name can be any text");
    let held = Held { name: Some("x"), value: None, borrowed: &Some(true) };
    assert_eq!(keys(&held), ["name", "borrowed"]);
}

#[test]
fn a_result_is_an_attribute_where_it_is_an_error() {
    #[derive(Debug, ErrorType)]
    enum Failure {
        NotFound,
        Refused { _code: u16 },
    }
    #[derive(Attributes)]
    struct Read<'a> {
        cached: bool,
        failure: &'a Result<String, Failure>,
    }
    assert_eq!(Read::CARDINALITY, Some(2 * 3));
    let all = [Ok("x".to_owned()), Err(Failure::NotFound), Err(Failure::Refused { _code: 7 })];
    assert_index_is_a_bijection(
        all.iter().flat_map(|failure| [false, true].map(|cached| Read { cached, failure })),
    );
    assert_eq!(keys(&Read { cached: true, failure: &all[0] }), ["cached"]);
    assert_eq!(pairs(&Read { cached: true, failure: &all[2] })[1].1, r#"Str("refused")"#);
}

#[test]
fn pairs_made_up_on_the_spot_may_lack_a_value() {
    let set = AttributeSet::new(&[("a", Some(1)), ("b", None)]);
    assert_eq!(set.len(), 1);
    assert_eq!(set.get("a"), Some(&1.into()));
}

#[test]
fn an_option_of_an_option_has_two_indexes_for_absent_and_one_series() {
    #[derive(Attributes)]
    struct Twice {
        gift: Option<Option<bool>>,
    }
    assert_eq!(Twice::CARDINALITY, Some(4));
    let absent = [Twice { gift: None }, Twice { gift: Some(None) }];
    assert_eq!(absent.each_ref().map(Attributes::index), [0, 1]);
    assert_eq!(absent.each_ref().map(|twice| AttributeSet::new(twice).len()), [0, 0]);
}
