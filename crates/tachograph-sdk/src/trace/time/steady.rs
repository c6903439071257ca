//! A monotonic clock that is cheap to read.

use std::time::{Duration, Instant};

use super::ticks;
use crate::sync::{AtomicU64, Mutex, Ordering, fence};

/// Nanoseconds since the clock was made: the system's monotonic clock, read through the processor's tick counter once
/// its rate is known, which takes a third of the time.
///
/// # Discipline
///
/// Ticks are converted by a straight line: `nanos = base_nanos + (ticks - base_ticks) * rate`. Whoever finds it due
/// ([`read`](Self::read) says so) compares the line with the system's clock and bends it, at the point where it is
/// now, so that it meets the system's clock again when the next comparison is due. The line is never broken backwards, so readings
/// never go back; it is broken forwards where it is far behind, as after a suspension.
///
/// Until the first comparison, some milliseconds after the first span, the system's clock is read as it is.
#[derive(Debug)]
pub(super) struct Steady {
    start: Instant,
    ticks_are_steady: bool,
    /// How often the line was bent. The line of an even number is in the first place and that of an odd one in the second; the next
    /// one is written to the place that is not read, before it is counted. A reader that finds the number changed reads again: it
    /// never waits for a writer. Writers are serialised by `last`.
    bent: AtomicU64,
    lines: [Line; 2],
    /// When, in ticks, the line was compared last, and how many ticks later the next time is.
    compared: AtomicU64,
    interval: AtomicU64,
    /// When, in nanoseconds, it is time to look at the system's clock while that is what is read.
    next: AtomicU64,
    last: Mutex<Comparison>,
}

/// A line, as words.
#[derive(Debug, Default)]
struct Line {
    ticks: AtomicU64,
    nanos: AtomicU64,
    /// Nanoseconds per tick, as a fraction of 2^-32; zero until it is known.
    rate: AtomicU64,
}

impl Line {
    #[inline(always)]
    fn load(&self) -> [u64; 3] {
        [&self.ticks, &self.nanos, &self.rate].map(|word| word.load(Ordering::Relaxed))
    }
}

/// Both clocks at one point.
#[derive(Clone, Copy, Debug)]
struct Comparison {
    ticks: u64,
    nanos: u64,
}

const FRACTION: u32 = 32;
/// Nanoseconds until the rate can be told well enough. Reading both clocks takes some 30.
const FIRST_INTERVAL: u64 = 10_000_000;
/// Nanoseconds between comparisons later on.
const INTERVAL: u64 = 2_000_000_000;
/// Nanoseconds between two readings of the system's clock that count as one.
const CLOSE: u64 = 5_000;
/// Ticks within which a line comes into force after it was made.
const SOON: u64 = 10_000;
/// Nanoseconds by which the line may be behind before it is broken.
const FAR: u64 = 1_000_000;

impl Steady {
    pub(super) fn new() -> Self {
        // The rate will be told from here on: a thread that is interrupted between the two readings would have it wrong by
        // percents until the second comparison.
        let readings = (0..5).map(|_| {
            let start = Instant::now();
            let ticks = ticks::read();
            (start.elapsed(), start, ticks)
        });
        let best = readings.min_by_key(|(gap, ..)| *gap);
        let (gap, start, ticks) = best.unwrap_or_else(|| (Duration::ZERO, Instant::now(), ticks::read()));
        Steady {
            start,
            ticks_are_steady: ticks::are_steady(),
            bent: AtomicU64::new(0),
            lines: Default::default(),
            compared: AtomicU64::new(ticks),
            interval: AtomicU64::new(u64::MAX),
            next: AtomicU64::new(FIRST_INTERVAL),
            last: Mutex::new(Comparison { ticks, nanos: gap.as_nanos() as u64 / 2 }),
        }
    }

