//! Circles in a small graph.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::resolve::Edge;

/// Shortest circles, so many that every module that is on one is near one that is shown: once a
/// module has been shown, circles through it are not looked for again.
pub(super) fn find(edges: &[Edge]) -> Vec<Vec<Edge>> {
    let mut from: BTreeMap<&str, Vec<&Edge>> = BTreeMap::new();
    for edge in edges {
        from.entry(&edge.from).or_default().push(edge);
    }
    let mut shown = BTreeSet::new();
    let mut cycles = Vec::new();
    for start in from.keys() {
        if shown.contains(*start) {
            continue;
        }
        if let Some(cycle) = shortest(&from, start) {
            shown.extend(cycle.iter().map(|edge| edge.from.clone()));
            cycles.push(cycle);
        }
    }
    cycles
}

/// The shortest way from `start` back to it.
fn shortest(from: &BTreeMap<&str, Vec<&Edge>>, start: &str) -> Option<Vec<Edge>> {
    let mut reached_by: BTreeMap<&str, &Edge> = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(name) = next.pop_front() {
        for edge in from.get(name).into_iter().flatten() {
            if reached_by.contains_key(edge.to.as_str()) {
                continue;
            }
            reached_by.insert(&edge.to, edge);
            if edge.to == start {
                return Some(way_back(&reached_by, start));
            }
            next.push_back(&edge.to);
        }
    }
    None
}

fn way_back(reached_by: &BTreeMap<&str, &Edge>, start: &str) -> Vec<Edge> {
    let mut way = Vec::new();
    let mut at = start;
    while let Some(edge) = reached_by.get(at) {
        way.push((*edge).clone());
        at = &edge.from;
        if at == start {
            break;
        }
    }
    way.reverse();
    way
}
