//! What is attached to spans beside their fields: errors, where in the source they are, on which thread.

use std::error::Error;

use tachograph_sdk::ValueRef;
use tachograph_sdk::trace::LiveSpan;
use tracing::Metadata;
use tracing::field::Field;

use crate::fields::{self, Fields, Sink};

/// The name of an event that is an error, by the semantic conventions.
pub(crate) const EXCEPTION: &str = "exception";

/// Adds an error to a span.
pub(crate) fn exception(live: &mut LiveSpan, time: u64, message: &str, sources: &str) {
    let mut event = live.add_event(EXCEPTION, time);
    event.set_attribute("exception.message", message);
    if !sources.is_empty() {
        event.set_attribute("exception.stacktrace", sources);
    }
}

/// Adds the errors among the fields that a span is made with.
pub(crate) struct Exceptions<'a> {
    pub(crate) live: &'a mut LiveSpan,
    pub(crate) time: u64,
    /// What is said of the errors below them, by field.
    pub(crate) causes: &'a mut Fields,
}

impl Sink for Exceptions<'_> {
    fn field(&mut self, _: &Field, _: ValueRef<'_>) {}

    fn error(&mut self, field: &Field, message: &str, error: &(dyn Error + 'static)) {
        fields::with_buffer(|sources| {
            fields::format_sources(sources, error);
            exception(self.live, self.time, message, sources);
            self.causes.set(field.name(), ValueRef::Str(sources));
        });
    }
}

/// Where in the source something is.
pub(crate) fn location(metadata: &Metadata<'_>, visitor: &mut dyn FnMut(&str, ValueRef<'_>)) {
    if let Some(file) = metadata.file() {
        visitor("code.file.path", ValueRef::Str(file));
    }
    if let Some(line) = metadata.line() {
        visitor("code.line.number", ValueRef::I64(i64::from(line)));
    }
    if let Some(module) = metadata.module_path() {
        visitor("code.module.name", ValueRef::Str(module));
    }
}

thread_local! {
    static THREAD: i64 = {
        // `ThreadId` gives its number only as text.
        let text = format!("{:?}", std::thread::current().id());
        text.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or_default()
    };
}

/// Which thread this is.
pub(crate) fn thread(visitor: &mut dyn FnMut(&str, ValueRef<'_>)) {
    if let Ok(id) = THREAD.try_with(|id| *id) {
        visitor("thread.id", ValueRef::I64(id));
    }
    if let Some(name) = std::thread::current().name() {
        visitor("thread.name", ValueRef::Str(name));
    }
}
