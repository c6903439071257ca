//! A Python of its own with `prometheus_client`, whose OpenMetrics parser is the strictest there
//! is.

use std::path::PathBuf;

use super::version::Version;
use super::{Place, Provided};
use crate::command::Program;
use crate::failure::{Context, Failure, Result};

/// The oldest `prometheus_client` whose parser tests may rely on; newer ones are taken as they
/// come.
const MINIMUM: Version = Version::new(0, 22);

/// Makes the environment and installs the package into it.
pub(super) fn environment(place: &Place<'_>) -> Result<Provided> {
    place.workspace.program("python3").args(["-m", "venv"]).arg(&place.folder).run().context(|| {
        "no Python environment could be made (on Debian: `apt-get install python3-venv`)".to_owned()
    })?;
    let program = PathBuf::from("bin").join("python");
    let python = || Program::new(place.folder.join(&program), &place.folder);
    python()
        .args(["-m", "pip", "install", "--quiet"])
        .args(["--disable-pip-version-check", "--no-input"])
        .arg(format!("prometheus_client>={MINIMUM}"))
        .run()?;
    let printed = python()
        .args(["-c", "import importlib.metadata as m; print('version', m.version('prometheus_client'))"])
        .read()?;
    let version = Version::after("version", &printed)
        .ok_or_else(|| Failure::new(format!("prometheus_client has no version: {printed}")))?;
    if version < MINIMUM {
        return Err(Failure::new(format!("prometheus_client is {version}; the tests need {MINIMUM}")));
    }
    Ok(Provided {
        what: format!("Python with prometheus_client {version}"),
        programs: vec![program],
        instead: None,
    })
}
