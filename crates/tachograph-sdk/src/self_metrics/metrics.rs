use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use super::level::{Level, observe_levels};
use crate::metrics::{MeterProvider, MetricsAccount, Stream, WeakMeterProvider};

const MEASUREMENTS: &str = "{measurement}";

/// Where the histogram of how long collections took, in seconds, has its buckets' bounds: from a reader without callbacks to one
/// that waits for a producer.
const DURATIONS: [f64; 12] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Makes what a provider's readers and instruments do observable: how long each reader's collections take, as
/// `otel.sdk.metric_reader.collection.duration`, and what instruments, series and lost measurements there are, as `tachograph.metric.*`
/// and `tachograph.measurement.*`.
///
/// Nothing is counted twice for it: each collection reads what the provider counts anyway. The metrics do not keep the
/// provider alive. `meter` may be one of the provider's own; collections are then part of what they collect. Called twice for one
/// provider, the second meter does not get durations.
pub fn observe_metrics(meter: &Meter, provider: &MeterProvider) {
    let durations = meter
        .f64_histogram("otel.sdk.metric_reader.collection.duration")
        .with_unit("s")
        .with_description("How long a reader took to collect, with its callbacks and producers")
        .with_boundaries(DURATIONS.to_vec())
        .build();
    provider.registry.measure_collections(durations);
    let weak = provider.downgrade();
    observe_levels(
        meter,
        move || account(&weak),
        [
            Level {
                name: "tachograph.metric.instruments",
                unit: "{instrument}",
                description: "Instruments that there are; identical ones count once",
                of: |account: &MetricsAccount| account.instruments,
            },
            Level {
                name: "tachograph.metric.series",
                unit: "{series}",
                description: "Attribute sets that have a series, in all streams of all instruments",
                of: |account: &MetricsAccount| account.series,
            },
        ],
    );
    let weak = provider.downgrade();
    meter
        .u64_observable_counter("tachograph.measurement.refused")
        .with_unit(MEASUREMENTS)
        .with_description("Measurements that were refused: not finite, or negative for a counter")
        .with_callback(move |observer| {
            if let Some(account) = account(&weak) {
                observer.observe(account.refused, &[]);
            }
        })
        .build();
    let by_instrument = [
        ByInstrument {
            name: "tachograph.measurement.overflowed",
            description: "Measurements in an overflow series, because their attribute set exceeded a cardinality limit",
            of: Stream::overflowed,
        },
        ByInstrument {
            name: "tachograph.measurement.lost",
            description: "Measurements without a series, not even an overflow series, because the process's cells are used up",
            of: Stream::lost,
        },
    ];
    for ByInstrument { name, description, of } in by_instrument {
        let weak = provider.downgrade();
        meter
            .u64_observable_counter(name)
            .with_unit(MEASUREMENTS)
            .with_description(description)
            .with_callback(move |observer| {
                let Some(provider) = weak.upgrade() else { return };
                for (name, count) in counts_by_name(&provider, of) {
                    observer.observe(count, &[KeyValue::new("tachograph.instrument.name", name)]);
                }
            })
            .build();
    }
}

/// What is counted of each instrument's measurements.
struct ByInstrument {
    name: &'static str,
    description: &'static str,
    of: fn(&Stream) -> u64,
}

fn account(provider: &WeakMeterProvider) -> Option<MetricsAccount> {
    provider.upgrade().map(|provider| provider.account())
}

/// What is counted of streams, by their name; of those of which anything is.
fn counts_by_name(provider: &MeterProvider, of: fn(&Stream) -> u64) -> Vec<(String, u64)> {
    let mut by_name: Vec<(String, u64)> = Vec::new();
    for stream in provider.registry.streams.iter() {
        let count = of(stream);
        if count == 0 {
            continue;
        }
        let name = &*stream.descriptor.name;
        match by_name.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += count,
            None => by_name.push((name.to_owned(), count)),
        }
    }
    by_name
}