    fn system(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Nanoseconds now, and whether it is time to [`discipline`](Self::discipline) the clock.
    #[inline(always)]
    pub(super) fn read(&self) -> (u64, bool) {
        loop {
            let bent = self.bent.load(Ordering::Acquire);
            if bent == 0 {
                let now = self.system();
                return (now, now >= self.next.load(Ordering::Relaxed));
            }
            let line = self.lines[bent as usize & 1].load();
            let ticks = ticks::read();
            fence(Ordering::Acquire);
            if self.bent.load(Ordering::Relaxed) == bent {
                // A counter that was set back makes this difference huge.
                let since = ticks.wrapping_sub(self.compared.load(Ordering::Relaxed));
                return (on(line, ticks), since >= self.interval.load(Ordering::Relaxed));
            }
        }
    }

    /// Nanoseconds now.
    pub(super) fn now(&self) -> u64 {
        self.read().0
    }

    /// Compares, and bends the line. Nobody waits for it: who finds another one at it goes on.
    #[cold]
    pub(super) fn discipline(&self) {
        self.next.store(self.system() + INTERVAL, Ordering::Relaxed);
        if !self.ticks_are_steady {
            return;
        }
        if let Ok(mut last) = self.last.try_lock()
            && let Some(now) = self.compare()
        {
            self.bend(*last, now, ticks::read);
            *last = now;
        }
    }

    /// Both clocks, read close to each other; `None` where the thread was interrupted each time.
    fn compare(&self) -> Option<Comparison> {
        let readings = (0..5).map(|_| {
            let before = self.system();
            let ticks = ticks::read();
            let gap = self.system() - before;
            (gap, Comparison { ticks, nanos: before + gap / 2 })
        });
        readings.min_by_key(|(gap, _)| *gap).filter(|(gap, _)| *gap < CLOSE).map(|(_, both)| both)
    }

    fn bend(&self, last: Comparison, now: Comparison, read: impl Fn() -> u64) {
        self.compared.store(now.ticks, Ordering::Relaxed);
        let (ticks, nanos) = (now.ticks.saturating_sub(last.ticks), now.nanos.saturating_sub(last.nanos));
        if ticks == 0 || nanos == 0 {
            return;
        }
        let true_rate = (u128::from(nanos) << FRACTION) / u128::from(ticks);
        let interval = (u128::from(INTERVAL) << FRACTION) / true_rate.max(1);
        self.interval.store(u64::try_from(interval).unwrap_or(u64::MAX), Ordering::Relaxed);
        let bent = self.bent.load(Ordering::Relaxed);
        let old = self.lines[bent as usize & 1].load();
        // The two lines meet where the new one comes into force. If the thread is interrupted before, the point is taken anew.
        let mut line = old;
        for _ in 0..5 {
            let at = read();
            let truth = on([now.ticks, now.nanos, true_rate as u64], at);
            let reading = if bent == 0 { truth } else { on(old, at) };
            // Behind by more than a little: to where it should be. Otherwise it is made up for until the next time.
            let base = if truth.saturating_sub(reading) > FAR { truth } else { reading };
            let wanted = (u128::from(truth) + u128::from(INTERVAL)).saturating_sub(u128::from(base));
            // Never backwards, and neither at a standstill.
            let rate = (true_rate * wanted / u128::from(INTERVAL)).clamp(true_rate / 2, true_rate * 2).max(1);
            line = [at, base, u64::try_from(rate).unwrap_or(u64::MAX)];
            if read().saturating_sub(at) < SOON {
                break;
            }
        }
        let next = &self.lines[(bent + 1) as usize & 1];
        // Who reads anything of this line in what was the place of an earlier one sees that this one has been replaced by the line
        // in the other place.
        fence(Ordering::Release);
        for (word, value) in [&next.ticks, &next.nanos, &next.rate].into_iter().zip(line) {
            word.store(value, Ordering::Relaxed);
        }
        self.bent.store(bent + 1, Ordering::Release);
    }
}

/// The nanoseconds at a tick.
#[inline(always)]
fn on([base_ticks, base_nanos, rate]: [u64; 3], ticks: u64) -> u64 {
    let since = ticks.saturating_sub(base_ticks);
    base_nanos.wrapping_add(((u128::from(since) * u128::from(rate)) >> FRACTION) as u64)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn readings_follow_the_systems_clock_and_never_go_back_on_any_thread() {
        let clock = Steady::new();
        let until = Instant::now() + Duration::from_millis(300);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut last = 0;
                    while Instant::now() < until {
                        let before = clock.system();
                        let (now, due) = clock.read();
                        let after = clock.system();
                        assert!(now >= last, "{now} after {last}");
                        assert!(
                            now + 1_000_000 > before && now < after + 1_000_000,
                            "{before} {now} {after}"
                        );
                        last = now;
                        if due {
                            clock.discipline();
                        }
                    }
                });
            }
        });
        if clock.ticks_are_steady {
            assert_ne!(clock.bent.load(Ordering::Relaxed), 0, "the rate is known by now");
            // Where the first comparison was coarse, for the machine is busy, the line is off until one of the next ones bends it.
            let deadline = Instant::now() + Duration::from_secs(30);
            loop {
                let gap = (0..100).map(|_| clock.system().abs_diff(clock.now())).min();
                if gap < Some(20_000) {
                    break;
                }
                assert!(Instant::now() < deadline, "{gap:?} ns apart");
                std::thread::sleep(Duration::from_millis(10));
                if clock.read().1 {
                    clock.discipline();
                }
            }
        }
    }

    const SECOND: u64 = 1_000_000_000;

    /// Bends as if both clocks had been read twice, as ticks and nanoseconds.
    fn compared(clock: &Steady, last: (u64, u64), now: (u64, u64)) {
        let at = |(ticks, nanos)| Comparison { ticks, nanos };
        clock.bend(at(last), at(now), || now.0);
    }

    fn reading(clock: &Steady, ticks: u64) -> u64 {
        on(clock.lines[clock.bent.load(Ordering::Relaxed) as usize & 1].load(), ticks)
    }

    #[test]
    fn a_line_that_is_off_meets_the_systems_clock_again_and_is_never_broken_backwards() {
        let clock = Steady::new();
        compared(&clock, (0, 0), (SECOND, SECOND));
        assert_eq!(reading(&clock, 2 * SECOND), 2 * SECOND);
        // The system's clock ran 100 µs slower than the ticks in two seconds: the line is ahead, and slows down.
        compared(&clock, (SECOND, SECOND), (3 * SECOND, 3 * SECOND - 100_000));
        assert_eq!(reading(&clock, 3 * SECOND), 3 * SECOND, "no step back");
        assert!(reading(&clock, 5 * SECOND).abs_diff(5 * SECOND - 200_000) < 1_000);
        // The process was suspended for an hour: forward at once.
        let hour = 3_600 * SECOND;
        compared(&clock, (3 * SECOND, 3 * SECOND), (5 * SECOND, hour));
        assert_eq!(reading(&clock, 5 * SECOND), hour);
        // The counter began anew: it stands still until the next comparison, and goes on from there.
        assert_eq!(reading(&clock, 10), hour);
        compared(&clock, (5, hour), (SECOND, hour + SECOND));
        assert!(reading(&clock, SECOND) >= hour);
    }
}

