//! What the exporter reports, as a `tracing` subscriber hears it.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

type Texts = Arc<Mutex<Vec<String>>>;

struct Listener(Texts);

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let text = format!("{} span {}", span.metadata().target(), span.metadata().name());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(format!("{} ", event.metadata().target()));
        event.record(&mut text);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!("{field}={value:?} "));
    }
}

fn texts() -> &'static Texts {
    static TEXTS: OnceLock<Texts> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let texts = Texts::default();
        // The whole process', since exporters have threads of their own.
        let _ = tracing::subscriber::set_global_default(Listener(Arc::clone(&texts)));
        texts
    })
}

/// Begins to listen. Reports are kept back for a minute if they are of one kind and endpoint, which no two tests
/// share: each has a port of its own.
pub(crate) fn listen() {
    texts();
}

/// What was said about an endpoint, such as `127.0.0.1:4318`.
pub(crate) fn about(endpoint: &str) -> Vec<String> {
    let texts = texts().lock().unwrap_or_else(PoisonError::into_inner);
    texts.iter().filter(|text| text.contains(endpoint)).cloned().collect()
}

/// Everything that came to `tracing` from elsewhere than the SDK's own reports.
pub(crate) fn foreign() -> Vec<String> {
    let texts = texts().lock().unwrap_or_else(PoisonError::into_inner);
    texts.iter().filter(|text| !text.starts_with("tachograph ")).cloned().collect()
}
