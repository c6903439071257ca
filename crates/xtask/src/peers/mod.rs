//! `cargo xtask peers`: the real servers that tests run against, without installing anything on
//! the system.
//!
//! Layout, under `target/peers` of the workspace's root or wherever `TACHOGRAPH_PEERS` points:
//!
//! | path | what |
//! |---|---|
//! | `prometheus-3/{prometheus,promtool}` | Prometheus 3.5 or newer, from Debian's newer suite |
//! | `prometheus-2/{prometheus,promtool}` | Prometheus 2.42 or newer 2.x, from Debian 12 |
//! | `pushgateway/pushgateway` | Pushgateway 1.11 or newer, from Debian's newer suite |
//! | `collector/collector` | OpenTelemetry Collector, built from the source that Debian packages |
//! | `python/bin/python` | Python with `prometheus_client` and `opentelemetry-proto` |
//!
//! Each entry leaves a stamp, so that a second run only looks. Programs put there by hand, on a
//! system where this cannot be done, are taken as they are. A further server is a further
//! [`Entry`].

mod apt;
mod collector;
mod prometheus;
mod pushgateway;
mod python;
mod sources;
mod stamp;
mod version;

use std::path::{Path, PathBuf};

use crate::failure::{Context, Failure, Result};
use crate::workspace::Workspace;

/// The variable by which tests find the servers.
pub(crate) const VARIABLE: &str = "TACHOGRAPH_PEERS";

/// A file that says that the xtask made the folder, and so may empty it.
const MARK: &str = ".made-by-xtask";

/// Something to provision.
struct Entry {
    /// Its folder under `target/peers`.
    name: &'static str,
    /// Raised when the way it is provisioned changes, so that older stamps do not count.
    recipe: u32,
    /// What it consists of, relative to its folder.
    programs: &'static [&'static str],
    /// Fills the folder, which is empty, and says what it put there.
    provision: fn(&Place<'_>) -> Result<Provided>,
}

const ENTRIES: [Entry; 5] = [
    Entry {
        name: "prometheus-3",
        recipe: 1,
        programs: &["prometheus", "promtool"],
        provision: prometheus::newer,
    },
    Entry {
        name: "prometheus-2",
        recipe: 1,
        programs: &["prometheus", "promtool"],
        provision: prometheus::older,
    },
    Entry { name: "pushgateway", recipe: 1, programs: &["pushgateway"], provision: pushgateway::newer },
    Entry { name: "python", recipe: 2, programs: &["bin/python"], provision: python::environment },
    // The last, since it takes longest.
    Entry { name: "collector", recipe: 2, programs: &["collector"], provision: collector::build },
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
    if place.folder.exists() && !place.folder.join(MARK).exists() {
        return by_hand(entry, &place.folder);
    }
    if place.folder.exists() {
        std::fs::remove_dir_all(&place.folder)
            .context(|| format!("{} could not be emptied", place.folder.display()))?;
    }
    make_folder(&place.folder)?;
    let mark = place.folder.join(MARK);
    std::fs::write(&mark, "").context(|| format!("{} could not be written", mark.display()))?;
    let provided = (entry.provision)(&place)?;
    // A replacement is not stamped: the next run tries again to get what was wanted.
    if provided.instead.is_none() {
        stamp::write(&stamp, entry.recipe, &provided)?;
    }
    Ok(provided)
}

/// What stands in a folder that the xtask did not make: taken as it is, and never removed.
fn by_hand(entry: &Entry, folder: &Path) -> Result<Provided> {
    let missing: Vec<&str> =
        entry.programs.iter().filter(|program| !folder.join(program).exists()).copied().collect();
    if !missing.is_empty() {
        return Err(Failure::new(format!(
            "{} was not made by the xtask and has no {}; add what is missing, or remove the folder",
            folder.display(),
            missing.join(", ")
        )));
    }
    Ok(Provided {
        what: "put there by hand; its version was not looked at".to_owned(),
        programs: entry.programs.iter().map(PathBuf::from).collect(),
        instead: None,
    })
}

/// Makes a folder and those above it.
fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).context(|| format!("{} could not be made", folder.display()))
}

/// Makes a link, to a target relative to its own folder if that may be moved. Replaces an earlier one.
fn link(target: &Path, link: &Path) -> Result<()> {
    if link.symlink_metadata().is_ok() {
        std::fs::remove_file(link).context(|| format!("{} could not be replaced", link.display()))?;
    }
    #[cfg(unix)]
    let made = std::os::unix::fs::symlink(target, link);
    // Not reached: without apt there is nothing to link to.
    #[cfg(not(unix))]
    let made = Err::<(), _>(std::io::Error::from(std::io::ErrorKind::Unsupported));
    made.context(|| format!("{} could not be linked to {}", link.display(), target.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: Entry = Entry {
        name: "some-server",
        recipe: 1,
        programs: &["server", "tool"],
        provision: |_| Err(Failure::new("must not be called")),
    };

    #[test]
    fn programs_put_there_by_hand_are_taken_and_what_is_missing_is_named() {
        let folder = std::env::temp_dir().join(format!("xtask-by-hand-{}", std::process::id()));
        make_folder(&folder).unwrap();
        std::fs::write(folder.join("server"), "").unwrap();
        let failure = by_hand(&ENTRY, &folder).unwrap_err().to_string();
        assert!(failure.contains("has no tool;"), "{failure}");
        std::fs::write(folder.join("tool"), "").unwrap();
        let provided = by_hand(&ENTRY, &folder).unwrap();
        assert_eq!(provided.programs, [Path::new("server"), Path::new("tool")]);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
