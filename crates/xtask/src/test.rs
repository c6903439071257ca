//! `cargo xtask test`: everything that needs nothing but cargo.

use crate::check;
use crate::failure::Result;
use crate::setup::Tool;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// Runs the structural checks, the tests and the doctests of the default members. Tests that need
/// a real server are marked as ignored and are left to `cargo xtask ci`.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    // All of them, whatever fails: who runs this wants the whole picture.
    let mut steps = Steps::new(true);
    steps.step("structure", || check::run(workspace));
    if Tool::Nextest.is_installed(workspace) {
        steps.step("tests", || tests(workspace));
        steps.step("doctests", || doctests(workspace));
    } else {
        steps.step("tests and doctests", || workspace.cargo().arg("test").run());
    }
    steps.finish()
}

/// The tests of the default members, by cargo-nextest.
pub(crate) fn tests(workspace: &Workspace) -> Result<()> {
    workspace.cargo().args(["nextest", "run"]).run()
}

/// The examples in the documentation, which nextest cannot run.
pub(crate) fn doctests(workspace: &Workspace) -> Result<()> {
    workspace.cargo().args(["test", "--doc"]).run()
}
