//! `cargo xtask check`: how the workspace is built up, checked by a program instead of by habit.
//!
//! Each check is a function from what it looks at to its findings, so that each can be tested
//! without a workspace.

use std::fmt;

use crate::failure::{Failure, Result};
use crate::workspace::Workspace;

/// One thing that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file, with the line where there is one.
    pub(crate) place: String,
    /// The rule's name.
    pub(crate) rule: &'static str,
    /// What is wrong.
    pub(crate) wrong: String,
    /// What to do.
    pub(crate) fix: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            place,
            rule,
            wrong,
            fix,
        } = self;
        write!(f, "{place}: [{rule}] {wrong}\n    {fix}")
    }
}

/// Runs every check; prints all findings before it fails.
pub(crate) fn run(_workspace: &Workspace) -> Result<()> {
    let findings: Vec<Finding> = Vec::new();
    for finding in &findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} structural findings, above",
        findings.len()
    )))
}
