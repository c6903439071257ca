//! Spans as somebody got them, and where each is in its trace.

use std::collections::{HashMap, HashSet};

/// What a receiver says of a span; ids are whatever it writes them as, and a root's parent is empty.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) name: String,
}

/// Asserts that each step of an order is under its request, all of them in one trace from the customer on, and
/// that no span is there twice or without its parent.
pub(crate) fn assert_orders_are_traces(spans: &[Sent]) {
    let by_id: HashMap<&str, &Sent> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    assert_eq!(by_id.len(), spans.len(), "no span twice");
    let paths: HashSet<String> = spans.iter().map(|span| path(span, &by_id).join(" < ")).collect();
    for expected in [
        "visit",
        "POST < visit",
        "POST /orders < POST < visit",
        "create < POST /orders < POST < visit",
        "reserve < create < POST /orders < POST < visit",
        "charge < pay < POST /orders/{number}/pay < POST < visit",
        "ship < POST /orders/{number}/ship < POST < visit",
        "refund < cancel < POST /orders/{number}/cancel < POST < visit",
        "release_stock < cancel < pay < POST /orders/{number}/pay < POST < visit",
    ] {
        assert!(paths.contains(expected), "{expected} is not among {paths:#?}");
    }
}

/// The names from a span up to its root.
fn path<'a>(span: &'a Sent, spans: &HashMap<&str, &'a Sent>) -> Vec<&'a str> {
    let mut names = vec![span.name.as_str()];
    let mut at = span;
    while !at.parent.is_empty() {
        let parent = spans.get(at.parent.as_str());
        let parent = parent.unwrap_or_else(|| panic!("nobody sent the parent of {}: {names:?}", at.name));
        assert_eq!(parent.trace, at.trace);
        names.push(&parent.name);
        at = parent;
    }
    names
}
