use std::fmt;

/// Why an exporter could not be made. Its text says what is wrong, where it came from, and what to do; it
/// holds no header's value, key or password.
#[derive(Debug)]
pub struct OtlpError {
    kind: Kind,
    text: String,
}

#[derive(Debug, PartialEq)]
enum Kind {
    Config,
    Tls,
}

impl OtlpError {
    pub(crate) fn config(text: impl Into<String>) -> Self {
        OtlpError { kind: Kind::Config, text: text.into() }
    }

    pub(crate) fn tls(text: impl Into<String>) -> Self {
        OtlpError { kind: Kind::Tls, text: text.into() }
    }

    /// Whether a setting cannot be used: an endpoint that is no URL, a header that cannot be sent.
    pub fn is_config(&self) -> bool {
        self.kind == Kind::Config
    }

    /// Whether it is about certificates and keys, or about https where this was built without it.
    pub fn is_tls(&self) -> bool {
        self.kind == Kind::Tls
    }
}

impl fmt::Display for OtlpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for OtlpError {}
