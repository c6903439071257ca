//! What is left off a page, or is on it otherwise than expected, is reported: once, and where to look.

mod support;

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use support::{bare_provider, short_exporter, text};
use tachograph_prometheus::PrometheusExporter;
use tachograph_sdk::metrics::{InstrumentKind, PointValue, Temporality, TemporalityPreference};
use tachograph_sdk::{Counter, Gauge, Histogram, MeterProvider};

/// What was reported, as `tracing` prints it.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<u8>>>);

impl Write for Reports {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A listener for as long as the process runs: `tracing` works out once whether anybody wants an event, and an
/// answer from before the first listener may be written down after it came.
static LISTENER: LazyLock<tracing::Dispatch> = LazyLock::new(|| {
    let listener = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(std::io::sink).finish());
    std::thread::sleep(std::time::Duration::from_millis(20));
    tracing::callsite::rebuild_interest_cache();
    listener
});

impl Reports {
    /// Runs something and gives the lines that it reported about the exporter's pages.
    fn of(work: impl FnOnce()) -> Vec<String> {
        LazyLock::force(&LISTENER);
        let reports = Reports::default();
        let writer = reports.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, work);
        let said = String::from_utf8(reports.0.lock().expect("not poisoned").clone()).expect("text");
        said.lines().filter(|line| line.contains("prometheus.")).map(str::to_owned).collect()
    }
}

/// Records something and scrapes twice: the second page is no news.
fn reports_of(record: impl FnOnce(&MeterProvider)) -> Vec<String> {
    let provider = bare_provider();
    record(&provider);
    let exporter = short_exporter(&provider);
    Reports::of(|| {
        text(&exporter);
        text(&exporter);
    })
}

fn counter(provider: &MeterProvider, scope: &'static str, name: &'static str) -> Counter<u64> {
    provider.meter(scope).counter(name).build()
}

#[test]
fn an_ordinary_page_is_not_worth_a_report() {
    let reports = reports_of(|provider| {
        counter(provider, "a", "ordinary.requests").add(1, &[("http.method", "GET")]);
        counter(provider, "b", "ordinary.other").add(1, &[("http.method", "GET")]);
    });
    assert_eq!(reports, [] as [String; 0]);
}

#[test]
fn a_metric_that_is_dropped_for_its_type_is_reported_once_with_both_names() {
    let reports = reports_of(|provider| {
        let gauge: Gauge<u64> = provider.meter("a").gauge("typed.requests.total").build();
        gauge.record(1, &());
        counter(provider, "b", "typed.requests").add(1, &());
    });
    let [report] = &*reports else { panic!("{reports:?}") };
    for part in
        ["WARN", "prometheus.type", "typed.requests", "typed_requests_total", "\"b\"", "dropped", "rename"]
    {
        assert!(report.contains(part), "{part}: {report}");
    }
}

#[test]
fn a_description_that_is_not_kept_is_reported() {
    let reports = reports_of(|provider| {
        for (scope, description) in [("a", "one"), ("b", "two")] {
            let described: Counter<u64> =
                provider.meter(scope).counter("described").with_description(description).build();
            described.add(1, &[("scope", scope)]);
        }
    });
    let [report] = &*reports else { panic!("{reports:?}") };
    assert!(report.contains("prometheus.comment") && report.contains("another description"), "{report}");
}

#[test]
fn series_that_are_added_up_are_reported_with_their_labels() {
    let reports = reports_of(|provider| {
        let merged = counter(provider, "", "merged");
        merged.add(1, &[("a.b", "x")]);
        merged.add(1, &[("a_b", "x")]);
    });
    let [report] = &*reports else { panic!("{reports:?}") };
    for part in ["prometheus.merged", "merged_total{a_b=\"x\"}", "added up"] {
        assert!(report.contains(part), "{part}: {report}");
    }
}

#[test]
fn a_series_that_is_dropped_is_reported_with_its_labels() {
    let reports = reports_of(|provider| {
        let gauge: Gauge<u64> = provider.meter("").gauge("left.off").build();
        gauge.record(1, &[("a.b", "x")]);
        gauge.record(1, &[("a_b", "x")]);
    });
    let [report] = &*reports else { panic!("{reports:?}") };
    for part in ["prometheus.duplicate", "left_off{a_b=\"x\"}", "dropped"] {
        assert!(report.contains(part), "{part}: {report}");
    }
}

#[test]
fn a_reader_with_delta_temporality_is_reported_and_the_page_is_cumulative_all_the_same() {
    let provider = bare_provider();
    let counter = counter(&provider, "shop", "orders");
    let delta = provider.reader_builder().with_temporality(TemporalityPreference::LowMemory).build();
    let mut exporter = None;
    let reports = Reports::of(|| exporter = Some(PrometheusExporter::new(delta.clone())));
    let [report] = &*reports else { panic!("one report: {reports:?}") };
    assert!(report.contains("prometheus.temporality"), "{report}");
    assert!(report.contains("[Counter, Histogram] with delta temporality"), "{report}");
    let exporter = exporter.expect("made");
    for total in 1..4 {
        counter.add(1, &());
        assert!(text(&exporter).contains(&format!("}} {total}\n")), "{}", text(&exporter));
    }
    let mut given = 0;
    delta.collect().metrics().for_each(|metric| {
        metric.for_each(|point| given += u64::from(matches!(point.value, PointValue::U64(3))));
    });
    assert_eq!(given, 1, "pages take nothing from the reader");
    assert_eq!(Reports::of(|| drop(PrometheusExporter::new(provider.reader()))), [""; 0]);
}

#[test]
fn a_label_that_gives_way_to_the_one_of_buckets_is_reported_once_however_many_series_have_it() {
    let reports = reports_of(|provider| {
        let sizes: Histogram<u64> = provider.meter("shop").histogram("sizes.of.le").build();
        (0..10).for_each(|n| sizes.record(1, &[("le", n)]));
        let counter: Counter<u64> = provider.meter("shop").counter("counted.by.le").build();
        counter.add(1, &[("le", 1)]);
    });
    let [report] = &reports[..] else { panic!("{reports:?}") };
    assert!(report.contains("\"sizes.of.le\"") && report.contains("\"exported_le\""), "{report}");
}

#[test]
fn gauges_have_no_temporality_that_an_exporter_could_complain_of() {
    let provider = bare_provider();
    let reader = provider.reader_builder().with_temporality_of(InstrumentKind::Gauge, Temporality::Delta);
    let reader = reader.with_temporality_of(InstrumentKind::ObservableGauge, Temporality::Delta).build();
    assert_eq!(reader.temporality(InstrumentKind::Gauge), Temporality::Cumulative);
    assert_eq!(Reports::of(|| drop(PrometheusExporter::new(reader))), [""; 0]);
}
