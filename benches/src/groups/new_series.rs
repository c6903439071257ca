//! The first record of a series: what the engine builds for it, growth of its tables included.

use std::time::{Duration, Instant};

use crate::bars::Bars;
use crate::contenders::{
    Counters, fastmetrics, made, measured, otel_sdk, ours, prometheus, prometheus_client,
};
use crate::harness::{Contender, Effort, Role, Table, compare_sized};
use crate::sets::{Values, values};

/// Fills a new family, whose making and dropping is not counted.
fn contender<'a, C: Counters<&'static str>>(role: Role, sets: &'a [Values]) -> Contender<'a> {
    Contender::timed(role, C::NAME, move |n| -> Duration {
        let family = C::with_room_for(n);
        let start = Instant::now();
        sets.iter().take(n).for_each(|values| family.add(made(*values)));
        start.elapsed()
    })
}

pub(crate) fn run(effort: Effort, _bars: &mut Bars) {
    let series = effort.of(10_000, 100);
    let sets: Vec<Values> = (0..series).map(values).collect();
    let contenders = vec![
        contender::<ours::Counters>(Role::Ours, &sets),
        contender::<ours::OwnCounters>(Role::Ours, &sets),
        contender::<otel_sdk::Counters>(Role::Peer, &sets),
        contender::<prometheus::Counters>(Role::Peer, &sets),
        contender::<prometheus_client::Counters<&str>>(Role::Peer, &sets),
        contender::<measured::Counters>(Role::Peer, &sets),
        contender::<fastmetrics::Counters<&str>>(Role::Peer, &sets),
    ];
    let sizes = vec![series; contenders.len()];
    let rows = compare_sized(effort.of(30, 1), &sizes, contenders);
    Table::new(
        format!("First record of each of {series} series, three 'static strings"),
        "ns per series",
        rows,
    )
    .print();
}
