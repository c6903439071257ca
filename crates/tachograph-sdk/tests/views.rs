//! Views change what becomes of measurements: names, attributes, aggregation, limit, or nothing at all.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry::KeyValue;
use support::{only, reports_of, snapshot};
use tachograph_sdk::metrics::{Aggregation, InstrumentKind, MetricKind, View};
use tachograph_sdk::testing::MetricsSnapshot;
use tachograph_sdk::{
    AttributeValue, Attributes, Counter, Gauge, Histogram, MeterProvider, Resource, Static, UpDownCounter,
    declare,
};

fn with(views: impl IntoIterator<Item = View>) -> MeterProvider {
    let builder = MeterProvider::builder().with_resource(Resource::builder_empty().build());
    views.into_iter().fold(builder, |builder, view| builder.with_view(view)).build()
}

fn names(snapshot: &MetricsSnapshot) -> Vec<&str> {
    snapshot.metrics().iter().map(|metric| metric.name()).collect()
}

#[derive(AttributeValue)]
#[attribute(crate = "tachograph_sdk")]
enum Channel {
    Web,
    App,
}

#[derive(Attributes)]
#[attribute(crate = "tachograph_sdk")]
struct Order {
    channel: Channel,
    paid: bool,
}

#[test]
fn a_stream_is_renamed_and_described_and_the_instrument_stays_what_it_is() {
    let provider = with([View::of("requests").with_name("http.requests").with_description("All of them")]);
    let counter: Counter<u64> = provider.meter("m").counter("Requests").with_unit("{request}").build();
    let again: Counter<u64> = provider.meter("m").counter("requests").with_unit("{request}").build();
    counter.add(1, &());
    again.add(1, &());
    let snapshot = snapshot(&provider);
    assert_eq!(names(&snapshot), ["http.requests"]);
    let metric = snapshot.metric("http.requests");
    assert_eq!((metric.description(), metric.unit()), ("All of them", "{request}"));
    metric.assert_value(&(), 2);
}

#[test]
fn instruments_that_no_view_selects_are_as_without_views() {
    let provider = with([View::of("other.*").dropped(), View::all().for_unit("s").dropped()]);
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    counter.add(1, &[("k", "v")]);
    snapshot(&provider).metric("n").assert_value(&[("k", "v")], 1);
}

#[test]
fn dropped_instruments_have_no_metric_and_take_every_kind_of_record() {
    let provider = with([View::of("dropped.*").dropped()]);
    let meter = provider.meter("m");
    let reports = reports_of(|| {
        let typed: Counter<u64, Order> = meter.counter("dropped.typed").build();
        let dynamic: Histogram<f64> = meter.histogram("dropped.dynamic").build();
        let gauge: Gauge<i64> = meter.gauge("dropped.gauge").build();
        let api = meter.as_otel().u64_counter("dropped.api").build();
        meter
            .as_otel()
            .u64_observable_counter("dropped.observed")
            .with_callback(|o| o.observe(1, &[]))
            .build();
        for _ in 0..2 {
            typed.add(1, &Order { channel: Channel::Web, paid: true });
            typed.bind(&Order { channel: Channel::App, paid: true }).add(1);
            dynamic.record(1.0, &[("k", "v")]);
            dynamic.bind(&()).record(1.0);
            gauge.record(1, &());
            api.add(1, &[KeyValue::new("k", "v")]);
        }
        assert_eq!(names(&snapshot(&provider)), [""; 0]);
    });
    assert_eq!(reports, []);
    let account = provider.account();
    assert_eq!((account.instruments, account.series, account.refused), (5, 0, 0));
}

