//! `prometheus-client`: families over a struct of labels that derives its encoding.

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelKey, EncodeLabelSet, EncodeLabelValue, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::sets::{BOUNDS, KEYS, Label};

const NAME: &str = "prometheus-client";

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
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

/// What the derive would write, were it able to derive for a generic struct.
impl<V: EncodeLabelValue> EncodeLabelSet for Labels<V> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, value) in KEYS.iter().zip([&self.channel, &self.region, &self.route]) {
            let mut label = encoder.encode_label();
            let mut key = label.encode_label_key()?;
            EncodeLabelKey::encode(name, &mut key)?;
            let mut text = key.encode_label_value()?;
            EncodeLabelValue::encode(value, &mut text)?;
            text.finish()?;
        }
        Ok(())
    }
}

fn scraper(registry: &Registry) -> impl FnMut() -> usize {
    let mut page = String::new();
    move || {
        page.clear();
        encode(&mut page, registry).expect("the page encodes");
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
        self.family.get_or_create_owned(&Labels::new(values))
    }
}

impl<V: Label + EncodeLabelValue> super::Counters<V> for Counters<V> {
    const NAME: &'static str = NAME;

    fn with_room_for(_series: usize) -> Self {
        let mut registry = Registry::default();
        let family = Family::default();
        registry.register("orders", "Orders", family.clone());
        Self { registry, family }
    }

    #[inline(always)]
    fn add(&self, values: [V; 3]) {
        self.family.get_or_create(&Labels::new(values)).inc();
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
        self.family.get_or_create_owned(&Labels::new(values))
    }
}

impl<V: Label + EncodeLabelValue> super::Histograms<V> for Histograms<V> {
    const NAME: &'static str = NAME;

    fn with_room_for(_series: usize) -> Self {
        let mut registry = Registry::default();
        let family = Family::new_with_constructor((|| Histogram::new(BOUNDS)) as fn() -> Histogram);
        registry.register("order_duration_seconds", "Durations", family.clone());
        Self { registry, family }
    }

    #[inline(always)]
    fn record(&self, values: [V; 3], value: f64) {
        self.family.get_or_create(&Labels::new(values)).observe(value);
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        scraper(&self.registry)
    }
}

super::enums! {
    #[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
}

/// Labels of enums.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Typed {
    channel: Channel,
    region: Region,
    route: Route,
}

/// A family over [`Typed`], registered.
pub(crate) fn typed() -> (Registry, Family<Typed, Counter>) {
    let mut registry = Registry::default();
    let family = Family::default();
    registry.register("orders", "Orders", family.clone());
    (registry, family)
}

impl Typed {
    #[inline(always)]
    pub(crate) fn of([channel, region, route]: [usize; 3]) -> Self {
        Self { channel: Channel::ALL[channel], region: Region::ALL[region], route: Route::ALL[route] }
    }
}
