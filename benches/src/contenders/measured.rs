//! `measured`: vectors over label groups. Strings are interned by `paracord`, which its own benches
//! of open-ended labels use; enums make its dense mode.

use lasso::{Rodeo, RodeoReader, Spur};
use measured::metric::histogram::Thresholds;
use measured::text::BufferedTextEncoder;
use measured::{CounterVec, FixedCardinalityLabel, HistogramVec, LabelGroup, MetricGroup};
use paracord::ParaCord;

use crate::sets::{BOUNDS, HANDLES, Label, SERIES, values};

const NAME: &str = "measured";

#[derive(Clone, Copy, LabelGroup)]
#[label(set = LabelsSet)]
pub(crate) struct Labels<'a> {
    #[label(dynamic_with = ParaCord, default)]
    channel: &'a str,
    #[label(dynamic_with = ParaCord, default)]
    region: &'a str,
    #[label(dynamic_with = ParaCord, default)]
    route: &'a str,
}

impl<'a> Labels<'a> {
    #[inline(always)]
    fn new([channel, region, route]: &'a [impl Label; 3]) -> Self {
        Self { channel: channel.as_ref(), region: region.as_ref(), route: route.as_ref() }
    }
}

#[derive(MetricGroup)]
#[metric(new())]
pub(crate) struct Counters {
    /// Orders
    #[metric(label_set = LabelsSet::default())]
    orders_total: CounterVec<LabelsSet>,
}

impl<V: Label> super::Counters<V> for Counters {
    const NAME: &'static str = NAME;

    fn with_room_for(_series: usize) -> Self {
        Self::new()
    }

    #[inline(always)]
    fn add(&self, values: [V; 3]) {
        self.orders_total.inc(Labels::new(&values));
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        let mut encoder = BufferedTextEncoder::new();
        move || {
            let Ok(()) = self.collect_group_into(&mut encoder);
            encoder.finish().len()
        }
    }
}

#[derive(MetricGroup)]
#[metric(new())]
pub(crate) struct Histograms {
    /// Durations
    #[metric(label_set = LabelsSet::default(), metadata = Thresholds::with_buckets(BOUNDS))]
    order_duration_seconds: HistogramVec<LabelsSet, 14>,
}

impl<V: Label> super::Histograms<V> for Histograms {
    const NAME: &'static str = NAME;

    fn with_room_for(_series: usize) -> Self {
        Self::new()
    }

    #[inline(always)]
    fn record(&self, values: [V; 3], value: f64) {
        self.order_duration_seconds.observe(Labels::new(&values), value);
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        let mut encoder = BufferedTextEncoder::new();
        move || {
            let Ok(()) = self.collect_group_into(&mut encoder);
            encoder.finish().len()
        }
    }
}

// Spelled out: the crate's derive does not resolve its own names inside another macro.

#[derive(Clone, Copy, FixedCardinalityLabel)]
pub(crate) enum Channel {
    Web,
    App,
    Partner,
    Store,
    Phone,
    Kiosk,
    Batch,
    Market,
    Social,
    Terminal,
}

impl Channel {
    const ALL: [Self; 10] = [
        Self::Web,
        Self::App,
        Self::Partner,
        Self::Store,
        Self::Phone,
        Self::Kiosk,
        Self::Batch,
        Self::Market,
        Self::Social,
        Self::Terminal,
    ];
}

#[derive(Clone, Copy, FixedCardinalityLabel)]
pub(crate) enum Region {
    EuCentral,
    EuWest,
    EuNorth,
    UsEast,
    UsWest,
    ApSouth,
    ApEast,
    SaEast,
    AfSouth,
    MeSouth,
}

impl Region {
    const ALL: [Self; 10] = [
        Self::EuCentral,
        Self::EuWest,
        Self::EuNorth,
        Self::UsEast,
        Self::UsWest,
        Self::ApSouth,
        Self::ApEast,
        Self::SaEast,
        Self::AfSouth,
        Self::MeSouth,
    ];
}

#[derive(Clone, Copy, FixedCardinalityLabel)]
pub(crate) enum Route {
    Create,
    Read,
    Pay,
    Ship,
    Cancel,
    Stock,
    Sku,
    Customer,
    History,
    Health,
}