#[test]
fn what_is_dropped_is_in_nobodys_way_and_refuses_nothing() {
    let provider = with([
        View::of("both").dropped(),
        View::of("half").for_kind(InstrumentKind::Counter).dropped(),
        View::of("other.half").for_kind(InstrumentKind::Counter).dropped(),
    ]);
    let meter = provider.meter("m");
    let reports = reports_of(|| {
        let counter: Counter<f64> = meter.counter("both").with_cardinality_limit(3).build();
        let up_down: UpDownCounter<i64> = meter.up_down_counter("both").build();
        let histogram: Histogram<f64> = meter.histogram("both").with_boundaries([1.0]).build();
        let _again: Counter<f64> = meter.counter("BOTH").with_cardinality_limit(4).build();
        let _again: Histogram<f64> = meter.histogram("both").with_boundaries([2.0]).build();
        let bound = up_down.bind(&());
        for _ in 0..2 {
            counter.add(f64::NAN, &());
            counter.add(-1.0, &[("k", "v")]);
            up_down.add(-1, &());
            bound.add(-1);
            histogram.record(f64::INFINITY, &());
        }
        let api = meter.as_otel();
        let observed = api.i64_observable_up_down_counter("both");
        observed.with_callback(|observer| observer.observe(-1, &[])).build();
        for (first, second) in [("half", "half"), ("other.half", "other.half")] {
            let _dropped: Counter<u64> = meter.counter(first).build();
            let kept: UpDownCounter<i64> = meter.up_down_counter(second).build();
            kept.add(-1, &());
            let _dropped_again: Counter<f64> = meter.counter(first).build();
        }
        assert_eq!(names(&snapshot(&provider)), ["half", "other.half"]);
    });
    assert_eq!(reports, []);
    assert_eq!(provider.account().refused, 0);
}

#[test]
fn an_instrument_knows_whether_anybody_may_read_what_it_records() {
    static UNBOUND: Static<Counter<u64>> = declare("m", "unbound").build();
    let provider = with([
        View::of("dropped").dropped(),
        View::of("half").dropped(),
        View::of("half").with_name("other.half"),
        View::all().for_scope("noisy").dropped(),
    ]);
    let counter = |scope: &'static str, name: &'static str| -> Counter<u64> {
        provider.meter(scope).counter(name).build()
    };
    assert!(counter("m", "plain").is_enabled() && counter("m", "half").is_enabled());
    assert!(!counter("m", "dropped").is_enabled() && !counter("noisy", "plain").is_enabled());
    assert!(!UNBOUND.is_enabled());
    let gauges: Gauge<f64> = provider.meter("m").gauge("g").build();
    let typed: Counter<u64, Order> = provider.meter("m").counter("dropped").build();
    assert!(gauges.is_enabled() && !typed.is_enabled());
}

#[test]
fn attributes_are_kept_or_excluded_and_what_becomes_equal_is_added_up() {
    let provider = with([
        View::of("kept").with_attributes(["channel"]),
        View::of("excluded").without_attributes(["channel"]),
        View::of("none").with_attributes([""; 0]),
    ]);
    for name in ["kept", "excluded", "none"] {
        let meter = provider.meter("m");
        let typed: Counter<u64, Order> = meter.counter(name).build();
        let dynamic: Counter<u64> = meter.counter(name).build();
        for _ in 0..2 {
            typed.add(1, &Order { channel: Channel::Web, paid: true });
            typed.add(1, &Order { channel: Channel::Web, paid: false });
            dynamic.add(1, &[("channel", "web"), ("x", "1")]);
        }
        dynamic.bind(&[("channel", "web"), ("x", "2")]).add(10);
        meter.as_otel().u64_counter(name).build().add(100, &[KeyValue::new("channel", "web")]);
    }
    let snapshot = snapshot(&provider);
    snapshot.metric("kept").assert_series(1);
    snapshot.metric("kept").assert_value(&[("channel", "web")], 116);
    snapshot.metric("excluded").assert_value(&[("paid", true)], 2);
    snapshot.metric("excluded").assert_value(&[("paid", false)], 2);
    snapshot.metric("excluded").assert_value(&[("x", "1")], 2);
    snapshot.metric("excluded").assert_value(&[("x", "2")], 10);
    snapshot.metric("excluded").assert_value(&(), 100);
    snapshot.metric("none").assert_series(1);
    snapshot.metric("none").assert_value(&(), 116);
}

#[test]
fn filters_come_before_the_limit() {
    let provider = with([View::of("n").with_attributes(["k"]).with_cardinality_limit(2)]);
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    for id in 0..100 {
        counter.add(1, &[("k", id % 2), ("id", id)]);
    }
    let filtered = snapshot(&provider);
    filtered.metric("n").assert_series(2);
    counter.add(1, &[("k", 2)]);
    snapshot(&provider).metric("n").assert_value(&[("otel.metric.overflow", true)], 1);
}

