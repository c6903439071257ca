use std::fmt;
use std::time::Duration;

use http::StatusCode;

/// Why metrics could not be pushed. Its text says what went wrong and what to do; it has no credentials in it.
#[derive(Debug)]
pub struct PushError {
    kind: Kind,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The gateway was not set up as it must be, or there are no metrics any more.
    Invalid,
    /// Nobody was reached, or what was sent or answered broke off.
    Transport,
    Timeout,
    /// The gateway's answer.
    Refused(StatusCode),
}

impl PushError {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        PushError { kind: Kind::Invalid, message: message.into() }
    }

    pub(super) fn of_transport(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Timeout(_) => PushError {
                kind: Kind::Timeout,
                message: "the Pushgateway did not answer in time".to_owned(),
            },
            error => {
                let message =
                    format!("the Pushgateway cannot be reached: {error}; see that it runs at that address");
                PushError { kind: Kind::Transport, message }
            }
        }
    }

    pub(super) fn refused(status: StatusCode, said: &str) -> Self {
        let said = said.trim();
        let advice = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "; set the credentials that it asks for",
            _ => "",
        };
        PushError {
            kind: Kind::Refused(status),
            message: format!("the Pushgateway answered {status}: {said}{advice}"),
        }
    }

    /// What is said when the time is over: the last failure, and that there were tries before it.
    pub(super) fn at_the_end_of(self, timeout: Duration) -> Self {
        PushError { message: format!("{} (tried for {timeout:?})", self.message), ..self }
    }

    /// Whether another try may have more luck.
    pub(super) fn may_pass(&self) -> bool {
        match self.kind {
            Kind::Invalid => false,
            Kind::Transport | Kind::Timeout => true,
            Kind::Refused(status) => status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// Whether the gateway was not set up as it must be, or the metrics have been shut down: another call would fail likewise.
    pub fn is_invalid(&self) -> bool {
        self.kind == Kind::Invalid
    }

    /// Whether there was no answer within the time-out.
    pub fn is_timeout(&self) -> bool {
        self.kind == Kind::Timeout
    }

    /// The status by which the gateway refused, if it answered.
    pub fn status(&self) -> Option<StatusCode> {
        match self.kind {
            Kind::Refused(status) => Some(status),
            _ => None,
        }
    }
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PushError {}
