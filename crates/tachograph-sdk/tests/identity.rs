//! Which instruments are one, which are not, and what is said when they are nearly so.

mod support;

use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::{Array, KeyValue, Value};
use support::{only, provider, reports_of, snapshot};
use tachograph_sdk::{Counter, Dynamic, Histogram, MeterProvider};

fn count(provider: &MeterProvider, scope: opentelemetry::InstrumentationScope) {
    provider.meter_with_scope(scope).u64_counter("n").build().add(1, &[]);
}

#[test]
fn scopes_differ_by_name_version_schema_and_attributes() {
    let provider = provider();
    let scope = || opentelemetry::InstrumentationScope::builder("a");
    let scopes = [
        scope().build(),
        opentelemetry::InstrumentationScope::builder("b").build(),
        scope().with_version("1").build(),
        scope().with_version("2").build(),
        scope().with_schema_url("s").build(),
        scope().with_attributes([KeyValue::new("k", 1)]).build(),
        scope().with_attributes([KeyValue::new("k", 2)]).build(),
    ];
    let reports = reports_of(|| {
        for scope in &scopes {
            count(&provider, scope.clone());
            count(&provider, scope.clone());
        }
    });
    assert_eq!(reports, [], "instruments of different scopes do not conflict");
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.metrics().len(), scopes.len());
    for (metric, scope) in snapshot.metrics().iter().zip(&scopes) {
        assert_eq!(metric.scope(), scope);
        assert_eq!(metric.value(&()), 2);
    }
}

#[test]
fn a_scope_is_the_same_however_its_meter_was_made() {
    let provider = provider();
    let attributes = || [KeyValue::new("a", 1), KeyValue::new("b", 2)];
    let [a, b] = attributes();
    let ours =
        provider.meter_builder("m").with_version("1").with_schema_url("s").with_attributes([b, a]).build();
    let api = opentelemetry::InstrumentationScope::builder("m")
        .with_version("1")
        .with_schema_url("s")
        .with_attributes(attributes())
        .build();
    ours.counter("n").build::<u64, Dynamic>().add(1, &());
    ours.as_otel().u64_counter("n").build().add(1, &[]);
    count(&provider, api);
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.metrics().len(), 1);
    assert_eq!(snapshot.metric("n").value(&()), 3);
}

#[test]
fn a_scope_with_nan_among_its_attributes_is_one_however_often_it_is_asked_for() {
    let nan = Value::Array(Array::F64(vec![1.0, f64::NAN]));
    for value in [Value::F64(f64::NAN), nan] {
        let provider = provider();
        for _ in 0..100 {
            let attributes = [KeyValue::new("other", 1), KeyValue::new("k", value.clone())];
            let meter = provider.meter_builder("m").with_attributes(attributes).build();
            meter.counter("n").build::<u64, Dynamic>().add(1, &());
        }
        assert_eq!(provider.account().instruments, 1);
        assert_eq!(snapshot(&provider).metric("n").total(), 100);
    }
}

#[test]
fn scopes_whose_attributes_differ_in_the_bits_of_a_float_differ() {
    let provider = provider();
    for value in [0.0, -0.0, f64::NAN, -f64::NAN] {
        let meter = provider.meter_builder("m").with_attributes([KeyValue::new("k", value)]).build();
        meter.counter("n").build::<u64, Dynamic>().add(1, &());
    }
    assert_eq!(provider.account().instruments, 4);
}

#[test]
fn of_equal_keys_of_a_scope_the_last_counts() {
    let provider = provider();
    let (early, late) = (KeyValue::new("k", 1), KeyValue::new("k", 2));
    for attributes in [vec![early.clone(), late.clone()], vec![late.clone()], vec![late, early]] {
        let meter = provider.meter_builder("m").with_attributes(attributes).build();
        meter.counter("n").build::<u64, Dynamic>().add(1, &());
    }
    assert_eq!(provider.account().instruments, 2);
}

#[test]
fn a_meter_without_a_name_works_and_is_reported() {
    let provider = provider();
    let reports = reports_of(|| provider.meter("").counter("n").build::<u64, Dynamic>().add(1, &()));
    only(&reports, "meter.name");
    assert_eq!(snapshot(&provider).metric_in("", "n").value(&()), 1);
}

#[test]
fn identical_instruments_are_one_and_nothing_is_said() {
    let provider = provider();
    let reports = reports_of(|| {
        for _ in 0..3 {
            let meter = provider.meter("m");
            let counter: Counter<u64> = meter.counter("n").with_unit("u").with_description("d").build();
            counter.add(1, &());
            meter.as_otel().u64_counter("n").with_unit("u").with_description("d").build().add(1, &[]);
        }
    });
    assert_eq!(reports, []);
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.metrics().len(), 1);
    assert_eq!(snapshot.metric("n").value(&()), 6);
    assert_eq!(provider.account().instruments, 1);
}

