//! Type checks for targets other than this machine's, where their standard library is installed.

use crate::failure::Result;
use crate::steps::Done;
use crate::workspace::Workspace;

/// Those that users are expected to have: Arm servers, static Linux, macOS, Windows.
pub(super) const ALL: [&str; 4] = [
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
];

/// Checks the libraries under `crates/` for one of them.
pub(super) fn run(workspace: &Workspace, target: &str) -> Result<Done> {
    if !is_installed(workspace, target) {
        return Ok(Done::LeftOut(format!(
            "its standard library is not installed (`rustup target add {target}`)"
        )));
    }
    let libraries = workspace
        .crates()
        .into_iter()
        .filter(|package| package.targets.iter().any(|t| t.is_lib() || t.is_proc_macro()))
        .flat_map(|package| ["-p".to_owned(), package.name.to_string()]);
    workspace.cargo().args(["check", "--lib", "--target", target]).args(libraries).run()?;
    Ok(Done::Passed)
}

/// Whether the compiler in use has it, however it was installed.
fn is_installed(workspace: &Workspace, target: &str) -> bool {
    workspace
        .program("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .read()
        .is_ok_and(|folder| std::path::Path::new(folder.trim()).is_dir())
}
