//! A counter whose attributes are resolved before: what is left is the cell.

use std::array::from_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bars::Bars;
use crate::contenders::{
    Counters, fast_telemetry, fastmetrics, fill_counters, floors, made, measured, metrics_facade, otel_sdk,
    ours, pairs, prometheus, prometheus_client, vise,
};
use crate::groups::{handle_values, over_handles};
use crate::harness::{Contender, Effort, Role, Table, compare};
use crate::sets::{HANDLES, SERIES, Values};

/// A family with all its series live, and a handle on each of some of them.
fn handles<C: Counters<&'static str>, H>(bind: impl Fn(&C, Values) -> H) -> (C, [H; HANDLES]) {
    let family = C::with_room_for(SERIES);
    fill_counters(&family, SERIES);
    let handles = handle_values().map(|values| bind(&family, values));
    (family, handles)
}

pub(crate) fn contenders() -> Vec<Contender<'static>> {
    let cell = |index: usize| index * (SERIES / HANDLES);
    let atomics: [Arc<AtomicU64>; HANDLES] = from_fn(|_| Arc::default());
    let owned: [Arc<AtomicU64>; HANDLES] = from_fn(|_| Arc::default());

    let (own, own_handles) = handles(ours::OwnCounters::bind);
    let (api, api_handles) =
        handles(|family: &ours::Counters, values| family.counter.bind(&pairs::<&str>(made(values))));
    let (sdk, sdk_handles) =
        handles(|family: &otel_sdk::Counters, values| family.counter.bind(&pairs::<&str>(made(values))));
    let (registry, registry_handles) = handles(prometheus::Counters::bind);
    let (client, client_handles) = handles(prometheus_client::Counters::bind);
    let (fast, fast_handles) = handles(fastmetrics::Counters::bind);
    let (telemetry, telemetry_handles) = handles(fast_telemetry::Counters::bind);
    let (facade, facade_handles) = handles(metrics_facade::Counters::bind);
    let (vise, vise_handles) = handles(vise::Counters::bind);
    let metriken: [Arc<metriken::Counter>; HANDLES] = from_fn(|_| Arc::new(metriken::Counter::new()));
    let (vector, ids) = measured::typed_handles();

    vec![
        over_handles(Role::Floor, THREAD_LOCAL, from_fn(cell), |cell, _| floors::thread_local_cell(*cell)),
        over_handles(Role::Floor, SINGLE_WRITER, from_fn(cell), |cell, _| floors::single_writer(*cell)),
        over_handles(Role::Floor, "load and store, cell in hand", owned, |cell, _| {
            floors::load_and_store(cell)
        }),
        over_handles(Role::Floor, SHARED_ATOMIC, atomics, |cell, _| {
            cell.fetch_add(1, Ordering::Relaxed);
        }),
        over_handles(Role::Floor, BEHIND_API, from_fn(cell).map(floors::bound_cell), |handle, _| {
            handle.add(1)
        }),
        over_handles(Role::Ours, OWN, own_handles, move |handle, _| {
            let _alive = &own;
            handle.add(1);
        }),
        over_handles(Role::Ours, API, api_handles, move |handle, _| {
            let _alive = &api;
            handle.add(1);
        }),
        over_handles(Role::Peer, "opentelemetry_sdk, BoundCounter", sdk_handles, move |handle, _| {
            let _alive = &sdk;
            handle.add(1);
        }),
        over_handles(Role::Peer, "prometheus", registry_handles, move |handle, _| {
            let _alive = &registry;
            handle.inc();
        }),
        over_handles(Role::Peer, "prometheus-client", client_handles, move |handle, _| {
            let _alive = &client;
            handle.inc();
        }),
        over_handles(Role::Peer, "measured, dense id", ids, move |id, _| {
            vector.orders_total.get_metric(*id).inc()
        }),
        over_handles(Role::Peer, "fastmetrics", fast_handles, move |handle, _| {
            let _alive = &fast;
            handle.inc();
        }),
        over_handles(Role::Peer, "fast-telemetry", telemetry_handles, move |handle, _| {
            let _alive = &telemetry;
            handle.inc();
        }),
        over_handles(Role::Peer, "metrics and its exporter", facade_handles, move |handle, _| {
            let _alive = &facade;
            handle.increment(1);
        }),
        over_handles(Role::Peer, "metriken", metriken, |counter, _| {
            counter.increment();
        }),
        over_handles(Role::Peer, "vise", vise_handles, move |handle, _| {
            let _alive = &vise;
            handle.inc();
        }),
    ]
}

const THREAD_LOCAL: &str = "thread-local cell";
const SINGLE_WRITER: &str = "single writer, found through the thread";
const BEHIND_API: &str = "single writer, found through the thread, behind the API's BoundCounter";
const OWN: &str = "tachograph";
const API: &str = "tachograph, the API's BoundCounter";
const SHARED_ATOMIC: &str = "one shared uncontended atomic";

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    let table = Table::new(
        "Bound counter add, 16 handles in turn, 1,000 live series",
        "ns",
        compare(effort, contenders()),
    );
    table.print();
    let shared = "one shared uncontended atomic";
    let (own, api, atomic) = (table.median(OWN), table.median(API), table.median(SHARED_ATOMIC));
    bars.ratio(0.45, own, atomic, "bound counter add, our handle", shared);
    bars.ratio(0.5, api, atomic, "bound counter add, the API's BoundCounter", shared);
    for (name, ours) in [("our handle", own), ("the API's BoundCounter", api)] {
        let floor = table.median(SINGLE_WRITER);
        bars.ratio(1.5, ours, floor, &format!("bound counter add, {name}"), "the single-writer floor");
    }
    let floor = table.median(BEHIND_API);
    bars.ratio(
        1.5,
        api,
        floor,
        "bound counter add, the API's BoundCounter",
        "that floor behind the same API",
    );
}
