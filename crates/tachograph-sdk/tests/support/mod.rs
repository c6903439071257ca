//! What the behaviour tests share: providers without a resource, and a subscriber that keeps reports.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use tachograph_sdk::metrics::{MetricReader, PointValue, TemporalityPreference};
use tachograph_sdk::testing::MetricsSnapshot;
use tachograph_sdk::{MeterProvider, Resource};
use tracing::field::{Field, Visit};
use tracing::span;

/// Has the tests of a file that ask for it run one at a time: those that measure the process, and those in which series have to
/// be gone at once, which takes that no thread of another test was stopped in the middle of a record.
pub(crate) fn alone() -> impl Drop {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A provider whose resource is empty, which is quicker to make.
pub(crate) fn provider() -> MeterProvider {
    MeterProvider::builder().with_resource(Resource::builder_empty().build()).build()
}

/// What a provider has recorded.
pub(crate) fn snapshot(provider: &MeterProvider) -> MetricsSnapshot {
    MetricsSnapshot::of(provider)
}

/// A reader that is given what was recorded since it collected last.
pub(crate) fn delta_reader(provider: &MeterProvider) -> MetricReader {
    provider.reader_builder().with_temporality(TemporalityPreference::Delta).build()
}

/// The numbers that a reader is given, of counters alone.
pub(crate) fn numbers_of(reader: &MetricReader) -> Vec<u64> {
    let mut values = Vec::new();
    reader.collect().metrics().for_each(|metric| {
        metric.for_each(|point| {
            let PointValue::U64(value) = point.value else { panic!("{point:?}") };
            values.push(value);
        });
    });
    values
}

/// An observable counter of one series per number in the list, which a test can change.
pub(crate) fn observed(provider: &MeterProvider) -> Arc<Mutex<Vec<(i64, u64)>>> {
    let list = Arc::new(Mutex::new(Vec::new()));
    let shown = Arc::clone(&list);
    provider
        .meter("m")
        .as_otel()
        .u64_observable_counter("n")
        .with_callback(move |observer| {
            for (n, value) in shown.lock().unwrap().iter() {
                observer.observe(*value, &[KeyValue::new("n", *n)]);
            }
        })
        .build();
    list
}

/// Has other sets observed than before: ten of them, and never the same.
pub(crate) fn rotate(list: &Mutex<Vec<(i64, u64)>>, round: i64) {
    *list.lock().unwrap() = (0..10).map(|n| (round * 10 + n, 7)).collect();
}

/// A report of the SDK's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Report {
    pub(crate) level: String,
    pub(crate) kind: String,
    pub(crate) subject: String,
    pub(crate) message: String,
}

/// What the SDK reported on this thread while `run` ran.
pub(crate) fn reports_of(run: impl FnOnce()) -> Vec<Report> {
    listen_for_good();
    let reports = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&reports);
    tracing::subscriber::with_default(Keep(Box::new(move |report| keep.lock().unwrap().push(report))), run);
    let reports = reports.lock().unwrap();
    reports.clone()
}

/// Keeps a listener for as long as the process runs.
///
/// `tracing` works out whether anybody wants an event when it first comes by. Should that be on a thread
/// without a subscriber, just while another thread sets one, then the answer stays no.
fn listen_for_good() {
    static LISTENER: LazyLock<tracing::Dispatch> = LazyLock::new(|| {
        let listener = tracing::Dispatch::new(Keep(Box::new(|_| ())));
        // For who has asked already and is about to write the answer down.
        std::thread::sleep(Duration::from_millis(20));
        tracing::callsite::rebuild_interest_cache();
        listener
    });
    LazyLock::force(&LISTENER);
}

/// A `tracing` subscriber that calls a function with each report of the SDK's.
pub(crate) struct Keep(pub(crate) Box<dyn Fn(Report) + Send + Sync>);

impl tracing::Subscriber for Keep {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == tachograph_sdk::diag::TARGET
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut report = Report { level: event.metadata().level().to_string(), ..Report::default() };
        event.record(&mut report);
        (self.0)(report);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Visit for Report {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "kind" => value.clone_into(&mut self.kind),
            "subject" => value.clone_into(&mut self.subject),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

/// The only report, which is of that kind.
#[track_caller]
pub(crate) fn only<'a>(reports: &'a [Report], kind: &str) -> &'a Report {
    match reports {
        [report] if report.kind == kind => report,
        _ => panic!("there should be one report, {kind}, but there are {reports:?}"),
    }
}
