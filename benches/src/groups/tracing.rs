//! Spans of the `tracing` macros: the caller's time for each.
//!
//! One operation is one span: made, entered, exited, closed. Traces are a root and ten children under it, one after the
//! other. With attributes it is four: a static string, one that is copied, two integers. Exporters only count.
//!
//! A subscriber is a process's: the macros have a shorter way to the global one, and what one subscriber wants, all
//! callsites are switched on for. So each contender is a process of its own, a copy of this program, that waits
//! until it is told to run a batch and says how long that took.

use std::hint::black_box;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fastrace::collector::{Config, Reporter, SpanContext};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use tachograph_sdk::pipeline::BatchConfig;
use tachograph_sdk::trace::{AlwaysOff, AlwaysOn, ParentBased, TracerProvider};
use tachograph_tracing::{ContextMode, SpanOptions, TelemetryLayer, TelemetrySubscriber};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::SubscriberExt;

use crate::alloc::counted;
use crate::bars::{Bars, Unit};
use crate::copy::Copy;
use crate::groups::spans::Count;
use crate::harness::{Contender, Effort, Role, Table, compare, cpu_nanos};

/// How the group is called; the copies are told by it what they are.
pub(crate) const GROUP: &str = "tracing";

pub(super) const NOOP: &str = "a subscriber that does nothing";
pub(super) const REGISTRY: &str = "tracing-subscriber's Registry alone";
pub(super) const PEER: &str = "tracing-opentelemetry";
pub(super) const FASTRACE: &str = "fastrace";
pub(super) const LAZY: &str = "tachograph's subscriber, lazy";
pub(super) const FULL: &str = "tachograph's subscriber, full";
const LAYER: &str = "tachograph's layer, lazy";
const LAYER_FULL: &str = "tachograph's layer, full";

pub(super) const CHILDREN: usize = 10;
const QUEUE: usize = 65_536;

impl Reporter for Count {
    fn report(&mut self, spans: Vec<fastrace::collector::SpanRecord>) {
        self.0.fetch_add(spans.len() as u64, Ordering::Relaxed);
    }
}

/// What the macros cost by themselves.
struct Noop;

impl Subscriber for Noop {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn ours(sampled: bool) -> tachograph_sdk::trace::Tracer {
    let builder = match sampled {
        true => TracerProvider::builder().with_sampler(ParentBased::new(AlwaysOn)),
        false => TracerProvider::builder().with_sampler(ParentBased::new(AlwaysOff)),
    };
    let config = BatchConfig::spans().with_max_queue_size(QUEUE);
    let provider = builder.with_batch_exporter(Count::default(), config).build();
    let tracer = provider.tracer("bench");
    // The process is its own end.
    std::mem::forget(provider);
    tracer
}

fn theirs(sampled: bool) -> opentelemetry_sdk::trace::SdkTracer {
    let config = BatchConfigBuilder::default().with_max_queue_size(QUEUE).build();
    let processor = BatchSpanProcessor::builder(Count::default()).with_batch_config(config).build();
    let root = if sampled { Sampler::AlwaysOn } else { Sampler::AlwaysOff };
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(root)))
        .with_span_processor(processor)
        .build();
    let tracer = provider.tracer("bench");
    std::mem::forget(provider);
    tracer
}

fn install(subscriber: impl Subscriber + Send + Sync) {
    tracing::subscriber::set_global_default(subscriber).expect("this process has one contender");
}

/// Makes a contender this process's.
pub(super) fn set_up(name: &str, sampled: bool) {
    let options = |mode| SpanOptions::new().with_context_mode(mode);
    let subscriber = |mode| TelemetrySubscriber::builder(ours(sampled)).with_options(options(mode)).build();
    let layer = |mode| {
        tracing_subscriber::registry().with(TelemetryLayer::with_options(ours(sampled), options(mode)))
    };
    match name {
        NOOP => install(Noop),
        REGISTRY => install(tracing_subscriber::registry()),
        LAZY => install(subscriber(ContextMode::Lazy)),
        FULL => install(subscriber(ContextMode::Full)),
        LAYER => install(layer(ContextMode::Lazy)),
        LAYER_FULL => install(layer(ContextMode::Full)),
        PEER => install(
            tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(theirs(sampled))),
        ),
        _ => fastrace::set_reporter(Count::default(), Config::default()),
    }
}

