//! A test that holds a program to its committed catalogue.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::additions::{Syntax, gone};
use super::diff;
use crate::catalogue::Catalogue;

/// A catalogue that is committed beside the program, and compared with what the program declares.
///
/// Dashboards and alerts name metrics: dropping one, or renaming it, breaks them, and no compiler says so.
/// In a test:
///
/// ```no_run
/// use tachograph_sdk::MeterProvider;
/// use tachograph_sdk::catalogue::Catalogue;
/// use tachograph_sdk::testing::CatalogueFile;
///
/// # fn declare_everything(_: &MeterProvider) {}
/// let provider = MeterProvider::new();
/// declare_everything(&provider);
///
/// CatalogueFile::new(concat!(env!("CARGO_MANIFEST_DIR"), "/metrics.json"))
///     .updated_if(std::env::var_os("UPDATE_METRICS").is_some())
///     .check(&Catalogue::of(&provider));
/// ```
///
/// The versions of instrumented libraries are not in the file, so that their releases do not fail the test.
///
/// The file is JSON, or Markdown where its name ends in `.md`. Every difference fails the test and is shown;
/// with [`allowing_additions`](Self::allowing_additions) those that add something do not.
#[derive(Clone, Debug)]
#[must_use = "nothing is compared until `check` or `compare` is called"]
pub struct CatalogueFile {
    path: PathBuf,
    update: bool,
    additions: bool,
}

impl CatalogueFile {
    /// The file at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        CatalogueFile { path: path.into(), update: false, additions: false }
    }

    /// Where this is true, a file that differs is written anew instead: usually where a variable of the
    /// environment is set.
    pub fn updated_if(mut self, update: bool) -> Self {
        self.update = update;
        self
    }

    /// Lets pass what only adds to the file: instruments, attributes and descriptions that are new. A new value of an attribute whose
    /// values are listed, a unit or boundaries where there were none are changes.
    pub fn allowing_additions(mut self) -> Self {
        self.additions = true;
        self
    }

    /// Compares.
    ///
    /// # Panics
    ///
    /// If they differ; the message shows where.
    #[track_caller]
    pub fn check(&self, catalogue: &Catalogue) {
        if let Err(difference) = self.compare(catalogue) {
            panic!("{difference}");
        }
    }

    /// Compares; what differs is the error.
    ///
    /// # Errors
    ///
    /// What differs, or why the file could not be read or written.
    pub fn compare(&self, catalogue: &Catalogue) -> Result<(), CatalogueDifference> {
        let markdown = self.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("md"));
        let now = if markdown { catalogue.to_markdown() } else { catalogue.to_json() };
        let path = self.path.display();
        let committed = match fs::read_to_string(&self.path) {
            // As on another system's disk, perhaps.
            Ok(text) => text.replace("\r\n", "\n"),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.update => String::new(),
            Err(error) => {
                return Err(CatalogueDifference(format!(
                    "the catalogue {path} cannot be read: {error}; make it with `updated_if(true)`"
                )));
            }
        };
        if committed == now {
            return Ok(());
        }
        if self.update {
            return write(&self.path, &now).map_err(|error| {
                CatalogueDifference(format!("the catalogue {path} cannot be written: {error}"))
            });
        }
        let mut missing = String::new();
        if self.additions {
            let syntax = if markdown { Syntax::Markdown } else { Syntax::Json };
            let gone = gone(&committed, &now, syntax);
            if gone.is_empty() {
                return Ok(());
            }
            missing = format!("gone or changed:\n  {}\n\n", gone.join("\n  "));
        }
        let difference = diff::lines(&committed, &now);
        Err(CatalogueDifference(format!(
            "the instruments are not those of the catalogue {path} (-: in the catalogue, +: now):\n\n{difference}\n{missing}\
             dashboards and alerts may use what is gone or changed; if the change is meant, write the catalogue \
             anew with `updated_if(true)` and commit it"
        )))
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

/// What differs between a program and its committed catalogue; `Display` shows it.
#[derive(Clone)]
pub struct CatalogueDifference(String);

impl fmt::Display for CatalogueDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CatalogueDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for CatalogueDifference {}
