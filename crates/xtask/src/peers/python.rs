//! A Python of its own with `prometheus_client`, whose OpenMetrics parser is the strictest there
//! is, and `opentelemetry-proto`, which decodes OTLP by other code than Rust's.

use std::path::PathBuf;

use super::version::Version;
use super::{Place, Provided};
use crate::command::Program;
use crate::failure::{Context, Failure, Result};

/// The oldest `prometheus_client` whose parser tests may rely on; newer ones are taken as they
/// come.
const MINIMUM: Version = Version::new(0, 22);

/// The oldest `opentelemetry-proto`: its messages have all the fields that are sent.
const MINIMUM_PROTO: Version = Version::new(1, 30);

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
        .arg(format!("opentelemetry-proto>={MINIMUM_PROTO}"))
        .run()?;
    let installed = |package: &str, minimum: Version| {
        let ask = format!("import importlib.metadata as m; print('version', m.version('{package}'))");
        let printed = python().args(["-c", &ask]).read()?;
        match Version::after("version", &printed) {
            Some(version) if version >= minimum => Ok(version),
            _ => Err(Failure::new(format!("{package} is {}; the tests need {minimum}", printed.trim()))),
        }
    };
    let version = installed("prometheus_client", MINIMUM)?;
    let proto = installed("opentelemetry-proto", MINIMUM_PROTO)?;
    Ok(Provided {
        what: format!("Python with prometheus_client {version} and opentelemetry-proto {proto}"),
        programs: vec![program],
        instead: None,
    })
}
