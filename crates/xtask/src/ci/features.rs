//! Features, alone and in pairs: each member must build with any of them.

use crate::failure::Result;
use crate::workspace::Workspace;

/// Runs clippy over the combinations, by cargo-hack. Pairs are where a missing `cfg` shows; all
/// subsets would double with every feature.
pub(super) fn run(workspace: &Workspace) -> Result<()> {
    workspace
        .cargo()
        .args(["hack", "clippy", "--feature-powerset", "--depth", "2"])
        .args(["--workspace", "--exclude", "tachograph-benches"])
        .args(["--", "-D", "warnings"])
        .run()
}
