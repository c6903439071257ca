//! `cargo xtask bench`: the comparison with the peers, in the bench profile.

use crate::failure::Result;
use crate::workspace::Workspace;

/// Builds and runs the benches; `filter` keeps those whose name contains it.
pub(crate) fn run(workspace: &Workspace, quick: bool, filter: Option<&str>) -> Result<()> {
    workspace
        .cargo()
        .args(["run", "--profile", "bench", "-p", "tachograph-benches", "--"])
        .args(quick.then_some("--quick"))
        .args(filter)
        .run()
}
