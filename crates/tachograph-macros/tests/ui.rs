//! What cannot be derived is refused in one clear message, at the user's own token.
//!
//! The lines at fault are marked `//~` in `tests/ui/*.rs` (`//~ 2` where two mistakes share a line).

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

#[test]
fn each_mistake_has_one_message_and_it_points_at_the_users_line() -> io::Result<()> {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
    drop(cases); // This runs them: from here on every `.stderr` is what the compiler says.

    let mut files = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let marked = marked_lines(&fs::read_to_string(&path)?);
        assert!(!marked.is_empty(), "{} has no mark", path.display());
        let reported = reported_lines(&fs::read_to_string(path.with_extension("stderr"))?);
        assert_eq!(reported, marked, "messages per line, left, and marks, in {}", path.display());
        files += 1;
    }
    assert!(files > 0);
    Ok(())
}

/// How many mistakes each line is marked with.
fn marked_lines(source: &str) -> BTreeMap<usize, usize> {
    let lines = source.lines().enumerate().filter_map(|(position, line)| {
        let mark = line.split_once("//~")?.1.trim();
        let count = if mark.is_empty() { 1 } else { mark.parse().expect("a number after //~") };
        Some((position + 1, count))
    });
    lines.collect()
}

/// How many messages point at each line: the place that follows a line which begins a message.
fn reported_lines(stderr: &str) -> BTreeMap<usize, usize> {
    let mut reported = BTreeMap::new();
    let mut lines = stderr.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("error") || line.starts_with("warning") {
            let place = lines.next().expect("a place after the message");
            let number = place.rsplit(':').nth(1).and_then(|number| number.parse().ok());
            *reported.entry(number.expect("a line number")).or_insert(0) += 1;
        }
    }
    reported
}
