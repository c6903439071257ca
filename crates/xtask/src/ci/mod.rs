//! `cargo xtask ci`: all that a change must pass.
//!
//! The fast lane runs the cheap steps first and stops at the first failure. What a step needs and
//! does not find is a failure. Only the steps that `--full` adds may be left out, where a
//! component of the toolchain is not installed, and the one that needs root; the table at the end
//! says so.

mod features;
mod fuzz;
mod loom;
mod miri;
mod namespaces;
mod real_servers;
mod sanitizers;
mod targets;

use crate::failure::Result;
use crate::setup::Tool;
use crate::steps::{Done, Steps};
use crate::workspace::Workspace;
use crate::{bench, check, test};

/// Runs the fast lane and, with `full`, what takes longer.
pub(crate) fn run(workspace: &Workspace, full: bool, keep_going: bool) -> Result<()> {
    let mut steps = Steps::new(keep_going);
    steps.step("tools", || tools(workspace, full));
    steps.step("format", || workspace.cargo().args(["fmt", "--all", "--check"]).run());
    steps.step("structure", || check::run(workspace));
    steps.step("clippy", || clippy(workspace));
    steps.step("tests", || test::tests(workspace));
    steps.step("doctests", || test::doctests(workspace));
    steps.step("docs", || docs(workspace));
    steps.step("dependencies", || dependencies(workspace));
    steps.step("loom", || loom::run(workspace));
    steps.step("real servers", || real_servers::run(workspace));
    steps.optional("namespaces", || namespaces::run(workspace));
    if full {
        slower(workspace, &mut steps);
    }
    steps.finish()
}

/// What `--full` adds.
fn slower(workspace: &Workspace, steps: &mut Steps) {
    steps.step("features", || features::run(workspace));
    for sanitizer in sanitizers::ALL {
        steps.optional(sanitizer.name, || sanitizers::run(workspace, &sanitizer));
    }
    steps.optional("fuzz", || fuzz::run(workspace));
    steps.optional("miri", || miri::run(workspace));
    for target in targets::ALL {
        steps.optional(target, || targets::run(workspace, target));
    }
    steps.step("benches once", || bench::run(workspace, true, None));
}

/// Fails early rather than after ten minutes.
fn tools(workspace: &Workspace, full: bool) -> Result<()> {
    Tool::Nextest.require(workspace)?;
    Tool::Deny.require(workspace)?;
    if full {
        Tool::Hack.require(workspace)?;
    }
    Ok(())
}

/// Every target of every member, so that the benches are compiled too.
fn clippy(workspace: &Workspace) -> Result<()> {
    workspace.cargo().args(["clippy", "--workspace", "--all-targets"]).args(["--", "-D", "warnings"]).run()
}

fn docs(workspace: &Workspace) -> Result<()> {
    workspace.cargo().setting("RUSTDOCFLAGS", "-D warnings").args(["doc", "--no-deps"]).run()
}

/// Not the advisories: their database changes from day to day, and a change to this workspace
/// must not fail for what was published elsewhere meanwhile.
fn dependencies(workspace: &Workspace) -> Result<()> {
    workspace
        .cargo()
        .args(["deny", "--workspace", "check", "--hide-inclusion-graph"])
        .args(["bans", "licenses", "sources"])
        .run()
}

/// The nightly toolchain's cargo.
const NIGHTLY: &str = "+nightly";

/// Why what needs nightly is left out, if it is.
fn without_nightly(workspace: &Workspace) -> Option<Done> {
    let found = workspace.cargo().args([NIGHTLY, "--version"]).succeeds();
    (!found).then(|| Done::LeftOut("the nightly toolchain is not installed".to_owned()))
}
