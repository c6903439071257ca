//! The workspace as cargo and git see it: its root, its packages, its files.

use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, Package};

use crate::command::Program;
use crate::failure::{Context, Failure, Result};

/// Where the workspace is and what cargo knows of it.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the root manifest.
    pub(crate) root: PathBuf,
    /// Cargo's account of the packages and of every library they use.
    pub(crate) metadata: Metadata,
}

impl Workspace {
    /// Asks cargo. The xtask's own manifest is inside the workspace wherever it is called from.
    pub(crate) fn load() -> Result<Self> {
        let metadata = MetadataCommand::new()
            .manifest_path(manifest_of_the_root()?)
            .exec()
            .context(|| "`cargo metadata` failed".to_owned())?;
        Ok(Self { root: metadata.workspace_root.clone().into_std_path_buf(), metadata })
    }

    /// The members that live under `crates/`, by name.
    pub(crate) fn crates(&self) -> Vec<&Package> {
        let folder = self.root.join("crates");
        let mut crates: Vec<&Package> = self
            .metadata
            .workspace_packages()
            .into_iter()
            .filter(|package| package.manifest_path.as_std_path().starts_with(&folder))
            .collect();
        crates.sort_by(|a, b| a.name.cmp(&b.name));
        crates
    }

    /// A program to be run at the root.
    pub(crate) fn program(&self, name: &str) -> Program {
        Program::new(name, &self.root).path_first(&self.tools().join("bin"))
    }

    /// The cargo that runs the xtask, at the root, with the workspace's own tools on its `PATH`.
    pub(crate) fn cargo(&self) -> Program {
        // Not `$CARGO`: that is one toolchain's binary, and `cargo +nightly` needs rustup's.
        self.program("cargo")
    }

    /// Where `cargo xtask setup` installs tools.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("target").join("tools")
    }

    /// Every file that is, or would be, committed, relative to the root, in order.
    ///
    /// Asks git; in an unpacked archive without git, takes all files but those under `target`.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        let listed =
            self.program("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).read();
        let mut files = match listed {
            Ok(text) => text
                .split('\0')
                .filter(|name| !name.is_empty())
                .map(PathBuf::from)
                .filter(|file| self.root.join(file).is_file())
                .collect(),
            Err(_) => walk(&self.root)?,
        };
        files.sort();
        files.dedup();
        Ok(files)
    }
}

/// The nearest ancestor of the xtask's folder, or of the current one, that holds a `Cargo.lock`.
fn manifest_of_the_root() -> Result<PathBuf> {
    let current = std::env::current_dir().context(|| "no current folder".to_owned())?;
    let start = std::env::var_os("CARGO_MANIFEST_DIR").map_or(current, PathBuf::from);
    start
        .ancestors()
        .find(|folder| folder.join("Cargo.lock").is_file() && folder.join("crates").is_dir())
        .map(|folder| folder.join("Cargo.toml"))
        .ok_or_else(|| {
            Failure::new(format!(
                "{} is not inside the workspace; run `cargo xtask` from its root",
                start.display()
            ))
        })
}

fn walk(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let reading = || format!("{} could not be read", folder.display());
        for entry in std::fs::read_dir(&folder).context(reading)? {
            let path = entry.context(reading)?.path();
            let name = path.file_name().unwrap_or_default();
            if path.is_dir() {
                if name != ".git" && !(name == "target" && folder == root) {
                    folders.push(path);
                }
            } else if let Ok(relative) = path.strip_prefix(root) {
                files.push(relative.to_owned());
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_git_the_same_files_are_found_and_nothing_that_was_built() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = folder.ancestors().nth(2).unwrap();
        let files = walk(root).unwrap();
        assert!(files.contains(&PathBuf::from("crates/xtask/src/workspace.rs")));
        assert!(files.contains(&PathBuf::from(".cargo/config.toml")));
        assert!(!files.iter().any(|file| file.starts_with("target") || file.starts_with(".git")));
    }
}
