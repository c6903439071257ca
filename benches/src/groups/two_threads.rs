//! Two threads on one series at once, beside one thread alone: what a shared cache line costs.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bars::{Bars, Unit};
use crate::contenders::{
    Counters, fast_telemetry, fastmetrics, fill_counters, floors, made, measured, metrics_facade, otel_sdk,
    ours, pairs, prometheus, prometheus_client, vise,
};
use crate::groups::one_series;
use crate::harness::{Contender, Effort, Role, Row, Table, compare};
use crate::pair::{Operation, Pair};
use crate::sets::{SERIES, Values, values};

/// A set whose values are short, and one whose route is not: an engine may treat them differently.
const SHORT: usize = 7;
const LONG: usize = 417;

/// One loop, run by one thread and by two.
struct Both {
    role: Role,
    name: &'static str,
    operation: Operation,
}

/// A loop over one handle. Nothing that a call read may be kept for the next.
fn bound<H: Send + Sync + 'static>(
    role: Role,
    name: &'static str,
    handle: H,
    add: impl Fn(&H) + Send + Sync + 'static,
) -> Both {
    let operation = Arc::new(move |n| {
        for _ in 0..n {
            add(black_box(&handle));
        }
    });
    Both { role, name, operation }
}

/// A family with all its series live, and a handle on one of them.
fn handle<C: Counters<&'static str>, H>(bind: impl Fn(&C, Values) -> H) -> (C, H) {
    let family = C::with_room_for(SERIES);
    fill_counters(&family, SERIES);
    let handle = bind(&family, values(SHORT));
    (family, handle)
}

const OWN: &str = "tachograph";
const API: &str = "tachograph, the API's BoundCounter";

fn handles() -> Vec<Both> {
    let (vector, ids) = measured::typed_handles();
    vec![
        bound(Role::Floor, "single writer, found through the thread", 7, |cell| floors::single_writer(*cell)),
        bound(Role::Floor, "one shared atomic", AtomicU64::new(0), |cell| {
            cell.fetch_add(1, Ordering::Relaxed);
        }),
        bound(Role::Ours, OWN, handle(ours::OwnCounters::bind), |(_, handle)| handle.add(1)),
        bound(
            Role::Ours,
            API,
            handle(|family: &ours::Counters, values| family.counter.bind(&pairs::<&str>(made(values)))),
            |(_, handle)| handle.add(1),
        ),
        bound(
            Role::Peer,
            "opentelemetry_sdk, BoundCounter",
            handle(|family: &otel_sdk::Counters, values| family.counter.bind(&pairs::<&str>(made(values)))),
            |(_, handle)| handle.add(1),
        ),
        bound(Role::Peer, "prometheus", handle(prometheus::Counters::bind), |(_, handle)| handle.inc()),
        bound(Role::Peer, "prometheus-client", handle(prometheus_client::Counters::bind), |(_, handle)| {
            handle.inc();
        }),
        bound(Role::Peer, "measured, dense id", (vector, ids[0]), |(vector, id)| {
            vector.orders_total.get_metric(*id).inc();
        }),
        bound(Role::Peer, "fastmetrics", handle(fastmetrics::Counters::bind), |(_, handle)| handle.inc()),
        bound(Role::Peer, "fast-telemetry", handle(fast_telemetry::Counters::bind), |(_, handle)| {
            handle.inc()
        }),
        bound(
            Role::Peer,
            "metrics and its exporter",
            handle(metrics_facade::Counters::bind),
            |(_, handle)| {
                handle.increment(1);
            },
        ),
        bound(Role::Peer, "vise", handle(vise::Counters::bind), |(_, handle)| {
            handle.inc();
        }),
    ]
}

fn dynamic(set: usize) -> Vec<Both> {
    fn family<C: Counters<&'static str>>(role: Role, set: usize) -> Both {
        Both { role, name: C::NAME, operation: one_series::<&str, C>(values(set)) }
    }
    vec![
        family::<ours::Counters>(Role::Ours, set),
        family::<ours::OwnCounters>(Role::Ours, set),
        family::<otel_sdk::Counters>(Role::Peer, set),
        family::<prometheus::Counters>(Role::Peer, set),
        family::<prometheus_client::Counters<&str>>(Role::Peer, set),
        family::<measured::Counters>(Role::Peer, set),
        family::<fastmetrics::Counters<&str>>(Role::Peer, set),
        family::<fast_telemetry::Counters>(Role::Peer, set),
        family::<metrics_facade::Counters>(Role::Peer, set),
        family::<vise::Counters>(Role::Peer, set),
    ]
}

/// Measures each loop with one thread and with two, all in turn.
fn measure(effort: Effort, loops: Vec<Both>) -> Vec<(Row, Row)> {
    let mut contenders = Vec::new();
    for Both { role, name, operation } in loops {
        let alone = operation.clone();
        contenders.push(Contender::new(role, name, move |n| alone(n)));
        let mut pair = Pair::new(operation);
        contenders.push(Contender::timed(role, name, move |n| pair.run(n)));
    }
    let mut rows = compare(effort, contenders).into_iter();
    let mut both = Vec::new();
    while let (Some(one), Some(two)) = (rows.next(), rows.next()) {
        both.push((one, two));
    }
    both
}

/// Prints both figures of every contender; the ratio of ours is what the bar is about.
fn print(title: &str, rows: Vec<(Row, Row)>) -> Vec<(String, f64)> {
    let (mut ratios, mut table) = (Vec::new(), Vec::new());
    for (one, two) in rows {
        ratios.push((one.name.clone(), two.median() / one.median()));
        for (mut row, threads) in [(one, ", one thread"), (two, ", two threads")] {
            row.name.push_str(threads);
            table.push(row);
        }
    }
    Table::new(title, "ns per thread", table).print();
    println!("\n| contender | two threads × one |\n|---|--:|");
    for (name, ratio) in &ratios {
        println!("| {name} | {ratio:.2} |");
    }
    ratios
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    let ratios = print("Bound counter add, one series", measure(effort, handles()));
    note(bars, 1.25, &ratios, OWN, "bound");
    note(bars, 1.25, &ratios, API, "the API's BoundCounter");
    for (set, what) in [(SHORT, "short ones"), (LONG, "one of them of 19 bytes")] {
        let title = format!("Dynamic counter add, three 'static strings, {what}, one series");
        let ratios = print(&title, measure(effort, dynamic(set)));
        let what = format!("dynamic, 'static strings, {what}");
        note(bars, 1.3, &ratios, <ours::Counters as Counters<&str>>::NAME, &what);
    }
}

/// Notes how many times as long our operation takes when another thread does the same.
fn note(bars: &mut Bars, limit: f64, ratios: &[(String, f64)], ours: &str, what: &str) {
    let measured = ratios.iter().find(|(name, _)| name == ours).map_or(f64::NAN, |(_, ratio)| *ratio);
    bars.at_most(limit, Unit::Times, measured, &format!("two threads on one series, {what}"), "one thread");
}
