//! Scrapes beside each other, beside recording, and beside instruments and series that come.

mod support;

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::KeyValue;
use support::{FORMATS, render, samples, short_exporter, text};
use tachograph_prometheus::PrometheusExporter;
use tachograph_sdk::{Counter, Histogram, MeterProvider};

#[test]
fn every_page_is_right_while_threads_record_and_make_series_and_instruments() {
    const SCRAPERS: usize = 3;
    const RECORDERS: u64 = 3;
    let provider = MeterProvider::builder().with_cardinality_limit(100_000).build();
    let exporter = PrometheusExporter::new(provider.reader());
    let done = AtomicBool::new(false);
    let start = Barrier::new(SCRAPERS + RECORDERS as usize);
    std::thread::scope(|scope| {
        let recorders: Vec<_> = (0..RECORDERS)
            .map(|thread| {
                let (provider, start) = (&provider, &start);
                scope.spawn(move || {
                    start.wait();
                    for round in 0..40_u64 {
                        let meter = provider.meter(format!("scope{}", round % 7));
                        let counter: Counter<u64> = meter.counter(format!("c{}", round % 11)).build();
                        let histogram: Histogram<f64> = meter.histogram(format!("h{}", round % 5)).build();
                        for n in 0..50_u64 {
                            counter.add(1, &[("n", (n * round) as i64)]);
                            counter.add(1, &[("a.b", (n % 3) as i64), ("a_b", thread as i64)]);
                            histogram.record(n as f64, &[("n", (n % 4) as i64)]);
                        }
                    }
                })
            })
            .collect();
        for scraper in 0..SCRAPERS {
            let (exporter, done, start) = (&exporter, &done, &start);
            scope.spawn(move || {
                start.wait();
                let mut last = samples("");
                loop {
                    let stop = done.load(Ordering::Acquire);
                    // The checker sees to torn histograms, families in pieces, and series twice.
                    let page = samples(&render(exporter, FORMATS[scraper % 2]));
                    for (series, value) in last.iter().filter(|(series, _)| series.contains("_total")) {
                        let now: u64 = page[series].parse().unwrap();
                        assert!(now >= value.parse().unwrap(), "{series} fell from {value} to {now}");
                    }
                    last = page;
                    if stop {
                        break;
                    }
                }
            });
        }
        for recorder in recorders {
            recorder.join().unwrap();
        }
        done.store(true, Ordering::Release);
    });
    let page = samples(&text(&exporter));
    let counted: u64 = page
        .iter()
        .filter(|(series, _)| series.starts_with('c'))
        .map(|(_, value)| value.parse::<u64>().unwrap())
        .sum();
    assert_eq!(counted, RECORDERS * 40 * 50 * 2);
}

#[test]
fn a_callback_may_scrape_and_make_instruments() {
    let provider = support::bare_provider();
    let exporter = short_exporter(&provider);
    let (inner, inner_provider) = (exporter.clone(), provider.clone());
    let in_callback = AtomicBool::new(false);
    let meter = provider.meter("").as_otel();
    let _gauge = meter
        .u64_observable_gauge("pages")
        .with_callback(move |observer| {
            // A scrape runs the callbacks, this one too.
            if !in_callback.swap(true, Ordering::AcqRel) {
                let made: Counter<u64> = inner_provider.meter("").counter("made").build();
                made.add(1, &());
                observer.observe(inner.render(FORMATS[0]).len() as u64, &[KeyValue::new("k", "v")]);
                in_callback.store(false, Ordering::Release);
            }
        })
        .build();
    let page = samples(&text(&exporter));
    assert!(page.contains_key("pages{k=\"v\"}") && page.contains_key("made_total"), "{page:?}");
}
