//! What the facade's macros record is what the engine has.

use metrics::{Label, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use tachograph_metrics::MetricsRecorder;
use tachograph_sdk::MeterProvider;
use tachograph_sdk::testing::{InMemoryReader, MetricsSnapshot};

/// Runs `record` with a recorder of its own, and gives what was recorded.
fn recorded(record: impl FnOnce()) -> MetricsSnapshot {
    let provider = MeterProvider::new();
    metrics::with_local_recorder(&MetricsRecorder::new(&provider), record);
    InMemoryReader::new(&provider).snapshot()
}

#[test]
fn a_counter_adds_up_by_its_labels() {
    let snapshot = recorded(|| {
        counter!("orders_total", "channel" => "web", "tier" => "gold").increment(2);
        counter!("orders_total", "tier" => "gold", "channel" => "web").increment(3);
        counter!("orders_total").increment(7);
    });
    let orders = snapshot.metric("orders_total");
    assert_eq!(orders.value(&[("channel", "web"), ("tier", "gold")]), 5);
    assert_eq!(orders.value(&()), 7);
    assert_eq!(orders.points().len(), 2);
    assert_eq!(orders.scope().name(), "metrics");
}

#[test]
fn an_absolute_value_is_reached_and_a_smaller_one_changes_nothing() {
    let snapshot = recorded(|| {
        for value in [5, 3, 9, 9, 8] {
            counter!("packets").absolute(value);
        }
    });
    assert_eq!(snapshot.metric("packets").value(&()), 9);
}

#[test]
fn absolute_values_of_many_threads_reach_the_largest() {
    let provider = MeterProvider::new();
    let recorder = MetricsRecorder::new(&provider);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let recorder = &recorder;
            scope.spawn(move || {
                metrics::with_local_recorder(recorder, || {
                    let packets = counter!("packets");
                    (0..10_000).for_each(|step| packets.absolute(step * 4 + thread));
                });
            });
        }
    });
    assert_eq!(InMemoryReader::new(&provider).snapshot().metric("packets").value(&()), 39_999);
}

#[test]
fn a_gauge_is_set_and_goes_up_and_down() {
    let snapshot = recorded(|| {
        gauge!("depth").set(10.0);
        gauge!("depth").increment(2.5);
        gauge!("depth").decrement(4.0);
        gauge!("depth", "queue" => "a").decrement(1.0);
        let _never_updated = gauge!("depth", "queue" => "b");
    });
    let depth = snapshot.metric("depth");
    assert_eq!(depth.value(&()), 8.5);
    assert_eq!(depth.value(&[("queue", "a")]), -1.0);
    assert_eq!(depth.points().len(), 2, "{depth}");
}

#[test]
fn increments_of_many_threads_are_all_in_the_gauge() {
    let provider = MeterProvider::new();
    let recorder = MetricsRecorder::new(&provider);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                metrics::with_local_recorder(&recorder, || {
                    (0..10_000).for_each(|_| gauge!("in_flight", "a" => "b").increment(1.0));
                    (0..9_000).for_each(|_| gauge!("in_flight", "a" => "b").decrement(1.0));
                });
            });
        }
    });
    let snapshot = InMemoryReader::new(&provider).snapshot();
    assert_eq!(snapshot.metric("in_flight").value(&[("a", "b")]), 4_000.0);
}

#[test]
fn a_histogram_has_boundaries_for_its_unit() {
    let snapshot = recorded(|| {
        describe_histogram!("size", Unit::Bytes, "Sizes");
        histogram!("request_duration_seconds").record(std::time::Duration::from_millis(20));
        histogram!("request_duration_seconds").record_many(0.3, 2);
        histogram!("size").record(700);
    });
    let duration = snapshot.metric("request_duration_seconds");
    assert_eq!(duration.unit(), "s");
    let text = duration.to_string();
    assert!(text.contains("count 3, sum 0.62"), "{text}");
    assert!(text.contains("[0, 0, 1, 0, 0, 0, 0, 2, "), "not all in one bucket of the defaults: {text}");
    assert_eq!(snapshot.metric("size").unit(), "By");
}

#[test]
fn descriptions_and_units_are_the_instruments() {
    let snapshot = recorded(|| {
        describe_counter!("sent", Unit::Bytes, "Bytes sent");
        describe_gauge!("load", Unit::Percent, "Load");
        describe_gauge!("depth", Unit::Count, "Depth");
        counter!("sent").increment(1);
        gauge!("load").set(1.0);
        gauge!("depth").set(1.0);
    });
    let of = |name| (snapshot.metric(name).unit().to_owned(), snapshot.metric(name).description().to_owned());
    assert_eq!(of("sent"), ("By".to_owned(), "Bytes sent".to_owned()));
    assert_eq!(of("load"), ("%".to_owned(), "Load".to_owned()));
    assert_eq!(of("depth"), (String::new(), "Depth".to_owned()), "a count is no ratio");
}

