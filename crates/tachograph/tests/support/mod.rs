//! What several tests need: a page's text, a service on a real port, and what was reported.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};

use tachograph::Telemetry;
use tracing::field::{Field, Visit};
use tracing::span;

/// A `Telemetry` that no variable changes.
pub(crate) fn telemetry() -> Telemetry {
    Telemetry::builder().without_environment().with_service_name("test").build().unwrap()
}

/// The page as text 0.0.4, without a server.
pub(crate) fn page(telemetry: &Telemetry) -> String {
    let response = telemetry.metrics_response(&http::Request::new(()));
    assert_eq!(response.status(), 200);
    String::from_utf8(response.body().to_vec()).unwrap()
}

/// How many instruments a `Telemetry` without spans has of its own, and how many series of theirs.
pub(crate) const OWN_INSTRUMENTS: u64 = 6;
pub(crate) const OWN_SERIES: u64 = 4;

/// A page without what the scrapes themselves change: how long each took, and how many series there are for that.
pub(crate) fn without_durations(page: &str) -> String {
    let own = ["otel_sdk_metric_reader_collection_duration", "tachograph_metric_series"];
    let lines = page.lines().filter(|line| !own.iter().any(|name| line.contains(name)));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Serves a router on a free port, until the runtime ends.
pub(crate) async fn serve(app: axum::Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Gets a page from a thread that may block: status and text.
pub(crate) fn get(url: &str) -> Result<(u16, String), ureq::Error> {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent = ureq::Agent::new_with_config(config.build());
    let mut response = agent.get(url).call()?;
    Ok((response.status().as_u16(), response.body_mut().read_to_string()?))
}

/// The same inside a runtime.
pub(crate) async fn get_async(url: String) -> (u16, String) {
    tokio::task::spawn_blocking(move || get(&url).unwrap()).await.unwrap()
}

/// The value of the only sample whose line begins with `name{` (or is `name`) and holds all of `labels`.
pub(crate) fn sample(page: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let mut found = page.lines().filter(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    });
    let line = found.next()?;
    assert_eq!(found.next(), None, "more than one sample of {name} {labels:?}:\n{page}");
    Some(line.rsplit_once(' ').unwrap().1.parse().unwrap())
}

/// Runs something, and returns it with what the SDK reported on this thread meanwhile.
pub(crate) fn reports_of<R>(run: impl FnOnce() -> R) -> (R, Vec<String>) {
    listen_for_good();
    let reports = Reports::default();
    let result = tracing::subscriber::with_default(reports.clone(), run);
    let reports = std::mem::take(&mut *reports.lines.lock().unwrap());
    (result, reports)
}

/// Keeps a listener for as long as the process runs: `tracing` works out once whether anybody wants an event,
/// and an answer from before the first listener may be written down after it came.
fn listen_for_good() {
    static LISTENER: LazyLock<tracing::Dispatch> = LazyLock::new(|| {
        let listener = tracing::Dispatch::new(Reports::default());
        std::thread::sleep(std::time::Duration::from_millis(20));
        tracing::callsite::rebuild_interest_cache();
        listener
    });
    LazyLock::force(&LISTENER);
}

#[derive(Clone, Default)]
struct Reports {
    lines: Arc<Mutex<Vec<String>>>,
}

impl tracing::Subscriber for Reports {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "tachograph"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.lines.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
