//! The `metrics` facade with `metrics-exporter-prometheus`: what its macros expand to, on a recorder of one's own.

use metrics::{Counter, Histogram, Key, Label as Pair, Level, Metadata, Recorder, SharedString};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::sets::{BOUNDS, KEYS, Label};

const NAME: &str = "metrics and its exporter";

static METADATA: Metadata<'static> = Metadata::new("bench", Level::INFO, None);

fn recorder() -> PrometheusRecorder {
    PrometheusBuilder::new().set_buckets(&BOUNDS).expect("there are bounds").build_recorder()
}

fn scraper(handle: PrometheusHandle) -> impl FnMut() -> usize {
    move || handle.render().len()
}

/// The key that a macro makes of labels which are no literals.
#[inline(always)]
fn key<V: Label>(name: &'static str, values: [V; 3]) -> Key
where
    SharedString: From<V>,
{
    let [channel, region, route] = values;
    let labels = vec![Pair::new(KEYS[0], channel), Pair::new(KEYS[1], region), Pair::new(KEYS[2], route)];
    Key::from_parts(name, labels)
}

pub(crate) struct Counters {
    recorder: PrometheusRecorder,
}

impl Counters {
    /// A resolved handle.
    pub(crate) fn bind(&self, values: [&'static str; 3]) -> Counter {
        self.recorder.register_counter(&key("orders", values), &METADATA)
    }
}

impl<V: Label> super::Counters<V> for Counters
where
    SharedString: From<V>,
{
    const NAME: &'static str = NAME;

    fn with_room_for(_series: usize) -> Self {
        Self { recorder: recorder() }
    }

    #[inline(always)]
    fn add(&self, values: [V; 3]) {
        self.recorder.register_counter(&key("orders", values), &METADATA).increment(1);
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        scraper(self.recorder.handle())
    }
}

pub(crate) struct Histograms {
    recorder: PrometheusRecorder,
}

impl Histograms {
    /// A resolved handle.
    pub(crate) fn bind(&self, values: [&'static str; 3]) -> Histogram {
        self.recorder.register_histogram(&key("order_duration_seconds", values), &METADATA)
    }

    /// Samples are kept until somebody drains them, which its own exporter does every five seconds: a loop that never did
    /// would measure the growth of a list.
    pub(crate) fn drain(&self) {
        self.recorder.handle().run_upkeep();
    }
}

impl<V: Label> super::Histograms<V> for Histograms
where
    SharedString: From<V>,
{
    const NAME: &'static str = NAME;

    fn with_room_for(_series: usize) -> Self {
        Self { recorder: recorder() }
    }

    #[inline(always)]
    fn record(&self, values: [V; 3], value: f64) {
        self.recorder.register_histogram(&key("order_duration_seconds", values), &METADATA).record(value);
    }

    fn scraper(&self) -> impl FnMut() -> usize {
        scraper(self.recorder.handle())
    }
}
