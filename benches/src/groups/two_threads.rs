//! Two threads on one series at once, beside one thread alone: what a shared cache line costs.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bars::Bars;
use crate::contenders::{
    Counters, fastmetrics, fill_counters, floors, made, measured, otel_sdk, pairs, prometheus, prometheus_client,
};
use crate::groups::one_series;
use crate::harness::{Contender, Effort, Role, Row, Table, compare};
use crate::pair::{Operation, Pair};
use crate::sets::{SERIES, Values, values};

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
    let handle = bind(&family, values(7));
    (family, handle)
}

fn handles() -> Vec<Both> {
    let (vector, ids) = measured::typed_handles();
    vec![
        bound(Role::Floor, "single writer, found through the thread", 7, |cell| floors::single_writer(*cell)),
        bound(Role::Floor, "one shared atomic", AtomicU64::new(0), |cell| {
            cell.fetch_add(1, Ordering::Relaxed);
        }),
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
    ]
}

fn dynamic() -> Vec<Both> {
    fn peer<C: Counters<&'static str>>() -> Both {
        Both { role: Role::Peer, name: C::NAME, operation: one_series::<&str, C>() }
    }
    vec![
        peer::<otel_sdk::Counters>(),
        peer::<prometheus::Counters>(),
        peer::<prometheus_client::Counters<&str>>(),
        peer::<measured::Counters>(),
        peer::<fastmetrics::Counters<&str>>(),
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

pub(crate) fn run(effort: Effort, _bars: &mut Bars) {
    print("Bound counter add, one series", measure(effort, handles()));
    print("Dynamic counter add, three 'static strings, one series", measure(effort, dynamic()));
}
