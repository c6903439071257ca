//! A counter whose attributes are looked up at each call: three strings, 1,000 live series.

use std::hint::black_box;

use crate::bars::Bars;
use crate::contenders::{fastmetrics, floors, made, measured, otel_sdk, prometheus, prometheus_client};
use crate::groups::looked_up;
use crate::harness::{Contender, Effort, Role, Table, compare};
use crate::sets::{Label, Order};

/// Building the pairs, a virtual call, and dropping them: what the API costs before any engine.
fn floor<V: Label>() -> Contender<'static> {
    let (order, mut position, sink) = (Order::new(), 0, floors::sink());
    Contender::new(Role::Floor, FLOOR, move |n| {
        order.each(&mut position, n, |values| floors::build_and_drop(&*sink, made::<V>(values)));
    })
}

const FLOOR: &str = "three pairs built, handed over, dropped";

fn literals() -> Vec<Contender<'static>> {
    vec![
        floor::<&str>(),
        looked_up::<&str, otel_sdk::Counters>(Role::Peer),
        looked_up::<&str, prometheus::Counters>(Role::Peer),
        looked_up::<&str, prometheus_client::Counters<&str>>(Role::Peer),
        looked_up::<&str, measured::Counters>(Role::Peer),
        looked_up::<&str, fastmetrics::Counters<&str>>(Role::Peer),
    ]
}

fn owned() -> Vec<Contender<'static>> {
    vec![
        floor::<String>(),
        looked_up::<String, otel_sdk::Counters>(Role::Peer),
        looked_up::<String, prometheus::Counters>(Role::Peer),
        looked_up::<String, prometheus_client::Counters<String>>(Role::Peer),
        looked_up::<String, measured::Counters>(Role::Peer),
        looked_up::<String, fastmetrics::Counters<String>>(Role::Peer),
    ]
}

pub(crate) fn all() -> Vec<Contender<'static>> {
    let mut all = literals();
    all.extend(owned().into_iter().map(|mut contender| {
        contender.name.push_str(", owned");
        contender
    }));
    all
}

pub(crate) fn run(effort: Effort, _bars: &mut Bars) {
    let literals = Table::new("Dynamic counter add, three 'static strings", "ns", compare(effort, literals()));
    literals.print();
    let owned = Table::new("Dynamic counter add, three strings made for the call", "ns", compare(effort, owned()));
    owned.print();
    black_box((literals.fastest_peer(), owned.fastest_peer()));
}
