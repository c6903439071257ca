//! `cargo xtask setup`: installs the tools that `ci` needs and that are missing.
//!
//! They go into `target/tools`, not into the user's own folders, and the xtask puts that folder
//! in front of the `PATH` of what it runs. A tool that is installed already is taken as it is.

use crate::command;
use crate::failure::{Context, Failure, Result};
use crate::steps::Steps;
use crate::workspace::Workspace;

/// A cargo subcommand that `ci` calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Runs tests, one process each.
    Nextest,
    /// Checks licences, sources and banned crates.
    Deny,
    /// Checks combinations of features; only `ci --full` asks for it.
    Hack,
    /// Runs fuzz targets by libFuzzer; only `ci --full` asks for it, and does without.
    Fuzz,
}

impl Tool {
    /// The package's name, which is the program's too.
    fn package(self) -> &'static str {
        match self {
            Self::Nextest => "cargo-nextest",
            Self::Deny => "cargo-deny",
            Self::Hack => "cargo-hack",
            Self::Fuzz => "cargo-fuzz",
        }
    }

    /// Which version is installed where there is none. Fixed, so that a new release of a tool
    /// does not change what CI says.
    fn version(self) -> &'static str {
        match self {
            Self::Nextest => "0.9.151",
            Self::Deny => "0.20.2",
            Self::Hack => "0.6.46",
            Self::Fuzz => "0.13.2",
        }
    }

    /// Without the tools' own updaters and TLS stacks, which only cost time to build.
    fn features(self) -> &'static [&'static str] {
        match self {
            Self::Nextest => &["--no-default-features", "--features", "default-no-update"],
            Self::Deny => &["--no-default-features"],
            Self::Hack | Self::Fuzz => &[],
        }
    }

    /// Whether the program is in `target/tools` or on `PATH`.
    pub(crate) fn is_installed(self, workspace: &Workspace) -> bool {
        let folder = workspace.tools().join("bin");
        let name = format!("{}{}", self.package(), std::env::consts::EXE_SUFFIX);
        command::find(&name, &folder).is_some()
    }

    /// Fails, saying how to get it, where it is missing.
    pub(crate) fn require(self, workspace: &Workspace) -> Result<()> {
        if self.is_installed(workspace) {
            return Ok(());
        }
        let full = if matches!(self, Self::Hack | Self::Fuzz) { " --full" } else { "" };
        Err(Failure::new(format!("{} is not installed; run `cargo xtask setup{full}`", self.package())))
    }

    /// Builds it into `target/tools`. Without optimisation: none of them has much to compute, and
    /// the build is what takes the time.
    fn install(self, workspace: &Workspace) -> Result<()> {
        let tools = workspace.tools();
        workspace
            .cargo()
            .setting("CARGO_PROFILE_DEV_DEBUG", "0")
            .setting("CARGO_TARGET_DIR", tools.join("build"))
            .args(["install", "--locked", "--debug", "--root"])
            .arg(&tools)
            .args(self.features())
            .arg(format!("{}@{}", self.package(), self.version()))
            .run()
    }
}

/// Installs what is missing; with `full`, what `ci --full` needs as well.
pub(crate) fn run(workspace: &Workspace, full: bool) -> Result<()> {
    let mut tools = vec![Tool::Nextest, Tool::Deny];
    if full {
        tools.extend([Tool::Hack, Tool::Fuzz]);
    }
    let mut steps = Steps::new(true);
    steps.step("rustfmt and clippy", || components(workspace));
    for tool in tools {
        steps.step(tool.package(), || {
            if tool.is_installed(workspace) {
                println!("installed already");
                return Ok(());
            }
            tool.install(workspace)
        });
    }
    // Only the programs are needed from here on.
    let build = workspace.tools().join("build");
    if build.is_dir() {
        std::fs::remove_dir_all(&build).context(|| format!("{} could not be removed", build.display()))?;
    }
    steps.step("python3-venv", || python_venv(workspace));
    steps.finish()
}

/// The two components that rustup's minimal profile leaves out.
fn components(workspace: &Workspace) -> Result<()> {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        let installed = workspace.cargo().args([subcommand, "--version"]).succeeds();
        if installed {
            println!("{component} is installed already");
        } else {
            workspace.program("rustup").args(["component", "add", component]).run()?;
        }
    }
    Ok(())
}

/// What the real-server tests' Python environment is made with. Installed only where that needs
/// no question: on a system with apt, as root. Elsewhere `cargo xtask peers` says what is missing.
fn python_venv(workspace: &Workspace) -> Result<()> {
    let makes_environments = workspace.program("python3").args(["-c", "import venv, ensurepip"]).succeeds();
    if makes_environments {
        println!("installed already");
        return Ok(());
    }
    let is_root = workspace.program("id").arg("-u").read().is_ok_and(|id| id.trim() == "0");
    if !is_root || command::find("apt-get", &workspace.tools()).is_none() {
        println!("not installed; not root, or no apt-get, so it is left to you");
        return Ok(());
    }
    workspace.program("apt-get").arg("update").run()?;
    workspace
        .program("apt-get")
        .setting("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "--yes", "--no-install-recommends", "python3-venv"])
        .run()
}
