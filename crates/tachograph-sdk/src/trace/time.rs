//! When spans start and end.

use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use super::live::unix_nanos;
use crate::clock::Clock;

/// Where a provider's spans have their times from.
#[derive(Clone, Debug)]
pub(crate) enum SpanClock {
    /// The process's: monotonic, anchored in Unix time.
    Process,
    /// One of the user's.
    Given(Arc<dyn Clock>),
}

/// An `Instant`, and the Unix time it was.
fn anchor() -> &'static (Instant, u64) {
    static ANCHOR: OnceLock<(Instant, u64)> = OnceLock::new();
    ANCHOR.get_or_init(|| (Instant::now(), unix_nanos(SystemTime::now())))
}

impl SpanClock {
    /// The timeline that spans of a trace are on: one for the whole of a trace, so that a step of the system's clock
    /// does not turn parents and children around.
    #[inline]
    pub(crate) fn epoch(&self, _trace_id: u128, _starts_here: bool) -> u32 {
        0
    }

    /// Now, on a timeline: nanoseconds since the Unix epoch.
    #[inline]
    pub(crate) fn now(&self, _epoch: u32) -> u64 {
        match self {
            SpanClock::Process => {
                let (start, unix) = anchor();
                unix + start.elapsed().as_nanos() as u64
            }
            SpanClock::Given(clock) => clock.unix_nanos(),
        }
    }

    /// A time that the API was given, on a timeline.
    #[inline]
    pub(crate) fn given(&self, time: SystemTime, _epoch: u32) -> u64 {
        unix_nanos(time)
    }
}
