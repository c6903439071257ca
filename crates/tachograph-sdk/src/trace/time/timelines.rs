//! From monotonic to Unix time, across steps of the system's clock.

use std::sync::OnceLock;
use std::time::SystemTime;

use super::super::unix_nanos;
use super::steady::Steady;
use crate::sync::{AtomicU32, AtomicU64, Mutex, Ordering, lock};

/// Monotonic time is Unix time less an offset, which changes only when somebody sets the system's clock: both are
/// slewed alike. Each offset there was is a *timeline*. A trace stays on the one it began on in this process, so
/// that its times are monotonic and its durations right; traces that begin later are on the new one.
#[derive(Debug)]
pub(super) struct Timelines {
    steady: Steady,
    /// The number of the current timeline.
    current: AtomicU32,
    /// The offsets of the last few.
    offsets: [AtomicU64; OFFSETS],
    /// Which timeline a trace is on: the trace's last bits say where, others are kept beside the timeline's number. A trace
    /// that is pushed out by a later one counts as on the current timeline; that matters only after a step.
    traces: Box<[AtomicU64]>,
    changing: Mutex<()>,
}

/// Spans that live through more steps than this get times by a later offset.
const OFFSETS: usize = if cfg!(loom) { 2 } else { 64 };
const TRACES: usize = if cfg!(loom) { 1 } else { 4_096 };
const NUMBER_BITS: u32 = 16;
/// How far, in nanoseconds, the system's clock is off what it should be when it was set. Between two readings a thread may
/// be interrupted: what is off is looked at again.
const STEP: u64 = 1_000_000;

/// The entry of a trace that is on a timeline: bits of both halves of its id, for some systems make ids of one half.
#[inline]
fn entry(trace_id: u128, timeline: u32) -> u64 {
    let bits = (trace_id >> 64) as u64 ^ (trace_id as u64).rotate_left(20);
    bits & (u64::MAX << NUMBER_BITS) | u64::from(timeline) & ((1 << NUMBER_BITS) - 1)
}

impl Timelines {
    pub(super) fn new() -> Self {
        let timelines = Timelines::before_the_first(Steady::new());
        timelines.offsets[0].store(timelines.measure(), Ordering::Relaxed);
        timelines
    }

    /// Without an offset for the first timeline.
    fn before_the_first(steady: Steady) -> Self {
        Timelines {
            current: AtomicU32::new(0),
            offsets: std::array::from_fn(|_| AtomicU64::new(0)),
            traces: (0..TRACES).map(|_| AtomicU64::new(0)).collect(),
            changing: Mutex::new(()),
            steady,
        }
    }

