//! Whether this process runs in a container, where `localhost` is the container's own.

use std::path::Path;

/// Files that container engines leave: Docker's, and that of Podman and CRI-O.
const MARKS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];

/// Whether it does, as far as one can tell.
pub(crate) fn is_container(in_kubernetes: bool, exists: impl Fn(&Path) -> bool) -> bool {
    in_kubernetes || MARKS.iter().any(|mark| exists(Path::new(mark)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_known_by_its_engines_file_or_by_kubernetes() {
        let has = |there: &'static str| move |path: &Path| path == Path::new(there);
        assert!(is_container(false, has("/.dockerenv")));
        assert!(is_container(false, has("/run/.containerenv")));
        assert!(is_container(true, |_| false));
        assert!(!is_container(false, has("/etc/hosts")));
    }
}
