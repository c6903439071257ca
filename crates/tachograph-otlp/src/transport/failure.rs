use std::fmt;
use std::time::Duration;

use crate::retry;

/// Why a request was not taken. Its text names no secret.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    text: String,
    /// How long the receiver asked to be left alone.
    pub(crate) retry_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No connection could be made.
    Connect,
    /// The connection ended before the answer did.
    Disconnected,
    /// There was no time left.
    Timeout,
    /// The other side is not who it should be, or does not speak TLS.
    #[cfg(feature = "tls")]
    Tls,
    /// An answer that is no success.
    Status(u16),
    /// An answer that is longer than anybody needs.
    TooLarge,
    /// An answer that is not HTTP, or cannot be unpacked.
    Garbage,
    /// The receiver asked to be left alone for longer than there was time.
    Throttled,
    /// This exporter's own failure.
    Internal,
}

impl Failure {
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Failure { kind, text: text.into(), retry_after: None }
    }

    /// What hyper says went wrong with a connection.
    pub(super) fn of_connection(error: &hyper::Error) -> Self {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            source = inner.source();
        }
        if error.is_parse() {
            Failure::new(Kind::Garbage, format!("what came back is not HTTP/1.1 ({text})"))
        } else {
            Failure::new(Kind::Disconnected, format!("the connection ended before the answer ({text})"))
        }
    }

    /// Whether the same request may be taken later.
    pub(crate) fn is_retryable(&self) -> bool {
        match self.kind {
            Kind::Connect | Kind::Disconnected => true,
            Kind::Status(status) => retry::is_retryable(status),
            _ => false,
        }
    }

    /// Whether nobody seems to be there.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.kind == Kind::Connect
    }

    /// The status of the last answer, if there was one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self.kind {
            Kind::Status(status) => Some(status),
            _ => None,
        }
    }

    /// The word under which dropped records are counted: for an answer its status, as `error.type` has it.
    pub(crate) fn reason(&self) -> &'static str {
        match self.kind {
            Kind::Connect => "connect_failed",
            Kind::Disconnected => "disconnected",
            Kind::Timeout => "timeout",
            #[cfg(feature = "tls")]
            Kind::Tls => "tls_failed",
            Kind::TooLarge => "response_too_large",
            Kind::Garbage => "bad_response",
            Kind::Throttled => "throttled",
            Kind::Internal => "exporter_failed",
            Kind::Status(status) => status_reason(status),
        }
    }
}

/// Few words, so that what is counted by them stays small.
fn status_reason(status: u16) -> &'static str {
    match status {
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        413 => "413",
        415 => "415",
        429 => "429",
        500 => "500",
        501 => "501",
        502 => "502",
        503 => "503",
        504 => "504",
        other => match other / 100 {
            3 => "redirected",
            4 => "4xx",
            5 => "5xx",
            _ => "bad_response",
        },
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
