//! Whether recording costs more with a second reader: with an equal one it must not.

use tachograph_sdk::metrics::{MetricReader, TemporalityPreference};
use tachograph_sdk::{BoundCounter, BoundHistogram, Counter, Histogram};

use crate::bars::Bars;
use crate::contenders::{made, ours, pairs};
use crate::groups::{handle_values, over_handles};
use crate::harness::{Contender, Effort, Role, Table, compare};
use crate::sets::HANDLES;

const ONE: &str = "one reader";
const TWO: &str = "two readers, both cumulative";
const DELTA: &str = "two readers, cumulative and delta";

/// Handles of a provider of its own, and the readers that keep it.
fn handles(name: &str) -> (Vec<MetricReader>, [BoundCounter<u64>; HANDLES], [BoundHistogram<f64>; HANDLES]) {
    let provider = ours::provider(2_000);
    let mut readers = vec![provider.reader()];
    match name {
        TWO => readers.push(provider.reader()),
        DELTA => {
            readers.push(provider.reader_builder().with_temporality(TemporalityPreference::Delta).build())
        }
        _ => {}
    }
    let counter: Counter<u64> = provider.meter("bench").counter("orders").build();
    let histogram: Histogram<f64> =
        provider.meter("bench").histogram("order.duration").with_unit("s").build();
    let counters = handle_values().map(|values| counter.bind(&pairs::<&str>(made(values))));
    let histograms = handle_values().map(|values| histogram.bind(&pairs::<&str>(made(values))));
    readers.iter().for_each(|reader| drop(reader.collect()));
    (readers, counters, histograms)
}

fn counters() -> Vec<Contender<'static>> {
    [ONE, TWO, DELTA]
        .map(|name| {
            let (readers, counters, _) = handles(name);
            over_handles(Role::Ours, name, counters, move |handle, _| {
                let _alive = &readers;
                handle.add(1);
            })
        })
        .into()
}

fn histograms() -> Vec<Contender<'static>> {
    [ONE, TWO, DELTA]
        .map(|name| {
            let (readers, _, histograms) = handles(name);
            over_handles(Role::Ours, name, histograms, move |handle, value| {
                let _alive = &readers;
                handle.record(value);
            })
        })
        .into()
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    for (what, contenders) in [("counter add", counters()), ("histogram record, 14 bounds", histograms())] {
        let table = Table::new(format!("Bound {what}, by readers"), "ns", compare(effort, contenders));
        table.print();
        for name in [TWO, DELTA] {
            // The same instructions: what differs is noise.
            let what = format!("bound {what}, {name}");
            bars.ratio(1.05, table.median(name), table.median(ONE), &what, ONE);
        }
    }
}
