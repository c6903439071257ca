//! Running other programs: shown before they run, and named when they fail.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Context, Failure, Result};

/// Variables that `cargo run` sets for the xtask itself. Build scripts of some libraries ask to be
/// run again when one of them changes, so a cargo started from here would rebuild what a cargo
/// started by hand has built already.
const SET_BY_CARGO_RUN: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_NAME", "CARGO_CRATE_NAME"];

/// A program with its arguments, not yet started.
#[derive(Debug)]
pub(crate) struct Program {
    command: Command,
    /// Settings worth showing beside the command line, as `NAME=value`.
    shown_settings: Vec<String>,
}

impl Program {
    /// A program found on `PATH` (or by its path), to be run in `directory`.
    pub(crate) fn new(name: impl AsRef<OsStr>, directory: &Path) -> Self {
        let mut command = Command::new(name);
        command.current_dir(directory);
        for (name, _) in std::env::vars_os() {
            if is_set_by_cargo_run(&name) {
                command.env_remove(name);
            }
        }
        Self { command, shown_settings: Vec::new() }
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable for the program, shown in front of the command line.
    pub(crate) fn setting(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.shown_settings.push(format!("{name}={}", quoted(value.as_ref())));
        self.command.env(name, value);
        self
    }

    /// Puts a folder in front of the program's `PATH`.
    pub(crate) fn path_first(mut self, folder: &Path) -> Self {
        let mut folders = vec![folder.to_owned()];
        if let Some(path) = std::env::var_os("PATH") {
            folders.extend(std::env::split_paths(&path));
        }
        // Folders with the separator in their name cannot be on a PATH at all.
        if let Ok(path) = std::env::join_paths(folders) {
            self.command.env("PATH", path);
        }
        self
    }

    /// Shows the command line, runs it on this terminal, and fails unless it ends with success.
    pub(crate) fn run(mut self) -> Result<()> {
        let line = self.line();
        println!("$ {line}");
        let status = self.command.status().context(|| cannot_start(&line))?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::new(format!("`{line}` failed: {status}")))
    }

    /// Runs without showing anything and returns its standard output; standard error becomes part
    /// of the failure.
    pub(crate) fn read(mut self) -> Result<String> {
        let line = self.line();
        let output = self.command.stdin(Stdio::null()).output().context(|| cannot_start(&line))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Failure::new(format!(
            "`{line}` failed: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        )))
    }

    /// Runs without showing anything; what it printed is lost, but for standard error if it fails.
    pub(crate) fn quietly(self) -> Result<()> {
        self.read().map(drop)
    }

    /// Whether it can be started and ends with success; shows nothing.
    pub(crate) fn succeeds(self) -> bool {
        self.read().is_ok()
    }

    fn line(&self) -> String {
        let program = std::iter::once(self.command.get_program());
        let words = program.chain(self.command.get_args()).map(quoted);
        let settings = self.shown_settings.iter().cloned();
        settings.chain(words).collect::<Vec<_>>().join(" ")
    }
}

fn cannot_start(line: &str) -> String {
    format!("`{line}` could not be started")
}

fn is_set_by_cargo_run(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    SET_BY_CARGO_RUN.iter().any(|prefix| name.starts_with(prefix))
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    if word.is_empty() || word.contains(|c: char| c.is_whitespace() || "'\"$&|;()<>*".contains(c)) {
        format!("'{}'", word.replace('\'', "'\\''"))
    } else {
        word.into_owned()
    }
}

/// Where `name` is on `PATH` or in `first`, if anywhere.
pub(crate) fn find(name: &str, first: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(first.to_owned())
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shows_settings_and_quotes_what_a_shell_would_split() {
        let program =
            Program::new("cargo", Path::new(".")).setting("RUSTFLAGS", "--cfg loom").args(["test", "a b"]);
        assert_eq!(program.line(), "RUSTFLAGS='--cfg loom' cargo test 'a b'");
    }

    #[test]
    fn a_program_that_ends_badly_is_named_with_what_it_said() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let failure =
            Program::new(cargo, Path::new(".")).arg("no-such-subcommand").read().unwrap_err().to_string();
        assert!(failure.contains("no-such-subcommand` failed"), "{failure}");
        assert!(failure.contains("no such command"), "{failure}");
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let failure =
            Program::new("tachograph-no-such-program", Path::new(".")).run().unwrap_err().to_string();
        assert!(failure.contains("could not be started"), "{failure}");
    }
}
