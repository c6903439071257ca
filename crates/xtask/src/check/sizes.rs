//! Lengths of Rust files: one idea each.

use std::path::Path;

use super::{Finding, Source};

const RULE: &str = "file size";

/// Above this, a file is counted, and the count is shown.
const LONG: usize = 300;

/// Above this, something is wrong.
const TOO_LONG: usize = 600;

/// Files past the limit; and, to be shown, how many are on their way to it. Tests are not
/// counted: a table of cases may be as long as it needs.
pub(super) fn run(sources: &[Source]) -> (Vec<Finding>, usize) {
    let mut long = 0;
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !is_test(&source.path)) {
        let lines = source.text.lines().count();
        if lines > TOO_LONG {
            findings.push(Finding {
                place: source.path.display().to_string(),
                rule: RULE,
                wrong: format!("{lines} lines, of at most {TOO_LONG}"),
                fix: "split it by idea; larger test modules go into a sibling tests.rs".to_owned(),
            });
        } else if lines > LONG {
            long += 1;
        }
    }
    (findings, long)
}

/// A file named `tests.rs` or in a folder named `tests`.
fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests" || part == "tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, lines: usize) -> Source {
        Source { path: path.into(), text: "//\n".repeat(lines) }
    }

    #[test]
    fn a_file_past_the_limit_is_found_and_one_at_it_is_not() {
        let (findings, long) = run(&[source("a.rs", 601), source("b.rs", 600)]);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place, "a.rs");
        assert_eq!(long, 1);
    }

    #[test]
    fn tests_may_be_as_long_as_they_need() {
        let (findings, long) =
            run(&[source("crates/x/tests/a.rs", 900), source("crates/x/src/a/tests.rs", 900)]);
        assert_eq!((findings, long), (vec![], 0));
    }

    #[test]
    fn short_files_are_not_even_counted() {
        assert_eq!(run(&[source("a.rs", 300)]), (vec![], 0));
    }
}
