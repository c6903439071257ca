//! Pages of protobuf, read by another implementation's decoder.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use opentelemetry::KeyValue;
use proptest::prelude::*;
use support::checker::Family;
use support::proto::{Metric, MetricFamily, MetricType, decode};
use support::{SCHEMES, bare_provider, checker, corpus, short_exporter};
use tachograph_prometheus::{Exposition, Format, PrometheusExporter};
use tachograph_sdk::testing::ManualClock;
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider};

/// A sample, by name and labels.
type Samples = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// What a text page of the same would say.
fn samples_of_messages(families: &[MetricFamily]) -> Samples {
    let mut samples = Samples::new();
    let mut put = |name: String, labels: BTreeMap<String, String>, value: f64| {
        assert_eq!(samples.insert((name.clone(), labels.clone()), value), None, "{name} {labels:?} twice");
    };
    for family in families {
        for metric in &family.metric {
            assert_eq!(metric.timestamp_ms, None);
            let (name, labels) = (family.name().to_owned(), metric.labels());
            match family.r#type() {
                MetricType::Counter => {
                    let counter = metric.counter.as_ref().expect("a counter");
                    assert!(counter.start_timestamp.is_some());
                    put(name, labels, counter.value());
                }
                MetricType::Gauge => put(name, labels, metric.gauge.as_ref().expect("a gauge").value()),
                MetricType::Histogram => {
                    let histogram = metric.histogram.as_ref().expect("a histogram");
                    assert!(histogram.start_timestamp.is_some());
                    let with = |bound: f64| {
                        let mut labels = labels.clone();
                        labels.insert("le".to_owned(), bound.to_string());
                        labels
                    };
                    let bucket = format!("{name}_bucket");
                    // The infinite bucket is only there for an exemplar.
                    for each in histogram.bucket.iter().filter(|bucket| bucket.upper_bound().is_finite()) {
                        put(bucket.clone(), with(each.upper_bound()), each.cumulative_count() as f64);
                    }
                    put(bucket, with(f64::INFINITY), histogram.sample_count() as f64);
                    put(format!("{name}_sum"), labels.clone(), histogram.sample_sum());
                    put(format!("{name}_count"), labels, histogram.sample_count() as f64);
                }
                other => panic!("a family of type {other:?}"),
            }
        }
    }
    samples
}

/// The series that are native histograms.
fn native_histograms(families: &[MetricFamily]) -> BTreeSet<(String, BTreeMap<String, String>)> {
    let series =
        families.iter().flat_map(|family| family.metric.iter().map(|metric| (family.name(), metric)));
    let is_native =
        |metric: &Metric| metric.histogram.as_ref().is_some_and(|histogram| histogram.schema.is_some());
    let native = series.filter(|(_, metric)| is_native(metric));
    native.map(|(name, metric)| (name.to_owned(), metric.labels())).collect()
}

