//! Two Prometheus servers with their promtool: a recent one, which scrapes every format, and one
//! of the second series, as many a cluster still runs.

use std::path::{Path, PathBuf};

use super::apt::Suite;
use super::sources::{self, Archive};
use super::version::Version;
use super::{Place, Provided, link};
use crate::command::Program;
use crate::failure::{Failure, Result};

const NEWER: Version = Version::new(3, 5);
const OLDER: Version = Version::new(2, 42);

/// Debian's suites after release 12 whose Prometheus is of the third series, the calmest first.
pub(super) const NEWER_SUITES: [&str; 2] = ["forky", "sid"];

/// Debian 12.
const OLDER_SUITE: &str = "bookworm";

/// Prometheus 3.5 or newer; where no newer suite can be had, the release's own, and says so.
pub(super) fn newer(place: &Place<'_>) -> Result<Provided> {
    let archive = sources::system_archive()?;
    let mut tried = Vec::new();
    for suite in NEWER_SUITES {
        match from_suite(place, &archive, suite) {
            Ok((version, provided)) if version >= NEWER => return Ok(provided),
            Ok((version, _)) => tried.push(format!("`{suite}` has {version}")),
            Err(failure) => tried.push(format!("`{suite}`: {failure}")),
        }
    }
    let (version, mut provided) = from_suite(place, &archive, &archive.release)?;
    provided.instead = (version < NEWER).then(|| {
        format!(
            "Prometheus {NEWER} could not be had, so prometheus-3 is the {version} of the \
             system's own release `{}`; tests of what came later will fail. Tried: {}",
            archive.release,
            tried.join("; ")
        )
    });
    Ok(provided)
}

/// The last of the second series that Debian released with 2.42; else the system's own, if it is
/// of that series.
pub(super) fn older(place: &Place<'_>) -> Result<Provided> {
    let archive = sources::system_archive()?;
    let mut tried = Vec::new();
    for suite in [OLDER_SUITE, archive.release.as_str()] {
        match from_suite(place, &archive, suite) {
            Ok((version, provided)) if (OLDER..Version::new(3, 0)).contains(&version) => {
                return Ok(provided);
            }
            Ok((version, _)) => tried.push(format!("`{suite}` has {version}")),
            Err(failure) => tried.push(format!("`{suite}`: {failure}")),
        }
    }
    Err(Failure::new(format!(
        "no Prometheus of the second series from {OLDER} on could be had: {}",
        tried.join("; ")
    )))
}

/// Unpacks the suite's packages and links their programs into the entry's folder.
fn from_suite(place: &Place<'_>, archive: &Archive, suite: &str) -> Result<(Version, Provided)> {
    let unpacked = place.folder.join(suite);
    let opened = Suite::open(place, archive, suite)?;
    super::make_folder(&unpacked)?;
    opened.unpack("prometheus", &unpacked)?;
    // Newer suites have the tool in a package of its own.
    if !unpacked.join("usr/bin/promtool").exists() {
        opened.unpack("promtool", &unpacked)?;
    }
    let programs = ["prometheus", "promtool"];
    for program in programs {
        link(&Path::new(suite).join("usr/bin").join(program), &place.folder.join(program))?;
    }
    let version = version_of(&place.folder, "prometheus")?;
    let of_the_tool = version_of(&place.folder, "promtool")?;
    if version != of_the_tool {
        return Err(Failure::new(format!("prometheus is {version} but its promtool {of_the_tool}")));
    }
    let provided = Provided {
        what: format!("Prometheus {version} from Debian's suite {suite}"),
        programs: programs.map(PathBuf::from).to_vec(),
        instead: None,
    };
    Ok((version, provided))
}

fn version_of(folder: &Path, program: &str) -> Result<Version> {
    let printed = Program::new(folder.join(program), folder).arg("--version").read()?;
    Version::after("version", &printed)
        .ok_or_else(|| Failure::new(format!("{program} printed no version: {printed}")))
}
