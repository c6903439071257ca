use std::fmt;

/// What was wrong with a variable of the environment, and what is done instead. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigWarning {
    variable: String,
    text: String,
}

impl ConfigWarning {
    pub(super) fn new(variable: &str, text: impl Into<String>) -> Self {
        ConfigWarning { variable: variable.to_owned(), text: text.into() }
    }

    /// The variable.
    pub fn variable(&self) -> &str {
        &self.variable
    }

    /// What was wrong with its value, and what is done instead.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.text)
    }
}
