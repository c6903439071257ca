//! Bytes per series: as asked from the allocator, its own overhead apart.

use crate::alloc::counted;
use crate::bars::Bars;
use crate::contenders::{
    Counters, Histograms, fastmetrics, fill_counters, fill_histograms, measured, otel_sdk, ours, prometheus,
    prometheus_client,
};
use crate::harness::{Effort, figure};

/// What a family takes.
struct Bytes {
    name: &'static str,
    /// With its registry or provider, before its first record.
    empty: f64,
    /// Per series that recorded, by one thread, before any scrape.
    recorded: f64,
    /// Per series, added by a scrape and kept (the page itself is dropped).
    scraped: f64,
}

fn measure<F>(
    name: &'static str,
    series: usize,
    make: impl Fn() -> F,
    fill: impl Fn(&F),
    scrape: impl Fn(&F),
) -> Bytes {
    let (family, empty) = counted(make);
    let ((), recorded) = counted(|| fill(&family));
    let ((), scraped) = counted(|| scrape(&family));
    let per_series = |bytes: i64| bytes as f64 / series as f64;
    Bytes {
        name,
        empty: empty.live as f64,
        recorded: per_series(recorded.live),
        scraped: per_series(scraped.live),
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
        "| contender | per series, recorded | kept by a scrape | empty, with its registry |\n|---|--:|--:|--:|"
    );
    for row in rows {
        println!(
            "| {} | {} | {} | {} |",
            row.name,
            figure(row.recorded),
            figure(row.scraped),
            figure(row.empty)
        );
    }
}

pub(crate) fn run(effort: Effort, _bars: &mut Bars) {
    let series = effort.of(10_000, 100);
    let rows = [
        counters::<ours::Counters>(series),
        counters::<otel_sdk::Counters>(series),
        counters::<prometheus::Counters>(series),
        counters::<prometheus_client::Counters<&str>>(series),
        counters::<measured::Counters>(series),
        counters::<fastmetrics::Counters<&str>>(series),
    ];
    print(
        &format!("Bytes per counter, {series} series of three 'static strings, one recording thread"),
        &rows,
    );
    let rows = [
        histograms::<ours::Histograms>(series),
        histograms::<otel_sdk::Histograms>(series),
        histograms::<prometheus::Histograms>(series),
        histograms::<prometheus_client::Histograms<&str>>(series),
        histograms::<measured::Histograms>(series),
        histograms::<fastmetrics::Histograms<&str>>(series),
    ];
    print(&format!("Bytes per histogram of 14 bounds, {series} series, one recording thread"), &rows);
}