/// Declares two instruments that differ in one thing; both work, and one warning names both.
#[track_caller]
fn assert_conflict(
    name: &'static str,
    first: impl FnOnce(&opentelemetry::metrics::Meter),
    second: impl Fn(&opentelemetry::metrics::Meter),
    named: [&str; 2],
) {
    let provider = provider();
    let meter = provider.meter("m").as_otel();
    let reports = reports_of(|| {
        first(&meter);
        second(&meter);
        second(&meter);
    });
    let report = only(&reports, "instrument.conflict");
    assert_eq!((report.level.as_str(), report.subject.as_str()), ("WARN", name));
    for text in named {
        assert!(report.message.contains(text), "{text:?} is missing in: {}", report.message);
    }
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.metrics().len(), 2, "{snapshot}");
    for metric in snapshot.metrics() {
        assert_eq!(metric.name(), name);
        metric.assert_series(1);
    }
}

#[test]
fn instruments_that_differ_in_kind_conflict() {
    assert_conflict(
        "conflict.kind",
        |meter| meter.u64_counter("conflict.kind").build().add(1, &[]),
        |meter| meter.u64_gauge("conflict.kind").build().record(1, &[]),
        ["Counter", "Gauge"],
    );
}

#[test]
fn a_synchronous_and_an_observable_instrument_conflict() {
    assert_conflict(
        "conflict.observable",
        |meter| meter.u64_counter("conflict.observable").build().add(1, &[]),
        |meter| {
            meter.u64_observable_counter("conflict.observable").with_callback(|o| o.observe(1, &[])).build();
        },
        ["Counter", "ObservableCounter"],
    );
}

#[test]
fn instruments_that_differ_in_unit_conflict() {
    assert_conflict(
        "conflict.unit",
        |meter| meter.u64_counter("conflict.unit").with_unit("s").build().add(1, &[]),
        |meter| meter.u64_counter("conflict.unit").with_unit("ms").build().add(1, &[]),
        ["\"s\"", "\"ms\""],
    );
}

#[test]
fn units_are_told_apart_by_case() {
    assert_conflict(
        "conflict.unit.case",
        |meter| meter.u64_counter("conflict.unit.case").with_unit("kBy").build().add(1, &[]),
        |meter| meter.u64_counter("conflict.unit.case").with_unit("KBy").build().add(1, &[]),
        ["\"kBy\"", "\"KBy\""],
    );
}

#[test]
fn instruments_that_differ_in_description_conflict() {
    assert_conflict(
        "conflict.description",
        |meter| meter.u64_counter("conflict.description").with_description("one").build().add(1, &[]),
        |meter| meter.u64_counter("conflict.description").with_description("two").build().add(1, &[]),
        ["\"one\"", "\"two\""],
    );
}

#[test]
fn instruments_that_differ_in_number_conflict() {
    assert_conflict(
        "conflict.number",
        |meter| meter.u64_counter("conflict.number").build().add(1, &[]),
        |meter| meter.f64_counter("conflict.number").build().add(1.0, &[]),
        ["U64", "F64"],
    );
}

#[test]
fn names_are_the_same_in_whatever_case_and_the_first_spelling_stays() {
    let provider = provider();
    let meter = provider.meter("m").as_otel();
    let reports = reports_of(|| {
        meter.u64_counter("Case.Requests").build().add(1, &[]);
        meter.u64_counter("case.requests").build().add(1, &[]);
        meter.u64_counter("CASE.REQUESTS").build().add(1, &[]);
    });
    let report = only(&reports, "instrument.case");
    assert!(
        report.message.contains("case.requests") && report.message.contains("Case.Requests"),
        "{report:?}"
    );
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.metrics().len(), 1);
    assert_eq!(snapshot.metrics()[0].name(), "Case.Requests");
    assert_eq!(snapshot.metric("case.requests").value(&()), 3);
}

#[test]
fn boundaries_are_advice_that_does_not_make_another_instrument() {
    let provider = provider();
    let meter = provider.meter("m");
    let reports = reports_of(|| {
        for boundaries in [vec![1.0], vec![2.0]] {
            let histogram: Histogram<f64> =
                meter.histogram("advice.boundaries").with_boundaries(boundaries).build();
            histogram.record(1.5, &());
        }
        meter.histogram("advice.boundaries").build::<f64, Dynamic>().record(1.5, &());
    });
    let report = only(&reports, "instrument.boundaries.conflict");
    assert!(report.message.contains("[2.0]") && report.message.contains("[1.0]"), "{report:?}");
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.metrics().len(), 1);
    assert_eq!(snapshot.metric("advice.boundaries").boundaries(), [1.0]);
    assert_eq!(snapshot.metric("advice.boundaries").histogram(&()).bucket_counts(), [0, 3]);
}

#[test]
fn a_limit_is_advice_that_does_not_make_another_instrument() {
    let provider = provider();
    let meter = provider.meter("m");
    let reports = reports_of(|| {
        for limit in [3, 5] {
            let counter: Counter<u64> = meter.counter("advice.limit").with_cardinality_limit(limit).build();
            counter.add(1, &());
        }
    });
    let report = only(&reports, "instrument.limit.conflict");
    assert!(report.message.contains('5') && report.message.contains('3'), "{report:?}");
    assert_eq!(snapshot(&provider).metric("advice.limit").value(&()), 2);
}

#[test]
fn boundaries_with_nan_that_are_declared_again_are_the_same() {
    let provider = provider();
    let declare = || {
        let boundaries = vec![f64::NAN, 1.0];
        provider.meter("m").histogram("nan.again").with_boundaries(boundaries).build::<f64, Dynamic>();
    };
    only(&reports_of(declare), "instrument.boundaries");
    assert_eq!(reports_of(declare), []);
}