#[test]
fn a_limit_of_a_view_goes_before_that_of_the_instrument() {
    let provider = with([View::of("n").with_cardinality_limit(3)]);
    let meter = provider.meter("m");
    let reports = reports_of(|| {
        for _ in 0..2 {
            let _same: Counter<u64> = meter.counter("n").with_cardinality_limit(1).build();
        }
    });
    assert_eq!(reports, [], "both ask for the same");
    let counter: Counter<u64> = meter.counter("n").build();
    (0..10).for_each(|n| counter.add(1, &[("n", n)]));
    let snapshot = snapshot(&provider);
    snapshot.metric("n").assert_series(4);
    snapshot.metric("n").assert_value(&[("otel.metric.overflow", true)], 7);
}

#[test]
fn boundaries_of_a_view_go_before_those_of_the_instrument() {
    let provider = with([View::of("n").with_aggregation(Aggregation::explicit_bucket_histogram([1.0, 2.0]))]);
    let histogram: Histogram<f64> = provider.meter("m").histogram("n").with_boundaries([10.0]).build();
    histogram.record(1.5, &());
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.metric("n").boundaries(), [1.0, 2.0]);
    assert_eq!(snapshot.metric("n").histogram(&()).bucket_counts(), [0, 1, 0]);
}

#[test]
fn instruments_of_every_kind_become_what_suits_them() {
    let histogram = || Aggregation::explicit_bucket_histogram([0.0, 10.0]);
    let provider = with([
        View::of("*.as.histogram").with_aggregation(histogram()),
        View::of("*.as.sum").with_aggregation(Aggregation::Sum),
        View::of("*.as.last").with_aggregation(Aggregation::LastValue),
    ]);
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("counter.as.histogram").build();
    let up_down: UpDownCounter<i64> = meter.up_down_counter("up.as.histogram").build();
    let gauge: Gauge<f64> = meter.gauge("gauge.as.histogram").build();
    let histogram: Histogram<u64> = meter.histogram("histogram.as.sum").build();
    let last: Gauge<u64> = meter.gauge("gauge.as.last").build();
    for value in [3, 4] {
        counter.add(value, &());
        up_down.add(-(value as i64), &());
        gauge.record(value as f64, &());
        histogram.record(value, &());
        last.record(value, &());
    }
    let snapshot = snapshot(&provider);
    snapshot.metric("counter.as.histogram").assert_histogram(&(), 2, 7);
    snapshot.metric("up.as.histogram").assert_histogram(&(), 2, -7);
    snapshot.metric("gauge.as.histogram").assert_histogram(&(), 2, 7.0);
    assert_eq!(snapshot.metric("histogram.as.sum").kind(), MetricKind::Sum { monotonic: true });
    snapshot.metric("histogram.as.sum").assert_value(&(), 7);
    snapshot.metric("gauge.as.last").assert_value(&(), 4);
}

#[test]
fn a_counter_refuses_what_goes_down_however_it_is_aggregated() {
    let provider = with([View::all().with_aggregation(Aggregation::explicit_bucket_histogram([0.0]))]);
    let counter: Counter<f64> = provider.meter("m").counter("n").build();
    counter.add(-1.0, &());
    counter.bind(&()).add(-1.0);
    counter.add(f64::NAN, &());
    counter.add(2.0, &());
    snapshot(&provider).metric("n").assert_histogram(&(), 1, 2.0);
    assert_eq!(provider.account().refused, 3);
}

#[test]
fn what_a_sum_of_a_histogram_refuses_is_not_said_to_be_a_counters() {
    let provider = with([View::all().with_aggregation(Aggregation::Sum)]);
    let histogram: Histogram<f64> = provider.meter("m").histogram("refused.by.sum").build();
    let reports = reports_of(|| histogram.record(-1.0, &()));
    let message = &only(&reports, "measurement.refused").message;
    assert!(message.contains("sum of this histogram") && !message.contains("counter"), "{message}");
}

