//! The one error of the xtask: a sentence for the person at the terminal.

use std::fmt;

/// Why a command stopped: what was wrong, where, and what to do, as one text.
#[derive(Debug)]
pub(crate) struct Failure(String);

/// What every step of the xtask returns.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure with this text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// Says what was being done when another error arose.
pub(crate) trait Context<T> {
    /// Puts `doing()` in front of the error's own text.
    fn context(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Failure(format!("{}: {error}", doing())))
    }
}
