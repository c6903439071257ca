//! No import cycles between the modules of a crate.
//!
//! # What is a cycle
//!
//! Take any module and its child modules: siblings. One sibling depends on another if anything
//! inside it (however deep) names anything inside the other. At no level may siblings depend on
//! each other in a circle. With that, neither files nor folders import each other in a circle.
//!
//! A path that leads from a module up to an ancestor, or down to a descendant, is no dependency
//! in this sense: a parent declares and re-exports its children, and they may use its items. But
//! a name that an ancestor only re-exports belongs to where it is defined: `use crate::Counter`
//! depends on the module that `lib.rs` has `Counter` from.
//!
//! # What is seen
//!
//! The crate's library (or program) as its `mod` declarations build it up, without integration
//! tests and without whatever stands under `#[cfg(test)]` or `#[cfg(all(test, …))]`. In it: every
//! `use` tree, and every path that starts with `crate::`, `self::` or `super::`, inside macro
//! calls too. Names that an ancestor has from a glob import are found where the glob leads.
//!
//! Not seen: names that reach a module only through its own `use super::*`, method calls (a type
//! may be used without being named), paths in strings and documentation, and names that a macro
//! makes up.

mod cycles;
mod resolve;
mod scan;
mod tree;

use std::path::Path;

use super::Finding;
use crate::failure::Result;
use crate::workspace::Workspace;

const RULE: &str = "module cycles";

/// Checks every crate under `crates/`.
pub(super) fn run(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for package in workspace.crates() {
        let roots = package
            .targets
            .iter()
            .filter(|target| target.is_lib() || target.is_proc_macro() || target.is_bin());
        for target in roots {
            let root = target.src_path.as_std_path();
            let tree = tree::load(root, &|file| std::fs::read_to_string(file).ok());
            findings.extend(
                cycles::find(&resolve::edges(&tree))
                    .into_iter()
                    .map(|cycle| finding(&cycle, &workspace.root)),
            );
        }
    }
    Ok(findings)
}

/// One circle, with the place of each of its steps.
fn finding(cycle: &[resolve::Edge], root: &Path) -> Finding {
    let place = |edge: &resolve::Edge| {
        let file = edge.file.strip_prefix(root).unwrap_or(&edge.file);
        format!("{}:{}", file.display(), edge.line)
    };
    let steps: Vec<String> = cycle
        .iter()
        .map(|edge| format!("{} uses {} (`{}` at {})", edge.from, edge.to, edge.names, place(edge)))
        .collect();
    Finding {
        place: cycle.first().map(place).unwrap_or_default(),
        rule: RULE,
        wrong: format!("modules import in a circle: {}", steps.join("; ")),
        fix: "move what they share into a module of its own that both may use, or let the one \
              take it as a parameter or through a trait of its own"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests;
