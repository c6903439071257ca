//! A page: time per series, and what is allocated for it once the buffer has its size.

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::alloc::counted;
use crate::bars::{Bars, Unit};
use crate::contenders::{
    Counters, Histograms, fast_telemetry, fastmetrics, fill_counters, fill_histograms, measured,
    metrics_facade, otel_sdk, ours, prometheus, prometheus_client, vise,
};
use crate::harness::{Contender, Effort, Role, Table, compare_sized};
use crate::sets::{BOUNDS, KEYS, values};

/// A contender's page, and how much of it there is.
struct Page<'a> {
    role: Role,
    name: &'static str,
    scrape: Box<dyn FnMut() -> usize + 'a>,
    bytes: usize,
    allocations: u64,
}

impl<'a> Page<'a> {
    /// Scrapes twice, so that every buffer has its size, then counts.
    fn new(role: Role, name: &'static str, mut scrape: impl FnMut() -> usize + 'a) -> Self {
        scrape();
        scrape();
        let (bytes, usage) = counted(&mut scrape);
        Self { role, name, scrape: Box::new(scrape), bytes, allocations: usage.calls }
    }
}

/// Measures the pages in turn; the table, and how often ours allocates.
fn print(title: &str, rounds: usize, series: usize, pages: Vec<Page<'_>>) -> (Table, u64) {
    let facts: Vec<_> = pages.iter().map(|page| (page.name, page.bytes, page.allocations)).collect();
    let ours = pages.iter().filter(|page| page.role == Role::Ours).map(|page| page.allocations).sum();
    let contenders: Vec<Contender<'_>> = pages
        .into_iter()
        .map(|mut page| {
            Contender::timed(page.role, page.name, move |_| {
                let start = Instant::now();
                black_box((page.scrape)());
                start.elapsed()
            })
        })
        .collect();
    let sizes = vec![series; contenders.len()];
    let table = Table::new(title, "ns per series", compare_sized(rounds, &sizes, contenders));
    table.print();
    println!("\n| contender | bytes per series | allocations per page |\n|---|--:|--:|");
    for (name, bytes, allocations) in facts {
        println!("| {name} | {:.0} | {allocations} |", bytes as f64 / series as f64);
    }
    (table, ours)
}

/// Notes the bars of a page.
fn note(bars: &mut Bars, limit: f64, what: &str, (table, allocations): &(Table, u64)) {
    let ours = table.median(<ours::Counters as Counters<&str>>::NAME);
    let (peer, fastest) = table.fastest_peer();
    bars.ratio(limit, ours, fastest, what, peer);
    let protobuf = table.median(PROTOBUF);
    bars.ratio(1.0, protobuf, ours, &format!("{what}, in protobuf"), "the same in text");
    let what = format!("allocations per page, {what}, the buffer apart");
    bars.at_most(0.0, Unit::Allocations, *allocations as f64, &what, "nothing");
}

/// The labels of a series as this project writes them.
fn labels(index: usize) -> String {
    let [channel, region, route] = values(index);
    format!(
        "{}=\"{channel}\",otel_scope_name=\"bench\",{}=\"{region}\",{}=\"{route}\"",
        KEYS[0], KEYS[1], KEYS[2]
    )
}

const PROTOBUF: &str = "tachograph, in protobuf";
const VISIT: &str = "visiting our series, encoding nothing";
const WITHOUT_SCOPES: &str = "tachograph, without the label of the scope, as the peers below it";
const FLOOR: &str = "labels formatted before, itoa";

/// The labels of all series, one after the other, and where each ends: nothing to chase.
struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    fn new(series: usize, make: impl Fn(usize) -> String) -> Self {
        let (mut text, mut ends) = (String::new(), Vec::new());
        for index in 0..series {
            text.push_str(&make(index));
            ends.push(text.len());
        }
        Self { text, ends }
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let text = &self.text[start..*end];
            start = *end;
            text
        })
    }
}

/// The least a page of counters takes: text that is there, numbers that are formatted.
fn counter_floor(series: usize) -> impl FnMut() -> usize {
    let texts = Texts::new(series, |index| format!("orders_total{{{}}} ", labels(index)));
    let values: Vec<AtomicU64> = (0..series).map(|_| AtomicU64::new(1)).collect();
    let mut page = String::new();
    move || {
        page.clear();
        for (text, value) in texts.iter().zip(&values) {
            page.push_str(text);
            number(&mut page, value.load(Ordering::Relaxed));
        }
        page.len()
    }
}

/// The number and the end of the line.
#[inline(always)]
fn number(page: &mut String, value: u64) {
    page.push_str(itoa::Buffer::new().format(value));
    page.push('\n');
}

