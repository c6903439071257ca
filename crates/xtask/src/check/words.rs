//! Words that no file of the repository may hold: they name the place where it was written, or
//! a registry's host, and mean nothing to a reader elsewhere.

use super::{Finding, Source};

const RULE: &str = "words";

/// Spelt in pieces, so that this file does not hold them.
const FORBIDDEN: [&str; 12] = [
    concat!("../", "shared"),
    concat!("/wo", "rk/"),
    concat!("artif", "actory"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("deb.", "debian.org"),
    concat!("snapshot.", "debian.org"),
    concat!("py", "pi.org"),
    concat!("files.", "pythonhosted.org"),
    concat!("registry.", "npmjs.org"),
    concat!("proxy.", "golang.org"),
    concat!("packages.", "cloud.google.com"),
];

/// Looks through every text file but the lock file, which names the registry by design.
pub(super) fn run(texts: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in texts.iter().filter(|text| !text.path.ends_with("Cargo.lock")) {
        for (index, line) in source.text.lines().enumerate() {
            for word in FORBIDDEN.iter().filter(|word| holds(line, word)) {
                findings.push(Finding {
                    place: format!("{}:{}", source.path.display(), index + 1),
                    rule: RULE,
                    wrong: format!("mentions `{word}`"),
                    fix: "say what is meant without naming the machine or the host".to_owned(),
                });
            }
        }
    }
    findings
}

/// Whether the line holds the word, not as the tail of a longer one (`network/` is no machine's).
fn holds(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "_-.".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str, text: &str) -> Source {
        Source { path: path.into(), text: text.to_owned() }
    }

    #[test]
    fn every_forbidden_word_is_found_with_its_line() {
        for word in FORBIDDEN {
            let findings = run(&[text("docs/a.md", &format!("fine\nsee {word}x\n"))]);
            assert_eq!(findings.len(), 1, "{word}");
            assert_eq!(findings[0].place, "docs/a.md:2");
        }
    }

    #[test]
    fn a_longer_word_that_ends_like_one_is_not_meant() {
        assert_eq!(run(&[text("a.rs", concat!("net", "/wo", "rk/x"))]), []);
    }

    #[test]
    fn the_lock_file_may_name_the_registry() {
        assert_eq!(run(&[text("Cargo.lock", FORBIDDEN[3])]), []);
    }
}