/// Traces of the macros, until at least `n` spans were made.
fn traces(attributes: bool, n: usize) {
    macro_rules! span {
        ($name:literal, $copied:expr) => {
            tracing::info_span!(
                $name,
                http.request.method = "GET",
                order.id = $copied,
                http.response.status_code = 200,
                order.items = 3
            )
        };
    }
    let copied = black_box(String::from("4711-0815"));
    for _ in 0..n.div_ceil(1 + CHILDREN) {
        if attributes {
            let _root = span!("root", copied.as_str()).entered();
            for _ in 0..CHILDREN {
                black_box(&span!("child", copied.as_str()).entered());
            }
        } else {
            let _root = tracing::info_span!("root").entered();
            for _ in 0..CHILDREN {
                black_box(&tracing::info_span!("child").entered());
            }
        }
    }
}

/// The same in fastrace, as its documentation has it.
fn fast_traces(sampled: bool, attributes: bool, n: usize) {
    use fastrace::Span;
    use fastrace::local::LocalSpan;
    let copied = black_box(String::from("4711-0815"));
    let four = || {
        [
            ("http.request.method", std::borrow::Cow::Borrowed("GET")),
            ("order.id", copied.clone().into()),
            ("http.response.status_code", black_box(200).to_string().into()),
            ("order.items", black_box(3).to_string().into()),
        ]
    };
    for _ in 0..n.div_ceil(1 + CHILDREN) {
        let root = Span::root("root", SpanContext::random().sampled(sampled));
        let root = if attributes { root.with_properties(four) } else { root };
        let _guard = root.set_local_parent();
        for _ in 0..CHILDREN {
            let span = LocalSpan::enter_with_local_parent("child");
            black_box(&if attributes { span.with_properties(four) } else { span });
        }
    }
}

/// One contender in one case.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    role: Role,
    sampled: bool,
    attributes: bool,
}

impl Case {
    /// As the copy is told.
    fn label(self) -> String {
        let sampled = if self.sampled { "" } else { ", not sampled" };
        format!("{}{sampled}, {} attributes", self.name, if self.attributes { 4 } else { 0 })
    }

    fn run(self, n: usize) {
        match self.name {
            FASTRACE => fast_traces(self.sampled, self.attributes, n),
            _ => traces(self.attributes, n),
        }
    }
}

fn cases(sampled: bool, attributes: bool) -> Vec<Case> {
    let of = |role, name| Case { name, role, sampled, attributes };
    let mut cases = vec![
        of(Role::Floor, NOOP),
        of(Role::Floor, REGISTRY),
        of(Role::Ours, LAZY),
        of(Role::Ours, FULL),
        of(Role::Ours, LAYER),
        of(Role::Ours, LAYER_FULL),
        of(Role::Peer, PEER),
        of(Role::Peer, FASTRACE),
    ];
    if !sampled {
        cases.retain(|case| case.name != REGISTRY);
    }
    cases
}

fn all_cases() -> Vec<Case> {
    [(true, false), (true, true), (false, false), (false, true)]
        .into_iter()
        .flat_map(|(sampled, attributes)| cases(sampled, attributes))
        .collect()
}

/// The loops, for the instruction counter: the first run makes the contender this process's.
pub(crate) fn contenders() -> Vec<Contender<'static>> {
    all_cases()
        .into_iter()
        .map(|case| {
            let mut ready = false;
            Contender::new(case.role, case.label(), move |n| {
                if !std::mem::replace(&mut ready, true) {
                    set_up(case.name, case.sampled);
                }
                case.run(n);
            })
        })
        .collect()
}

/// What a copy is to be; says whether it was this group's.
pub(crate) fn serve(label: &str) -> bool {
    let Some(case) = all_cases().into_iter().find(|case| case.label() == label) else {
        return false;
    };
    set_up(case.name, case.sampled);
    answer(|n| case.run(n));
    true
}

/// What a copy does: for each line with a number it runs so many operations, and answers with the nanoseconds of a second
/// run, with the CPU's, or with the number of allocations.
pub(super) fn answer(run: impl Fn(usize)) {
    for line in std::io::stdin().lines() {
        let Some((command, n)) = line.as_deref().ok().and_then(|line| line.split_once(' ')) else {
            return;
        };
        let n: usize = n.parse().unwrap_or(0);
        let answer = match command {
            "time" => {
                run(n / 8 + 1);
                let start = Instant::now();
                run(n);
                start.elapsed().as_nanos()
            }
            "cpu" => {
                let before = cpu_nanos();
                run(n);
                // What was handed over is worked off.
                std::thread::sleep(Duration::from_millis(1_500));
                cpu_nanos().saturating_sub(before)
            }
            _ => {
                run(n);
                u128::from(counted(|| run(n)).1.calls)
            }
        };
        println!("{answer}");
    }
}