#[test]
fn an_aggregation_that_does_not_suit_is_reported_and_the_default_is_used() {
    for (kind, aggregation) in [
        (InstrumentKind::Counter, Aggregation::LastValue),
        (InstrumentKind::Gauge, Aggregation::Sum),
        (InstrumentKind::ObservableCounter, Aggregation::explicit_bucket_histogram([1.0])),
    ] {
        let name = format!("unsuited.{kind:?}");
        let provider = with([View::of(&name).with_aggregation(aggregation)]);
        let reports = reports_of(|| match kind {
            InstrumentKind::Counter => {
                provider.meter("m").counter(name.clone()).build::<u64, tachograph_sdk::Dynamic>().add(1, &());
            }
            InstrumentKind::Gauge => {
                provider
                    .meter("m")
                    .gauge(name.clone())
                    .build::<u64, tachograph_sdk::Dynamic>()
                    .record(1, &());
            }
            _ => {
                let meter = provider.meter("m").as_otel();
                meter.u64_observable_counter(name.clone()).with_callback(|o| o.observe(1, &[])).build();
            }
        });
        let report = only(&reports, "view.aggregation");
        assert!(report.message.contains(&format!("does not suit a {kind:?}")), "{}", report.message);
        snapshot(&provider).metric(&name).assert_value(&(), 1);
    }
}

#[test]
fn several_views_make_several_streams_and_each_has_every_measurement_once() {
    let provider = with([
        View::of("n").with_name("by.channel").with_attributes(["channel"]),
        View::of("n").with_name("total").with_attributes([""; 0]),
        View::of("n").with_name("sizes").with_aggregation(Aggregation::explicit_bucket_histogram([1.5])),
        View::of("n").with_name("nothing").dropped(),
    ]);
    let meter = provider.meter("m");
    let typed: Counter<u64, Order> = meter.counter("n").build();
    let dynamic: Counter<u64> = meter.counter("n").build();
    let api = meter.as_otel().u64_counter("n").build();
    let bound = typed.bind(&Order { channel: Channel::Web, paid: true });
    let bound_by_api = api.bind(&[KeyValue::new("channel", "app")]);
    for _ in 0..3 {
        typed.add(1, &Order { channel: Channel::Web, paid: true });
        typed.add(2, &Order { channel: Channel::App, paid: false });
        dynamic.add(1, &[("channel", "web")]);
        api.add(1, &[KeyValue::new("channel", "web")]);
        bound.add(1);
        bound.clone().add(1);
        bound_by_api.add(2);
    }
    let snapshot = snapshot(&provider);
    assert_eq!(names(&snapshot), ["by.channel", "total", "sizes"]);
    snapshot.metric("by.channel").assert_value(&[("channel", "web")], 15);
    snapshot.metric("by.channel").assert_value(&[("channel", "app")], 12);
    snapshot.metric("total").assert_value(&(), 27);
    let sizes = snapshot.metric("sizes");
    assert_eq!((sizes.count(), sizes.total().as_f64()), (21, 27.0));
    assert_eq!(provider.account().instruments, 1);
}

#[test]
fn observable_instruments_have_the_streams_of_their_views() {
    let provider = with([
        View::of("n").with_name("by.channel").with_attributes(["channel"]),
        View::of("n").with_name("all"),
        View::of("level").with_attributes([""; 0]),
    ]);
    let meter = provider.meter("m").as_otel();
    let observe = |observer: &dyn opentelemetry::metrics::AsyncInstrument<u64>| {
        for (channel, id, value) in [("web", 1, 10), ("web", 2, 5), ("app", 1, 7)] {
            observer.observe(value, &[KeyValue::new("channel", channel), KeyValue::new("id", id)]);
        }
    };
    meter.u64_observable_counter("n").with_callback(observe).build();
    meter.u64_observable_gauge("level").with_callback(observe).build();
    for _ in 0..2 {
        let snapshot = snapshot(&provider);
        assert_eq!(names(&snapshot), ["by.channel", "all", "level"]);
        snapshot.metric("by.channel").assert_value(&[("channel", "web")], 15);
        snapshot.metric("by.channel").assert_value(&[("channel", "app")], 7);
        snapshot.metric("all").assert_series(3);
        snapshot.metric("level").assert_value(&(), 7);
    }
}

