//! When spans start and end.

mod steady;
mod ticks;
mod timelines;

use std::sync::Arc;
use std::time::SystemTime;

use self::timelines::Timelines;
use super::guest;
use crate::clock::Clock;

/// A reading of the clock for a span that may yet become part of some trace: only then it is known which time it was, since the
/// system's clock may be set meanwhile, and a trace stays with the time that it began with.
///
/// From [`Tracer::moment`](super::Tracer::moment), for [`SpanStart::with_start_moment`](super::SpanStart::with_start_moment).
#[derive(Clone, Copy, Debug)]
pub struct Moment(u64);

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

    /// Now, to become a time later.
    #[inline(always)]
    pub(crate) fn moment(&self) -> Moment {
        Moment(match self {
            SpanClock::Process => Timelines::of_process().steady_now(),
            SpanClock::Given(clock) => ask(&**clock),
        })
    }

    /// A moment as a time, on a timeline.
    pub(crate) fn at(&self, Moment(moment): Moment, epoch: u32) -> u64 {
        match self {
            SpanClock::Process => Timelines::of_process().at(moment, epoch),
            SpanClock::Given(_) => moment,
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

#[cfg(all(test, not(loom)))]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::pipeline::{BatchConfig, Deadline};
    use crate::testing::InMemorySpanExporter;
    use crate::trace::{AlwaysOff, LiveSpan, Parent, ParentBased, SpanStart, TracerProvider};

    const HOUR: u64 = 3_600_000_000_000;

    /// Runs a test of this file in a process of its own, whose clock it may set. Says whether this is that process.
    fn is_alone(test: &str) -> bool {
        const ALONE: &str = "TACHOGRAPH_TEST_ALONE";
        if std::env::var_os(ALONE).is_some() {
            return true;
        }
        let name = format!("trace::time::tests::{test}");
        let program = std::env::current_exe().expect("this program has a path");
        let output = Command::new(program)
            .args(["--exact", &name])
            .env(ALONE, "1")
            .output()
            .expect("it starts once more");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        false
    }

    #[test]
    #[cfg_attr(miri, ignore = "starts a process")]
    fn a_span_that_was_dropped_at_first_starts_when_it_did_though_the_clock_was_set_meanwhile() {
        let test = "a_span_that_was_dropped_at_first_starts_when_it_did_though_the_clock_was_set_meanwhile";
        if !is_alone(test) {
            return;
        }
        let exporter = InMemorySpanExporter::new();
        let provider = TracerProvider::builder()
            .with_sampler(ParentBased::new(AlwaysOff))
            .with_batch_exporter(exporter.clone(), BatchConfig::spans())
            .build();
        let tracer = provider.tracer("test");
        let parent = |trace: u128| Parent {
            trace_id: trace.into(),
            span_id: 8.into(),
            trace_flags: opentelemetry::trace::TraceFlags::SAMPLED,
            is_remote: true,
            trace_state: None,
        };
        let mut live = LiveSpan::new();
        assert!(tracer.start_span(&mut live, SpanStart::new("before").with_parent(parent(1 << 70))));
        tracer.end_span(&mut live, None);
        let set_clock = || {
            Timelines::of_process().pretend_step(HOUR as i64);
            Timelines::of_process().notice_step();
        };
        set_clock();
        let system = super::super::unix_nanos(SystemTime::now());
        assert!(!tracer.start_span(&mut live, SpanStart::new("late")));
        let start = tracer.moment();
        set_clock();
        let again = SpanStart::new("late").with_parent(parent(1 << 71)).with_start_moment(start);
        assert!(tracer.start_span(&mut live, again));
        tracer.end_span(&mut live, None);
        provider.flush(Deadline::NEVER).unwrap();
        let late = &exporter.spans()[1];
        assert!(late.start_unix_nanos.abs_diff(system) < HOUR / 60, "{} and {system}", late.start_unix_nanos);
        assert!(
            late.end_unix_nanos >= late.start_unix_nanos && late.end_unix_nanos.abs_diff(system) < HOUR / 60
        );
    }
}
