//! The engine's tests under AddressSanitizer (with leaks) and ThreadSanitizer.
//!
//! The standard library that comes with the toolchain is not instrumented, and rebuilding it
//! would need a component that is often missing. So an access that the standard library makes is
//! not seen, and neither is an order that only its own code establishes by fences. Atomics are
//! compiled into the calling crate and are seen.

use crate::ci::{NIGHTLY, without_nightly};
use crate::failure::Result;
use crate::steps::Done;
use crate::workspace::Workspace;

/// The one target whose sanitizers are tried here; the flags also need an explicit `--target`, so
/// that build scripts and macros are not instrumented.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The crate with unsafe code.
const PACKAGE: &str = "tachograph-sdk";

/// One sanitizer.
#[derive(Debug)]
pub(super) struct Sanitizer {
    /// The step's name.
    pub(super) name: &'static str,
    /// The compiler's name for it.
    flag: &'static str,
    /// The variable that its runtime reads, and what it is set to.
    options: (&'static str, &'static str),
}

/// Those that are run.
pub(super) const ALL: [Sanitizer; 2] = [
    Sanitizer { name: "address sanitizer", flag: "address", options: ("ASAN_OPTIONS", "detect_leaks=1") },
    Sanitizer { name: "thread sanitizer", flag: "thread", options: ("TSAN_OPTIONS", "halt_on_error=1") },
];

/// Runs the engine's unit and behaviour tests with one sanitizer, in a target folder of its own.
pub(super) fn run(workspace: &Workspace, sanitizer: &Sanitizer) -> Result<Done> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Ok(Done::LeftOut(format!("only tried on {TARGET}")));
    }
    if let Some(left_out) = without_nightly(workspace) {
        return Ok(left_out);
    }
    let folder = workspace.metadata.target_directory.join(sanitizer.flag);
    let (variable, options) = sanitizer.options;
    workspace
        .cargo()
        .setting(
            "RUSTFLAGS",
            // The second flag accepts that the standard library is built without the sanitizer.
            format!("-Zsanitizer={} -Cunsafe-allow-abi-mismatch=sanitizer", sanitizer.flag),
        )
        .setting(variable, options)
        .setting("CARGO_TARGET_DIR", folder)
        .args([NIGHTLY, "test", "--profile", "stress", "--target", TARGET])
        .args(["-p", PACKAGE, "--lib", "--tests"])
        .run()?;
    Ok(Done::Passed)
}
