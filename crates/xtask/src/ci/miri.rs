//! The engine's unit tests in Miri, where its component is installed.

use crate::ci::{NIGHTLY, without_nightly};
use crate::failure::Result;
use crate::steps::Done;
use crate::workspace::Workspace;

/// Runs the tests of the modules that hold unsafe code. Miri interprets: tests that start many
/// threads mark themselves `#[cfg_attr(miri, ignore)]`.
pub(super) fn run(workspace: &Workspace) -> Result<Done> {
    if let Some(left_out) = without_nightly(workspace) {
        return Ok(left_out);
    }
    let miri = || workspace.cargo().args([NIGHTLY, "miri"]);
    if !miri().arg("--version").succeeds() {
        return Ok(Done::LeftOut(
            "the nightly toolchain's miri component is not installed (`rustup component add --toolchain nightly miri`)".to_owned(),
        ));
    }
    let folder = workspace.metadata.target_directory.join("miri");
    miri()
        .setting("CARGO_TARGET_DIR", folder)
        // The host's clock; nothing else of the host is let in.
        .setting("MIRIFLAGS", "-Zmiri-disable-isolation")
        .args(["test", "-p", "tachograph-sdk", "--lib"])
        .run()?;
    Ok(Done::Passed)
}
