//! `cargo xtask peers`: the real servers that tests run against, without installing anything on
//! the system.
//!
//! Layout, under `target/peers` of the workspace's root or wherever `TACHOGRAPH_PEERS` points:
//!
//! | path | what |
//! |---|---|
//! | `prometheus-3/{prometheus,promtool}` | Prometheus 3.5 or newer, from Debian's newer suite |
//! | `prometheus-2/{prometheus,promtool}` | Prometheus 2.42 or newer 2.x, from Debian 12 |
//! | `python/bin/python` | Python with `prometheus_client` |
//!
//! Each entry leaves a stamp, so that a second run only looks. A further server is a further
//! [`Entry`].

mod apt;
mod prometheus;
mod python;
mod sources;
mod stamp;
mod version;

use std::path::{Path, PathBuf};

use crate::failure::{Context, Failure, Result};
use crate::workspace::Workspace;

/// The variable by which tests find the servers.
pub(crate) const VARIABLE: &str = "TACHOGRAPH_PEERS";

/// Something to provision.
struct Entry {
    /// Its folder under `target/peers`.
    name: &'static str,
    /// Raised when the way it is provisioned changes, so that older stamps do not count.
    recipe: u32,
    /// Fills the folder, which is empty, and says what it put there.
    provision: fn(&Place<'_>) -> Result<Provided>,
}

const ENTRIES: [Entry; 3] = [
    Entry { name: "prometheus-3", recipe: 1, provision: prometheus::newer },
    Entry { name: "prometheus-2", recipe: 1, provision: prometheus::older },
    Entry { name: "python", recipe: 1, provision: python::environment },
];

/// Where an entry may write.
struct Place<'a> {
    workspace: &'a Workspace,
    /// The entry's own folder.
    folder: PathBuf,
    /// For what several entries share, such as package lists.
    shared: PathBuf,
}

/// What an entry put into its folder.
#[derive(Debug, PartialEq, Eq)]
struct Provided {
    /// Name and version, for the person at the terminal.
    what: String,
    /// The programs, relative to the entry's folder.
    programs: Vec<PathBuf>,
    /// Set where it is not what was wanted but the best that could be had: says why.
    instead: Option<String>,
}

/// Where the servers are: `TACHOGRAPH_PEERS`, else `target/peers` under the workspace's root.
///
/// Not under cargo's target folder, which a variable may move: tests look where this looks.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    match std::env::var_os(VARIABLE) {
        Some(folder) if !folder.is_empty() => workspace.root.join(folder),
        _ => workspace.root.join("target").join("peers"),
    }
}

/// Provisions all of them and prints where they are. A server that had to be replaced by an older
/// one is said, and is not a failure here.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    for text in provision(workspace)? {
        eprintln!("warning: {text}");
    }
    Ok(())
}

/// As [`run`], and fails if a server had to be replaced by an older one.
pub(crate) fn require(workspace: &Workspace) -> Result<()> {
    let replaced = provision(workspace)?;
    if replaced.is_empty() {
        return Ok(());
    }
    Err(Failure::new(replaced.join("\n")))
}

/// Tries every entry, so that one run shows all that is missing. Returns what had to be replaced.
fn provision(workspace: &Workspace) -> Result<Vec<String>> {
    let peers = folder(workspace);
    let (mut replaced, mut missing) = (Vec::new(), Vec::new());
    for entry in ENTRIES {
        match provision_one(workspace, &peers, &entry) {
            Ok(provided) => {
                println!("{}: {}", entry.name, provided.what);
                for program in &provided.programs {
                    println!("  {}", peers.join(entry.name).join(program).display());
                }
                replaced.extend(provided.instead);
            }
            Err(failure) => missing.push(format!("{}: {failure}", entry.name)),
        }
    }
    if missing.is_empty() {
        return Ok(replaced);
    }
    Err(Failure::new(format!(
        "the real servers could not all be provisioned into {}:\n{}",
        peers.display(),
        missing.join("\n")
    )))
}

fn provision_one(workspace: &Workspace, peers: &Path, entry: &Entry) -> Result<Provided> {
    let place = Place { workspace, folder: peers.join(entry.name), shared: peers.join(".shared") };
    let stamp = peers.join(".stamps").join(entry.name);
    if let Some(provided) = stamp::read(&stamp, entry.recipe, &place.folder) {
        return Ok(provided);
    }
    if place.folder.exists() {
        std::fs::remove_dir_all(&place.folder)
            .context(|| format!("{} could not be emptied", place.folder.display()))?;
    }
    make_folder(&place.folder)?;
    let provided = (entry.provision)(&place)?;
    // A replacement is not stamped: the next run tries again to get what was wanted.
    if provided.instead.is_none() {
        stamp::write(&stamp, entry.recipe, &provided)?;
    }
    Ok(provided)
}

/// Makes a folder and those above it.
fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).context(|| format!("{} could not be made", folder.display()))
}