#[test]
fn what_a_filter_makes_equal_adds_up_in_whatever_order_it_is_observed() {
    let provider = with([View::of("n").with_attributes(["channel"])]);
    let web = || KeyValue::new("channel", "web");
    let sets = [vec![web(), KeyValue::new("id", 1)], vec![web()], vec![web(), KeyValue::new("id", 2)]];
    let at = AtomicUsize::new(0);
    let observe = move |observer: &dyn opentelemetry::metrics::AsyncInstrument<u64>| {
        let first = at.fetch_add(1, Ordering::Relaxed);
        (0..3).for_each(|n| observer.observe(1 << n, &sets[(first + n) % 3]));
    };
    provider.meter("m").as_otel().u64_observable_counter("n").with_callback(observe).build();
    for _ in 0..3 {
        snapshot(&provider).metric("n").assert_value(&[("channel", "web")], 7);
    }
}

#[test]
fn a_measurement_that_several_streams_refuse_counts_once() {
    let provider = with([View::all(), View::of("n").with_name("again")]);
    let meter = provider.meter("m");
    let typed: Counter<f64, Order> = meter.counter("n").build();
    let dynamic: Counter<f64> = meter.counter("n").build();
    typed.add(-1.0, &Order { channel: Channel::Web, paid: true });
    dynamic.add(-1.0, &());
    dynamic.bind(&()).add(f64::NAN);
    meter.as_otel().f64_observable_counter("n").with_callback(|o| o.observe(-1.0, &[])).build();
    let _ = snapshot(&provider);
    assert_eq!(provider.account().refused, 4);
}

#[test]
fn what_one_stream_takes_and_another_refuses_is_in_the_one() {
    let provider = with([View::of("n").with_name("sum").with_aggregation(Aggregation::Sum), View::of("n")]);
    let histogram: Histogram<f64> = provider.meter("m").histogram("n").build();
    let bound = histogram.bind(&());
    for value in [-1.0, 2.0] {
        histogram.record(value, &());
        bound.record(value);
    }
    let snapshot = snapshot(&provider);
    snapshot.metric("sum").assert_value(&(), 4.0);
    snapshot.metric("n").assert_histogram(&(), 4, 2.0);
    assert_eq!(provider.account().refused, 2);
}

#[test]
fn views_that_say_the_same_make_one_stream() {
    let provider = with([View::of("n").with_attributes(["k"]), View::all().with_attributes(["k", "k"])]);
    let reports = reports_of(|| {
        let counter: Counter<u64> = provider.meter("m").counter("n").build();
        counter.add(1, &[("k", "v")]);
    });
    assert_eq!(reports, []);
    snapshot(&provider).metric("n").assert_value(&[("k", "v")], 1);
}

#[test]
fn views_that_make_different_streams_of_one_name_are_reported_and_both_record() {
    let provider = with([View::all(), View::of("same.name").with_attributes(["k"])]);
    let reports = reports_of(|| {
        let counter: Counter<u64> = provider.meter("m").counter("same.name").build();
        counter.add(1, &[("k", "v"), ("l", "w")]);
    });
    only(&reports, "view.conflict");
    let snapshot = snapshot(&provider);
    assert_eq!(names(&snapshot), ["same.name", "same.name"]);
    assert_eq!(snapshot.metrics()[0].value(&[("k", "v"), ("l", "w")]), 1);
    assert_eq!(snapshot.metrics()[1].value(&[("k", "v")]), 1);
}

#[test]
fn a_view_that_renames_an_instrument_into_another_is_reported_and_both_record() {
    for other_first in [true, false] {
        let target = format!("renamed.into.{other_first}");
        let provider = with([View::of("from").with_name(target.clone())]);
        let reports = reports_of(|| {
            let mut names = [target.clone(), "from".to_owned()];
            if !other_first {
                names.reverse();
            }
            for name in names {
                let counter: Counter<u64> = provider.meter("m").counter(name).build();
                counter.add(1, &());
            }
            let elsewhere: Counter<u64> = provider.meter("another scope").counter(target.clone()).build();
            elsewhere.add(1, &());
        });
        let report = only(&reports, "view.name.conflict");
        assert!(report.message.contains(&target), "{}", report.message);
        assert_eq!(names(&snapshot(&provider)), [&target; 3]);
    }
}