    /// The process's.
    #[inline(always)]
    pub(super) fn of_process() -> &'static Timelines {
        static TIMELINES: OnceLock<Timelines> = OnceLock::new();
        TIMELINES.get_or_init(Timelines::new)
    }

    /// The offset there is now.
    fn measure(&self) -> u64 {
        let mut best = (u64::MAX, 0);
        for _ in 0..3 {
            let before = self.steady.now();
            let unix = unix_nanos(SystemTime::now());
            let after = self.steady.now();
            best = best.min((after - before, unix.wrapping_sub(before + (after - before) / 2)));
        }
        best.1
    }

    #[inline(always)]
    fn offset(&self, timeline: u32) -> u64 {
        self.offsets[timeline as usize % OFFSETS].load(Ordering::Relaxed)
    }

    /// Now, in Unix time as a timeline has it.
    #[inline(always)]
    pub(super) fn now(&self, timeline: u32) -> u64 {
        self.at(self.steady_now(), timeline)
    }

    /// Now, in monotonic time.
    #[inline(always)]
    pub(super) fn steady_now(&self) -> u64 {
        let (now, due) = self.steady.read();
        if due {
            self.look_after();
        }
        now
    }

    /// A monotonic time, in Unix time as a timeline has it.
    #[inline(always)]
    pub(super) fn at(&self, steady: u64, timeline: u32) -> u64 {
        steady.wrapping_add(self.offset(timeline))
    }

    /// The timeline of a trace, of which a span starts. `starts_here` is for a span without a parent in this process.
    pub(super) fn of_trace(&self, trace_id: u128, starts_here: bool) -> u32 {
        // Before a trace begins on what may be the wrong timeline.
        if starts_here && self.steady.read().1 {
            self.look_after();
        }
        self.find(trace_id, starts_here)
    }

    /// The timeline of a trace, of which a span starts, and now as that has it; one reading of the clock.
    #[inline(always)]
    pub(super) fn start(&self, trace_id: u128, starts_here: bool) -> (u32, u64) {
        let (mut now, due) = self.steady.read();
        if due {
            self.look_after();
            now = self.steady.now();
        }
        let timeline = self.find(trace_id, starts_here);
        (timeline, now.wrapping_add(self.offset(timeline)))
    }

    #[inline(always)]
    fn find(&self, trace_id: u128, starts_here: bool) -> u32 {
        let current = self.current.load(Ordering::Acquire);
        if !starts_here && current == 0 {
            return 0;
        }
        self.look_up(trace_id, current, starts_here)
    }

    fn look_up(&self, trace_id: u128, current: u32, starts_here: bool) -> u32 {
        let Some(slot) = self.traces.get(trace_id as usize % TRACES) else {
            return current;
        };
        let known = slot.load(Ordering::Relaxed);
        let ours = entry(trace_id, current);
        if (known ^ ours) >> NUMBER_BITS == 0 && known != 0 {
            // The low bits of a timeline's number say which of the last ones it is.
            let behind = (current.wrapping_sub(known as u32)) & ((1 << NUMBER_BITS) - 1);
            return current.saturating_sub(behind);
        }
        if starts_here {
            slot.store(ours, Ordering::Relaxed);
        }
        current
    }

    /// Keeps the clock in step with the system's, and notices when that was set.
    #[cold]
    fn look_after(&self) {
        self.steady.discipline();
        self.notice_step();
    }

    /// Begins a new timeline if the system's clock was set. Says whether it is as it should be now.
    #[cold]
    pub(super) fn notice_step(&self) {
        let _only = lock(&self.changing);
        let current = self.current.load(Ordering::Relaxed);
        let offset = self.measure();
        let off = offset.wrapping_sub(self.offset(current)) as i64;
        if off.unsigned_abs() > STEP {
            self.begin(current.wrapping_add(1), offset);
        }
    }

    /// Begins a timeline. Who finds its number finds its offset, or that of a later one in the same place.
    fn begin(&self, next: u32, offset: u64) {
        self.offsets[next as usize % OFFSETS].store(offset, Ordering::Relaxed);
        self.current.store(next, Ordering::Release);
    }

    /// A time of the system's clock on a timeline, for something in a span that started at `start`.
    ///
    /// Through boxed spans and contexts, the API reads the system's clock itself when a span ends or an event is
    /// added. Such a time is near now; if the clock was set since the span's trace began it is moved to the trace's timeline.
    /// Any other time was chosen by the caller, and stays as it is.
    #[inline]
    pub(super) fn place(&self, time: u64, timeline: u32, start: u64) -> u64 {
        let expected = self.now(timeline);
        if time.abs_diff(expected) <= STEP {
            // The two clocks differ by some nanoseconds; that does not put an end before its start.
            return if time < start && start <= expected { start } else { time };
        }
        self.place_far(time, timeline)
    }

    #[cold]
    fn place_far(&self, time: u64, timeline: u32) -> u64 {
        self.notice_step();
        let current = self.current.load(Ordering::Acquire);
        let now = self.now(current);
        if current != timeline && time.abs_diff(now) <= STEP {
            return self.now(timeline).saturating_sub(now.saturating_sub(time));
        }
        time
    }

    /// As if the system's clock had been set by so much: the offsets are moved the other way.
    #[cfg(test)]
    pub(super) fn pretend_step(&self, by: i64) {
        for offset in &self.offsets {
            let moved = offset.load(Ordering::Relaxed).wrapping_sub(by as u64);
            offset.store(moved, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    /// The offsets are moved instead of the system's clock, so that the clock seems to have gone the other way.
    fn set_clock(timelines: &Timelines, by: i64) {
        timelines.pretend_step(by);
        timelines.notice_step();
    }

    #[test]
    fn a_trace_stays_on_its_timeline_and_the_next_is_on_the_new_one() {
        let timelines = Timelines::new();
        let (old, new) = (7_u128 << 100 | 1, 9_u128 << 100 | 2);
        let first = timelines.of_trace(old, true);
        let before = timelines.now(first);
        set_clock(&timelines, -(HOUR as i64));
        assert_eq!(timelines.of_trace(old, false), first);
        assert_eq!(timelines.of_trace(old, true), first, "another local root of the same trace");
        let second = timelines.of_trace(new, true);
        assert_ne!(second, first);
        assert_eq!(timelines.of_trace(new, false), second);
        let system = unix_nanos(SystemTime::now());
        assert!(timelines.now(second).abs_diff(system) < 50_000_000, "right in Unix time after the step");
        assert!(timelines.now(first) >= before - HOUR || timelines.now(first) >= before, "monotonic");
    }

    #[test]
    fn a_clock_that_is_not_set_makes_no_timelines() {
        let timelines = Timelines::new();
        for _ in 0..1_000 {
            timelines.notice_step();
        }
        assert_eq!(timelines.current.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn now_as_the_api_reads_it_is_moved_to_the_spans_timeline_and_other_times_are_not() {
        let timelines = Timelines::new();
        let trace = 5_u128 << 90;
        let timeline = timelines.of_trace(trace, true);
        let system = || unix_nanos(SystemTime::now());
        let near = |a: u64, b: u64| a.abs_diff(b) < 50_000_000;
        assert!(near(timelines.place(system(), timeline, 0), system()));
        timelines.pretend_step(HOUR as i64);
        let start = timelines.now(timeline);
        let placed = timelines.place(system(), timeline, start);
        assert!(near(placed, start) && placed >= start, "{placed} is not {start}");
        assert!(near(start + HOUR, system()), "the span's timeline is an hour behind");
        let chosen = system() - 10 * HOUR;
        assert_eq!(timelines.place(chosen, timeline, start), chosen);
    }

    #[test]
    fn many_steps_leave_recent_timelines_right() {
        let timelines = Timelines::new();
        let traces: Vec<(u128, u32)> = (1..200_u128)
            .map(|n| {
                set_clock(&timelines, HOUR as i64);
                let trace = n << 80 | n;
                (trace, timelines.of_trace(trace, true))
            })
            .collect();
        for (trace, timeline) in traces {
            assert_eq!(timelines.of_trace(trace, false), timeline);
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;

    use super::*;
    use crate::sync::explore;

    const FIRST: u64 = 10;

    #[test]
    fn a_trace_that_begins_while_the_clock_is_set_has_its_timelines_offset_and_stays_on_it() {
        explore(None, || {
            let timelines = Timelines::before_the_first(Steady::new());
            timelines.begin(0, FIRST);
            let timelines = Arc::new(timelines);
            let traces = {
                let timelines = Arc::clone(&timelines);
                loom::thread::spawn(move || {
                    let trace = 7_u128 << 100;
                    let timeline = timelines.find(trace, true);
                    // The one after the next is in the same place.
                    let offset = timelines.offset(timeline) - FIRST;
                    assert!(offset == u64::from(timeline) || offset == u64::from(timeline) + 2, "{offset}");
                    assert_eq!(timelines.find(trace, false), timeline, "a child");
                    assert_eq!(timelines.find(trace, true), timeline, "another local root");
                })
            };
            timelines.begin(1, FIRST + 1);
            timelines.begin(2, FIRST + 2);
            traces.join().unwrap();
        });
    }
}
