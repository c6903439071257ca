//! Bad names, units and boundaries are reported and never lose a measurement.

mod support;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::{Keep, only, provider, reports_of, snapshot};
use tachograph_sdk::{Counter, Dynamic, Histogram, MeterProvider};

fn declare(provider: &MeterProvider, name: &'static str, unit: &'static str) {
    let counter: Counter<u64> = provider.meter("m").counter(name).with_unit(unit).build();
    counter.add(1, &());
}

#[test]
fn valid_names_and_units_are_not_reported() {
    let provider = provider();
    static LONG: LazyLock<String> = LazyLock::new(|| "n".repeat(255));
    let long: &'static str = &LONG;
    static UNIT: LazyLock<String> = LazyLock::new(|| "u".repeat(63));
    let unit: &'static str = &UNIT;
    let reports = reports_of(|| {
        for name in ["a", "Z9", "a.b-c_d/e", long] {
            declare(&provider, name, unit);
        }
        declare(&provider, "with.annotation", "{request}/s");
    });
    assert_eq!(reports, []);
}

#[test]
fn invalid_names_are_reported_and_record_all_the_same() {
    static LONG: LazyLock<String> = LazyLock::new(|| "n".repeat(256));
    let long: &'static str = &LONG;
    for name in ["", "1st", "_private", "a b", "naïve", "a:b", "tab\t", long] {
        let provider = provider();
        let reports = reports_of(|| declare(&provider, name, ""));
        assert_eq!(only(&reports, "instrument.name").subject, name);
        assert_eq!(snapshot(&provider).metrics()[0].name(), name);
        assert_eq!(snapshot(&provider).metrics()[0].value(&()), 1);
    }
}

#[test]
fn invalid_units_are_reported_and_kept() {
    static LONG: LazyLock<String> = LazyLock::new(|| "u".repeat(64));
    let long: &'static str = &LONG;
    for (name, unit) in [("unit.long", long), ("unit.micro", "µs")] {
        let provider = provider();
        let reports = reports_of(|| declare(&provider, name, unit));
        let report = only(&reports, "instrument.unit");
        assert_eq!(report.subject, name);
        assert!(report.message.contains(unit), "{report:?}");
        assert_eq!(snapshot(&provider).metric(name).unit(), unit);
        assert_eq!(snapshot(&provider).metric(name).value(&()), 1);
    }
}

#[test]
fn descriptions_of_any_length_and_script_are_kept_as_they_are() {
    let provider = provider();
    let description = "Größe 大小 🦀\n\t\"\\ ".repeat(400);
    let reports = reports_of(|| {
        let meter = provider.meter("m").as_otel();
        meter.u64_counter("described").with_description(description.clone()).build().add(1, &[]);
        meter.u64_counter("plain").build().add(1, &[]);
        meter.u64_counter("plain").with_unit("").with_description("").build().add(1, &[]);
    });
    assert_eq!(reports, []);
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.metric("described").description(), description);
    assert_eq!(snapshot.metric("plain").value(&()), 2, "none given is the same as an empty one");
    assert_eq!((snapshot.metric("plain").unit(), snapshot.metric("plain").description()), ("", ""));
}

#[test]
fn the_same_report_is_not_made_again_at_once() {
    let reports = reports_of(|| {
        for _ in 0..3 {
            declare(&provider(), "9 lives", "");
        }
    });
    only(&reports, "instrument.name");
}

#[test]
fn invalid_boundaries_are_reported_and_repaired() {
    let cases: [(&'static str, Vec<f64>, &[f64]); 5] = [
        ("bounds.nan", vec![1.0, f64::NAN, 2.0], &[1.0, 2.0]),
        ("bounds.infinite", vec![f64::NEG_INFINITY, 1.0, f64::INFINITY], &[1.0]),
        ("bounds.unsorted", vec![5.0, 1.0, 3.0], &[1.0, 3.0, 5.0]),
        ("bounds.twice", vec![1.0, 1.0], &[1.0]),
        ("bounds.zeros", vec![0.0, -0.0], &[0.0]),
    ];
    for (name, given, expected) in cases {
        let provider = provider();
        let reports = reports_of(|| {
            let histogram: Histogram<f64> =
                provider.meter("m").histogram(name).with_boundaries(given).build();
            histogram.record(2.0, &());
        });
        let report = only(&reports, "instrument.boundaries");
        assert_eq!(report.subject, name);
        let snapshot = snapshot(&provider);
        assert_eq!(snapshot.metric(name).boundaries(), expected, "{name}");
        snapshot.metric(name).assert_histogram(&(), 1, 2.0);
    }
}

#[test]
fn boundaries_are_those_of_the_unit_unless_given() {
    let provider = provider();
    let meter = provider.meter("m").as_otel();
    meter.f64_histogram("seconds").with_unit("s").build().record(0.3, &[]);
    meter.f64_histogram("milliseconds").with_unit("ms").build().record(0.3, &[]);
    meter.u64_histogram("plain").build().record(3, &[]);
    meter.f64_histogram("own").with_unit("s").with_boundaries(vec![1.0]).build().record(0.3, &[]);
    meter.f64_histogram("none").with_boundaries(vec![]).build().record(0.3, &[]);
    let snapshot = snapshot(&provider);
    let seconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
    let others = [
        0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0,
    ];
    assert_eq!(snapshot.metric("seconds").boundaries(), seconds);
    assert_eq!(snapshot.metric("milliseconds").boundaries(), others);
    assert_eq!(snapshot.metric("plain").boundaries(), others);
    assert_eq!(snapshot.metric("own").boundaries(), [1.0]);
    assert_eq!(snapshot.metric("none").histogram(&()).bucket_counts(), [1]);
}

#[test]
fn a_subscriber_may_make_instruments_while_it_takes_a_report() {
    let provider = provider();
    let meter = provider.meter("subscriber");
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let subscriber = Keep(Box::new(move |_| {
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let reports: Counter<u64> = meter.counter(format!("reports.{call}")).build();
        reports.add(1, &());
    }));
    tracing::subscriber::with_default(subscriber, || {
        let meter = provider.meter("m");
        // Every report there is of a declaration, and of a measurement.
        meter.histogram("bad name!").with_unit("µ").with_boundaries([2.0, 1.0]).build::<f64, Dynamic>();
        meter.counter("bad name!").with_cardinality_limit(1).build::<f64, Dynamic>().add(f64::NAN, &());
        let counter: Counter<f64> = meter.counter("BAD name!").with_cardinality_limit(2).build();
        counter.add(1.0, &[("k", 1)]);
        counter.add(1.0, &[("k", 2)]);
        provider.meter("");
    });
    let calls = CALLS.load(Ordering::Relaxed);
    assert!(calls >= 7, "{calls} reports");
    assert_eq!(
        snapshot(&provider).metrics().iter().filter(|m| m.name().starts_with("reports.")).count(),
        calls
    );
}
