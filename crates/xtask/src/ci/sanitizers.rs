//! The engine's tests under AddressSanitizer (which looks for leaks too) and ThreadSanitizer.
//!
//! AddressSanitizer runs with the standard library as it comes. ThreadSanitizer cannot: it does not
//! see what an uninstrumented library does to its own atomics, and so takes data behind a contended
//! `Mutex`, a `OnceLock` or the last `Arc` for a race (tried: a correct program gives dozens of
//! reports, which no suppression can tell from real ones). It therefore builds the standard library
//! as well, from the `rust-src` component, and is left out where that is missing.

use std::path::Path;

use crate::ci::{NIGHTLY, without_nightly};
use crate::failure::Result;
use crate::steps::Done;
use crate::workspace::Workspace;

/// The one target whose sanitizers are tried here; the flags also need an explicit `--target`, so
/// that build scripts and macros are not instrumented.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The crates with lock-free code; the first has unsafe code, too.
const PACKAGES: [&str; 2] = ["tachograph-sdk", "tachograph-tracing"];

/// One sanitizer.
#[derive(Debug)]
pub(super) struct Sanitizer {
    /// The step's name.
    pub(super) name: &'static str,
    /// The compiler's name for it.
    flag: &'static str,
    /// Whether the standard library has to be built with it.
    with_std: bool,
    /// The variable that its runtime reads, and what it is set to.
    options: (&'static str, &'static str),
}

/// Those that are run.
pub(super) const ALL: [Sanitizer; 2] = [
    Sanitizer {
        name: "address sanitizer",
        flag: "address",
        with_std: false,
        options: ("ASAN_OPTIONS", "detect_leaks=1"),
    },
    Sanitizer {
        name: "thread sanitizer",
        flag: "thread",
        with_std: true,
        options: ("TSAN_OPTIONS", "halt_on_error=1"),
    },
];

/// Runs the engine's unit and behaviour tests with one sanitizer, in a target folder of its own.
pub(super) fn run(workspace: &Workspace, sanitizer: &Sanitizer) -> Result<Done> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Ok(Done::LeftOut(format!("only tried on {TARGET}")));
    }
    if let Some(left_out) = without_nightly(workspace) {
        return Ok(left_out);
    }
    if sanitizer.with_std && !has_sources(workspace) {
        return Ok(Done::LeftOut(
            "the nightly toolchain's rust-src component is not installed (`rustup component add --toolchain nightly rust-src`)"
                .to_owned(),
        ));
    }
    // A standard library built without the sanitizer has to be accepted as it is.
    let accept = if sanitizer.with_std { "" } else { " -Cunsafe-allow-abi-mismatch=sanitizer" };
    let (variable, options) = sanitizer.options;
    let folder = workspace.metadata.target_directory.join(sanitizer.flag);
    workspace
        .cargo()
        .setting("RUSTFLAGS", format!("-Zsanitizer={}{accept}", sanitizer.flag))
        .setting(variable, options)
        .setting("CARGO_TARGET_DIR", folder)
        .args([NIGHTLY, "test"])
        .args(sanitizer.with_std.then_some("-Zbuild-std"))
        .args(["--profile", "stress", "--target", TARGET])
        .args(PACKAGES.iter().flat_map(|package| ["-p", package]))
        .args(["--lib", "--tests"])
        // One test at a time in each binary, as under nextest: several subscribe to `tracing`, which
        // has one cache of who is interested for the whole process.
        .args(["--", "--test-threads=1"])
        .run()?;
    Ok(Done::Passed)
}

/// Whether nightly has the standard library's sources.
fn has_sources(workspace: &Workspace) -> bool {
    workspace
        .program("rustc")
        .args([NIGHTLY, "--print", "sysroot"])
        .read()
        .is_ok_and(|sysroot| Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library").is_dir())
}
