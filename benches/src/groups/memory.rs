//! Bytes per series: as asked from the allocator, its own overhead apart.

use std::thread;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider as _};

use crate::alloc::counted;
use crate::bars::{Bars, Unit};
use crate::contenders::{
    Counters, Histograms, fast_telemetry, fastmetrics, fill_counters, fill_histograms, measured,
    metrics_facade, otel_sdk, ours, prometheus, prometheus_client, vise,
};
use crate::harness::{Effort, figure};
use crate::sets::{BOUNDS, KEYS, SERIES, values};

/// What a family takes.
struct Bytes {
    name: &'static str,
    /// With its registry or provider, before its first record.
    empty: f64,
    /// Per series that recorded twice, by one thread, before any scrape: with the second record we learn how it is spelled.
    recorded: f64,
    /// Per series, added by a scrape and kept (the page itself is dropped).
    scraped: f64,
    /// Per series, added by a second thread that records into all of them.
    second_thread: f64,
}

/// Families are not dropped, so that none has memory from another that has gone.
fn measure<F: Sync>(
    name: &'static str,
    series: usize,
    make: impl Fn() -> F,
    fill: impl Fn(&F) + Sync,
    scrape: impl Fn(&F),
) -> Bytes {
    let (family, empty) = counted(make);
    let ((), recorded) = counted(|| (0..2).for_each(|_| fill(&family)));
    let ((), scraped) = counted(|| scrape(&family));
    let ((), second) = counted(|| {
        thread::scope(|scope| {
            scope.spawn(|| fill(&family));
        });
    });
    std::mem::forget(family);
    let per_series = |bytes: i64| bytes as f64 / series as f64;
    Bytes {
        name,
        empty: empty.live as f64,
        recorded: per_series(recorded.live),
        scraped: per_series(scraped.live),
        second_thread: per_series(second.live),
    }
}

fn counters<C: Counters<&'static str>>(series: usize) -> Bytes {
    measure(
        C::NAME,
        series,
        || C::with_room_for(series),
        |family| fill_counters(family, series),
        |family| {
            family.scraper()();
        },
    )
}

fn histograms<H: Histograms<&'static str>>(series: usize) -> Bytes {
    measure(
        H::NAME,
        series,
        || H::with_room_for(series),
        |family| fill_histograms(family, series),
        |family| {
            family.scraper()();
        },
    )
}

fn print(title: &str, rows: &[Bytes]) {
    println!("\n### {title}\n");
    println!(
        "| contender | per series, recorded | kept by a scrape | per further thread | empty, with its registry |\n\
         |---|--:|--:|--:|--:|"
    );
    for row in rows {
        println!(
            "| {} | {} | {} | {} | {} |",
            row.name,
            figure(row.recorded),
            figure(row.scraped),
            figure(row.second_thread),
            figure(row.empty)
        );
    }
}

/// What of a series' bytes is its attributes as the API holds them, and its labels' text as the page has it: the
/// label of the scope, too.
fn attributes_and_text(series: usize) -> (f64, f64) {
    let text: usize = (0..series)
        .map(|index| {
            let pairs = KEYS.iter().zip(values(index));
            pairs.map(|(key, value)| key.len() + value.len() + "=\"\",".len()).sum::<usize>()
        })
        .sum();
    let scope = "otel_scope_name=\"bench\",".len();
    ((KEYS.len() * size_of::<KeyValue>()) as f64, scope as f64 + text as f64 / series as f64)
}

/// Notes the bar on ours: everything that is kept, but for attributes and text.
fn note(bars: &mut Bars, limit: f64, what: &str, ours: &Bytes, (attributes, text): (f64, f64)) {
    let own = ours.recorded + ours.scraped - attributes - text;
    println!(
        "\n{}: {} + {} bytes, of which {attributes:.0} are attributes and {text:.1} label text: {} are its own.",
        ours.name,
        figure(ours.recorded),
        figure(ours.scraped),
        figure(own)
    );
    bars.at_most(limit, Unit::Bytes, own, what, "nothing");
}

/// Makes one instrument more than there were, of each kind; the most that one took.
fn idle_instrument(name: &'static str, meter: &Meter) -> f64 {
    let histogram = |name| meter.f64_histogram(name).with_unit("s").with_boundaries(BOUNDS.to_vec()).build();
    let _first = (meter.u64_counter("first").build(), histogram("first.duration"));
    let (_counter, counter) = counted(|| meter.u64_counter("idle").build());
    let (_histogram, histogram) = counted(|| histogram("idle.duration"));
    println!("| {name} | {} | {} |", counter.live, histogram.live);
    counter.live.max(histogram.live) as f64
}

fn idle_instruments(bars: &mut Bars) {
    println!("\n### Bytes of one more instrument that never records\n");
    println!("| contender | counter | histogram of 14 bounds |\n|---|--:|--:|");
    let provider = ours::provider(SERIES);
    let _reader = provider.reader();
    let own = idle_instrument("tachograph", &provider.meter("bench").as_otel());
    let (sdk, _registry) = otel_sdk::provider(SERIES);
    idle_instrument("opentelemetry_sdk", &sdk.meter("bench"));
    bars.at_most(1_024.0, Unit::Bytes, own, "an instrument that never records", "nothing");
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    // Within the default limit, and far above it: what is kept for a few series is not kept for all.
    for series in [effort.of(1_000, 100), effort.of(10_000, 200)] {
        let apart = attributes_and_text(series);
        let rows = [
            counters::<ours::Counters>(series),
            counters::<otel_sdk::Counters>(series),
            counters::<prometheus::Counters>(series),
            counters::<prometheus_client::Counters<&str>>(series),
            counters::<measured::Counters>(series),
            counters::<fastmetrics::Counters<&str>>(series),
            counters::<fast_telemetry::Counters>(series),
            counters::<metrics_facade::Counters>(series),
            counters::<vise::Counters>(series),
        ];
        print(
            &format!("Bytes per counter, {series} series of three 'static strings, one recording thread"),
            &rows,
        );
        note(bars, 128.0, &format!("memory per counter series, {series} series"), &rows[0], apart);
        let rows = [
            histograms::<ours::Histograms>(series),
            histograms::<otel_sdk::Histograms>(series),
            histograms::<prometheus::Histograms>(series),
            histograms::<prometheus_client::Histograms<&str>>(series),
            histograms::<measured::Histograms>(series),
            histograms::<fastmetrics::Histograms<&str>>(series),
            histograms::<fast_telemetry::Histograms>(series),
            histograms::<metrics_facade::Histograms>(series),
            histograms::<vise::Histograms>(series),
        ];
        print(&format!("Bytes per histogram of 14 bounds, {series} series, one recording thread"), &rows);
        note(bars, 400.0, &format!("memory per histogram series, {series} series"), &rows[0], apart);
    }
    idle_instruments(bars);
}
