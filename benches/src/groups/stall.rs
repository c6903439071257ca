//! Whether recording waits while a large page is scraped in a loop and new series appear.
//!
//! One thread scrapes, one adds a series every 2 ms, and as many threads record as the machine has
//! processors besides the scraper's. A recording thread times each operation; what counts is the share
//! of its time that went into operations longer than 100 µs. Being put off the processor counts as well,
//! which is why the same run is taken without scraper and inserter, and again with something that only
//! spins in the scraper's place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::bars::Bars;
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

struct Outcome {
    /// Of the recording threads' time, in percent.
    stalled: f64,
    longest: Duration,
    pages: usize,
    /// Nanoseconds that the insertions took.
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
                let start = Instant::now();
                family.add(made(set));
                insertions.push(start.elapsed().as_nanos() as f64);
                next += 1;
            }
            insertions
        });
        let recording: Vec<_> = (0..recorders()).map(|_| scope.spawn(|| record(family, time))).collect();
        let (mut stalled, mut longest, mut threads) = (0.0, Duration::ZERO, 0.0);
        for thread in recording {
            if let Ok((share, worst)) = thread.join() {
                stalled += share;
                threads += 1.0;
                longest = longest.max(worst);
            }
        }
        over.store(true, Ordering::Relaxed);
        Outcome {
            stalled: stalled / threads,
            longest,
            pages: scraper.join().unwrap_or_default(),
            insertions: Row::of(Role::Peer, "insertions", inserter.join().unwrap_or_default()),
        }
    })
}

/// Records until `time` is over; the share of it spent in long operations, in percent, and the longest.
fn record<C: Counters<&'static str>>(family: &C, time: Duration) -> (f64, Duration) {
    let (order, mut position) = (Order::new(), 0);
    let (mut stalled, mut longest) = (Duration::ZERO, Duration::ZERO);
    // The thread's first records set up what it keeps; that is not waiting.
    order.each(&mut position, 4_000, |values| family.add(made(values)));
    let start = Instant::now();
    let mut before = start;
    while before - start < time {
        order.each(&mut position, 64, |values| {
            family.add(made(values));
            let now = Instant::now();
            let took = now - before;
            before = now;
            if took > LONG {
                stalled += took;
                longest = longest.max(took);
            }
        });
    }
    (100.0 * stalled.as_secs_f64() / (before - start).as_secs_f64(), longest)
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
    println!("Share of recording time in operations longer than 100 µs; insertions in µs.\n");
    println!(
        "| contender | alone | beside a spinning thread | beside scraper and inserter | longest | pages | \
         insertion, median | p99 | p99.9 |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    );
    for row in rows {
        let insertions = |at| figure(row.scraping.insertions.quantile(at) / 1_000.0);
        println!(
            "| {} | {:.2}% | {:.2}% | {:.2}% | {:.1?} | {} | {} | {} | {} |",
            row.name,
            row.alone.stalled,
            row.spinning.stalled,
            row.scraping.stalled,
            row.scraping.longest,
            row.scraping.pages,
            insertions(0.5),
            insertions(0.99),
            insertions(0.999),
        );
    }
}

pub(crate) fn run(effort: Effort, _bars: &mut Bars) {
    let series = effort.of(100_000, 100);
    let rows = [
        contender::<ours::Counters>(effort, series),
        contender::<otel_sdk::Counters>(effort, series),
        contender::<prometheus::Counters>(effort, series),
        contender::<prometheus_client::Counters<&str>>(effort, series),
        contender::<measured::Counters>(effort, series),
        contender::<fastmetrics::Counters<&str>>(effort, series),
    ];
    print(series, &rows);
}
