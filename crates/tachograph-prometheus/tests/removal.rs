//! Series that go, and others that take their numbers.

mod support;

use std::time::Duration;

use support::{bare_provider, short_exporter, text};
use tachograph_sdk::testing::ManualClock;
use tachograph_sdk::{Counter, Gauge, MeterProvider, Resource};

/// The lines of samples.
fn samples(page: &str) -> Vec<&str> {
    let mut samples: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
    samples.sort_unstable();
    samples
}

#[test]
fn a_series_that_takes_the_place_of_another_has_its_own_labels() {
    let provider = bare_provider();
    let exporter = short_exporter(&provider);
    let counter: Counter<u64> = provider.meter("m").counter("jobs").build();
    for round in 0..20_u64 {
        let old = format!("job-{round}");
        counter.add(round + 1, &[("job", old.as_str())]);
        counter.add(1, &[("job", "all")]);
        let page = text(&exporter);
        let all = format!("jobs_total{{job=\"all\"}} {}", round + 1);
        let own = format!("jobs_total{{job=\"{old}\"}} {}", round + 1);
        assert_eq!(samples(&page), [all.as_str(), own.as_str()], "round {round}");
        assert!(counter.remove(&[("job", old.as_str())]));
        // Learnt by another page, without the one that comes.
        if round % 3 == 0 {
            assert_eq!(samples(&text(&exporter)), [all.as_str()]);
        }
    }
}

#[test]
fn labels_that_two_series_had_can_be_had_by_one_again() {
    let provider = bare_provider();
    let exporter = short_exporter(&provider);
    let gauge: Gauge<u64> = provider.meter("m").gauge("g").build();
    gauge.record(1, &[("a.b", "x")]);
    gauge.record(2, &[("a_b", "x")]);
    // The first has the labels.
    assert_eq!(samples(&text(&exporter)), ["g{a_b=\"x\"} 1"]);
    assert!(gauge.remove(&[("a.b", "x")]));
    // At the latest when no thread of another test is in the middle of a record.
    let page = (0..1_000).map(|_| text(&exporter)).find(|page| !samples(page).is_empty()).expect("a series");
    assert_eq!(samples(&page), ["g{a_b=\"x\"} 2"]);
}

#[test]
fn series_that_expire_leave_the_page_and_come_back_anew() {
    let clock = ManualClock::new(1_000_000_000);
    let provider = MeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_clock(clock.clone())
        .with_idle_expiry(Duration::from_secs(60))
        .build();
    let exporter = short_exporter(&provider);
    let counter: Counter<u64> = provider.meter("m").counter("c").build();
    counter.add(7, &[("a", "b")]);
    let page = text(&exporter);
    assert!(page.contains("c_total{a=\"b\"} 7"), "{page}");
    clock.advance(Duration::from_secs(61));
    let page = text(&exporter);
    assert!(!page.contains("{a="), "{page}");
    clock.advance(Duration::from_secs(61));
    while provider.account().series > 0 {
        assert!(!text(&exporter).contains("{a="));
    }
    counter.add(1, &[("a", "b")]);
    let page = text(&exporter);
    assert!(page.contains("c_total{a=\"b\"} 1"), "{page}");
}
