//! Packages of a suite of the system's archive, unpacked into a folder: the system's own package
//! lists, state and cache are neither read nor written.

use std::path::{Path, PathBuf};

use super::sources::Archive;
use super::{Place, make_folder};
use crate::command::Program;
use crate::failure::{Context, Failure, Result};

/// One suite of the archive, with package lists of its own.
pub(super) struct Suite {
    /// What apt would keep under `/etc/apt`, `/var/lib/apt` and `/var/cache/apt`.
    root: PathBuf,
}

impl Suite {
    /// Fetches the suite's package lists; fails where it cannot be had.
    pub(super) fn open(place: &Place<'_>, archive: &Archive, suite: &str) -> Result<Self> {
        let root = place.shared.join("apt").join(suite);
        for folder in ["parts", "preferences", "state", "lists/partial", "cache/archives/partial"] {
            make_folder(&root.join(folder))?;
        }
        write(&root.join("parts/archive.sources"), &stanza(archive, suite))?;
        // Nothing is installed, as far as this apt knows.
        write(&root.join("status"), "")?;
        write(&root.join("apt.conf"), &settings(&root))?;
        let suite = Self { root };
        suite.apt_get(&suite.root).arg("update").run()?;
        Ok(suite)
    }

    /// Downloads a package and unpacks it into a folder.
    pub(super) fn unpack(&self, package: &str, into: &Path) -> Result<()> {
        self.unpack_all(&[package.to_owned()], into).map(drop)
    }

    /// Downloads packages and unpacks them into a folder, one over the other. Gives the names of their files, which
    /// hold their versions.
    pub(super) fn unpack_all(&self, packages: &[String], into: &Path) -> Result<Vec<String>> {
        let downloads = into.join(".download");
        make_folder(&downloads)?;
        self.apt_get(&downloads).arg("download").args(packages).run()?;
        let files = packages_in(&downloads)?;
        if files.len() != packages.len() {
            return Err(Failure::new(format!(
                "{} packages were to be in {}, and {} are",
                packages.len(),
                downloads.display(),
                files.len()
            )));
        }
        for file in &files {
            Program::new("dpkg", into).arg("-x").arg(file).arg(".").quietly()?;
        }
        std::fs::remove_dir_all(&downloads)
            .context(|| format!("{} could not be removed", downloads.display()))?;
        let name = |file: &PathBuf| Some(file.file_name()?.to_string_lossy().into_owned());
        Ok(files.iter().filter_map(name).collect())
    }

    /// The packages that some need, themselves included, of those whose name begins with `prefix`. Nothing is
    /// installed.
    pub(super) fn closure(&self, packages: &[&str], prefix: &str) -> Result<Vec<String>> {
        let would = self
            .apt_get(&self.root)
            .args(["-q", "--simulate", "--no-install-recommends", "install"])
            .args(packages)
            .read()?;
        Ok(would_install(&would, prefix))
    }

    fn apt_get(&self, directory: &Path) -> Program {
        Program::new("apt-get", directory).arg("-q").arg("-c").arg(self.root.join("apt.conf"))
    }
}

/// The settings that keep apt away from the system's own lists, in apt's format. Those of the
/// system that say how to reach the archive (a proxy, say) stay in force.
fn settings(root: &Path) -> String {
    let root = root.display();
    format!(
        "Dir::Etc::SourceList \"/dev/null\";
Dir::Etc::SourceParts \"{root}/parts\";
Dir::Etc::Preferences \"/dev/null\";
Dir::Etc::PreferencesParts \"{root}/preferences\";
Dir::State \"{root}/state\";
Dir::State::Lists \"{root}/lists\";
Dir::State::Status \"{root}/status\";
Dir::Cache \"{root}/cache\";
// Only the list of packages: no translations, no data for software centres.
Acquire::Languages \"none\";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";
Acquire::Retries \"3\";
// As root, apt would download as a user who may not write into these folders.
APT::Sandbox::User \"root\";
// A suite that cannot be had is an error and not a warning.
APT::Update::Error-Mode \"any\";
"
    )
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).context(|| format!("{} could not be written", file.display()))
}

fn stanza(archive: &Archive, suite: &str) -> String {
    let signed_by = match &archive.signed_by {
        Some(keyring) => format!("Signed-By: {keyring}\n"),
        None => String::new(),
    };
    format!("Types: deb\nURIs: {}\nSuites: {suite}\nComponents: main\n{signed_by}", archive.uri)
}

/// Those that a simulation says it would install: `Inst name (version …)`.
fn would_install(said: &str, prefix: &str) -> Vec<String> {
    said.lines()
        .filter_map(|line| line.strip_prefix("Inst ")?.split_whitespace().next())
        .filter(|name| name.starts_with(prefix))
        .map(str::to_owned)
        .collect()
}

fn packages_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let reading = || format!("{} could not be read", folder.display());
    let mut packages = Vec::new();
    for entry in std::fs::read_dir(folder).context(reading)? {
        let path = entry.context(reading)?.path();
        if path.extension().is_some_and(|end| end == "deb") {
            packages.push(path);
        }
    }
    packages.sort();
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_installed_is_read_from_a_simulation() {
        let said = "NOTE: This is only a simulation!\nInst libc6 (2.42 Debian:unstable [amd64])\n\
                    Inst golang-go (2:1.27 Debian:unstable [amd64]) []\nConf golang-go (2:1.27)\n";
        assert_eq!(would_install(said, "golang"), ["golang-go"]);
    }
}
