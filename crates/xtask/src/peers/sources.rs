//! Where the system gets its packages from: its own apt sources, in both of their formats.

use std::path::{Path, PathBuf};

use crate::command::Program;
use crate::failure::{Context, Failure, Result};

/// The archive of the system's own release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Archive {
    /// Its address.
    pub(super) uri: String,
    /// The keyring it is signed with, where the sources name one.
    pub(super) signed_by: Option<String>,
    /// The release's code name, which is its suite.
    pub(super) release: String,
}

/// Reads what the system is and where its packages come from.
pub(super) fn system_archive() -> Result<Archive> {
    for program in ["apt-get", "dpkg"] {
        let found = Program::new(program, Path::new("/")).arg("--version").succeeds();
        if !found {
            return Err(Failure::new(format!(
                "this needs Debian's package archive, and there is no `{program}` here; put the \
                 servers where they belong by hand"
            )));
        }
    }
    let release = code_name(&read("/etc/os-release".as_ref())?).ok_or_else(|| {
        Failure::new("/etc/os-release names no VERSION_CODENAME, so its archive is not known")
    })?;
    let files = source_files();
    for file in &files {
        let text = read(file)?;
        let found = match file.extension().is_some_and(|end| end == "sources") {
            true => in_stanzas(&text, &release),
            false => in_lines(&text, &release),
        };
        if let Some(archive) = found {
            return Ok(archive);
        }
    }
    Err(Failure::new(format!(
        "none of the apt sources has a binary archive of suite `{release}` with component `main`; \
         looked at {files:?}"
    )))
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).context(|| format!("{} could not be read", file.display()))
}

/// apt's own files, `/etc/apt/sources.list` first.
fn source_files() -> Vec<PathBuf> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(folder) = std::fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(folder.filter_map(|entry| Some(entry.ok()?.path())));
    }
    files.retain(|file| {
        let extension = file.extension().and_then(|end| end.to_str());
        file.is_file() && matches!(extension, Some("list" | "sources"))
    });
    files.sort();
    files
}

fn code_name(os_release: &str) -> Option<String> {
    let value = os_release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    let value = value.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| value.to_owned())
}

/// One-line format: `deb [signed-by=… arch=…] uri suite component…`.
fn in_lines(text: &str, release: &str) -> Option<Archive> {
    text.lines().find_map(|line| {
        let line = line.split('#').next()?.trim();
        let rest = line.strip_prefix("deb")?;
        if !rest.starts_with(char::is_whitespace) {
            return None;
        }
        let rest = rest.trim_start();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(inside) => inside.split_once(']')?,
            None => ("", rest),
        };
        let mut words = rest.split_whitespace();
        let (uri, suite) = (words.next()?, words.next()?);
        if suite != release || !words.any(|component| component == "main") {
            return None;
        }
        Some(Archive {
            uri: uri.to_owned(),
            signed_by: options
                .split_whitespace()
                .find_map(|option| option.strip_prefix("signed-by="))
                .map(str::to_owned),
            release: release.to_owned(),
        })
    })
}

/// Stanzas of `Field: value` lines (deb822), apart by empty lines.
fn in_stanzas(text: &str, release: &str) -> Option<Archive> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines.split(|line| line.trim().is_empty()).find_map(|stanza| {
        let field = |name: &str| {
            stanza.iter().find_map(|line| {
                let (field, value) = line.split_once(':')?;
                field.trim().eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        let lists = |name: &str, word: &str| {
            field(name).is_some_and(|value| value.split_whitespace().any(|w| w == word))
        };
        let enabled = !field("Enabled").is_some_and(|value| value.eq_ignore_ascii_case("no"));
        if !enabled || !lists("Types", "deb") || !lists("Suites", release) || !lists("Components", "main") {
            return None;
        }
        Some(Archive {
            uri: field("URIs")?.split_whitespace().next()?.to_owned(),
            // An embedded key starts on the next line; the file name is on this one.
            signed_by: field("Signed-By").filter(|value| value.starts_with('/')).map(str::to_owned),
            release: release.to_owned(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(signed_by: Option<&str>) -> Archive {
        Archive {
            uri: "http://archive.example/debian".to_owned(),
            signed_by: signed_by.map(str::to_owned),
            release: "bookworm".to_owned(),
        }
    }

    #[test]
    fn stanzas_give_the_archive_of_the_release_and_not_its_security_updates() {
        let text = "\
Types: deb
URIs: http://archive.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/security.gpg

Types: deb deb-src
# where packages come from
URIs: http://archive.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian.gpg
";
        assert_eq!(in_stanzas(text, "bookworm"), Some(archive(Some("/usr/share/keyrings/debian.gpg"))));
        assert_eq!(in_stanzas(text, "trixie"), None);
    }

    #[test]
    fn a_stanza_that_is_switched_off_is_not_taken() {
        let text = "Enabled: no\nTypes: deb\nURIs: http://x\nSuites: bookworm\nComponents: main\n";
        assert_eq!(in_stanzas(text, "bookworm"), None);
    }

    #[test]
    fn a_stanza_of_sources_only_is_not_taken() {
        let text = "Types: deb-src\nURIs: http://x\nSuites: bookworm\nComponents: main\n";
        assert_eq!(in_stanzas(text, "bookworm"), None);
    }

    #[test]
    fn lines_give_the_archive_with_and_without_options() {
        let plain = "# deb http://no bookworm main\ndeb http://archive.example/debian bookworm main";
        assert_eq!(in_lines(plain, "bookworm"), Some(archive(None)));
        let signed = "deb-src http://x bookworm main\n\
             deb [arch=amd64 signed-by=/k.gpg] http://archive.example/debian bookworm main contrib";
        assert_eq!(in_lines(signed, "bookworm"), Some(archive(Some("/k.gpg"))));
    }

    #[test]
    fn another_vendors_line_is_not_taken() {
        let text = "deb http://vendor.example/apt stable main\ndeb http://x bookworm contrib";
        assert_eq!(in_lines(text, "bookworm"), None);
    }

    #[test]
    fn the_code_name_is_read_with_and_without_quotes() {
        assert_eq!(code_name("ID=debian\nVERSION_CODENAME=bookworm\n").as_deref(), Some("bookworm"));
        assert_eq!(code_name("VERSION_CODENAME=\"noble\"\n").as_deref(), Some("noble"));
        assert_eq!(code_name("ID=arch\n"), None);
    }
}