#[test]
fn a_view_that_may_select_several_instruments_renames_none_and_is_reported() {
    for view in [View::of("wild.*"), View::of("wil?.a"), View::all().for_unit("s")] {
        let mut provider = None;
        let name = format!("one name {view:?}");
        let reports = reports_of(|| {
            provider = Some(with([view.with_name(name).with_attributes(["k"])]));
        });
        only(&reports, "view.name");
        let provider = provider.expect("built");
        for name in ["wild.a", "wild.b"] {
            let counter: Counter<u64> = provider.meter("m").counter(name).with_unit("s").build();
            counter.add(1, &[("k", "v"), ("l", "w")]);
        }
        let snapshot = snapshot(&provider);
        assert_eq!(names(&snapshot), ["wild.a", "wild.b"]);
        snapshot.metric("wild.a").assert_value(&[("k", "v")], 1);
    }
}

#[test]
fn boundaries_that_are_not_valid_are_repaired_and_reported() {
    for boundaries in [vec![f64::NAN, 2.0, 1.0], vec![2.0, 1.0, 1.0], vec![1.0, 2.0, f64::INFINITY]] {
        let name = format!("invalid.{boundaries:?}");
        let provider =
            with([View::of(&name).with_aggregation(Aggregation::explicit_bucket_histogram(boundaries))]);
        let reports = reports_of(|| {
            let histogram: Histogram<f64> = provider.meter("m").histogram("invalid").build();
            histogram.record(1.0, &());
            let histogram: Histogram<f64> = provider.meter("m").histogram(name.clone()).build();
            histogram.record(1.0, &());
        });
        assert!(reports.iter().any(|report| report.kind == "instrument.boundaries"), "{reports:?}");
        assert_eq!(snapshot(&provider).metric(&name).boundaries(), [1.0, 2.0]);
    }
}

#[test]
fn a_description_that_a_view_gives_to_both_ends_a_conflict() {
    let provider = with([View::of("described").with_description("one for both")]);
    let reports = reports_of(|| {
        for description in ["one", "another"] {
            let counter: Counter<u64> =
                provider.meter("m").counter("described").with_description(description).build();
            counter.add(1, &());
        }
    });
    assert_eq!(reports, []);
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.metric("described").description(), "one for both");
    snapshot.metric("described").assert_value(&(), 2);
}

#[test]
fn kind_unit_and_scope_all_have_to_fit() {
    let provider = with([View::of("n*")
        .for_kind(InstrumentKind::Counter)
        .for_unit("By")
        .for_scope("lib")
        .for_scope_version("1.2")
        .for_schema_url("https://example.com/1")
        .dropped()]);
    let fits = |builder: tachograph_sdk::metrics::MeterBuilder| {
        builder.with_version("1.2").with_schema_url("https://example.com/1").build()
    };
    let meter = fits(provider.meter_builder("lib"));
    let add = |meter: &tachograph_sdk::Meter, name: &str, unit: &'static str| {
        meter.counter(name.to_owned()).with_unit(unit).build::<u64, tachograph_sdk::Dynamic>().add(1, &());
    };
    add(&meter, "n.dropped", "By");
    add(&meter, "n.of.another.unit", "by");
    add(&meter, "another.name", "By");
    meter
        .up_down_counter("n.of.another.kind")
        .with_unit("By")
        .build::<i64, tachograph_sdk::Dynamic>()
        .add(1, &());
    add(&fits(provider.meter_builder("Lib")), "n.of.another.scope", "By");
    add(&provider.meter("lib"), "n.of.no.version", "By");
    assert_eq!(
        names(&snapshot(&provider)),
        ["n.of.another.unit", "another.name", "n.of.another.kind", "n.of.another.scope", "n.of.no.version"]
    );
}

#[test]
fn a_filtered_stream_takes_what_several_threads_record() {
    let provider = with([View::all().with_attributes(["k"]), View::of("n").with_name("all")]);
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    std::thread::scope(|scope| {
        for thread in 0..4_i64 {
            let counter = counter.clone();
            scope.spawn(move || {
                for n in 0..5_000_i64 {
                    counter.add(1, &[("k", n % 3), ("thread", thread), ("n", n % 10)]);
                }
            });
        }
    });
    let snapshot = snapshot(&provider);
    snapshot.metric("n").assert_series(3);
    snapshot.metric("n").assert_total(20_000);
    snapshot.metric("all").assert_total(20_000);
}