/// Longer batches and fewer: between two of a process another has had the caches.
pub(super) fn longer(effort: Effort) -> Effort {
    Effort { batch: effort.batch * 10, rounds: effort.rounds.div_ceil(4), ..effort }
}

/// A contender that is a copy with this label.
pub(super) fn timed(role: Role, name: &str, label: &str) -> Contender<'static> {
    let mut copy = Copy::of(label);
    Contender::timed(role, name, move |n| Duration::from_nanos(copy.figure("time", n) as u64))
}

fn table(effort: Effort, title: &str, sampled: bool, attributes: bool) -> Table {
    let contenders = cases(sampled, attributes)
        .into_iter()
        .map(|case| timed(case.role, case.name, &case.label()))
        .collect();
    let table = Table::new(title, "ns per span", compare(longer(effort), contenders));
    table.print();
    table
}

/// Allocations per span, on all threads of the process.
fn allocations(case: Case, n: usize) -> f64 {
    Copy::of(&case.label()).figure("allocations", n) / n as f64
}

/// The whole process's nanoseconds per span.
fn cpu(case: Case, n: usize) -> f64 {
    Copy::of(&case.label()).figure("cpu", n) / n as f64
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    for (attributes, title, most) in [
        (false, "Spans of the macros, no attributes", 0.6),
        (true, "Spans of the macros, four attributes", 0.7),
    ] {
        let table = table(effort, title, true, attributes);
        let what = |name: &str| format!("{name}, {} attributes", if attributes { 4 } else { 0 });
        let of = |name| table.median(name);
        bars.ratio(most, of(LAZY), of(REGISTRY), &what(LAZY), REGISTRY);
        bars.ratio(0.1, of(LAZY), of(PEER), &what(LAZY), PEER);
        if attributes {
            bars.ratio(1.0, of(LAZY), of(FASTRACE), &what(LAZY), FASTRACE);
        }
        bars.ratio(0.95, of(FULL), of(REGISTRY), &what(FULL), REGISTRY);
        bars.ratio(1.6, of(LAYER), of(REGISTRY), &what(LAYER), REGISTRY);
        bars.ratio(0.25, of(LAYER), of(PEER), &what(LAYER), PEER);
    }
    for (attributes, title) in [
        (false, "Spans of the macros that are not sampled, no attributes"),
        (true, "Spans of the macros that are not sampled, four attributes"),
    ] {
        let table = table(effort, title, false, attributes);
        let what = format!("{LAZY}, not sampled, {} attributes", if attributes { 4 } else { 0 });
        bars.ratio(2.0, table.median(LAZY), table.median(NOOP), &what, NOOP);
    }

    let spans = effort.of(110_000, 11);
    println!("\n### Allocations and CPU of the whole process, per span\n");
    println!(
        "| contender | allocations, 0 attributes | 4 | CPU ns, 0 attributes | 4 |\n|---|--:|--:|--:|--:|"
    );
    let (mut peer_cpu, mut fastrace_cpu) = (f64::NAN, f64::NAN);
    for (plain, rich) in cases(true, false).into_iter().zip(cases(true, true)).rev() {
        let calls = [allocations(plain, spans), allocations(rich, spans)];
        let cpus = [cpu(plain, spans), cpu(rich, spans)];
        println!("| {} | {:.3} | {:.3} | {:.0} | {:.0} |", plain.name, calls[0], calls[1], cpus[0], cpus[1]);
        match plain.name {
            PEER => peer_cpu = cpus[1],
            FASTRACE => fastrace_cpu = cpus[1],
            LAZY => {
                // Not quite none: the worker, which is counted too, makes lists of its batches.
                bars.at_most(0.01, Unit::Allocations, calls[1], &format!("{LAZY}, 4 attributes"), "nothing");
                let what = format!("{LAZY}, 4 attributes, CPU of the process");
                bars.ratio(0.2, cpus[1], peer_cpu, &what, PEER);
                bars.ratio(1.0, cpus[1], fastrace_cpu, &what, FASTRACE);
            }
            FULL => {
                bars.at_most(2.01, Unit::Allocations, calls[1], &format!("{FULL}, 4 attributes"), "nothing")
            }
            _ => {}
        }
    }
}
