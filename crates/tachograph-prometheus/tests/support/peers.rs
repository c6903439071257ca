//! The real programs: where they are, and folders to run them in.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program of `cargo xtask peers`, such as `prometheus-3/promtool`.
pub(crate) fn program(path: &str) -> PathBuf {
    let folder = match std::env::var_os("TACHOGRAPH_PEERS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers"),
    };
    let program = folder.join(path);
    assert!(program.exists(), "{} is not there: run `cargo xtask peers`", program.display());
    program
}

/// A folder of a test's own under the target folder, empty.
pub(crate) fn empty_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("a folder of the tests can be removed");
    }
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

/// Runs a program to its end, and gives its exit code and everything it said.
pub(crate) fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().expect("the program starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}
