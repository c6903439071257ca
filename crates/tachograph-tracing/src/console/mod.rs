//! Events on the console: a line each, with the ids of the trace and the span, and the fields of the spans around.

mod form;
mod json;
mod pretty;
mod time;

use std::cell::Cell;
use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tracing::Event;
use tracing::level_filters::LevelFilter;

use crate::core::{Asked, Core, Place};
use crate::fields::with_buffer;
use crate::filter::Filter;
use crate::identity::Identity;
use crate::local;
use form::{Chain, Line, SpanFields};

/// How long the fields of a span become in a line before no more are added.
const PRINTED: usize = 16 * 1024;

/// Prints events: for people, or as JSON for programs.
///
/// The fields of the spans around are those that are recorded by then, within the limits of spans, each with its last value; what others have set
/// on the spans is not shown. They are written when there is a line, so that a span in which nothing is printed costs little more than
/// one without a console.
///
/// Every line has the trace and span ids of what the event happened in, a span of `tracing` or of the `opentelemetry` API. A line is
/// written whole, in one call of the writer, under a lock of its own. What cannot be written is lost, and counted
/// ([`lost_lines`](crate::TelemetrySubscriber::lost_lines)).
pub struct Console {
    form: Form,
    filter: Filter,
    ansi: bool,
    writer: Mutex<Box<dyn Write + Send>>,
    /// Lines that could not be written.
    lost: AtomicU64,
}

thread_local! {
    /// Whether this thread is in a console's writer.
    static WRITING: Cell<bool> = const { Cell::new(false) };
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Pretty,
    Json,
}

impl Console {
    /// Lines for people, to standard output; coloured if that is a terminal.
    pub fn pretty() -> Self {
        Console { ansi: io::stdout().is_terminal(), ..Console::new(Form::Pretty) }
    }

    /// An object of JSON a line, to standard output: `timestamp`, `level`, `target`, `message`, `fields`, `trace_id`,
    /// `span_id`, `spans`.
    pub fn json() -> Self {
        Console::new(Form::Json)
    }

    fn new(form: Form) -> Self {
        Console {
            form,
            filter: Filter::level(LevelFilter::INFO),
            ansi: false,
            writer: Mutex::new(Box::new(io::stdout())),
            lost: AtomicU64::new(0),
        }
    }

    /// Which events are printed, and the fields of which spans with them. Default: level INFO.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Whether lines for people are coloured. Default: if standard output is a terminal.
    #[must_use]
    pub fn with_ansi(mut self, yes: bool) -> Self {
        self.ansi = yes;
        self
    }

    /// Where lines go. Not coloured any more, unless [`with_ansi`](Self::with_ansi) says so afterwards. What the writer itself
    /// reports through `tracing` is not printed. A panic of it is contained.
    #[must_use]
    pub fn with_writer(mut self, writer: impl Write + Send + 'static) -> Self {
        self.writer = Mutex::new(Box::new(writer));
        self.ansi = false;
        self
    }

    pub(crate) fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Writes the fields of a span.
    fn print_span(&self, out: &mut String, fields: &SpanFields<'_>) {
        match self.form {
            Form::Pretty => pretty::span_fields(out, self.ansi, fields),
            Form::Json => json::span_fields(out, fields),
        }
    }

    /// Prints an event. Of an `own` one, which the API may have made while it holds the context, the context is not asked.
    pub(crate) fn print(&self, core: &Core, event: &Event<'_>, asked: Asked, own: bool) {
        let place = match own {
            false => core.place_even_if_suppressed(asked),
            true => local::top(core.id).map_or(Place::Nowhere, |top| Place::In(top.number)),
        };
        let mut chain = Chain::default();
        let identity = match place {
            Place::In(number) => {
                chain.collect(core, number, |out, fields| self.print_span(out, fields));
                core.identity(number)
            }
            Place::Foreign => {
                if let Some(around) = local::top(core.id) {
                    chain.collect(core, around.number, |out, fields| self.print_span(out, fields));
                }
                Some(Identity::of(&local::current_span_context()))
            }
            Place::Nowhere | Place::Silent | Place::Refused => None,
        };
        let line = Line { event, identity: identity.filter(|identity| identity.is_valid()), chain: &chain };
        with_buffer(|out| {
            match self.form {
                Form::Pretty => pretty::line(out, &line, self.ansi),
                Form::Json => json::line(out, &line),
            }
            out.push('\n');
            if !self.write(out) {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        });
    }

    /// Writes a line, and says whether it was written. Not from within a writer, which has its lock.
    fn write(&self, line: &str) -> bool {
        if WRITING.replace(true) {
            return false;
        }
        let written = catch_unwind(AssertUnwindSafe(|| {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer.write_all(line.as_bytes()).and_then(|()| writer.flush())
        }));
        WRITING.set(false);
        matches!(written, Ok(Ok(())))
    }

    /// How many lines could not be written.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("form", &self.form)
            .field("filter", &self.filter)
            .field("ansi", &self.ansi)
            .finish_non_exhaustive()
    }
}
