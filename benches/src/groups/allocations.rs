//! Allocations per record, by the engine: whatever the caller's attributes cost is apart.

use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;

use crate::alloc::counted;
use crate::bars::{Bars, Unit};
use crate::contenders::{
    Counters, fastmetrics, fill_counters, made, measured, otel_sdk, ours, pairs, prometheus,
    prometheus_client,
};
use crate::harness::Effort;
use crate::sets::{Label, SERIES, Values, values};

/// What a call is about.
struct Case {
    name: &'static str,
    /// The pairs of one record; they live on the stack, so building them allocates nothing.
    pairs: fn(Values) -> Vec<KeyValue>,
    /// Whether the series are new while the stream is full.
    at_limit: bool,
}

/// The same set, spelled in every way; the vector is made before counting starts.
const CASES: [Case; 4] = [
    Case { name: "known series", pairs: |values| pairs::<&str>(made(values)).into(), at_limit: false },
    Case {
        name: "known series, other order",
        pairs: |values| {
            let [first, second, third] = pairs::<&str>(made(values));
            vec![third, first, second]
        },
        at_limit: false,
    },
    Case {
        name: "known series, a key twice",
        pairs: |values| {
            let [first, second, third] = pairs::<&str>(made(values));
            vec![KeyValue::new("region", "nowhere"), third, second, first]
        },
        at_limit: false,
    },
    Case {
        name: "new series at the limit",
        pairs: |values| pairs::<&str>(made(values)).into(),
        at_limit: true,
    },
];

/// The default limit on series per stream.
const LIMIT: usize = 2_000;

/// Allocations per record over all series of a case. The first pass over them is not counted.
fn per_record(records: &[Vec<KeyValue>], record: impl Fn(&[KeyValue])) -> f64 {
    records.iter().for_each(|attributes| record(attributes));
    let ((), usage) = counted(|| records.iter().for_each(|attributes| record(attributes)));
    usage.calls as f64 / records.len() as f64
}

/// One contender behind the API, in all cases.
fn through_api(name: &str, family: impl Fn() -> Counter<u64>) -> Vec<f64> {
    let figures: Vec<f64> = CASES
        .iter()
        .map(|case| {
            let counter = family();
            let first = if case.at_limit { LIMIT } else { 0 };
            (0..first.max(SERIES)).for_each(|index| counter.add(1, &pairs::<&str>(made(values(index)))));
            let records: Vec<_> = (first..first + SERIES).map(|index| (case.pairs)(values(index))).collect();
            per_record(&records, |attributes| counter.add(1, attributes))
        })
        .collect();
    print!("| {name} |");
    figures.iter().for_each(|figure| print!(" {figure:.2} |"));
    println!();
    figures
}

/// Allocations of a record of a known series with the caller's own building of labels, for a peer without the API.
fn peer<V: Label, C: Counters<V>>() -> f64 {
    let family = C::with_room_for(SERIES);
    fill_counters(&family, SERIES);
    let ((), usage) = counted(|| (0..SERIES).for_each(|index| family.add(made(values(index)))));
    usage.calls as f64 / SERIES as f64
}

pub(crate) fn run(_effort: Effort, bars: &mut Bars) {
    println!("\n### Allocations per record, the caller's pairs apart\n");
    print!("| contender |");
    CASES.iter().for_each(|case| print!(" {} |", case.name));
    println!("\n|---|--:|--:|--:|--:|");
    let ours = through_api("tachograph, through the API", || {
        let family: ours::Counters = Counters::<&str>::with_room_for(SERIES);
        let counter = family.counter.clone();
        std::mem::forget(family);
        counter
    });
    // The provider is kept alive by its meters' instruments only in part, so it is leaked here.
    through_api("opentelemetry_sdk", || {
        let family: otel_sdk::Counters = Counters::<&str>::with_room_for(SERIES);
        let counter = family.counter.clone();
        std::mem::forget(family);
        counter
    });
    for (case, figure) in CASES.iter().zip(ours) {
        bars.at_most(
            0.0,
            Unit::Allocations,
            figure,
            &format!("allocations per record, {}", case.name),
            "nothing",
        );
    }
    println!("\n### Allocations per record of a known series, with what the caller builds\n");
    println!("| contender | 'static strings | strings made for the call |\n|---|--:|--:|");
    let rows = [
        ("tachograph, through the API", peer::<&str, ours::Counters>(), peer::<String, ours::Counters>()),
        (
            "tachograph, borrowed pairs",
            peer::<&str, ours::OwnCounters>(),
            peer::<String, ours::OwnCounters>(),
        ),
        ("opentelemetry_sdk", peer::<&str, otel_sdk::Counters>(), peer::<String, otel_sdk::Counters>()),
        ("prometheus", peer::<&str, prometheus::Counters>(), peer::<String, prometheus::Counters>()),
        (
            "prometheus-client",
            peer::<&str, prometheus_client::Counters<&str>>(),
            peer::<String, prometheus_client::Counters<String>>(),
        ),
        ("measured", peer::<&str, measured::Counters>(), peer::<String, measured::Counters>()),
        (
            "fastmetrics",
            peer::<&str, fastmetrics::Counters<&str>>(),
            peer::<String, fastmetrics::Counters<String>>(),
        ),
    ];
    for (name, literal, owned) in rows {
        println!("| {name} | {literal:.2} | {owned:.2} |");
    }
}
