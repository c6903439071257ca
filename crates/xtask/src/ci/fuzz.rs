//! Every fuzz target for a bounded time, by cargo-fuzz, where it and nightly are installed.
//!
//! Ordinary tests run the same functions over a corpus and what is changed in it; libFuzzer looks for what no one
//! thought of. What it found on the way to new code stays in `target/fuzz/corpus` for the next run.

use std::path::{Path, PathBuf};

use crate::ci::{NIGHTLY, without_nightly};
use crate::failure::{Context, Failure, Result};
use crate::setup::Tool;
use crate::steps::Done;
use crate::workspace::Workspace;

/// How long each target runs, without the time to build it.
const SECONDS: u32 = 20;

/// Runs the targets of every crate that has a folder `fuzz`.
pub(super) fn run(workspace: &Workspace) -> Result<Done> {
    if let Some(left_out) = without_nightly(workspace) {
        return Ok(left_out);
    }
    if !Tool::Fuzz.is_installed(workspace) {
        return Ok(Done::LeftOut("cargo-fuzz is not installed; run `cargo xtask setup --full`".to_owned()));
    }
    let folders = folders(workspace);
    if folders.is_empty() {
        return Err(Failure::new(
            "no crate has a folder `fuzz` with a Cargo.toml; the step looks for them there",
        ));
    }
    let built = workspace.metadata.target_directory.as_std_path().join("fuzz");
    for folder in folders {
        let listed = workspace.cargo().args([NIGHTLY, "fuzz", "list", "--fuzz-dir"]).arg(&folder).read()?;
        let targets = targets(&listed);
        if targets.is_empty() {
            return Err(Failure::new(format!("{} has no fuzz targets", folder.display())));
        }
        for target in targets {
            fuzz(workspace, &folder, target, &built)?;
        }
    }
    Ok(Done::Passed)
}

fn fuzz(workspace: &Workspace, folder: &Path, target: &str, built: &Path) -> Result<()> {
    let package = folder.parent().and_then(Path::file_name).unwrap_or_default();
    let corpus = built.join("corpus").join(package).join(target);
    std::fs::create_dir_all(&corpus).context(|| format!("{} could not be made", corpus.display()))?;
    workspace
        .cargo()
        .args([NIGHTLY, "fuzz", "run", "--fuzz-dir"])
        .arg(folder)
        .arg("--target-dir")
        .arg(built)
        .arg(target)
        .arg(&corpus)
        // An input that takes five seconds is a finding as well.
        .args(["--", "-timeout=5", "-print_final_stats=1", "-verbosity=0"])
        .arg(format!("-max_total_time={SECONDS}"))
        .run()
}

/// The fuzz folders of the crates, which are workspaces of their own.
fn folders(workspace: &Workspace) -> Vec<PathBuf> {
    let crates = workspace.crates().into_iter();
    crates
        .filter_map(|package| Some(package.manifest_path.as_std_path().parent()?.join("fuzz")))
        .filter(|folder| folder.join("Cargo.toml").is_file())
        .collect()
}

/// The names of a list, one on each line.
fn targets(listed: &str) -> Vec<&str> {
    listed.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crates_that_read_what_is_foreign_are_found() {
        let workspace = Workspace::load().unwrap();
        let folders = folders(&workspace);
        for name in ["tachograph", "tachograph-otlp", "tachograph-prometheus", "tachograph-propagation"] {
            let folder = workspace.root.join("crates").join(name).join("fuzz");
            assert!(folders.contains(&folder), "{folders:?}");
        }
    }

    #[test]
    fn each_line_of_the_list_is_a_target() {
        assert_eq!(targets("answer\n  packed \n\n"), ["answer", "packed"]);
    }
}
