//! `cargo xtask check`: how the workspace is built up, checked by a program instead of by habit.
//!
//! Each check is a function from what it looks at to its findings, so that each can be tested
//! without a workspace.

mod arrows;
mod manifests;
mod modules;
mod sizes;
mod unsafety;
mod words;

use std::fmt;
use std::path::PathBuf;

use crate::failure::{Failure, Result};
use crate::workspace::Workspace;

/// One thing that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    /// The file, with the line where there is one.
    place: String,
    /// The rule's name.
    rule: &'static str,
    /// What is wrong.
    wrong: String,
    /// What to do.
    fix: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, rule, wrong, fix } = self;
        write!(f, "{place}: [{rule}] {wrong}\n    {fix}")
    }
}

/// A text file of the workspace.
#[derive(Debug)]
struct Source {
    /// Relative to the workspace's root.
    path: PathBuf,
    text: String,
}

/// Runs every check; prints all findings before it fails.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let texts = texts(workspace)?;
    let (rust, other): (Vec<Source>, Vec<Source>) =
        texts.into_iter().partition(|text| text.path.extension().is_some_and(|end| end == "rs"));
    let (mut findings, long) = sizes::run(&rust);
    findings.extend(arrows::run(workspace));
    findings.extend(modules::run(workspace)?);
    findings.extend(manifests::run(workspace)?);
    findings.extend(unsafety::run(&rust));
    findings.extend(words::run(&rust));
    findings.extend(words::run(&other));
    for finding in &findings {
        eprintln!("{finding}");
    }
    println!("{} Rust files, {long} of them longer than most should be", rust.len());
    if findings.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("the structure breaks its rules in {} places, named above", findings.len())))
}

/// The workspace's files that are text.
fn texts(workspace: &Workspace) -> Result<Vec<Source>> {
    let files = workspace.files()?.into_iter();
    Ok(files
        .filter_map(|path| {
            // A file that is not UTF-8 is not text; one that has just gone is not there.
            let text = std::fs::read_to_string(workspace.root.join(&path)).ok()?;
            Some(Source { path, text })
        })
        .collect())
}
