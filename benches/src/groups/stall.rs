//! Whether recording waits while a large page is scraped in a loop and new series appear.
//!
//! One thread scrapes, one adds a series every 2 ms, and as many threads record as the machine has
//! processors besides the scraper's. A recording thread times each operation; what counts is the share
//! of its time that went into operations longer than 100 µs.
//!
//! Being put off the processor makes an operation long as well, and has nothing to do with the library:
//! on Linux, what the scheduler says a thread waited for a processor is taken off. The share with it
//! is printed beside; so is what a hypervisor took from all processors, which nobody can take off; so is the same run with a thread that only spins in the scraper's place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::bars::{Bars, Unit};
use crate::contenders::{
    Counters, fastmetrics, fill_counters, made, measured, otel_sdk, ours, prometheus, prometheus_client,
};
use crate::harness::{Effort, Role, Row, figure};
use crate::sets::{Order, values};

/// Longer than this, an operation has waited.
const LONG: Duration = Duration::from_micros(100);

/// How often a series appears.
const PAUSE: Duration = Duration::from_millis(2);

/// What runs beside the recording threads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// A thread that uses a processor and touches nothing.
    Spinning,
    /// The scraper and the inserter.
    Scraping,
}

/// What one recording thread saw, or the mean of all.
#[derive(Default)]
struct Stalled {
    /// Of its time, in percent, what it waited for a processor taken off.
    waiting: f64,
    /// The same, with that.
    at_all: f64,
    /// The longest operation, its wait for a processor taken off.
    longest: Duration,
}

struct Outcome {
    stalled: Stalled,
    /// Of one processor's time, in percent: what the hypervisor gave to others.
    stolen: f64,
    pages: usize,
    /// Nanoseconds that the insertions took, what they waited for a processor taken off.
    insertions: Row,
}

fn recorders() -> usize {
    thread::available_parallelism().map_or(1, |processors| processors.get().saturating_sub(1).max(1))
}

fn observe<C: Counters<&'static str>>(
    family: &C,
    first_new: usize,
    beside: Beside,
    time: Duration,
) -> Outcome {
    let over = AtomicBool::new(false);
    let (stolen, start) = (stolen(), Instant::now());
    thread::scope(|scope| {
        let scraper = scope.spawn(|| {
            let mut pages = 0;
            match beside {
                Beside::Nothing => {}
                Beside::Spinning => {
                    while !over.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                }
                Beside::Scraping => {
                    let mut scrape = family.scraper();
                    while !over.load(Ordering::Relaxed) {
                        scrape();
                        pages += 1;
                    }
                }
            }
            pages
        });
        let inserter = scope.spawn(|| {
            let mut insertions = Vec::new();
            let mut next = first_new;
            while beside == Beside::Scraping && !over.load(Ordering::Relaxed) {
                thread::sleep(PAUSE);
                let set = values(next);
                let waited = waited_for_processor();
                let start = Instant::now();
                family.add(made(set));
                let took = start.elapsed();
                let own = took.saturating_sub(waited_for_processor() - waited);
                insertions.push(own.as_nanos() as f64);
                next += 1;
            }
            insertions
        });
        let recording: Vec<_> = (0..recorders()).map(|_| scope.spawn(|| record(family, time))).collect();
        let (mut stalled, mut threads) = (Stalled::default(), 0.0);
        for one in recording.into_iter().filter_map(|thread| thread.join().ok()) {
            threads += 1.0;
            stalled.waiting += (one.waiting - stalled.waiting) / threads;
            stalled.at_all += (one.at_all - stalled.at_all) / threads;
            stalled.longest = stalled.longest.max(one.longest);
        }
        over.store(true, Ordering::Relaxed);
        Outcome {
            stalled,
            stolen: 100.0 * (self::stolen() - stolen).as_secs_f64() / start.elapsed().as_secs_f64(),
            pages: scraper.join().unwrap_or_default(),
            insertions: Row::of(Role::Peer, "insertions", inserter.join().unwrap_or_default()),
        }
    })
}

