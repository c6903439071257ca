//! The first record of a series: what the engine builds for it, growth of its tables included.

use std::time::{Duration, Instant};

use crate::bars::Bars;
use crate::contenders::{
    Counters, fast_telemetry, fastmetrics, made, measured, metrics_facade, otel_sdk, ours, prometheus,
    prometheus_client, vise,
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

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
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
        contender::<fast_telemetry::Counters>(Role::Peer, &sets),
        contender::<metrics_facade::Counters>(Role::Peer, &sets),
        contender::<vise::Counters>(Role::Peer, &sets),
    ];
    let sizes = vec![series; contenders.len()];
    let rows = compare_sized(effort.of(30, 1), &sizes, contenders);
    let table = Table::new(
        format!("First record of each of {series} series, three 'static strings"),
        "ns per series",
        rows,
    );
    table.print();
    let sdk = <otel_sdk::Counters as Counters<&str>>::NAME;
    for ours in [<ours::Counters as Counters<&str>>::NAME, <ours::OwnCounters as Counters<&str>>::NAME] {
        let what = format!("first record of a new series, {ours}");
        bars.ratio(0.4, table.median(ours), table.median(sdk), &what, sdk);
    }
}
