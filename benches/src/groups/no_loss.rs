//! Spans at a steady rate, into an exporter in this process that only counts: how many are lost.
//!
//! One thread makes traces of a root and ten children with four attributes, each at its time: it spins until then. Where the
//! machine takes the processor away, what was missed is made up for as long as that is less than half of the queue: more at
//! once is a burst, and not the rate that was asked for. The rate that came of it is in the table; where it is less than nine
//! tenths, nothing was measured. What was made and did not arrive is lost.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use tachograph_sdk::pipeline::{BatchConfig, Deadline};
use tachograph_sdk::trace::TracerProvider;

use super::otlp::direct_traces;
use super::spans::{Count, traces};
use crate::bars::{Bars, Unit};
use crate::harness::{Effort, Role, Row};

const OURS_API: &str = "tachograph, through the API";
const OURS_DIRECT: &str = "tachograph, the engine's own way in";
const PEER: &str = "opentelemetry_sdk";

/// Spans of a trace.
const TRACE: usize = 11;
/// The share of a rate that has to be reached.
const NEARLY: f64 = 0.9;

/// Spans per second, and the queue.
const CASES: [(usize, usize); 2] = [(200_000, 2_048), (800_000, 65_536)];

/// What came of a rate.
struct Outcome {
    made: usize,
    lost: usize,
    took: Duration,
}

/// Makes traces at a rate, for so long, into a queue.
fn paced(rate: usize, queue: usize, time: Duration, make: impl Fn(usize) -> usize) -> (usize, Duration) {
    let pause = Duration::from_secs(1) * TRACE as u32 / rate as u32;
    let late = Duration::from_secs(1) * queue as u32 / 2 / rate as u32;
    let (start, mut made) = (Instant::now(), 0);
    let mut next = start;
    loop {
        let mut now = Instant::now();
        while now < next {
            std::hint::spin_loop();
            now = Instant::now();
        }
        if now - start >= time {
            return (made, now - start);
        }
        if now - next > late {
            next = now;
        }
        made += make(TRACE);
        next += pause;
    }
}

fn ours(direct: bool, rate: usize, queue: usize, time: Duration) -> Outcome {
    let count = Count::default();
    let config = BatchConfig::spans().with_max_queue_size(queue);
    let provider = TracerProvider::builder().with_batch_exporter(count.clone(), config).build();
    let tracer = provider.tracer("bench");
    let (made, took) = match direct {
        true => paced(rate, queue, time, |n| direct_traces(&tracer, n)),
        false => paced(rate, queue, time, |n| traces(&tracer, true, n)),
    };
    provider.shutdown(Deadline::NEVER);
    outcome(made, took, &count)
}

fn theirs(rate: usize, queue: usize, time: Duration) -> Outcome {
    let count = Count::default();
    let config = BatchConfigBuilder::default().with_max_queue_size(queue).build();
    let processor = BatchSpanProcessor::builder(count.clone()).with_batch_config(config).build();
    let provider = SdkTracerProvider::builder().with_span_processor(processor).build();
    let tracer = provider.tracer("bench");
    let (made, took) = paced(rate, queue, time, |n| traces(&tracer, true, n));
    let _ = provider.shutdown();
    outcome(made, took, &count)
}

fn outcome(made: usize, took: Duration, count: &Count) -> Outcome {
    let arrived = count.0.load(Ordering::Relaxed) as usize;
    Outcome { made, lost: made.saturating_sub(arrived), took }
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    let rounds = effort.of(9, 1);
    let time = Duration::from_millis(effort.of(1_000, 20) as u64);
    for (rate, queue) in CASES {
        println!("\n### {rate} spans/s with a queue of {queue}, {rounds} times {} s\n", time.as_secs_f64());
        println!("| contender | spans/s | spans | lost | lost, median | lost, worst |");
        println!("|---|--:|--:|--:|--:|--:|");
        for (role, name) in [(Role::Ours, OURS_API), (Role::Ours, OURS_DIRECT), (Role::Peer, PEER)] {
            let outcomes: Vec<Outcome> = (0..rounds)
                .map(|_| match role {
                    Role::Peer => theirs(rate, queue, time),
                    _ => ours(name == OURS_DIRECT, rate, queue, time),
                })
                .collect();
            let row = |of: fn(&Outcome) -> f64| Row::of(role, name, outcomes.iter().map(of).collect());
            let reached = row(|one| one.made as f64 / one.took.as_secs_f64()).median();
            let lost = row(|one| one.lost as f64);
            let sum = |of: fn(&Outcome) -> usize| outcomes.iter().map(of).sum::<usize>();
            println!(
                "| {name} | {reached:.0} | {} | {} | {} | {} |",
                sum(|one| one.made),
                sum(|one| one.lost),
                lost.median(),
                lost.quantile(1.0)
            );
            if role == Role::Ours {
                // At another rate it is another question.
                let lost = if reached < NEARLY * rate as f64 { f64::NAN } else { lost.median() };
                let what = format!(
                    "lost in {} s at {rate} spans/s with a queue of {queue}, {name}",
                    time.as_secs_f64()
                );
                bars.at_most(0.0, Unit::Spans, lost, &what, "nothing");
            }
        }
    }
}
