//! Events of `tracing` as events of spans.

use std::cell::Cell;
use std::error::Error;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Status, TraceContextExt};
use tachograph_sdk::ValueRef;
use tachograph_sdk::trace::SpanStatus;
use tracing::field::Field;
use tracing::{Event, Level, Metadata};

use crate::attach::{self, EXCEPTION};
use crate::core::{Asked, Core, Place, lock};
use crate::fields::{self, Fields, Sink, Visitor};
use crate::identity::RECORDING;
use crate::local;

/// The field of an event that is its text.
const MESSAGE: &str = "message";

/// Texts of this name are errors: `#[instrument(err)]` records them so. A number or a boolean is an attribute like any other.
const ERROR: &str = "error";

/// Targets of what the SDK and the API say of themselves: for the console, never part of a span. The API reports
/// while it holds the current context, so that to ask for that would panic.
const OWN_TARGETS: [&str; 2] = [tachograph_sdk::diag::TARGET, "opentelemetry"];

pub(crate) fn is_own(metadata: &Metadata<'_>) -> bool {
    // A user's crate may well be called `opentelemetry_demo`.
    let within = |own| {
        metadata.target().strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    OWN_TARGETS.into_iter().any(within)
}

thread_local! {
    /// Where fields are copied to before a span's lock is taken; see [`fields::with_buffer`].
    static SCRATCH: Cell<Option<Scratch>> = const { Cell::new(None) };
}

/// An event's fields.
#[derive(Default)]
struct Scratch {
    fields: Fields,
    sources: String,
    is_error: bool,
}

impl Sink for Scratch {
    fn field(&mut self, field: &Field, value: ValueRef<'_>) {
        self.is_error |= field.name() == ERROR && matches!(value, ValueRef::Str(_));
        self.fields.set(field.name(), value);
    }

    fn error(&mut self, field: &Field, message: &str, error: &(dyn Error + 'static)) {
        self.is_error = true;
        if field.name() != ERROR {
            // So that it is found as the error's text, beside its own name.
            self.fields.set(ERROR, ValueRef::Str(message));
        }
        fields::format_sources(&mut self.sources, error);
    }
}

impl Core {
    /// Records an event in the span that it is in.
    pub(crate) fn event(&self, event: &Event<'_>, asked: Asked) {
        if !self.options.events {
            return;
        }
        match local::with(|local| self.place(local, asked)) {
            Place::In(number) => self.event_in(number, event),
            Place::Foreign => self.event_in_foreign(event),
            Place::Nowhere | Place::Silent | Place::Refused => {}
        }
    }

    fn event_in(&self, number: u64, event: &Event<'_>) {
        let Some(number) = self.table.get(number).map(|slot| slot.events()) else {
            return;
        };
        let Some(slot) = self.table.get(number) else {
            return;
        };
        if slot.bits() & RECORDING == 0 {
            return;
        }
        let metadata = event.metadata();
        with_fields(event, |scratch| {
            let Some(mut inner) = lock(number, slot) else {
                return;
            };
            let inner = &mut *inner;
            inner.live.count_truncated(scratch.fields.dropped);
            let name = name_of(scratch);
            let time = self.tracer.event_time(&inner.live);
            {
                let mut writer = inner.live.add_event(name, time);
                attributes(scratch, metadata, |key, value| writer.set_attribute(key, value));
                if self.options.location {
                    attach::location(metadata, &mut |key, value| writer.set_attribute(key, value));
                }
            }
            if self.options.error_status
                && *metadata.level() == Level::ERROR
                && !inner.extras.special.has_status()
            {
                inner.live.set_status(SpanStatus::Error(description(scratch)));
            }
        });
    }
}

impl Core {
    /// Records an event in the current context's span, which is of the `opentelemetry` API.
    #[cold]
    fn event_in_foreign(&self, event: &Event<'_>) {
        // Cloned, so that it is not borrowed while the span records.
        let context = local::current_context();
        let span = context.span();
        if !span.is_recording() {
            return;
        }
        let metadata = event.metadata();
        with_fields(event, |scratch| {
            let mut pairs = Vec::new();
            let mut push = |key: &str, value: ValueRef<'_>| pairs.extend(key_value(key, value));
            attributes(scratch, metadata, &mut push);
            if self.options.location {
                attach::location(metadata, &mut push);
            }
            span.add_event(name_of(scratch).to_owned(), pairs);
            if self.options.error_status && *metadata.level() == Level::ERROR {
                span.set_status(Status::error(description(scratch).to_owned()));
            }
        });
    }
}

fn with_fields(event: &Event<'_>, with: impl FnOnce(&Scratch)) {
    let mut scratch = SCRATCH.try_with(Cell::take).ok().flatten().unwrap_or_default();
    event.record(&mut Visitor(&mut scratch));
    with(&scratch);
    scratch.fields.clear();
    scratch.sources.clear();
    scratch.is_error = false;
    let _ = SCRATCH.try_with(|cell| cell.set(Some(scratch)));
}

fn text<'a>(scratch: &'a Scratch, key: &str) -> &'a str {
    match scratch.fields.get(key) {
        Some(ValueRef::Str(text)) => text,
        _ => "",
    }
}

/// An error's is `exception`, another's is its message.
fn name_of(scratch: &Scratch) -> &str {
    if scratch.is_error {
        return EXCEPTION;
    }
    match text(scratch, MESSAGE) {
        "" => "event",
        message => message,
    }
}

fn description(scratch: &Scratch) -> &str {
    match text(scratch, ERROR) {
        "" => text(scratch, MESSAGE),
        error => error,
    }
}

fn attributes(scratch: &Scratch, metadata: &Metadata<'_>, mut set: impl FnMut(&str, ValueRef<'_>)) {
    set("level", ValueRef::Str(metadata.level().as_str()));
    set("target", ValueRef::Str(metadata.target()));
    for (key, value) in scratch.fields.iter() {
        match key {
            MESSAGE if !scratch.is_error => {}
            ERROR if scratch.is_error => set("exception.message", value),
            key => set(key, value),
        }
    }
    if !scratch.sources.is_empty() {
        set("exception.stacktrace", ValueRef::Str(&scratch.sources));
    }
}

/// An attribute of the API's.
fn key_value(key: &str, value: ValueRef<'_>) -> Option<KeyValue> {
    let key = key.to_owned();
    match value {
        ValueRef::Str(text) => Some(KeyValue::new(key, text.to_owned())),
        ValueRef::I64(value) => Some(KeyValue::new(key, value)),
        ValueRef::F64(value) => Some(KeyValue::new(key, value)),
        ValueRef::Bool(value) => Some(KeyValue::new(key, value)),
        // `tracing` has no arrays.
        _ => None,
    }
}
