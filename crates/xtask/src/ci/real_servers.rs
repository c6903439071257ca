//! The tests against real servers: those marked `#[ignore]`, of the default members, but for what
//! needs root.

use super::namespaces;
use crate::failure::Result;
use crate::peers;
use crate::workspace::Workspace;

/// Provisions the servers and runs the tests against them. nextest fails where it finds none.
pub(super) fn run(workspace: &Workspace) -> Result<()> {
    peers::require(workspace)?;
    workspace
        .cargo()
        .setting(peers::VARIABLE, peers::folder(workspace))
        .args(["nextest", "run", "--run-ignored", "only", "-E", &format!("not {}", namespaces::TESTS)])
        .run()
}
