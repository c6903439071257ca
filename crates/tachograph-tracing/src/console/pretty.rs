//! Lines for people.

use std::error::Error;
use std::fmt::Write as _;

use tachograph_sdk::ValueRef;
use tracing::field::Field;
use tracing::{Level, Metadata};

use super::form::{Line, SpanFields};
use super::{PRINTED, time};
use crate::fields::{self, Sink, Visitor};

const DIM: &str = "\x1b[2m";
const BOLD: &str = "\x1b[1m";
const ITALIC: &str = "\x1b[3m";
const RESET: &str = "\x1b[0m";

fn styled(out: &mut String, ansi: bool, style: &str, text: &str) {
    if ansi {
        out.push_str(style);
    }
    out.push_str(text);
    if ansi {
        out.push_str(RESET);
    }
}

fn level(out: &mut String, ansi: bool, metadata: &Metadata<'_>) {
    let (text, colour) = match *metadata.level() {
        Level::ERROR => ("ERROR", "\x1b[31m"),
        Level::WARN => (" WARN", "\x1b[33m"),
        Level::INFO => (" INFO", "\x1b[32m"),
        Level::DEBUG => ("DEBUG", "\x1b[34m"),
        Level::TRACE => ("TRACE", "\x1b[35m"),
    };
    styled(out, ansi, colour, text);
}

/// `time LEVEL outer{field=1}:inner: target: message field=2 trace_id=.. span_id=..`
pub(super) fn line(out: &mut String, line: &Line<'_>, ansi: bool) {
    let metadata = line.event.metadata();
    let from = out.len();
    time::now(out);
    if ansi {
        out.insert_str(from, DIM);
        out.push_str(RESET);
    }
    out.push(' ');
    level(out, ansi, metadata);
    out.push(' ');
    for link in line.spans() {
        styled(out, ansi, BOLD, link.name);
        if !link.printed.is_empty() {
            out.push('{');
            out.push_str(&link.printed);
            out.push('}');
        }
        out.push(':');
    }
    if line.spans().next().is_some() {
        out.push(' ');
    }
    styled(out, ansi, DIM, metadata.target());
    styled(out, ansi, DIM, ":");
    line.event.record(&mut Visitor(&mut Text { out, ansi, first: false, message: true }));
    if let Some(identity) = line.identity {
        let ids = (identity.trace_id(), identity.span_id());
        if ansi {
            out.push_str(DIM);
        }
        let _ = write!(out, " trace_id={} span_id={}", ids.0, ids.1);
        if ansi {
            out.push_str(RESET);
        }
    }
}

/// The fields of a span.
pub(super) fn span_fields(out: &mut String, ansi: bool, fields: &SpanFields<'_>) {
    let mut text = Text { out, ansi, first: true, message: false };
    fields.visit(&mut |name, value, causes| {
        if text.out.len() < PRINTED {
            text.pair(name, value);
            text.causes(causes);
        }
    });
}

/// Writes `name=value` pairs.
struct Text<'a> {
    out: &'a mut String,
    ansi: bool,
    /// Whether nothing stands before, so that no space is needed.
    first: bool,
    /// Whether a field `message` is the text.
    message: bool,
}

impl Text<'_> {
    fn pair(&mut self, name: &str, value: ValueRef<'_>) {
        if !std::mem::take(&mut self.first) {
            self.out.push(' ');
        }
        if !(self.message && name == "message") {
            styled(self.out, self.ansi, ITALIC, name);
            styled(self.out, self.ansi, DIM, "=");
        }
        let _ = match value {
            ValueRef::Str(text) => {
                safe(self.out, text);
                Ok(())
            }
            ValueRef::I64(value) => write!(self.out, "{value}"),
            ValueRef::F64(value) => write!(self.out, "{value:?}"),
            ValueRef::Bool(value) => write!(self.out, "{value}"),
            _ => Ok(()),
        };
    }

    fn causes(&mut self, causes: &str) {
        for cause in causes.lines() {
            self.out.push_str(", ");
            safe(self.out, cause);
        }
    }
}

impl Sink for Text<'_> {
    fn field(&mut self, field: &Field, value: ValueRef<'_>) {
        self.pair(field.name(), value);
    }

    fn error(&mut self, _: &Field, _: &str, error: &(dyn Error + 'static)) {
        let mut causes = String::new();
        fields::format_sources(&mut causes, error);
        self.causes(&causes);
    }
}

/// Text of who knows whom: a line stays one line, and nothing in it reaches the terminal as a command.
fn safe(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\t' => out.push(c),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
}
