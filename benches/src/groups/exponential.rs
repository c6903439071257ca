//! A base-2 exponential histogram, by a handle: the mapping of a value to its bucket, and what is kept beside the buckets.
//!
//! `metriken` counts in buckets of a constant relative width too, of integers (here microseconds), and keeps neither sum nor
//! extremes; `fast-telemetry` has one bucket for each power of two, and a sum.

use std::array::from_fn;
use std::sync::Arc;

use fast_telemetry::Distribution;
use metriken::histogram::AtomicCounterHistogram;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::{Aggregation, Instrument, SdkMeterProvider, Stream};
use prometheus::Registry;

use crate::bars::Bars;
use crate::contenders::fast_telemetry::micros;
use crate::contenders::{made, ours, pairs};
use crate::groups::{handle_values, over_handles};
use crate::harness::{Contender, Effort, Role, Table, compare};

const OWN: &str = "tachograph";
const API: &str = "tachograph, the API's BoundHistogram";
const SDK: &str = "opentelemetry_sdk, BoundHistogram";
const METRIKEN: &str = "metriken, in microseconds, without a sum";

pub(crate) fn contenders() -> Vec<Contender<'static>> {
    let provider = ours::provider(2_000);
    let own: tachograph_sdk::Histogram<f64> =
        provider.meter("bench").histogram("order.duration").with_unit("s").with_exponential_buckets().build();
    let own_handles = handle_values().map(|values| own.bind(&pairs::<&str>(made(values))));
    // The same instrument: the API cannot ask for exponential buckets, and gets what was declared first.
    let api = provider.meter("bench").as_otel().f64_histogram("order.duration").with_unit("s").build();
    let api_handles = handle_values().map(|values| api.bind(&pairs::<&str>(made(values))));

    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(Registry::new())
        .build()
        .expect("nothing else is registered");
    let sdk = SdkMeterProvider::builder()
        .with_reader(exporter)
        .with_view(|_: &Instrument| {
            let aggregation =
                Aggregation::Base2ExponentialHistogram { max_size: 160, max_scale: 20, record_min_max: true };
            Stream::builder().with_aggregation(aggregation).build().ok()
        })
        .build();
    let theirs = sdk.meter("bench").f64_histogram("order.duration").with_unit("s").build();
    let their_handles = handle_values().map(|values| theirs.bind(&pairs::<&str>(made(values))));
    // 2^7 buckets for each power of two: a relative error of 0.8 %, finer than 160 buckets over this range.
    let metriken: [Arc<AtomicCounterHistogram>; _] =
        from_fn(|_| Arc::new(AtomicCounterHistogram::new(7, 64)));
    let telemetry: [Arc<Distribution>; _] = from_fn(|_| Arc::new(Distribution::new(2)));

    vec![
        over_handles(Role::Ours, OWN, own_handles, move |handle, value| {
            let _alive = &provider;
            handle.record(value);
        }),
        over_handles(Role::Ours, API, api_handles, |handle, value| handle.record(value)),
        over_handles(Role::Peer, SDK, their_handles, move |handle, value| {
            let _alive = &sdk;
            handle.record(value);
        }),
        over_handles(Role::Peer, METRIKEN, metriken, |histogram, value| {
            let _ = histogram.increment(micros(value));
        }),
        over_handles(
            Role::Peer,
            "fast-telemetry, in microseconds, powers of two",
            telemetry,
            |histogram, value| {
                histogram.record(micros(value));
            },
        ),
    ]
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    let table = Table::new(
        "Bound record of a base-2 exponential histogram, 16 handles in turn",
        "ns",
        compare(effort, contenders()),
    );
    table.print();
    bars.ratio(0.35, table.median(OWN), table.median(SDK), "exponential histogram record, bound", SDK);
    bars.ratio(
        1.2,
        table.median(OWN),
        table.median(METRIKEN),
        "exponential histogram record, bound",
        METRIKEN,
    );
    bars.ratio(
        0.35,
        table.median(API),
        table.median(SDK),
        "exponential histogram record, the API's BoundHistogram",
        SDK,
    );
}
