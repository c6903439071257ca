//! Every interleaving of the lock-free modules' small tests, by loom.

use crate::failure::{Failure, Result};
use crate::workspace::Workspace;

/// The crates with lock-free code, and the name that their loom test modules share.
const PACKAGES: [&str; 2] = ["tachograph-sdk", "tachograph-tracing"];
const MODULES: &str = "loom_tests";

/// Runs them, optimised, in a target folder of their own: `--cfg loom` would have everything else
/// rebuilt. Fails if a crate has none, because then the flag no longer reaches them.
pub(super) fn run(workspace: &Workspace) -> Result<()> {
    PACKAGES.into_iter().try_for_each(|package| run_of(workspace, package))
}

fn run_of(workspace: &Workspace, package: &str) -> Result<()> {
    let folder = workspace.metadata.target_directory.join("loom");
    let tests = || {
        let cargo = workspace.cargo().setting("RUSTFLAGS", "--cfg loom");
        let cargo = cargo.setting("CARGO_TARGET_DIR", &folder);
        cargo.args(["test", "--release", "-p", package, "--lib", MODULES])
    };
    tests().arg("--no-run").run()?;
    let listed = tests().args(["--", "--list"]).read()?;
    let count = count(&listed);
    if count == 0 {
        return Err(Failure::new(format!(
            "{package} has no test in a module named `{MODULES}` under `--cfg loom`; lock-free \
             code must have some"
        )));
    }
    println!("{package}: {count} loom tests");
    tests().run()
}

/// How many tests libtest's `--list` shows.
fn count(listed: &str) -> usize {
    listed.lines().filter(|line| line.ends_with(": test")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tests_are_counted() {
        let listed = "a::loom_tests::b: test\na::loom_tests::c: benchmark\n\n1 test, 1 benchmark\n";
        assert_eq!(count(listed), 1);
    }

    #[test]
    fn an_empty_list_has_no_tests() {
        assert_eq!(count("0 tests, 0 benchmarks\n"), 0);
    }
}