#[cfg(all(test, loom, target_arch = "x86_64"))]
mod loom_tests {
    use loom::sync::Arc;

    use super::*;
    use crate::sync::explore;

    const SECOND: u64 = 1_000_000_000;
    /// Ticks that are still to come, where a line stands still.
    const LATER: u64 = 1 << 63;
    /// Nanoseconds that no other line comes near.
    const FAR_ON: u64 = 1 << 62;

    /// The first and the third line are in the same place. The first stands still and the third does not, so that a
    /// reading by parts of both is neither's.
    #[test]
    fn a_reading_is_by_one_line_while_the_line_is_bent_twice() {
        explore(None, || {
            let clock = Arc::new(Steady::new());
            let at = |ticks, nanos| Comparison { ticks, nanos };
            clock.bend(at(LATER - SECOND, 0), at(LATER, SECOND), || LATER);
            let reader = {
                let clock = Arc::clone(&clock);
                loom::thread::spawn(move || {
                    let (now, _) = clock.read();
                    assert!(now == SECOND || now == 2 * SECOND || now > FAR_ON, "{now}");
                })
            };
            clock.bend(at(LATER, SECOND), at(LATER + SECOND, 2 * SECOND), || LATER + SECOND);
            clock.bend(at(0, FAR_ON - SECOND), at(SECOND, FAR_ON), || 1);
            reader.join().unwrap();
            assert!(clock.now() > FAR_ON);
        });
    }
}