/// The least a page of histograms takes: each series' labels are there once, the bounds' once for all;
/// the sums are formatted by the standard library.
fn histogram_floor(series: usize) -> impl FnMut() -> usize {
    let texts = Texts::new(series, labels);
    let mut bounds: Vec<String> = BOUNDS.iter().map(|bound| format!(",le=\"{bound}\"}} ")).collect();
    bounds.push(",le=\"+Inf\"} ".to_owned());
    let values: Vec<_> = (0..series)
        .map(|_| (bounds.iter().map(|_| AtomicU64::new(1)).collect::<Vec<_>>(), 0.3_f64))
        .collect();
    let mut page = String::new();
    move || {
        page.clear();
        for (labels, (buckets, sum)) in texts.iter().zip(&values) {
            let mut count = 0;
            for (bound, bucket) in bounds.iter().zip(buckets) {
                count += bucket.load(Ordering::Relaxed);
                page.push_str("order_duration_seconds_bucket{");
                page.push_str(labels);
                page.push_str(bound);
                number(&mut page, count);
            }
            // Writing into a string cannot fail.
            let _ = writeln!(page, "order_duration_seconds_sum{{{labels}}} {sum}");
            page.push_str("order_duration_seconds_count{");
            page.push_str(labels);
            page.push_str("} ");
            number(&mut page, count);
        }
        page.len()
    }
}

fn counters(effort: Effort, series: usize) -> (Table, u64) {
    fn family<C: Counters<&'static str>>(series: usize) -> C {
        let family = C::with_room_for(series);
        fill_counters(&family, series);
        family
    }
    fn page<'a, C: Counters<&'static str>>(role: Role, family: &'a C) -> Page<'a> {
        Page::new(role, C::NAME, family.scraper())
    }
    let own: ours::Counters = family(series);
    let sdk: otel_sdk::Counters = family(series);
    let registry: prometheus::Counters = family(series);
    let client: prometheus_client::Counters<&str> = family(series);
    let vector: measured::Counters = family(series);
    let fast: fastmetrics::Counters<&str> = family(series);
    let telemetry: fast_telemetry::Counters = family(series);
    let facade: metrics_facade::Counters = family(series);
    let vise: vise::Counters = family(series);
    let pages = vec![
        Page::new(Role::Floor, FLOOR, counter_floor(series)),
        Page::new(Role::Floor, VISIT, ours::visitor(&own.reader)),
        page(Role::Ours, &own),
        Page::new(Role::Ours, PROTOBUF, ours::protobuf_scraper(&own.reader)),
        Page::new(Role::Aside, WITHOUT_SCOPES, ours::scraper_without_scopes(&own.reader)),
        page(Role::Peer, &sdk),
        page(Role::Peer, &registry),
        page(Role::Peer, &client),
        page(Role::Peer, &vector),
        page(Role::Peer, &fast),
        page(Role::Peer, &telemetry),
        page(Role::Peer, &facade),
        page(Role::Peer, &vise),
    ];
    let rounds = effort.of(if series > 50_000 { 15 } else { 60 }, 1);
    print(&format!("A page of {series} counters"), rounds, series, pages)
}

fn histograms(effort: Effort, series: usize) -> (Table, u64) {
    fn family<H: Histograms<&'static str>>(series: usize) -> H {
        let family = H::with_room_for(series);
        fill_histograms(&family, series);
        family
    }
    fn page<'a, H: Histograms<&'static str>>(role: Role, family: &'a H) -> Page<'a> {
        Page::new(role, H::NAME, family.scraper())
    }
    let own: ours::Histograms = family(series);
    let sdk: otel_sdk::Histograms = family(series);
    let registry: prometheus::Histograms = family(series);
    let client: prometheus_client::Histograms<&str> = family(series);
    let vector: measured::Histograms = family(series);
    let fast: fastmetrics::Histograms<&str> = family(series);
    let telemetry: fast_telemetry::Histograms = family(series);
    let facade: metrics_facade::Histograms = family(series);
    let vise: vise::Histograms = family(series);
    let pages = vec![
        Page::new(Role::Floor, FLOOR, histogram_floor(series)),
        Page::new(Role::Floor, VISIT, ours::visitor(&own.reader)),
        page(Role::Ours, &own),
        Page::new(Role::Ours, PROTOBUF, ours::protobuf_scraper(&own.reader)),
        Page::new(Role::Aside, WITHOUT_SCOPES, ours::scraper_without_scopes(&own.reader)),
        page(Role::Peer, &sdk),
        page(Role::Peer, &registry),
        page(Role::Peer, &client),
        page(Role::Peer, &vector),
        page(Role::Peer, &fast),
        page(Role::Peer, &telemetry),
        page(Role::Peer, &facade),
        page(Role::Peer, &vise),
    ];
    print(&format!("A page of {series} histograms of 14 bounds"), effort.of(100, 1), series, pages)
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    counters(effort, effort.of(10_000, 100));
    let page = counters(effort, effort.of(100_000, 100));
    note(bars, 0.35, "scrape of 100,000 counters", &page);
    let page = histograms(effort, effort.of(1_000, 100));
    note(bars, 0.6, "scrape of 1,000 histograms of 14 buckets", &page);
}
