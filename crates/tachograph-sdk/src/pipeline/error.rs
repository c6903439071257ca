use std::error::Error;
use std::fmt;

/// Why a flush did not do what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushError(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    TimedOut,
    ShutDown,
    OwnThread,
    Panicked,
}

impl FlushError {
    pub(crate) const TIMED_OUT: FlushError = FlushError(Kind::TimedOut);
    pub(crate) const SHUT_DOWN: FlushError = FlushError(Kind::ShutDown);
    pub(crate) const OWN_THREAD: FlushError = FlushError(Kind::OwnThread);
    pub(crate) const PANICKED: FlushError = FlushError(Kind::Panicked);

    /// Whether the deadline passed; what was to be exported may still be.
    pub fn is_timeout(&self) -> bool {
        self.0 == Kind::TimedOut
    }

    /// Whether the pipeline had been shut down before, so that there is nothing to flush.
    pub fn is_shut_down(&self) -> bool {
        self.0 == Kind::ShutDown
    }

    /// Whether an exporter asked its own pipeline to flush, which cannot be waited for.
    pub fn is_reentrant(&self) -> bool {
        self.0 == Kind::OwnThread
    }

    /// Whether a processor of the user's own panicked; what it holds may not have been handed on.
    pub fn is_panic(&self) -> bool {
        self.0 == Kind::Panicked
    }
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::TimedOut => "the flush's deadline passed before everything was exported; it goes on",
            Kind::ShutDown => "the pipeline was shut down before; there is nothing to flush",
            Kind::OwnThread => {
                "an exporter cannot wait for its own pipeline to flush; call from another thread"
            }
            Kind::Panicked => {
                "a span processor panicked when it was to flush; see the report of its panic, and mend the processor"
            }
        })
    }
}

impl Error for FlushError {}
