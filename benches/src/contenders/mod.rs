//! The libraries, each as its own users would write it, under one shape.
//!
//! A contender gets the caller's three values and makes of them whatever it takes, inside the
//! measured call: pairs, a struct, a slice. What its documentation recommends for speed is used;
//! what its users cannot have is not.

pub(crate) mod fast_telemetry;
pub(crate) mod fastmetrics;
pub(crate) mod floors;
pub(crate) mod measured;
pub(crate) mod metrics_facade;
pub(crate) mod otel_sdk;
pub(crate) mod ours;
pub(crate) mod prometheus;
pub(crate) mod prometheus_client;
pub(crate) mod vise;

use crate::sets::{KEYS, Label, Order, Values, values};

/// A family of counters with three attributes.
pub(crate) trait Counters<V: Label>: Send + Sync + 'static {
    /// How tables call it.
    const NAME: &'static str;

    /// A family that is exposed by a reader or registry and holds so many series.
    fn with_room_for(series: usize) -> Self;

    /// Adds 1.
    fn add(&self, values: [V; 3]);

    /// What encodes a page into a buffer that it keeps, and says how many bytes that took.
    fn scraper(&self) -> impl FnMut() -> usize;
}

/// A family of histograms with fourteen bounds and three attributes.
pub(crate) trait Histograms<V: Label>: Send + Sync + 'static {
    /// How tables call it.
    const NAME: &'static str;

    /// A family that is exposed by a reader or registry and holds so many series.
    fn with_room_for(series: usize) -> Self;

    /// Records a value.
    fn record(&self, values: [V; 3], value: f64);

    /// What encodes a page into a buffer that it keeps, and says how many bytes that took.
    fn scraper(&self) -> impl FnMut() -> usize;
}

/// The values as a caller has them.
#[inline(always)]
pub(crate) fn made<V: Label>(values: Values) -> [V; 3] {
    values.map(V::make)
}

/// Three pairs of the API, built from the caller's values.
#[inline(always)]
pub(crate) fn pairs<V: Label>([channel, region, route]: [V; 3]) -> [opentelemetry::KeyValue; 3] {
    [
        opentelemetry::KeyValue::new(KEYS[0], channel),
        opentelemetry::KeyValue::new(KEYS[1], region),
        opentelemetry::KeyValue::new(KEYS[2], route),
    ]
}

/// Records once into each of the first `series` series.
pub(crate) fn fill_counters<V: Label>(family: &impl Counters<V>, series: usize) {
    (0..series).for_each(|index| family.add(made(values(index))));
}

/// Records once into each of the first `series` series.
pub(crate) fn fill_histograms<V: Label>(family: &impl Histograms<V>, series: usize) {
    (0..series).for_each(|index| family.record(made(values(index)), 0.3));
}

/// The three enums of the typed groups, ten values each, deriving what the library at hand asks for.
macro_rules! enums {
    ($(#[$derive:meta])*) => {
        $(#[$derive])*
        pub(crate) enum Channel { Web, App, Partner, Store, Phone, Kiosk, Batch, Market, Social, Terminal }

        $(#[$derive])*
        pub(crate) enum Region { EuCentral, EuWest, EuNorth, UsEast, UsWest, ApSouth, ApEast, SaEast, AfSouth, MeSouth }

        $(#[$derive])*
        pub(crate) enum Route { Create, Read, Pay, Ship, Cancel, Stock, Sku, Customer, History, Health }

        impl Channel {
            const ALL: [Self; 10] = [
                Self::Web, Self::App, Self::Partner, Self::Store, Self::Phone, Self::Kiosk, Self::Batch,
                Self::Market, Self::Social, Self::Terminal,
            ];
        }

        impl Region {
            const ALL: [Self; 10] = [
                Self::EuCentral, Self::EuWest, Self::EuNorth, Self::UsEast, Self::UsWest, Self::ApSouth,
                Self::ApEast, Self::SaEast, Self::AfSouth, Self::MeSouth,
            ];
        }

        impl Route {
            const ALL: [Self; 10] = [
                Self::Create, Self::Read, Self::Pay, Self::Ship, Self::Cancel, Self::Stock, Self::Sku,
                Self::Customer, Self::History, Self::Health,
            ];
        }
    };
}
pub(crate) use enums;

/// All combinations of the enums, in the measured order.
pub(crate) fn typed_sets<T>(make: impl Fn([usize; 3]) -> T) -> Vec<T> {
    Order::new().indices().iter().map(|indices| make(indices.map(usize::from))).collect()
}
