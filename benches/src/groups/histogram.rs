//! A histogram of fourteen bounds: with a handle, and with three strings looked up.

use std::hint::black_box;

use crate::bars::Bars;
use crate::contenders::{
    Histograms, fast_telemetry, fastmetrics, fill_histograms, made, measured, metrics_facade, otel_sdk, ours,
    pairs, prometheus, prometheus_client, vise,
};
use crate::groups::{handle_values, looked_up_histogram, over_handles};
use crate::harness::{Contender, Effort, Role, Table, compare};
use crate::sets::{HANDLES, SERIES, Values, durations};

/// A family with all its series live, and a handle on each of some of them.
fn handles<C: Histograms<&'static str>, H>(bind: impl Fn(&C, Values) -> H) -> (C, [H; HANDLES]) {
    let family = C::with_room_for(SERIES);
    fill_histograms(&family, SERIES);
    let handles = handle_values().map(|values| bind(&family, values));
    (family, handles)
}

const OWN: &str = "tachograph";
const API: &str = "tachograph, the API's BoundHistogram";

/// The facade keeps every sample until it is drained, so that draining belongs to the price.
fn drained() -> Contender<'static> {
    let (family, handles) = handles(metrics_facade::Histograms::bind);
    let durations = durations();
    Contender::new(Role::Peer, "metrics and its exporter, drained", move |n| {
        for turn in 0..n {
            black_box(&handles[turn % HANDLES]).record(durations[turn % durations.len()]);
        }
        family.drain();
    })
}

fn bound() -> Vec<Contender<'static>> {
    let (own, own_handles) = handles(ours::OwnHistograms::bind);
    let (api, api_handles) =
        handles(|family: &ours::Histograms, values| family.histogram.bind(&pairs::<&str>(made(values))));
    let (sdk, sdk_handles) =
        handles(|family: &otel_sdk::Histograms, values| family.histogram.bind(&pairs::<&str>(made(values))));
    let (registry, registry_handles) = handles(prometheus::Histograms::bind);
    let (client, client_handles) = handles(prometheus_client::Histograms::bind);
    let (fast, fast_handles) = handles(fastmetrics::Histograms::bind);
    let (telemetry, telemetry_handles) = handles(fast_telemetry::Histograms::bind);
    let (vise, vise_handles) = handles(vise::Histograms::bind);
    let (vector, ids) = measured::typed_histogram_handles();
    vec![
        over_handles(Role::Ours, OWN, own_handles, move |handle, value| {
            let _alive = &own;
            handle.record(value);
        }),
        over_handles(Role::Ours, API, api_handles, move |handle, value| {
            let _alive = &api;
            handle.record(value);
        }),
        over_handles(Role::Peer, "opentelemetry_sdk, BoundHistogram", sdk_handles, move |handle, value| {
            let _alive = &sdk;
            handle.record(value);
        }),
        over_handles(Role::Peer, "prometheus", registry_handles, move |handle, value| {
            let _alive = &registry;
            handle.observe(value);
        }),
        over_handles(Role::Peer, "prometheus-client", client_handles, move |handle, value| {
            let _alive = &client;
            handle.observe(value);
        }),
        over_handles(Role::Peer, "measured, dense id", ids, move |id, value| {
            vector.order_duration_seconds.get_metric(*id).observe(value);
        }),
        over_handles(Role::Peer, "fastmetrics", fast_handles, move |handle, value| {
            let _alive = &fast;
            handle.observe(value);
        }),
        over_handles(
            Role::Peer,
            "fast-telemetry, in microseconds",
            telemetry_handles,
            move |handle, value| {
                let _alive = &telemetry;
                handle.record(fast_telemetry::micros(value));
            },
        ),
        drained(),
        over_handles(Role::Peer, "vise", vise_handles, move |handle, value| {
            let _alive = &vise;
            handle.observe(value);
        }),
    ]
}

fn dynamic() -> Vec<Contender<'static>> {
    vec![
        looked_up_histogram::<&str, ours::Histograms>(Role::Ours),
        looked_up_histogram::<&str, ours::OwnHistograms>(Role::Ours),
        looked_up_histogram::<&str, otel_sdk::Histograms>(Role::Peer),
        looked_up_histogram::<&str, prometheus::Histograms>(Role::Peer),
        looked_up_histogram::<&str, prometheus_client::Histograms<&str>>(Role::Peer),
        looked_up_histogram::<&str, measured::Histograms>(Role::Peer),
        looked_up_histogram::<&str, fastmetrics::Histograms<&str>>(Role::Peer),
        looked_up_histogram::<&str, fast_telemetry::Histograms>(Role::Peer),
        looked_up_histogram::<&str, vise::Histograms>(Role::Peer),
    ]
}

pub(crate) fn all() -> Vec<Contender<'static>> {
    let mut all = bound();
    all.extend(dynamic().into_iter().map(|mut contender| {
        contender.name.push_str(", dynamic");
        contender
    }));
    all
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    let bound =
        Table::new("Bound histogram record, 14 bounds, 16 handles in turn", "ns", compare(effort, bound()));
    bound.print();
    let (peer, fastest) = bound.fastest_peer();
    bars.ratio(0.7, bound.median(OWN), fastest, "histogram record, 14 bounds, bound", peer);
    bars.ratio(
        0.7,
        bound.median(API),
        fastest,
        "histogram record, 14 bounds, the API's BoundHistogram",
        peer,
    );
    let dynamic = Table::new(
        "Dynamic histogram record, 14 bounds, three 'static strings",
        "ns",
        compare(effort, dynamic()),
    );
    dynamic.print();
    let api = <ours::Histograms as Histograms<&str>>::NAME;
    let (peer, fastest) = dynamic.fastest_peer();
    bars.ratio(0.8, dynamic.median(api), fastest, "histogram record, 14 bounds, dynamic", peer);
}
