//! The OpenTelemetry Collector, built from the source and with the compiler that Debian packages.
//!
//! There is no package of the program itself. The newer suites have its source as packages of Go libraries, and a
//! compiler; with those and a main of our own it builds in a few minutes without any other registry.

use std::path::{Path, PathBuf};

use super::apt::Suite;
use super::sources::{self, Archive};
use super::version::Version;
use super::{Place, Provided, make_folder};
use crate::command::Program;
use crate::failure::{Context, Failure, Result};

/// The oldest that the tests may rely on.
const MINIMUM: Version = Version::new(0, 140);

/// Debian's suites that may have it, the calmest first.
const SUITES: [&str; 2] = ["forky", "sid"];

const SOURCE: &str = "golang-opentelemetry-collector-dev";
const COMPILER: &str = "golang-go";

/// What begins the names of all packages that are needed. What else they depend on is for running
/// programs that are not run here.
const PREFIX: &str = "golang-";

const MAIN: &str = include_str!("collector/main.go");

/// A configuration that needs all that the tests need.
const SMALLEST: &str = "\
yaml:{receivers: {otlp: {protocols: {http: {endpoint: 127.0.0.1:0}, grpc: {endpoint: 127.0.0.1:0}}}}, \
exporters: {debug: {verbosity: detailed}}, \
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}}";

/// Builds it.
pub(super) fn build(place: &Place<'_>) -> Result<Provided> {
    println!("the collector is built from source: that takes three to six minutes and 3 GB of disk, once");
    let archive = sources::system_archive()?;
    let mut tried = Vec::new();
    for suite in SUITES {
        match from_suite(place, &archive, suite) {
            Ok(provided) => return Ok(provided),
            Err(failure) => tried.push(format!("`{suite}`: {failure}")),
        }
    }
    Err(Failure::new(format!(
        "no OpenTelemetry Collector could be built; put a program `collector` with the OTLP receiver and the debug \
         exporter into {} by hand. Tried: {}",
        place.folder.display(),
        tried.join("; ")
    )))
}

fn from_suite(place: &Place<'_>, archive: &Archive, suite: &str) -> Result<Provided> {
    let opened = Suite::open(place, archive, suite)?;
    let packages = opened.closure(&[SOURCE, COMPILER], PREFIX)?;
    // Only the program is kept: the sources and what is built from them are a hundred times as much.
    let work = place.folder.join("build");
    make_folder(&work)?;
    let built = opened.unpack_all(&packages, &work).and_then(|files| {
        let version = version(&files)?;
        compile(&work, &place.folder, version)?;
        Ok(version)
    });
    std::fs::remove_dir_all(&work).context(|| format!("{} could not be removed", work.display()))?;
    let version = built?;
    let printed = Program::new(place.folder.join("collector"), &place.folder).arg("--version").read()?;
    if Version::after("version", &printed) != Some(version) {
        return Err(Failure::new(format!("the collector was to be {version} and says: {printed}")));
    }
    Program::new(place.folder.join("collector"), &place.folder)
        .arg("validate")
        .arg(format!("--config={SMALLEST}"))
        .quietly()?;
    Ok(Provided {
        what: format!("OpenTelemetry Collector {version}, built from Debian's suite {suite}"),
        programs: vec![PathBuf::from("collector")],
        instead: None,
    })
}

/// That of the source's package, whose file is called `name_0.152.0-1_all.deb`.
fn version(files: &[String]) -> Result<Version> {
    let found = files.iter().find_map(|file| Version::after(&format!("{SOURCE}_"), file));
    match found {
        Some(version) if version >= MINIMUM => Ok(version),
        Some(version) => Err(Failure::new(format!("has {version}; the tests need {MINIMUM}"))),
        None => Err(Failure::new(format!("has no package {SOURCE}"))),
    }
}

fn compile(work: &Path, into: &Path, version: Version) -> Result<()> {
    let source = work.join("main");
    make_folder(&source)?;
    let main = source.join("main.go");
    std::fs::write(&main, MAIN).context(|| format!("{} could not be written", main.display()))?;
    let root = compiler(&work.join("usr/lib"))?;
    reroot(&root, work)?;
    Program::new(root.join("bin/go"), &source)
        // Neither modules from the network nor anybody's settings, and nothing left in a home.
        .setting("GO111MODULE", "off")
        .setting("CGO_ENABLED", "0")
        .setting("GOROOT", &root)
        .setting("GOPATH", work.join("usr/share/gocode"))
        .setting("GOCACHE", work.join("cache"))
        .setting("GOENV", "off")
        .setting("GOFLAGS", "")
        .setting("GOTOOLCHAIN", "local")
        .setting("GOTELEMETRY", "off")
        .setting("HOME", work)
        .args(["build", "-trimpath", "-ldflags"])
        .arg(format!("-s -w -X main.version={version}.0"))
        .arg("-o")
        .arg(into.join("collector"))
        .arg("main.go")
        .run()
}

/// The compiler's folder, such as `usr/lib/go-1.27`.
fn compiler(folder: &Path) -> Result<PathBuf> {
    let reading = || format!("{} could not be read", folder.display());
    for entry in std::fs::read_dir(folder).context(reading)? {
        let path = entry.context(reading)?.path();
        let is_link = path.is_symlink();
        if !is_link && path.join("bin/go").exists() {
            return Ok(path);
        }
    }
    Err(Failure::new(format!("there is no Go compiler in {}", folder.display())))
}

/// Points links that lead out of the unpacked tree, since they are meant for a system where it is installed, into it.
fn reroot(folder: &Path, work: &Path) -> Result<()> {
    let reading = || format!("{} could not be read", folder.display());
    for entry in std::fs::read_dir(folder).context(reading)? {
        let path = entry.context(reading)?.path();
        match std::fs::read_link(&path) {
            Ok(target) if target.is_absolute() => {
                let inside = work.join(target.strip_prefix("/").unwrap_or(&target));
                super::link(&inside, &path)?;
            }
            // A link that stays inside, or a file.
            Ok(_) => {}
            Err(_) if path.is_dir() => reroot(&path, work)?,
            Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_sources_package() {
        let files = |source: &str| vec!["golang-go_2%3a1.27~1_amd64.deb".to_owned(), source.to_owned()];
        let found = version(&files("golang-opentelemetry-collector-dev_0.152.0-1_all.deb")).unwrap();
        assert_eq!(found, Version::new(0, 152));
        let old = version(&files("golang-opentelemetry-collector-dev_0.88.0-1_all.deb")).unwrap_err();
        assert!(old.to_string().contains("the tests need 0.140"), "{old}");
        assert!(version(&files("golang-x_1.0_all.deb")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_out_of_the_tree_are_pointed_into_it() {
        let work = std::env::temp_dir().join(format!("xtask-reroot-{}", std::process::id()));
        let folder = work.join("usr/lib/go-1.0/pkg");
        make_folder(&folder).unwrap();
        make_folder(&work.join("usr/share/src")).unwrap();
        std::os::unix::fs::symlink("/usr/share/src", folder.join("src")).unwrap();
        std::os::unix::fs::symlink("../../../share/src", folder.join("inside")).unwrap();
        reroot(&work.join("usr/lib/go-1.0"), &work).unwrap();
        assert_eq!(std::fs::read_link(folder.join("src")).unwrap(), work.join("usr/share/src"));
        assert_eq!(std::fs::read_link(folder.join("inside")).unwrap(), Path::new("../../../share/src"));
        std::fs::remove_dir_all(&work).unwrap();
    }
}
