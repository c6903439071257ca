//! Pages of random workloads are read by a strict reader of ours, and by others' parsers.

mod support;

use std::path::PathBuf;
use std::process::Command;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use support::{FORMATS, SCHEMES, TEXT_FORMATS, checker, corpus, peers};
use tachograph_prometheus::{Exposition, Format};
use tachograph_sdk::{Counter, Histogram, MeterProvider};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_page_satisfies_the_strict_checker(workload in corpus::workload()) {
        let provider = workload.record();
        let exporter = workload.exporter(provider.reader());
        for exposition in expositions() {
            // Twice: the first learns the series, the second finds them.
            let first = String::from_utf8(exporter.render(exposition)).unwrap();
            let second = String::from_utf8(exporter.render(exposition)).unwrap();
            prop_assert_eq!(&first, &second);
            if let Err(error) = checker::check(&first, exposition) {
                return Err(TestCaseError::fail(format!("{error}\n{first}")));
            }
        }
    }

    #[test]
    fn label_values_and_descriptions_read_back_as_they_were(value in any::<String>(), description in any::<String>()) {
        let provider = support::bare_provider();
        let counter: Counter<u64> = provider.meter("").counter("c").with_description(description.clone()).build();
        counter.add(1, &[("key", &*value)]);
        let exporter = support::short_exporter(&provider);
        for format in FORMATS {
            let page = String::from_utf8(exporter.render(format)).unwrap();
            let families = checker::check(&page, format).map_err(TestCaseError::fail)?;
            let read = families[0].samples[0].labels.get("key").cloned().unwrap_or_default();
            prop_assert_eq!(&read, &value);
            prop_assert_eq!(families[0].help.clone().unwrap_or_default(), description.clone());
        }
    }
}

/// Every format of text, with every scheme.
fn expositions() -> impl Iterator<Item = Exposition> {
    TEXT_FORMATS.into_iter().flat_map(|format| SCHEMES.map(|scheme| format.with_escaping(scheme)))
}

/// A page with many series, and a label of half a megabyte.
fn huge(series: i64) -> MeterProvider {
    let provider = MeterProvider::builder().with_cardinality_limit(20_000).build();
    let meter = provider.meter("huge");
    let counter: Counter<u64> = meter.counter("huge.counter").build();
    let histogram: Histogram<f64> = meter.histogram("huge.duration").with_unit("s").build();
    for n in 0..series {
        counter.add(u64::MAX / 20_000, &[("n", n)]);
    }
    for n in 0..series / 20 {
        histogram.record(n as f64 / 7.0, &[("n", n)]);
    }
    let long = "\"\\\n日".repeat(50_000);
    counter.add(1, &[("long", &*long)]);
    provider
}

#[test]
fn an_empty_page_and_a_huge_one_satisfy_the_strict_checker() {
    let empty = support::bare_provider();
    assert_eq!(support::text(&support::short_exporter(&empty)), "");
    assert_eq!(support::open_metrics(&support::short_exporter(&empty)), "# EOF\n");
    let huge = huge(10_000);
    let exporter = support::short_exporter(&huge);
    for format in FORMATS {
        assert!(support::render(&exporter, format).lines().count() > 18_000);
    }
}

/// Writes the pages of `count` workloads, an empty one and one of `series`, in a format; gives their paths.
fn write_pages(folder: &str, count: usize, series: i64, exposition: impl Into<Exposition>) -> Vec<PathBuf> {
    let format = exposition.into();
    let folder = peers::empty_folder(folder);
    let mut runner = TestRunner::deterministic();
    let mut pages: Vec<Vec<u8>> = (0..count)
        .map(|_| {
            let workload = corpus::workload().new_tree(&mut runner).expect("a workload").current();
            workload.exporter(workload.record().reader()).render(format)
        })
        .collect();
    pages.push(support::short_exporter(&support::bare_provider()).render(format));
    pages.push(support::short_exporter(&huge(series)).render(format));
    let mut paths = Vec::new();
    for (number, page) in pages.iter().enumerate() {
        let path = folder.join(format!("{number}.txt"));
        std::fs::write(&path, page).expect("a page can be written");
        paths.push(path);
    }
    paths
}

fn check_with_promtool(promtool: &str, folder: &str) {
    let promtool = peers::program(promtool);
    // The linter of version 3 takes the square of the series.
    for path in write_pages(folder, 60, 1_500, Format::Text004) {
        let page = std::fs::File::open(&path).expect("the page was written");
        let (code, said) = peers::run(Command::new(&promtool).args(["check", "metrics"]).stdin(page));
        // 3 is the linter's opinion on names that users chose.
        assert!(matches!(code, Some(0 | 3)), "{}: exit {code:?}\n{said}", path.display());
        assert!(!said.contains("not unique"), "{}: a series twice\n{said}", path.display());
    }
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn promtool_of_prometheus_3_reads_every_text_page() {
    check_with_promtool("prometheus-3/promtool", "corpus-promtool-3");
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn promtool_of_prometheus_2_reads_every_text_page() {
    check_with_promtool("prometheus-2/promtool", "corpus-promtool-2");
}

/// Reads every page with the parser whose module is the first argument.
const READ_PAGES: &str = r#"
import importlib, sys
parser = importlib.import_module(sys.argv[1])
failed = samples = 0
for path in sys.argv[2:]:
    with open(path, encoding="utf-8", newline="\n") as page:
        try:
            samples += sum(len(family.samples) for family in parser.text_fd_to_metric_families(page))
        except Exception as error:
            failed += 1
            print(f"{path}: {type(error).__name__}: {error}"[:2000])
print(f"{samples} samples, {failed} pages failed")
sys.exit(failed > 0)
"#;

/// Every strategy is among the workloads.
fn check_with_python(parser: &str, folder: &str, format: Format) {
    let pages: Vec<_> = SCHEMES
        .into_iter()
        .flat_map(|scheme| {
            let folder = format!("{folder}-{}", scheme.as_str());
            write_pages(&folder, 200, 4_000, format.with_escaping(scheme))
        })
        .collect();
    let mut python = Command::new(peers::program("python/bin/python"));
    let (code, said) = peers::run(python.args(["-c", READ_PAGES, parser]).args(pages));
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.starts_with("0 samples"), "{said}");
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn prometheus_client_reads_every_open_metrics_page() {
    check_with_python("prometheus_client.openmetrics.parser", "corpus-open-metrics", Format::OpenMetrics100);
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn prometheus_client_reads_every_text_page() {
    check_with_python("prometheus_client.parser", "corpus-text", Format::Text004);
    check_with_python("prometheus_client.parser", "corpus-text-1", Format::Text100);
}
