//! A counter over a struct of three enums of ten values each: cardinality known when compiling.

use std::hint::black_box;

use crate::bars::Bars;
use crate::contenders::{fastmetrics, measured, ours, prometheus_client};
use crate::harness::{Contender, Effort, Role, Table, compare};

/// A contender that is given each of `labels` in turn.
fn over<L: Copy + 'static>(
    role: Role,
    name: &'static str,
    labels: Vec<L>,
    add: impl Fn(L) + 'static,
) -> Contender<'static> {
    labels.iter().for_each(|labels| add(*labels));
    let mut position = 0;
    Contender::warmed(role, name, labels.len(), move |n| {
        for _ in 0..n {
            add(black_box(labels[position]));
            position = if position + 1 == labels.len() { 0 } else { position + 1 };
        }
    })
}

const OURS: &str = "tachograph";
const MEASURED: &str = "measured, dense";

pub(crate) fn contenders() -> Vec<Contender<'static>> {
    let (reader, counter) = ours::typed();
    let dense = measured::TypedCounters::new();
    let (registry, client) = prometheus_client::typed();
    let (fast_registry, fast) = fastmetrics::typed();
    vec![
        over(Role::Ours, OURS, ours::typed_labels(), move |labels| {
            let _alive = &reader;
            black_box(&counter).add(1, &labels);
        }),
        over(Role::Peer, MEASURED, measured::typed_labels(), move |labels| {
            black_box(&dense).orders_total.inc(labels);
        }),
        over(Role::Peer, "prometheus-client", prometheus_client::typed_labels(), move |labels| {
            let _alive = &registry;
            black_box(&client).get_or_create(&labels).inc();
        }),
        over(Role::Peer, "fastmetrics", fastmetrics::typed_labels(), move |labels| {
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