impl Route {
    const ALL: [Self; 10] = [
        Self::Create,
        Self::Read,
        Self::Pay,
        Self::Ship,
        Self::Cancel,
        Self::Stock,
        Self::Sku,
        Self::Customer,
        Self::History,
        Self::Health,
    ];
}

/// Labels of enums: 1,000 combinations, which the crate holds densely by default.
#[derive(Clone, Copy, LabelGroup)]
#[label(set = TypedSet)]
pub(crate) struct Typed {
    channel: Channel,
    region: Region,
    route: Route,
}

#[derive(MetricGroup)]
#[metric(new())]
pub(crate) struct TypedCounters {
    /// Orders
    #[metric(label_set = TypedSet::new())]
    pub(crate) orders_total: CounterVec<TypedSet>,
}

#[derive(MetricGroup)]
#[metric(new())]
pub(crate) struct TypedHistograms {
    /// Durations
    #[metric(label_set = TypedSet::new(), metadata = Thresholds::with_buckets(BOUNDS))]
    pub(crate) order_duration_seconds: HistogramVec<TypedSet, 14>,
}

/// Identifiers of series in the dense vector: as near to a handle as the crate has.
pub(crate) fn typed_handles() -> (TypedCounters, [measured::metric::LabelId<TypedSet>; HANDLES]) {
    let counters = TypedCounters::new();
    let labels = super::typed_sets(Typed::of);
    labels.iter().for_each(|labels| counters.orders_total.inc(*labels));
    let ids =
        std::array::from_fn(|index| counters.orders_total.with_labels(labels[index * (SERIES / HANDLES)]));
    (counters, ids)
}

impl Typed {
    #[inline(always)]
    pub(crate) fn of([channel, region, route]: [usize; 3]) -> Self {
        Self { channel: Channel::ALL[channel], region: Region::ALL[region], route: Route::ALL[route] }
    }
}

/// As [`typed_handles`], for histograms.
pub(crate) fn typed_histogram_handles() -> (TypedHistograms, [measured::metric::LabelId<TypedSet>; HANDLES]) {
    let histograms = TypedHistograms::new();
    let labels = super::typed_sets(Typed::of);
    labels.iter().for_each(|labels| histograms.order_duration_seconds.observe(*labels, 0.3));
    let ids = std::array::from_fn(|index| {
        histograms.order_duration_seconds.with_labels(labels[index * (SERIES / HANDLES)])
    });
    (histograms, ids)
}

/// A set of texts that does not change: each gets a number.
type Dictionary = RodeoReader<Spur, foldhash::fast::RandomState>;

/// Labels whose texts were all given at the start: dense as enums are, found through dictionaries.
#[derive(Clone, Copy, LabelGroup)]
#[label(set = GivenSet)]
pub(crate) struct Given<'a> {
    #[label(fixed_with = Dictionary)]
    channel: &'a str,
    #[label(fixed_with = Dictionary)]
    region: &'a str,
    #[label(fixed_with = Dictionary)]
    route: &'a str,
}

/// A family that refuses what was not given at the start.
#[derive(MetricGroup)]
#[metric(new(set: GivenSet))]
pub(crate) struct GivenCounters {
    /// Orders
    #[metric(label_set = set)]
    orders_total: CounterVec<GivenSet>,
}

impl<V: Label> super::Counters<V> for GivenCounters {
    const NAME: &'static str = "measured, all values given at the start";

    fn with_room_for(series: usize) -> Self {
        let dictionary = |position: usize| {
            let mut texts = Rodeo::with_hasher(foldhash::fast::RandomState::default());
            (0..series).for_each(|index| {
                texts.get_or_intern_static(values(index)[position]);
            });
            texts.into_reader()
        };
        Self::new(GivenSet { channel: dictionary(0), region: dictionary(1), route: dictionary(2) })
    }

    #[inline(always)]
    fn add(&self, values: [V; 3]) {
        let [channel, region, route] = values.each_ref().map(AsRef::as_ref);
        self.orders_total.inc(Given { channel, region, route });
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        let mut encoder = BufferedTextEncoder::new();
        move || {
            let Ok(()) = self.collect_group_into(&mut encoder);
            encoder.finish().len()
        }
    }
}
