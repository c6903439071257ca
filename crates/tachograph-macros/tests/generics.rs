//! Lifetimes, type parameters and constants of a type carry over to its implementations.

mod support;

extern crate tachograph_sdk as tachograph;

use std::borrow::Cow;

use support::{assert_index_is_a_bijection, keys, pairs};
use tachograph::{AttributeValue, Attributes, ValueRef};

#[derive(AttributeValue, Clone, Copy)]
enum Channel {
    Web,
    App,
}

#[test]
fn values_may_be_borrowed_under_any_lifetime_name() {
    #[derive(Attributes)]
    struct Borrowed<'a, 'b: 'a, 'visit, 'text> {
        a: &'a str,
        b: &'b Cow<'b, str>,
        visit: &'visit Channel,
        text: &'text &'text str,
    }
    let a = String::from("1");
    let b = Cow::from("2");
    let borrowed = Borrowed { a: &a, b: &b, visit: &Channel::App, text: &"3" };
    assert_eq!(
        pairs(&borrowed).into_iter().map(|(_, value)| value).collect::<Vec<_>>(),
        [r#"Str("1")"#, r#"Str("2")"#, r#"Str("app")"#, r#"Str("3")"#]
    );
    assert_eq!(<Borrowed<'_, '_, '_, '_> as Attributes>::CARDINALITY, None);
}

#[test]
fn a_reference_to_a_value_counts_as_the_value() {
    #[derive(Attributes)]
    struct Referring<'a> {
        channel: &'a Channel,
        flag: &'a bool,
    }
    let values = [(Channel::Web, false), (Channel::Web, true), (Channel::App, false), (Channel::App, true)];
    assert_index_is_a_bijection(values.iter().map(|(channel, flag)| Referring { channel, flag }));
}

#[test]
fn the_values_outlive_the_visit_as_long_as_the_struct_does() {
    #[derive(Attributes)]
    struct Held {
        name: String,
    }
    fn name(held: &Held) -> Option<&str> {
        let mut found = None;
        held.visit(|_, value| {
            if let ValueRef::Str(text) = value {
                found = Some(text);
            }
        });
        found
    }
    assert_eq!(name(&Held { name: "kept".to_owned() }), Some("kept"));
}

#[derive(Attributes)]
struct Generic<C, S = bool>
where
    S: Copy,
{
    first: C,
    second: S,
    #[attribute(skip)]
    _skipped: Option<S>,
}

#[test]
fn a_type_parameter_decides_the_cardinality() {
    assert_eq!(Generic::<Channel>::CARDINALITY, Some(4));
    assert_eq!(Generic::<Channel, Channel>::CARDINALITY, Some(4));
    assert_eq!(Generic::<String, Channel>::CARDINALITY, None);
    assert_index_is_a_bijection(
        [Channel::Web, Channel::App]
            .into_iter()
            .flat_map(|first| [false, true].map(|second| Generic { first, second, _skipped: None })),
    );
    assert_eq!(keys(&Generic { first: "text", second: 1_u8, _skipped: None }), ["first", "second"]);
}

trait Family {
    type Member;
}

struct Smiths;

impl Family for Smiths {
    type Member = Channel;
}

#[test]
fn a_type_made_of_a_type_parameter_is_bounded_as_a_whole() {
    #[derive(Attributes)]
    struct Wrapped<'a, T, F: Family> {
        borrowed: &'a T,
        copied: Cow<'a, str>,
        member: F::Member,
    }
    let wrapped = Wrapped::<_, Smiths> { borrowed: &true, copied: Cow::from("x"), member: Channel::App };
    assert_eq!(keys(&wrapped), ["borrowed", "copied", "member"]);
}

struct Bucket<const N: usize>(usize);

impl<const N: usize> AttributeValue for Bucket<N> {
    const CARDINALITY: Option<usize> = Some(N);

    fn index(&self) -> usize {
        self.0
    }

    fn value(&self) -> Option<ValueRef<'_>> {
        Some(ValueRef::I64(i64::try_from(self.0).unwrap_or(i64::MAX)))
    }
}

#[test]
fn a_constant_parameter_counts_too() {
    #[derive(Attributes)]
    struct Sharded<const N: usize> {
        shard: Bucket<N>,
        channel: Channel,
    }
    assert_eq!(Sharded::<5>::CARDINALITY, Some(10));
    assert_index_is_a_bijection((0..5).flat_map(|shard| {
        [Channel::Web, Channel::App].map(|channel| Sharded::<5> { shard: Bucket(shard), channel })
    }));
}

#[test]
fn an_enum_may_have_a_constant_parameter() {
    #[derive(AttributeValue)]
    enum Tagged<const TAG: u8> {
        One,
        #[attribute(other)]
        Rest,
    }
    assert_eq!(Tagged::<7>::CARDINALITY, Some(2));
    assert_eq!(Tagged::<7>::from("one").index(), 0);
    assert_eq!(Tagged::<7>::from("two").value(), Some(ValueRef::Str("rest")));
}
