//! Exemplars on the page: where they are, and where they are not.

mod support;

use std::sync::Arc;

use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use opentelemetry::{Context, ContextGuard, SpanId, TraceId};
use support::checker::{self, Exemplar, Family};
use support::proto::decode;
use support::{SCHEMES, TEXT_FORMATS, render};
use tachograph_prometheus::{Format, PrometheusExporter, TranslationStrategy};
use tachograph_sdk::testing::ManualClock;
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider, Resource};

/// Makes a sampled span current.
fn sampled(number: u8) -> ContextGuard {
    let (trace, span) = (TraceId::from(u128::from(number)), SpanId::from(u64::from(number)));
    let context = SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE);
    Context::new().with_remote_span_context(context).attach()
}

fn workload() -> MeterProvider {
    let clock = Arc::new(ManualClock::new(1_700_000_000_250_000_000));
    let resource = Resource::builder_empty().build();
    let provider = MeterProvider::builder().with_clock(clock).with_resource(resource).build();
    let meter = provider.meter("");
    let orders: Counter<u64> = meter.counter("orders").build();
    let value: Histogram<f64> = meter.histogram("order.value").with_boundaries([1.0, 10.0]).build();
    let level: Gauge<f64> = meter.gauge("level").build();
    let _first = sampled(1);
    orders.add(3, &());
    value.record(0.5, &());
    level.record(2.0, &());
    let _second = sampled(2);
    value.record(100.0, &());
    provider
}

fn exporter(provider: &MeterProvider, strategy: TranslationStrategy) -> PrometheusExporter {
    PrometheusExporter::builder(provider.reader()).with_translation_strategy(strategy).build()
}

/// What the exemplars of a page are on, each with the number of its span.
fn exemplars(families: &[Family]) -> Vec<(String, Exemplar)> {
    let samples = families.iter().flat_map(|family| &family.samples);
    let with = samples.filter_map(|sample| {
        let le = sample.labels.get("le").map_or(String::new(), |le| format!(" {le}"));
        Some((format!("{}{le}", sample.name), sample.exemplar.clone()?))
    });
    with.collect()
}

fn exemplar(number: u8, value: &str) -> Exemplar {
    let labels = [("trace_id", format!("{number:032x}")), ("span_id", format!("{number:016x}"))];
    let labels = labels.map(|(name, value)| (name.to_owned(), value));
    Exemplar { labels: labels.into(), value: value.to_owned(), seconds: 1_700_000_000.25 }
}

#[test]
fn counters_and_buckets_have_them_in_open_metrics() {
    let provider = workload();
    let page = render(&exporter(&provider, TranslationStrategy::default()), Format::OpenMetrics100);
    let found = exemplars(&checker::check(&page, Format::OpenMetrics100).expect("a page that is right"));
    let expected = [
        ("orders_total", exemplar(1, "3")),
        ("order_value_bucket 1.0", exemplar(1, "0.5")),
        ("order_value_bucket +Inf", exemplar(2, "100.0")),
    ];
    assert_eq!(found, expected.map(|(sample, exemplar)| (sample.to_owned(), exemplar)), "{page}");
}

#[test]
fn the_text_format_and_counters_without_their_type_have_none() {
    let provider = workload();
    let exporter = exporter(&provider, TranslationStrategy::NoTranslation);
    for format in TEXT_FORMATS {
        for scheme in SCHEMES {
            let page = render(&exporter, format.with_escaping(scheme));
            assert_eq!(page.contains("trace_id"), format == Format::OpenMetrics100, "{page}");
            // The name does not end in `_total`: the type is `unknown`.
            assert!(page.contains("\norders 3\n") || page.contains("\norders{"), "{page}");
        }
    }
}

#[test]
fn protobuf_has_them_with_their_times() {
    let provider = workload();
    let families = decode(&exporter(&provider, TranslationStrategy::default()).render(Format::Protobuf));
    let family = |name: &str| families.iter().find(|family| family.name() == name).expect(name);
    let check = |exemplar: &support::proto::Exemplar, number: u8, value: f64| {
        let labels: Vec<_> =
            exemplar.label.iter().map(|pair| (pair.name(), pair.value().to_owned())).collect();
        assert_eq!(labels, [("trace_id", format!("{number:032x}")), ("span_id", format!("{number:016x}"))]);
        let time = exemplar.timestamp.as_ref().expect("a time");
        assert_eq!((exemplar.value(), time.seconds, time.nanos), (value, 1_700_000_000, 250_000_000));
    };
    let counter = family("orders_total").metric[0].counter.as_ref().expect("a counter");
    check(counter.exemplar.as_ref().expect("an exemplar"), 1, 3.0);
    assert_eq!(counter.value(), 3.0);
    assert!(counter.start_timestamp.is_some());
    let buckets = &family("order_value").metric[0].histogram.as_ref().expect("a histogram").bucket;
    assert_eq!(
        buckets.iter().map(|bucket| bucket.exemplar.is_some()).collect::<Vec<_>>(),
        [true, false, true]
    );
    check(buckets[0].exemplar.as_ref().expect("an exemplar"), 1, 0.5);
    // The infinite bucket is there for its exemplar.
    assert_eq!((buckets[2].upper_bound(), buckets[2].cumulative_count()), (f64::INFINITY, 2));
    check(buckets[2].exemplar.as_ref().expect("an exemplar"), 2, 100.0);
    assert!(family("level").metric[0].gauge.is_some());
}