#[test]
fn of_labels_with_one_key_the_last_counts() {
    let snapshot = recorded(|| {
        let labels = |values: [&'static str; 2]| values.map(|value| Label::new("a", value)).to_vec();
        gauge!("g", labels(["1", "2"])).set(1.0);
        gauge!("g", labels(["3", "2"])).increment(5.0);
        gauge!("g", "a" => "1").set(9.0);
        counter!("c", labels(["1", "2"])).increment(1);
        counter!("c", "a" => "2").increment(1);
    });
    assert_eq!(snapshot.metric("g").value(&[("a", "2")]), 6.0);
    assert_eq!(snapshot.metric("g").value(&[("a", "1")]), 9.0);
    assert_eq!(snapshot.metric("c").value(&[("a", "2")]), 2);
}

#[test]
fn what_exceeds_the_limit_adds_up_in_one_series() {
    let provider = MeterProvider::new();
    let recorder = MetricsRecorder::builder(&provider).with_cardinality_limit(3).build();
    metrics::with_local_recorder(&recorder, || {
        for user in 0..100 {
            counter!("logins", "user" => user.to_string()).increment(1);
            gauge!("balance", "user" => user.to_string()).set(f64::from(user));
            histogram!("amount", "user" => user.to_string()).record(1.0);
        }
    });
    let snapshot = InMemoryReader::new(&provider).snapshot();
    for name in ["logins", "balance", "amount"] {
        assert_eq!(snapshot.metric(name).points().len(), 4, "{name}");
    }
    let overflow = [("otel.metric.overflow", true)];
    assert_eq!(snapshot.metric("logins").value(&overflow), 97);
    assert_eq!(snapshot.metric("logins").total(), 100);
    assert_eq!(snapshot.metric("balance").value(&overflow), 99.0);
}

#[test]
fn a_limit_above_the_providers_holds_for_every_kind() {
    const SETS: usize = 100;
    let provider = MeterProvider::builder().with_cardinality_limit(10).build();
    let recorder = MetricsRecorder::builder(&provider).with_cardinality_limit(SETS).build();
    metrics::with_local_recorder(&recorder, || {
        for user in 0..SETS {
            counter!("logins", "user" => user.to_string()).increment(1);
            gauge!("balance", "user" => user.to_string()).set(user as f64);
            histogram!("amount", "user" => user.to_string()).record(1.0);
        }
    });
    let snapshot = InMemoryReader::new(&provider).snapshot();
    for name in ["logins", "balance", "amount"] {
        assert_eq!(snapshot.metric(name).points().len(), SETS, "{name}");
    }
    assert_eq!(snapshot.metric("balance").value(&[("user", "73")]), 73.0);
}

#[test]
fn names_are_bounded_and_what_exceeds_them_is_not_recorded() {
    let provider = MeterProvider::new();
    let recorder = MetricsRecorder::builder(&provider).with_name_limit(2).with_scope("shop").build();
    metrics::with_local_recorder(&recorder, || {
        for name in ["a", "b", "c", "a"] {
            counter!(name).increment(1);
        }
        gauge!("d").set(1.0);
    });
    let snapshot = InMemoryReader::new(&provider).snapshot();
    assert_eq!(snapshot.metric_in("shop", "a").value(&()), 2);
    snapshot.assert_absent("c");
    assert_eq!(snapshot.metric("d").value(&()), 1.0, "each kind has names of its own");
}

#[test]
fn what_is_not_finite_is_refused_and_the_rest_goes_on() {
    let provider = MeterProvider::new();
    metrics::with_local_recorder(&MetricsRecorder::new(&provider), || {
        histogram!("h").record(f64::NAN);
        histogram!("h").record(1.0);
        gauge!("g").set(f64::INFINITY);
        gauge!("ok").set(2.0);
    });
    let snapshot = InMemoryReader::new(&provider).snapshot();
    snapshot.assert_absent("g");
    assert_eq!(snapshot.metric("ok").value(&()), 2.0);
    assert_eq!(provider.account().refused, 2);
}

#[test]
fn a_handle_goes_on_after_the_providers_shutdown_and_does_no_harm() {
    let provider = MeterProvider::new();
    let recorder = MetricsRecorder::new(&provider);
    metrics::with_local_recorder(&recorder, || {
        let kept = counter!("kept");
        provider.shutdown();
        kept.increment(1);
        counter!("late").increment(1);
        gauge!("late").set(1.0);
        histogram!("late").record(1.0);
    });
    assert!(InMemoryReader::new(&provider).snapshot().metrics().is_empty());
}

#[test]
fn a_recorder_is_installed_once() {
    let provider = MeterProvider::new();
    MetricsRecorder::new(&provider).install().expect("the first");
    counter!("installed").increment(1);
    assert!(MetricsRecorder::new(&provider).install().is_err());
    assert_eq!(InMemoryReader::new(&provider).snapshot().metric("installed").value(&()), 1);
}
