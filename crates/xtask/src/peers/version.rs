//! Versions of servers, as far as tests depend on them: a major and a minor number.

use std::fmt;

/// A major and a minor number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    major: u32,
    minor: u32,
}

impl Version {
    /// `major.minor`.
    pub(super) const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// The first `N.N` that follows `word`, as in `prometheus, version 3.5.3+ds1 (branch: …)`.
    pub(super) fn after(word: &str, text: &str) -> Option<Self> {
        let (_, rest) = text.split_once(word)?;
        let rest = rest.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let mut numbers = rest.get(..end.unwrap_or(rest.len()))?.split('.');
        Some(Self { major: numbers.next()?.parse().ok()?, minor: numbers.next()?.parse().ok()? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_prints_its_version_is_understood() {
        let text = "prometheus, version 3.5.3+ds1 (branch: debian/sid, revision: 3.5.3+ds1-6)";
        assert_eq!(Version::after("version", text), Some(Version::new(3, 5)));
    }

    #[test]
    fn what_is_no_version_is_none() {
        assert_eq!(Version::after("version", "version unknown"), None);
        assert_eq!(Version::after("version", "version 3"), None);
        assert_eq!(Version::after("version", "3.5"), None);
    }

    #[test]
    fn versions_compare_by_number_and_not_by_text() {
        assert!(Version::new(2, 42) > Version::new(2, 5));
        assert!(Version::new(3, 0) > Version::new(2, 53));
    }
}
