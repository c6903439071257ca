//! An enum of errors: the variant is the type, whatever it carries.

mod support;

extern crate tachograph_sdk as tachograph;

use support::{assert_index_is_a_bijection, pairs, text};
use tachograph::{AttributeValue, Attributes, Counter, ErrorType, MeterProvider, testing::InMemoryReader};

#[derive(Debug, ErrorType)]
#[allow(dead_code, reason = "what an error carries is not recorded")]
enum Failure {
    TimedOut {
        after: std::time::Duration,
    },
    Io(std::io::Error),
    #[attribute(rename = "conflict")]
    Version(u64, u64),
    Empty,
    #[attribute(other)]
    Unexpected(Box<dyn std::error::Error>),
}

fn all() -> [Failure; 5] {
    [
        Failure::TimedOut { after: std::time::Duration::ZERO },
        Failure::Io(std::io::Error::other("x")),
        Failure::Version(1, 2),
        Failure::Empty,
        Failure::Unexpected("x".into()),
    ]
}

#[test]
fn a_type_is_the_variants_name_and_the_rest_is_other() {
    let types = all();
    assert_eq!(types.each_ref().map(text), ["timed_out", "io", "conflict", "empty", "_OTHER"]);
}

#[test]
fn what_a_variant_carries_does_not_count() {
    assert_eq!(<Failure as AttributeValue>::CARDINALITY, Some(5));
    assert_index_is_a_bijection(all());
}

#[test]
fn by_itself_it_is_the_set_of_its_type() {
    assert_eq!(pairs(&Failure::Empty), [("error.type".to_owned(), r#"Str("empty")"#.to_owned())]);
}

#[test]
fn it_counts_failures_as_a_typed_instruments_set() {
    let provider = MeterProvider::new();
    let failures: Counter<u64, Failure> = provider.meter("test").counter("failures").build();
    for failure in all() {
        failures.add(1, &failure);
    }
    failures.add(1, &Failure::Io(std::io::Error::other("another")));
    let snapshot = InMemoryReader::new(&provider).snapshot();
    assert_eq!(snapshot.metric("failures").value(&[("error.type", "io")]), 2);
    assert_eq!(snapshot.metric("failures").value(&[("error.type", "_OTHER")]), 1);
    assert_eq!(snapshot.metric("failures").total(), 6);
}

#[test]
fn cases_and_parameters_are_as_with_other_enums() {
    #[derive(Debug, ErrorType)]
    #[allow(dead_code, reason = "what an error carries is not recorded")]
    #[attribute(rename_all = "kebab-case")]
    enum Generic<'a, T, const N: usize>
    where
        T: std::fmt::Debug,
    {
        NotFound(&'a T),
        TooLarge([u8; N]),
        #[attribute(other, rename = "rest")]
        Else,
    }
    let values: [Generic<'_, bool, 2>; 3] =
        [Generic::NotFound(&true), Generic::TooLarge([0; 2]), Generic::Else];
    assert_eq!(values.each_ref().map(text), ["not-found", "too-large", "rest"]);
    assert_eq!(<Generic<'_, bool, 2> as Attributes>::CARDINALITY, Some(3));
}
