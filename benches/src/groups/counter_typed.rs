//! A counter over a struct of three enums of ten values each: cardinality known when compiling.

use std::hint::black_box;

use crate::bars::Bars;
use crate::contenders::{fastmetrics, floors, measured, ours, prometheus_client, typed_sets};
use crate::harness::{Contender, Effort, Role, Table, compare};
use crate::sets::in_turn;

/// A contender that is given each of `labels` in turn, by value, from memory that the compiler knows
/// nothing about. (Sent through `black_box` they would be measured on their way through the stack.)
fn over<L: Copy + 'static>(
    role: Role,
    name: &'static str,
    labels: Vec<L>,
    add: impl Fn(L) + 'static,
) -> Contender<'static> {
    let mut position = 0;
    Contender::warmed(role, name, labels.len(), move |n| {
        in_turn(&labels, &mut position, n, |labels| add(*labels));
    })
}

const FLOOR: &str = "single writer, found through the thread, by index";
const OURS: &str = "tachograph";
const MEASURED: &str = "measured, dense";

pub(crate) fn contenders() -> Vec<Contender<'static>> {
    let (reader, counter) = ours::typed();
    let dense = measured::TypedCounters::new();
    let (registry, client) = prometheus_client::typed();
    let (fast_registry, fast) = fastmetrics::typed();
    vec![
        over(Role::Floor, FLOOR, typed_sets(|indices| indices.map(|index| index as u8)), |indices| {
            let [channel, region, route] = indices.map(usize::from);
            floors::single_writer((channel * 10 + region) * 10 + route);
        }),
        over(Role::Ours, OURS, typed_sets(ours::Typed::of), move |labels| {
            let _alive = &reader;
            black_box(&counter).add(1, &labels);
        }),
        over(Role::Peer, MEASURED, typed_sets(measured::Typed::of), move |labels| {
            black_box(&dense).orders_total.inc(labels);
        }),
        over(Role::Peer, "prometheus-client", typed_sets(prometheus_client::Typed::of), move |labels| {
            let _alive = &registry;
            black_box(&client).get_or_create(&labels).inc();
        }),
        over(Role::Peer, "fastmetrics", typed_sets(fastmetrics::Typed::of), move |labels| {
            let _alive = &fast_registry;
            black_box(&fast).with_or_new(&labels, |counter| counter.inc());
        }),
    ]
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    let table =
        Table::new("Typed counter add, three enums, 1,000 live series", "ns", compare(effort, contenders()));
    table.print();
    let dense = table.median(MEASURED);
    bars.ratio(0.5, table.median(OURS), dense, "typed counter add, enums", "measured's dense mode");
}
