//! From the paths that modules name to the dependencies between sibling modules.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::scan::Path;
use super::tree::{Place, Tree};

/// That one module depends on a sibling, and the first place that shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edge {
    /// `crate::a`.
    pub(super) from: String,
    /// `crate::b`.
    pub(super) to: String,
    /// The path that was named, as written.
    pub(super) names: String,
    /// Where.
    pub(super) file: PathBuf,
    /// And on which line, from 1.
    pub(super) line: usize,
}

/// The dependencies between siblings, at every level.
pub(super) fn edges(tree: &Tree) -> Vec<Edge> {
    let mut edges: Vec<Edge> = Vec::new();
    for (place, module) in tree {
        for (path, line) in &module.named {
            let target = match resolve(tree, place, path, &mut Seen::new()) {
                Reached::Defined(target) | Reached::Unknown(target) => target,
                Reached::Elsewhere => continue,
            };
            let Some((from, to)) = siblings(place, &target) else {
                continue;
            };
            if edges.iter().any(|edge| edge.from == from && edge.to == to) {
                continue;
            }
            edges.push(Edge { from, to, names: path.join("::"), file: module.file.clone(), line: *line });
        }
    }
    edges
}

/// The two children of the nearest common ancestor that hold the one and the other; `None` if one
/// of the two is that ancestor.
fn siblings(from: &Place, to: &Place) -> Option<(String, String)> {
    let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let name = |place: &Place| {
        let to_sibling = place.get(..=common)?;
        Some(format!("crate::{}", to_sibling.join("::")))
    };
    Some((name(from)?, name(to)?))
}

/// Where following a path ended.
enum Reached {
    /// At a module, or at the one that defines the item.
    Defined(Place),
    /// At this module, which is not known to have the next name: a macro may have made it.
    Unknown(Place),
    /// In another crate.
    Elsewhere,
}

/// Names already looked for, and where: re-exports may go in a circle.
type Seen = BTreeSet<(Place, String)>;

/// Follows a path named in `place`.
fn resolve(tree: &Tree, place: &Place, path: &Path, seen: &mut Seen) -> Reached {
    let mut at = place.clone();
    let mut rest = path.as_slice();
    let mut is_anchored = false;
    while let Some((first, after)) = rest.split_first() {
        match first.as_str() {
            "crate" => at.clear(),
            "super" => drop(at.pop()),
            "self" => {}
            _ => break,
        }
        is_anchored = true;
        rest = after;
    }
    match descend(tree, &at, rest, seen) {
        // Such as `http::Request`: no name of this crate's.
        Reached::Unknown(_) if !is_anchored => Reached::Elsewhere,
        reached => reached,
    }
}

/// Follows names from a module.
fn descend(tree: &Tree, at: &Place, rest: &[String], seen: &mut Seen) -> Reached {
    let Some((name, after)) = rest.split_first() else {
        return Reached::Defined(at.clone());
    };
    let child: Place = at.iter().chain([name]).cloned().collect();
    if tree.contains_key(&child) {
        return descend(tree, &child, after, seen);
    }
    let Some(module) = tree.get(at) else {
        return Reached::Unknown(at.clone());
    };
    if module.items.contains(name) {
        return Reached::Defined(at.clone());
    }
    if !seen.insert((at.clone(), name.clone())) {
        return Reached::Unknown(at.clone());
    }
    if let Some(path) = module.imports.get(name) {
        let whole = path.iter().chain(after).cloned().collect();
        return resolve(tree, at, &whole, seen);
    }
    for glob in &module.globs {
        if let Reached::Defined(source) = resolve(tree, at, glob, seen)
            && let Reached::Defined(target) = descend(tree, &source, rest, seen)
        {
            return Reached::Defined(target);
        }
    }
    Reached::Unknown(at.clone())
}
