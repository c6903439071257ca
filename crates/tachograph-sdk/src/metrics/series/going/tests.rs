#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread;

use super::*;
use crate::clock::SystemClock;
use crate::metrics::exemplar::Sampling;
use crate::metrics::options::Options;
use crate::metrics::series::RowKind;
use crate::metrics::settings::{Settings, Takers};
use crate::sync::Gate;

fn table(limit: usize) -> SeriesTable {
    let settings = Settings {
        clock: Arc::new(SystemClock),
        limit,
        views: Vec::new(),
        options: Options::default(),
        exemplars: Sampling::default(),
        gate: Gate::new(),
        takers: Takers::default(),
        collected_unix_nanos: AtomicU64::new(0),
        departures: AtomicBool::new(false),
    };
    SeriesTable::new(RowKind::Sum, limit, Arc::new(settings), Options::default())
}

fn record(table: &SeriesTable, attributes: &[(&'static str, &str)]) {
    let _section = cells::section();
    let (row, _) = table.row(attributes).unwrap();
    cells::add(row, 1_u64);
}

/// What was recorded in all series there are and were.
fn total(table: &SeriesTable) -> u64 {
    table.iter_from(0).filter_map(|(_, series)| series.row).map(cells::sum::<u64>).sum()
}

#[test]
fn measurements_that_race_with_removal_go_to_the_old_series_or_to_the_new_one() {
    const THREADS: usize = 3;
    const REMOVALS: usize = 50;
    let table = table(1_000_000);
    // Places are not vacated while a collection is under way: what was recorded there can be looked at.
    table.settings.gate.enter();
    let done = AtomicBool::new(false);
    let (mut recorded, mut removals) = (0, 0);
    thread::scope(|scope| {
        let recorders: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let mut recorded = 0;
                    while !done.load(Ordering::Relaxed) {
                        (0..1_000).for_each(|_| record(&table, &[("a", "1"), ("b", "2")]));
                        recorded += 1_000;
                    }
                    recorded
                })
            })
            .collect();
        while removals < REMOVALS {
            removals += usize::from(table.remove(&[("b", "2"), ("a", "1")]));
            thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
        recorded = recorders.into_iter().map(|recorder| recorder.join().unwrap()).sum();
    });
    assert_eq!(total(&table), recorded);
    table.settings.gate.leave();
    vacate(&table);
    assert_eq!(table.len() - table.live(), removals, "each left a place");
}

#[test]
fn what_is_idle_no_longer_when_it_is_to_go_stays_with_all_it_has() {
    const EACH: u64 = 50_000;
    let table = table(1_000_000);
    table.settings.gate.enter();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let recorder = scope.spawn(|| (0..EACH).for_each(|_| record(&table, &[("a", "1")])));
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let found = table.iter_from(0).filter_map(|(id, series)| Some((id, series.row?))).last();
                if let Some((id, row)) = found {
                    let vacancies = &table.rare.make().vacancies;
                    if !vacancies.has_departed(id) {
                        vacancies.idle_nanos(id, table.print(row), 1);
                        table.expire(id);
                        table.sweep(0);
                    }
                }
                thread::yield_now();
            }
        });
        recorder.join().unwrap();
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(total(&table), EACH);
    table.settings.gate.leave();
}

#[test]
fn what_is_about_to_go_is_not_beyond_the_limit_meanwhile() {
    let table = table(1);
    record(&table, &[("a", "1")]);
    record(&table, &[("a", "2")]);
    let overflow = table.overflow_row().unwrap();
    assert_eq!(cells::sum::<u64>(overflow), 1);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                record(&table, &[("a", "1")]);
            }
        });
        for _ in 0..2_000 {
            let found = table.iter_from(0).filter_map(|(id, series)| Some((id, series.row?)));
            for (id, row) in found.filter(|(id, _)| !table.is_overflow(*id)) {
                let vacancies = rare(&table);
                if !vacancies.has_departed(id) {
                    vacancies.idle_nanos(id, table.print(row), 1);
                    table.expire(id);
                }
            }
            table.sweep(0);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(cells::sum::<u64>(overflow), 1, "it had its place");
}

#[test]
fn what_is_looked_up_while_outgrown_tables_are_freed_is_found() {
    const THREADS: u64 = 3;
    const EACH: u64 = 20_000;
    let table = table(1_000_000);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let recorders: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    for n in 0..EACH {
                        record(&table, &[("n", &*n.to_string())]);
                        record(&table, &[("n", &*(n / 2).to_string())]);
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                table.sweep(0);
                thread::yield_now();
            }
        });
        recorders.into_iter().for_each(|recorder| recorder.join().unwrap());
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!((total(&table), table.live() as u64), (2 * THREADS * EACH, EACH));
}

#[test]
fn a_table_is_as_new_once_all_its_series_are_gone() {
    let table = table(4);
    for round in 0..50 {
        let text: Vec<String> = (0..4).map(|n| format!("{round}.{n}")).collect();
        text.iter().for_each(|text| record(&table, &[("n", text.as_str())]));
        assert_eq!((total(&table), table.live(), table.overflows()), (4, 4, false));
        text.iter().for_each(|text| assert!(table.remove(&[("n", text.as_str())])));
        vacate(&table);
        assert_eq!((total(&table), table.live(), table.len()), (0, 0, 4));
    }
}

/// Vacates all places: not at once where a thread of another test is in the middle of a record.
fn vacate(table: &SeriesTable) {
    while rare(table).any_departed() {
        table.sweep(0);
    }
}

fn rare(table: &SeriesTable) -> &Vacancies {
    &table.rare.make().vacancies
}
