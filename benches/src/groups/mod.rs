//! One file per question. A group prints its tables and notes its bars.

pub(crate) mod allocations;
pub(crate) mod counter_bound;
pub(crate) mod counter_dynamic;
pub(crate) mod counter_typed;
pub(crate) mod exponential;
pub(crate) mod histogram;
pub(crate) mod memory;
pub(crate) mod million;
pub(crate) mod new_series;
pub(crate) mod no_loss;
pub(crate) mod otlp;
pub(crate) mod propagation;
pub(crate) mod readers;
pub(crate) mod scrape;
pub(crate) mod server;
pub(crate) mod spans;
pub(crate) mod stall;
pub(crate) mod tasks;
pub(crate) mod tracing;
pub(crate) mod two_threads;

use std::hint::black_box;
use std::sync::Arc;

use crate::bars::Bars;
use crate::contenders::{Counters, Histograms, fill_counters, fill_histograms, made};
use crate::harness::{Contender, Effort, Role};
use crate::sets::{HANDLES, Label, Order, SERIES, Values, durations, values};

/// What a group does, and how it is called.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) run: fn(Effort, &mut Bars),
    /// The loops that can be run alone, for the instruction counter; empty where a group has none.
    pub(crate) contenders: fn() -> Vec<Contender<'static>>,
}

/// All groups, in the order in which they run.
pub(crate) const ALL: [Group; 20] = [
    // First: later, threads and families that have gone would have left memory to use again.
    Group { name: "memory", run: memory::run, contenders: Vec::new },
    Group { name: "counter-bound", run: counter_bound::run, contenders: counter_bound::contenders },
    Group { name: "two-threads", run: two_threads::run, contenders: Vec::new },
    Group { name: "counter-typed", run: counter_typed::run, contenders: counter_typed::contenders },
    Group { name: "counter-dynamic", run: counter_dynamic::run, contenders: counter_dynamic::all },
    Group { name: "histogram", run: histogram::run, contenders: histogram::all },
    Group { name: "exponential", run: exponential::run, contenders: exponential::contenders },
    Group { name: "readers", run: readers::run, contenders: Vec::new },
    Group { name: "allocations", run: allocations::run, contenders: Vec::new },
    Group { name: "scrape", run: scrape::run, contenders: Vec::new },
    Group { name: "million", run: million::run, contenders: Vec::new },
    Group { name: "stall", run: stall::run, contenders: Vec::new },
    Group { name: "spans", run: spans::run, contenders: spans::all },
    Group { name: tracing::GROUP, run: tracing::run, contenders: tracing::contenders },
    Group { name: tasks::GROUP, run: tasks::run, contenders: tasks::contenders },
    Group { name: "no-loss", run: no_loss::run, contenders: Vec::new },
    Group { name: "otlp", run: otlp::run, contenders: otlp::contenders },
    Group { name: "new-series", run: new_series::run, contenders: Vec::new },
    Group { name: "propagation", run: propagation::run, contenders: propagation::contenders },
    // Last: its peers are configured by globals, which stay.
    Group { name: "server", run: server::run, contenders: server::contenders },
];

/// The values of the series whose handles are used: spread over all of them.
fn handle_values() -> [Values; HANDLES] {
    std::array::from_fn(|index| values(index * (SERIES / HANDLES)))
}

/// A contender that uses its handles in turn. Nothing that a call read may be kept for the next.
fn over_handles<H: 'static>(
    role: Role,
    name: impl Into<String>,
    handles: [H; HANDLES],
    record: impl Fn(&H, f64) + 'static,
) -> Contender<'static> {
    let durations = durations();
    Contender::new(role, name, move |n| {
        for turn in 0..n {
            record(black_box(&handles[turn % HANDLES]), durations[turn % durations.len()]);
        }
    })
}

/// A contender that looks its attributes up at each call, over all live series.
fn looked_up<V: Label, C: Counters<V>>(role: Role) -> Contender<'static> {
    let family = C::with_room_for(SERIES);
    fill_counters(&family, SERIES);
    let (order, mut position) = (Order::new(), 0);
    Contender::warmed(role, C::NAME, SERIES, move |n| {
        order.each(&mut position, n, |values| black_box(&family).add(made(values)));
    })
}

/// As [`looked_up`], for histograms.
fn looked_up_histogram<V: Label, H: Histograms<V>>(role: Role) -> Contender<'static> {
    let family = H::with_room_for(SERIES);
    fill_histograms(&family, SERIES);
    let (order, mut position, durations) = (Order::new(), 0, durations());
    Contender::warmed(role, H::NAME, SERIES, move |n| {
        let mut turn = 0;
        order.each(&mut position, n, |values| {
            turn += 1;
            black_box(&family).record(made(values), durations[turn % durations.len()]);
        });
    })
}

/// A loop over one series, `set`, among all live ones, which two threads can run.
fn one_series<V: Label, C: Counters<V>>(set: Values) -> Arc<dyn Fn(usize) + Send + Sync> {
    let family = C::with_room_for(SERIES);
    fill_counters(&family, SERIES);
    Arc::new(move |n| {
        for _ in 0..n {
            black_box(&family).add(made(black_box(set)));
        }
    })
}