fn samples_of_lines(families: &[Family]) -> Samples {
    let samples =
        families.iter().flat_map(|family| family.samples.iter().map(move |sample| (family, sample)));
    let samples = samples.map(|(family, sample)| {
        let mut labels = sample.labels.clone();
        // A histogram's `le` is a number; that of any other family is an attribute's text.
        let is_bucket = family.kind == "histogram" && sample.name.ends_with("_bucket");
        if let Some(le) = labels.get_mut("le").filter(|_| is_bucket) {
            *le = le.parse::<f64>().map_or(le.clone(), |bound| bound.to_string());
        }
        let value = sample.value.parse::<f64>().expect("a number");
        ((sample.name.clone(), labels), value)
    });
    samples.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn messages_say_what_lines_say(workload in corpus::workload()) {
        let provider = workload.record();
        let exporter = workload.exporter(provider.reader());
        for scheme in SCHEMES {
            let messages = exporter.render(Format::Protobuf.with_escaping(scheme));
            prop_assert_eq!(&messages, &exporter.render(Format::Protobuf.with_escaping(scheme)));
            let families = decode(&messages);
            let exposition = Format::Text004.with_escaping(scheme);
            let page = String::from_utf8(exporter.render(exposition)).unwrap();
            let lines = checker::check(&page, exposition).map_err(TestCaseError::fail)?;
            let mut expected = samples_of_lines(&lines);
            // Of a native histogram the buckets are others'.
            let native = native_histograms(&families);
            expected.retain(|(name, labels), _| {
                let mut series = labels.clone();
                let is_finite = series.remove("le").is_some_and(|le| le != "inf");
                let family = name.strip_suffix("_bucket").unwrap_or_default();
                !(is_finite && native.contains(&(family.to_owned(), series)))
            });
            prop_assert_eq!(samples_of_messages(&families), expected, "{}", page);
            prop_assert_eq!(families.len(), lines.len());
            for (family, lines) in families.iter().zip(&lines) {
                prop_assert_eq!(family.name(), &lines.name);
                prop_assert_eq!(family.help(), lines.help.as_deref().unwrap_or_default());
                prop_assert_eq!(format!("{:?}", family.r#type()).to_lowercase(), &*lines.kind);
            }
        }
    }
}

#[test]
fn a_message_has_unit_help_and_start() {
    let clock = Arc::new(ManualClock::new(1_700_000_000_123_456_789));
    let provider = MeterProvider::builder().with_clock(clock).build();
    let sent: Counter<u64> =
        provider.meter("net").counter("net.sent").with_unit("By").with_description("Bytes \"sent\"").build();
    sent.add(u64::MAX, &[("to", "é\n")]);
    let families = decode(&short_exporter(&provider).render(Format::Protobuf));
    let family = families.last().expect("a family");
    assert_eq!(
        (family.name(), family.help(), family.unit()),
        ("net_sent_bytes_total", "Bytes \"sent\"", "bytes")
    );
    let metric = &family.metric[0];
    assert_eq!(metric.labels(), BTreeMap::from([("to".to_owned(), "é\n".to_owned())]));
    let counter = metric.counter.as_ref().expect("a counter");
    assert_eq!(counter.value(), u64::MAX as f64);
    let start = counter.start_timestamp.as_ref().expect("a start");
    assert_eq!((start.seconds, start.nanos), (1_700_000_000, 123_456_789));
}

/// The pieces of a page; how long the longest is.
fn pieces(exporter: &PrometheusExporter, exposition: impl Into<Exposition>) -> (Vec<u8>, usize) {
    let (mut page, mut longest) = (Vec::new(), 0);
    for piece in exporter.stream(exposition) {
        longest = longest.max(piece.len());
        page.extend_from_slice(&piece);
    }
    (page, longest)
}

#[test]
fn the_pieces_of_a_page_are_the_page() {
    let provider = bare_provider();
    for name in ["a", "b"] {
        let counter: Counter<u64> = provider.meter(name).counter("c").build();
        let gauge: Gauge<f64> = provider.meter(name).gauge(name).build();
        let histogram: Histogram<f64> = provider.meter(name).histogram("h").build();
        for n in 0..1_500_i64 {
            counter.add(n as u64, &[("n", n)]);
            gauge.record(n as f64 / 3.0, &[("n", n)]);
            histogram.record(n as f64 / 3.0, &[("n", n)]);
        }
    }
    // Without scope labels the two counters' series are equal, and added up.
    for exporter in [short_exporter(&provider), PrometheusExporter::new(provider.reader())] {
        for format in [Format::Text004, Format::OpenMetrics100] {
            let (page, longest) = pieces(&exporter, format);
            assert_eq!(page, exporter.render(format));
            assert!(page.len() > 4 * longest && longest < 70_000, "{longest} of {}", page.len());
            let mut copied = Vec::new();
            assert_eq!(exporter.copy_to(format, &mut copied).expect("memory takes it"), page.len() as u64);
            assert_eq!(copied, page);
        }
        let (page, longest) = pieces(&exporter, Format::Protobuf);
        assert!(longest < 290_000, "{longest}");
        let whole = decode(&exporter.render(Format::Protobuf));
        assert_eq!(samples_of_messages(&decode(&page)), samples_of_messages(&whole));
        let names: Vec<_> = whole.iter().map(MetricFamily::name).collect();
        assert_eq!(names, ["c_total", "a", "h", "b"], "one message for each family of a whole page");
    }
}

#[test]
fn a_series_that_comes_between_two_pieces_breaks_nothing() {
    let provider = bare_provider();
    let counters: Vec<Counter<u64>> =
        ["a", "b"].map(|scope| provider.meter(scope).counter("requests").build()).into();
    for n in 0..1_900_i64 {
        counters[0].add(1, &[("n", &*format!("{n:0100}"))]);
    }
    let exporter = short_exporter(&provider);
    let mut page = Vec::new();
    for (number, piece) in exporter.stream(Format::Text004).enumerate() {
        page.extend_from_slice(&piece);
        if number == 0 {
            // Two with the labels of a series that is on the page already and of one that is still to come, one of its
            // own, and a new metric; another scrape learns them meanwhile.
            counters[1].add(10, &[KeyValue::new("n", format!("{:0100}", 0))]);
            counters[1].add(10, &[KeyValue::new("n", format!("{:0100}", 1_899))]);
            counters[1].add(10, &[KeyValue::new("n", "late")]);
            let late: Counter<u64> = provider.meter("a").counter("late").build();
            late.add(1, &());
            exporter.render(Format::Text004);
        }
    }
    let page = String::from_utf8(page).expect("text");
    checker::check(&page, Format::Text004).expect("a page that is right");
    let page = support::samples(&page);
    assert_eq!(page.len(), 1_900 + 1, "{:?}", page.len());
    let line = |n| format!("requests_total{{n=\"{n:0100}\"}}");
    assert_eq!(page[&line(0)], "1");
    assert_eq!(page[&line(1_899)], "1");
    let next = support::samples(&support::text(&exporter));
    assert_eq!(next[&line(0)], "11");
}
