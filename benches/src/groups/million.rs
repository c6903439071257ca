//! Pages of very many series, made in pieces: whether the time for a series stays what it is, and what memory a page takes.

use std::time::Instant;

use tachograph_prometheus::Format;

use crate::alloc::counted;
use crate::bars::{Bars, Unit};
use crate::contenders::{Counters, fill_counters, ours};
use crate::harness::{Contender, Effort, Role, Table, compare_sized};

const MIB: f64 = 1_048_576.0;

/// A family of so many series, all of them known to its exporter.
fn family(series: usize) -> ours::Counters {
    let family: ours::Counters = Counters::<&str>::with_room_for(series);
    fill_counters::<&str>(&family, series);
    ours::streamer(&family.exporter, Format::Text004)();
    family
}

fn contender<'a>(name: &str, mut page: impl FnMut() -> usize + 'a) -> Contender<'a> {
    Contender::timed(Role::Ours, name, move |_| {
        let start = Instant::now();
        std::hint::black_box(page());
        start.elapsed()
    })
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    let sizes = [effort.of(100_000, 100), effort.of(1_000_000, 1_000)];
    let families = sizes.map(family);
    let formats = [
        ("text 0.0.4", Format::Text004),
        ("OpenMetrics", Format::OpenMetrics100),
        ("protobuf", Format::Protobuf),
    ];
    let name = |size: usize, format: &str| format!("{size} series, {format}");

    println!("\n### What a page takes beyond the series themselves\n");
    println!("| page | bytes | in use at the most |\n|---|--:|--:|");
    for (format, kind) in formats {
        for (size, family) in sizes.iter().zip(&families) {
            let mut page = ours::streamer(&family.exporter, kind);
            page();
            let (bytes, usage) = counted(page);
            println!("| {} | {bytes} | {} |", name(*size, format), usage.peak);
            let what = format!("memory of a streamed page, {}", name(*size, format));
            bars.at_most(2.0 * MIB, Unit::Bytes, usage.peak as f64, &what, "nothing");
        }
    }

    for (format, kind) in formats {
        let pages = sizes.iter().zip(&families);
        let contenders = pages
            .map(|(size, family)| contender(&name(*size, format), ours::streamer(&family.exporter, kind)))
            .collect();
        let table = Table::new(
            format!("A streamed page, {format}"),
            "ns per series",
            compare_sized(effort.of(9, 1), &sizes, contenders),
        );
        table.print();
        let [less, more] = sizes.map(|size| table.median(&name(size, format)));
        // Linear, but for caches.
        bars.ratio(
            1.25,
            more,
            less,
            &format!("a series of a streamed page of 1,000,000, {format}"),
            "one of 100,000",
        );
    }
}
