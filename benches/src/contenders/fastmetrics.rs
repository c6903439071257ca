//! `fastmetrics`: families over a struct of labels that derives its encoding.

use fastmetrics::derive::{EncodeLabelValue as DeriveLabelValue, LabelSet as DeriveLabelSet};
use fastmetrics::encoder::EncodeLabelValue;
use fastmetrics::format::text::{TextProfile, encode};
use fastmetrics::metrics::counter::Counter;
use fastmetrics::metrics::family::Family;
use fastmetrics::metrics::histogram::Histogram;
use fastmetrics::registry::Registry;

use crate::sets::{BOUNDS, Label};

const NAME: &str = "fastmetrics";

#[derive(Clone, PartialEq, Eq, Hash, DeriveLabelSet)]
pub(crate) struct Labels<V: EncodeLabelValue> {
    channel: V,
    region: V,
    route: V,
}

impl<V: EncodeLabelValue> Labels<V> {
    #[inline(always)]
    fn new([channel, region, route]: [V; 3]) -> Self {
        Self { channel, region, route }
    }
}

fn scraper(registry: &Registry) -> impl FnMut() -> usize {
    let mut page = String::new();
    move || {
        page.clear();
        encode(&mut page, registry, TextProfile::default()).expect("the page encodes");
        page.len()
    }
}

pub(crate) struct Counters<V: EncodeLabelValue> {
    registry: Registry,
    family: Family<Labels<V>, Counter>,
}

impl Counters<&'static str> {
    /// A resolved handle.
    pub(crate) fn bind(&self, values: [&'static str; 3]) -> Counter {
        self.family.with_or_new(&Labels::new(values), Counter::clone)
    }
}

impl<V: Label + EncodeLabelValue> super::Counters<V> for Counters<V> {
    const NAME: &'static str = NAME;

    fn with_room_for(_series: usize) -> Self {
        let mut registry = Registry::default();
        let family = Family::default();
        registry.register("orders", "Orders", family.clone()).expect("the name is valid");
        Self { registry, family }
    }

    #[inline(always)]
    fn add(&self, values: [V; 3]) {
        self.family.with_or_new(&Labels::new(values), Counter::inc);
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        scraper(&self.registry)
    }
}

pub(crate) struct Histograms<V: EncodeLabelValue> {
    registry: Registry,
    family: Family<Labels<V>, Histogram>,
}

impl Histograms<&'static str> {
    /// A resolved handle.
    pub(crate) fn bind(&self, values: [&'static str; 3]) -> Histogram {
        self.family.with_or_new(&Labels::new(values), Histogram::clone)
    }
}

impl<V: Label + EncodeLabelValue> super::Histograms<V> for Histograms<V> {
    const NAME: &'static str = NAME;

    fn with_room_for(_series: usize) -> Self {
        let mut registry = Registry::default();
        let family = Family::new(|| Histogram::new(BOUNDS));
        registry.register("order_duration_seconds", "Durations", family.clone()).expect("the name is valid");
        Self { registry, family }
    }

    #[inline(always)]
    fn record(&self, values: [V; 3], value: f64) {
        self.family.with_or_new(&Labels::new(values), |histogram| histogram.observe(value));
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        scraper(&self.registry)
    }
}

super::enums! {
    #[derive(Clone, Copy, PartialEq, Eq, Hash, DeriveLabelValue)]
}

/// Labels of enums.
#[derive(Clone, Copy, PartialEq, Eq, Hash, DeriveLabelSet)]
pub(crate) struct Typed {
    channel: Channel,
    region: Region,
    route: Route,
}

/// A family over [`Typed`], registered.
pub(crate) fn typed() -> (Registry, Family<Typed, Counter>) {
    let mut registry = Registry::default();
    let family = Family::default();
    registry.register("orders", "Orders", family.clone()).expect("the name is valid");
    (registry, family)
}

impl Typed {
    #[inline(always)]
    pub(crate) fn of([channel, region, route]: [usize; 3]) -> Self {
        Self { channel: Channel::ALL[channel], region: Region::ALL[region], route: Route::ALL[route] }
    }
}
