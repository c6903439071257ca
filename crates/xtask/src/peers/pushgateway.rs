//! The Pushgateway, which batch jobs push to.

use std::path::{Path, PathBuf};

use super::apt::Suite;
use super::prometheus::NEWER_SUITES;
use super::sources;
use super::version::Version;
use super::{Place, Provided, link};
use crate::command::Program;
use crate::failure::{Failure, Result};

/// From this version on it takes names of UTF-8.
const WANTED: Version = Version::new(1, 11);

/// Pushgateway 1.11 or newer; where no newer suite can be had, the release's own, and says so.
pub(super) fn newer(place: &Place<'_>) -> Result<Provided> {
    let archive = sources::system_archive()?;
    let mut tried = Vec::new();
    for suite in NEWER_SUITES.into_iter().chain([archive.release.as_str()]) {
        let found = Suite::open(place, &archive, suite).and_then(|opened| from_suite(place, &opened, suite));
        match found {
            Ok((version, provided)) if version >= WANTED => return Ok(provided),
            Ok((version, mut provided)) if suite == archive.release => {
                provided.instead = Some(format!(
                    "Pushgateway {WANTED} could not be had, so pushgateway is the {version} of the system's own release \
                     `{suite}`; tests of names of UTF-8 will fail. Tried: {}",
                    tried.join("; ")
                ));
                return Ok(provided);
            }
            Ok((version, _)) => tried.push(format!("`{suite}` has {version}")),
            Err(failure) => tried.push(format!("`{suite}`: {failure}")),
        }
    }
    Err(Failure::new(format!("no Pushgateway could be had: {}", tried.join("; "))))
}

/// Unpacks the suite's package and links its program into the entry's folder.
fn from_suite(place: &Place<'_>, opened: &Suite, suite: &str) -> Result<(Version, Provided)> {
    const PROGRAM: &str = "pushgateway";
    let unpacked = place.folder.join(suite);
    super::make_folder(&unpacked)?;
    opened.unpack("prometheus-pushgateway", &unpacked)?;
    link(&Path::new(suite).join("usr/bin/prometheus-pushgateway"), &place.folder.join(PROGRAM))?;
    let printed = Program::new(place.folder.join(PROGRAM), &place.folder).arg("--version").read()?;
    let version = Version::after("version", &printed)
        .ok_or_else(|| Failure::new(format!("{PROGRAM} printed no version: {printed}")))?;
    let provided = Provided {
        what: format!("Pushgateway {version} from Debian's suite {suite}"),
        programs: vec![PathBuf::from(PROGRAM)],
        instead: None,
    };
    Ok((version, provided))
}
