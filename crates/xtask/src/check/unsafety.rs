//! Where unsafe code may be allowed at all.
//!
//! The workspace denies `unsafe_code`; a module that needs it allows it for itself, and must be
//! listed here. That each block states its invariant is clippy's to check.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{Finding, Source};

const RULE: &str = "unsafe code";

/// Files, or folders (which end in `/`), that may allow unsafe code.
const ALLOWED: [&str; 9] = [
    // An allocator that counts.
    "benches/src/alloc.rs",
    // The engine's cells, and what they are built on.
    "crates/tachograph-sdk/src/cells/",
    "crates/tachograph-sdk/src/sync/",
    // Memory that the sets of many series share.
    "crates/tachograph-sdk/src/attributes/pairs.rs",
    // Replacing series that nobody can find.
    "crates/tachograph-sdk/src/metrics/spellings/hidden.rs",
    "crates/tachograph-sdk/src/metrics/series/going.rs",
    // Text out of a record that this folder wrote.
    "crates/tachograph-sdk/src/trace/record/text.rs",
    // The processor's tick counter.
    "crates/tachograph-sdk/src/trace/time/ticks.rs",
    // The slot of an instrument in a `static`, filled once.
    "crates/tachograph-sdk/src/typed/late.rs",
];

/// Integration tests of any crate with these names may too: that something allocates nothing is
/// shown with an allocator that counts, and a global allocator cannot be written without.
const ALLOCATIONS: [&str; 2] = ["/tests/allocations.rs", "/tests/support/allocator.rs"];

/// Finds attributes that allow unsafe code elsewhere.
pub(super) fn run(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !is_listed(&source.path)) {
        // What does not lex does not compile either; the compiler says it better.
        let Ok(tokens) = source.text.parse::<TokenStream>() else {
            continue;
        };
        for line in allowing_lines(tokens) {
            findings.push(Finding {
                place: format!("{}:{line}", source.path.display()),
                rule: RULE,
                wrong: "allows unsafe code".to_owned(),
                fix: "do without; or move it into a module of its own and list that in ALLOWED in \
                      crates/xtask/src/check/unsafety.rs"
                    .to_owned(),
            });
        }
    }
    findings
}

fn is_listed(path: &std::path::Path) -> bool {
    let path = path.to_string_lossy().replace('\\', "/");
    ALLOCATIONS.iter().any(|end| path.ends_with(end))
        || ALLOWED.iter().any(|listed| match listed.strip_suffix('/') {
            Some(folder) => path == format!("{folder}.rs") || path.starts_with(listed),
            None => path == *listed,
        })
}

/// Lines of `#[allow(unsafe_code)]` and the like: `expect`, `warn`, inner ones, inside `cfg_attr`.
fn allowing_lines(tokens: TokenStream) -> Vec<usize> {
    let mut lines = Vec::new();
    let mut after_hash = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let is_attribute = after_hash && group.delimiter() == Delimiter::Bracket;
                if is_attribute && lowers(group.stream()) {
                    lines.push(group.span_open().start().line);
                } else {
                    lines.extend(allowing_lines(group.stream()));
                }
                after_hash = false;
            }
            // An inner attribute has a `!` between.
            TokenTree::Punct(punct) => {
                after_hash = punct.as_char() == '#' || (after_hash && punct.as_char() == '!');
            }
            _ => after_hash = false,
        }
    }
    lines
}

/// Whether an attribute's tokens set the lint to anything below `deny`.
fn lowers(attribute: TokenStream) -> bool {
    let mut level = None;
    for token in attribute {
        match token {
            TokenTree::Ident(ident) => level = Some(ident.to_string()),
            TokenTree::Group(group) => {
                let lowered = matches!(level.as_deref(), Some("allow" | "expect" | "warn"));
                let names_it = group
                    .stream()
                    .into_iter()
                    .any(|token| matches!(&token, TokenTree::Ident(ident) if ident == "unsafe_code"));
                if (lowered && names_it) || lowers(group.stream()) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: path.into(), text: text.to_owned() };
        run(&[source]).into_iter().map(|f| f.place).collect()
    }

    #[test]
    fn every_form_of_allowing_is_found() {
        for attribute in [
            "#![allow(unsafe_code)]",
            "#[expect(unsafe_code, reason = \"x\")] fn f() {}",
            "#[allow(dead_code, unsafe_code)] mod m {}",
            "#[cfg_attr(unix, allow(unsafe_code))] fn f() {}",
        ] {
            assert_eq!(
                found("crates/tachograph/src/a.rs", &format!("\n{attribute}")),
                ["crates/tachograph/src/a.rs:2"],
                "{attribute}"
            );
        }
    }

    #[test]
    fn attributes_inside_items_are_seen() {
        let text = "mod m { fn f() { #[allow(unsafe_code)] { } } }";
        assert_eq!(found("a.rs", text), ["a.rs:1"]);
    }

    #[test]
    fn what_only_speaks_of_it_is_not_meant() {
        let text = "// #[allow(unsafe_code)]\nconst X: &str = \"#![allow(unsafe_code)]\";\n\
                    #![deny(unsafe_code)]\n#[allow(unused)] fn unsafe_code() {}";
        assert_eq!(found("a.rs", text), [""; 0]);
    }

    #[test]
    fn a_test_of_allocations_may_count_them_and_other_tests_may_not() {
        let text = "#![allow(unsafe_code)]";
        for end in ALLOCATIONS {
            assert_eq!(found(&format!("crates/any{end}"), text), [""; 0]);
        }
        assert_eq!(found("crates/any/tests/other.rs", text).len(), 1);
    }

    #[test]
    fn listed_folders_may_and_their_neighbours_may_not() {
        let text = "#![allow(unsafe_code)]";
        assert_eq!(found("crates/tachograph-sdk/src/cells/slab.rs", text), [""; 0]);
        assert_eq!(found("crates/tachograph-sdk/src/cells.rs", text), [""; 0]);
        assert_eq!(found("crates/tachograph-sdk/src/cells_of_honey.rs", text).len(), 1);
    }
}
