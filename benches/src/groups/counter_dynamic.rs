//! A counter whose attributes are looked up at each call: three strings, 1,000 live series.

use std::hint::black_box;

use crate::bars::Bars;
use crate::contenders::{
    Counters, fast_telemetry, fastmetrics, fill_counters, floors, made, measured, metrics_facade, otel_sdk,
    ours, pairs, prometheus, prometheus_client, vise,
};
use crate::groups::looked_up;
use crate::harness::{Contender, Effort, Role, Table, compare};
use crate::sets::{Label, Order, SERIES, values};

/// Building the pairs, a virtual call, and dropping them: what the API costs before any engine.
fn floor<V: Label>() -> Contender<'static> {
    let (order, mut position, counter) = (Order::new(), 0, floors::nothing());
    Contender::new(Role::Floor, FLOOR, move |n| {
        order.each(&mut position, n, |values| black_box(&counter).add(1, &pairs::<V>(made(values))));
    })
}

const FLOOR: &str = "three pairs built, handed over, dropped";

fn literals() -> Vec<Contender<'static>> {
    vec![
        floor::<&str>(),
        looked_up::<&str, ours::Counters>(Role::Ours),
        looked_up::<&str, ours::OwnCounters>(Role::Ours),
        borrowed(),
        looked_up::<&str, otel_sdk::Counters>(Role::Peer),
        looked_up::<&str, prometheus::Counters>(Role::Peer),
        looked_up::<&str, prometheus_client::Counters<&str>>(Role::Peer),
        looked_up::<&str, measured::Counters>(Role::Peer),
        looked_up::<&str, measured::GivenCounters>(Role::Aside),
        looked_up::<&str, fastmetrics::Counters<&str>>(Role::Peer),
        looked_up::<&str, fast_telemetry::Counters>(Role::Peer),
        looked_up::<&str, metrics_facade::Counters>(Role::Peer),
        looked_up::<&str, vise::Counters>(Role::Peer),
    ]
}

fn owned() -> Vec<Contender<'static>> {
    vec![
        floor::<String>(),
        looked_up::<String, ours::Counters>(Role::Ours),
        looked_up::<String, ours::OwnCounters>(Role::Ours),
        looked_up::<String, otel_sdk::Counters>(Role::Peer),
        looked_up::<String, prometheus::Counters>(Role::Peer),
        looked_up::<String, prometheus_client::Counters<String>>(Role::Peer),
        looked_up::<String, measured::Counters>(Role::Peer),
        looked_up::<String, fastmetrics::Counters<String>>(Role::Peer),
        looked_up::<String, fast_telemetry::Counters>(Role::Peer),
        looked_up::<String, metrics_facade::Counters>(Role::Peer),
    ]
}

/// Borrowed pairs whose text belongs to strings that somebody else made, and lies at seven addresses
/// in turn: as with text out of requests, an address says nothing.
fn borrowed() -> Contender<'static> {
    const COPIES: usize = 7;
    let family: ours::OwnCounters = Counters::<&str>::with_room_for(SERIES);
    fill_counters::<&str>(&family, SERIES);
    let copies: Vec<Vec<[String; 3]>> =
        (0..COPIES).map(|_| (0..10).map(|index| values(index * 111).map(str::to_owned)).collect()).collect();
    let (order, mut turn) = (Order::new(), 0);
    Contender::warmed(Role::Ours, BORROWED, SERIES, move |n| {
        for _ in 0..n {
            let [channel, region, route] = order.indices()[turn % SERIES].map(usize::from);
            let copy = &copies[turn % COPIES];
            black_box(&family).add_borrowed([&copy[channel][0], &copy[region][1], &copy[route][2]]);
            turn += 1;
        }
    })
}

const BORROWED: &str = "tachograph, borrowed pairs of others' strings";

pub(crate) fn all() -> Vec<Contender<'static>> {
    let mut all = literals();
    all.extend(owned().into_iter().map(|mut contender| {
        contender.name.push_str(", owned");
        contender
    }));
    all
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    let api = <ours::Counters as Counters<&str>>::NAME;
    let own = <ours::OwnCounters as Counters<&str>>::NAME;
    let sdk = <otel_sdk::Counters as Counters<&str>>::NAME;

    let table = Table::new("Dynamic counter add, three 'static strings", "ns", compare(effort, literals()));
    table.print();
    let (peer, fastest) = table.fastest_peer();
    let what = "dynamic counter add, three 'static strings";
    bars.ratio(0.8, table.median(api), fastest, what, peer);
    bars.ratio(0.6, table.median(api), fastest, &format!("{what} (stretch)"), peer);
    bars.ratio(0.25, table.median(api), table.median(sdk), what, sdk);
    bars.ratio(0.7, table.median(own), fastest, "borrowed pairs, three 'static strings", peer);
    bars.ratio(0.7, table.median(BORROWED), fastest, "borrowed pairs, three strings of others", peer);

    let table =
        Table::new("Dynamic counter add, three strings made for the call", "ns", compare(effort, owned()));
    table.print();
    let (peer, fastest) = table.fastest_peer();
    bars.ratio(1.3, table.median(api), fastest, "dynamic counter add, three owned strings", peer);
}
