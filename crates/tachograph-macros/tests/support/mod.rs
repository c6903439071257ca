//! What the tests look at a set of attributes with.

#![allow(dead_code, reason = "each test crate uses what it needs")]

use std::collections::{BTreeMap, BTreeSet};

use tachograph_sdk::{AttributeValue, Attributes, ValueRef};

/// The pairs in the order in which they are visited, values as they print.
pub(crate) fn pairs(attributes: &impl Attributes) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    attributes.visit(|key, value| pairs.push((key.as_str().to_owned(), format!("{value:?}"))));
    pairs
}

/// The keys in the order in which they are visited.
pub(crate) fn keys(attributes: &impl Attributes) -> Vec<String> {
    pairs(attributes).into_iter().map(|(key, _)| key).collect()
}

/// The text of a value that is text.
pub(crate) fn text(value: &impl AttributeValue) -> &str {
    match value.value() {
        Some(ValueRef::Str(text)) => text,
        other => panic!("not text: {other:?}"),
    }
}

/// Given every value of a type: its indexes are exactly 0 to its cardinality, each for one set of pairs.
pub(crate) fn assert_index_is_a_bijection<T: Attributes>(all: impl IntoIterator<Item = T>) {
    let cardinality = T::CARDINALITY.expect("a known cardinality");
    let mut by_index = BTreeMap::new();
    let mut distinct = BTreeSet::new();
    for attributes in all {
        let pairs = pairs(&attributes);
        let index = attributes.index();
        assert!(index < cardinality, "{pairs:?} has index {index}, of {cardinality}");
        let before = by_index.insert(index, pairs.clone());
        assert_eq!(before, None, "index {index} stands for {pairs:?} too");
        assert!(distinct.insert(pairs.clone()), "{pairs:?} came twice");
    }
    assert_eq!(by_index.len(), cardinality, "some indexes stand for nothing");
}
