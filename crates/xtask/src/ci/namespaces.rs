//! The test of two processes in two network namespaces.

use std::process::Command;

use crate::failure::Result;
use crate::steps::Done;
use crate::workspace::Workspace;

/// nextest's words for the test; what runs the other ignored tests leaves these out.
pub(super) const TESTS: &str = "binary(namespaces)";

/// Runs it where namespaces can be made: on Linux, as root, with `ip` of iproute2.
pub(super) fn run(workspace: &Workspace) -> Result<Done> {
    if let Some(reason) = hindrance() {
        return Ok(Done::LeftOut(reason));
    }
    workspace.cargo().args(["nextest", "run", "--run-ignored", "only", "-E", TESTS]).run()?;
    Ok(Done::Passed)
}

/// Why namespaces cannot be made here, found out by making one.
fn hindrance() -> Option<String> {
    let name = format!("tachograph-{}", std::process::id());
    let made = Command::new("ip").args(["netns", "add", &name]).output();
    match made {
        Err(error) => Some(format!("`ip` of iproute2 cannot be run: {error}")),
        Ok(output) if !output.status.success() => {
            let said = String::from_utf8_lossy(&output.stderr);
            Some(format!("network namespaces need root: {}", said.lines().next().unwrap_or_default()))
        }
        Ok(_) => {
            // Its own test makes others; this one has shown what it should, and one that stays is harmless.
            drop(Command::new("ip").args(["netns", "delete", &name]).output());
            None
        }
    }
}