/// How long this thread has been ready to run without a processor, where the system says it.
fn waited_for_processor() -> Duration {
    let nanos = std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_ascii_whitespace().nth(1)?.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// How long the hypervisor has kept the processors, taken together, where the system says it.
fn stolen() -> Duration {
    let ticks = std::fs::read_to_string("/proc/stat")
        .ok()
        .and_then(|text| text.split_ascii_whitespace().nth(8)?.parse::<u64>().ok());
    // The unit is a hundredth of a second wherever Linux runs today.
    Duration::from_millis(10 * ticks.unwrap_or(0))
}

/// Records until `time` is over.
fn record<C: Counters<&'static str>>(family: &C, time: Duration) -> Stalled {
    let (order, mut position) = (Order::new(), 0);
    // The thread's first records set up what it keeps; that is not waiting.
    order.each(&mut position, 4_000, |values| family.add(made(values)));
    let (mut waiting, mut at_all, mut longest) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut waited = waited_for_processor();
    let start = Instant::now();
    let mut before = start;
    while before - start < time {
        order.each(&mut position, 64, |values| {
            family.add(made(values));
            let now = Instant::now();
            let took = now - before;
            before = now;
            if took > LONG {
                let ready = waited_for_processor();
                let own = took.saturating_sub(ready - waited);
                waited = ready;
                at_all += took;
                if own > LONG {
                    waiting += own;
                }
                longest = longest.max(own);
                // Reading the file is not recording.
                before = Instant::now();
            }
        });
    }
    let percent = |part: Duration| 100.0 * part.as_secs_f64() / (before - start).as_secs_f64();
    Stalled { waiting: percent(waiting), at_all: percent(at_all), longest }
}

struct Stall {
    name: &'static str,
    alone: Outcome,
    spinning: Outcome,
    scraping: Outcome,
}

fn contender<C: Counters<&'static str>>(effort: Effort, series: usize) -> Stall {
    let time = Duration::from_millis(effort.of(5_000, 20) as u64);
    let family = C::with_room_for(series + 10_000);
    fill_counters(&family, series);
    Stall {
        name: C::NAME,
        alone: observe(&family, series, Beside::Nothing, time),
        spinning: observe(&family, series, Beside::Spinning, time),
        scraping: observe(&family, series, Beside::Scraping, time),
    }
}

fn print(series: usize, rows: &[Stall]) {
    let threads = recorders();
    println!(
        "\n### {threads} recording thread(s), {series} series scraped in a loop, a new series every 2 ms\n"
    );
    println!(
        "Share of recording time in operations longer than 100 µs, in percent: without the wait for a processor \
         (and with it). Insertions in µs.\n"
    );
    println!(
        "| contender | alone | beside a spinning thread | beside scraper and inserter | longest | pages | \
         insertion, median | p99 | p99.9 | stolen alone, scraped |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    );
    for row in rows {
        let share =
            |outcome: &Outcome| format!("{:.2} ({:.2})", outcome.stalled.waiting, outcome.stalled.at_all);
        let insertions = |at| figure(row.scraping.insertions.quantile(at) / 1_000.0);
        println!(
            "| {} | {} | {} | {} | {:.1?} | {} | {} | {} | {} | {:.1}%, {:.1}% |",
            row.name,
            share(&row.alone),
            share(&row.spinning),
            share(&row.scraping),
            row.scraping.stalled.longest,
            row.scraping.pages,
            insertions(0.5),
            insertions(0.99),
            insertions(0.999),
            row.alone.stolen,
            row.scraping.stolen,
        );
    }
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    let series = effort.of(100_000, 100);
    let own = contender::<ours::Counters>(effort, series);
    let sdk = contender::<otel_sdk::Counters>(effort, series);
    let more = own.scraping.stalled.waiting - own.alone.stalled.waiting;
    let p999 = |stall: &Stall| stall.scraping.insertions.quantile(0.999);
    bars.at_most(1.0, Unit::Points, more, "time in operations over 100 µs, scraped", "the same run alone");
    bars.ratio(0.02, p999(&own), p999(&sdk), "insertion p99.9 while scraped", sdk.name);
    let rows = [
        own,
        sdk,
        contender::<prometheus::Counters>(effort, series),
        contender::<prometheus_client::Counters<&str>>(effort, series),
        contender::<measured::Counters>(effort, series),
        contender::<fastmetrics::Counters<&str>>(effort, series),
    ];
    print(series, &rows);
}
