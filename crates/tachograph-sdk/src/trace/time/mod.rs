//! When spans start and end.

mod steady;
mod ticks;
mod timelines;

use std::sync::Arc;
use std::time::SystemTime;

use self::timelines::Timelines;
use super::guest;
use crate::clock::Clock;

/// Where a provider's spans have their times from.
#[derive(Clone, Debug)]
pub(crate) enum SpanClock {
    /// The process's: monotonic, anchored in Unix time.
    Process,
    /// One of the user's.
    Given(Arc<dyn Clock>),
}

impl SpanClock {
    /// The timeline that spans of a trace are on: one for the whole of a trace, so that a step of the system's clock
    /// does not turn parents and children around.
    #[inline]
    pub(crate) fn epoch(&self, trace_id: u128, starts_here: bool) -> u32 {
        match self {
            SpanClock::Process => Timelines::of_process().of_trace(trace_id, starts_here),
            SpanClock::Given(_) => 0,
        }
    }

    /// The timeline that a span is on, and now, which is when it starts.
    #[inline(always)]
    pub(crate) fn start(&self, trace_id: u128, starts_here: bool) -> (u32, u64) {
        match self {
            SpanClock::Process => Timelines::of_process().start(trace_id, starts_here),
            SpanClock::Given(clock) => (0, ask(&**clock)),
        }
    }

    /// Now, on a timeline: nanoseconds since the Unix epoch.
    #[inline(always)]
    pub(crate) fn now(&self, epoch: u32) -> u64 {
        match self {
            SpanClock::Process => Timelines::of_process().now(epoch),
            SpanClock::Given(clock) => ask(&**clock),
        }
    }

    /// A time that the API was given for something in a span that started at `start`, on the span's timeline.
    #[inline]
    pub(crate) fn given(&self, time: SystemTime, epoch: u32, start: u64) -> u64 {
        let time = super::unix_nanos(time);
        match self {
            SpanClock::Process => Timelines::of_process().place(time, epoch, start),
            SpanClock::Given(_) => time,
        }
    }
}

/// Reads a clock of the user's.
fn ask(clock: &dyn Clock) -> u64 {
    let so = "the time is the system's";
    guest::call("the clock", so, || clock.unix_nanos(), || super::unix_nanos(SystemTime::now()))
}
