//! Fields of `tracing`, with their types.

use std::cell::Cell;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tachograph_sdk::ValueRef;
use tracing::field::{Field, Visit};

/// What a value becomes whose `Debug` or `Display` panics.
pub(crate) const PANICKED: &str = "<panicked while it was formatted>";

/// How much text is kept of the fields of one event, or of one span that is not recorded.
const TEXT: usize = 64 * 1024;

/// How long a chain of sources is followed.
const SOURCES: usize = 32;

thread_local! {
    /// A buffer to format in. Without it, as when a value's `Debug` records fields itself, a new one is made.
    static BUFFER: Cell<String> = const { Cell::new(String::new()) };
}

/// Runs `with` with an empty buffer of this thread.
pub(crate) fn with_buffer<T>(with: impl FnOnce(&mut String) -> T) -> T {
    let mut buffer = BUFFER.try_with(Cell::take).unwrap_or_default();
    buffer.clear();
    let result = with(&mut buffer);
    if buffer.capacity() <= TEXT {
        // Where the thread is being destroyed the buffer goes.
        let _ = BUFFER.try_with(|cell| cell.set(buffer));
    }
    result
}

/// Formats what is the user's; a panic in it is contained.
pub(crate) fn format_into(buffer: &mut String, value: fmt::Arguments<'_>) {
    let from = buffer.len();
    if catch_unwind(AssertUnwindSafe(|| buffer.write_fmt(value))).is_err() {
        buffer.truncate(from);
        buffer.push_str(PANICKED);
    }
}

/// The error below one. Of a panic there is nothing to be said but what its hook says.
fn source_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    catch_unwind(AssertUnwindSafe(|| error.source())).ok().flatten()
}

/// The errors below one, each on a line of its own. As far as their code does not panic.
pub(crate) fn format_sources(buffer: &mut String, error: &(dyn Error + 'static)) {
    let mut source = source_of(error);
    for _ in 0..SOURCES {
        let Some(error) = source else {
            return;
        };
        if !buffer.is_empty() {
            buffer.push('\n');
        }
        format_into(buffer, format_args!("caused by: {error}"));
        source = source_of(error);
    }
}

/// Takes fields as attributes are: text, integers, floats, booleans.
pub(crate) trait Sink {
    /// A field's value.
    fn field(&mut self, field: &Field, value: ValueRef<'_>);

    /// An error; `message` is its text. Follows the call of `field` with that text.
    fn error(&mut self, _field: &Field, _message: &str, _error: &(dyn Error + 'static)) {}
}

/// Visits fields on behalf of a sink.
pub(crate) struct Visitor<'a, S: ?Sized>(pub(crate) &'a mut S);

impl<S: Sink + ?Sized> Visit for Visitor<'_, S> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.field(field, ValueRef::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.field(field, ValueRef::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.0.field(field, ValueRef::I64(value)),
            Err(_) => self.record_debug(field, &value),
        }
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        match i64::try_from(value) {
            Ok(value) => self.0.field(field, ValueRef::I64(value)),
            Err(_) => self.record_debug(field, &value),
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        match i64::try_from(value) {
            Ok(value) => self.0.field(field, ValueRef::I64(value)),
            Err(_) => self.record_debug(field, &value),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.field(field, ValueRef::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.field(field, ValueRef::Str(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        with_buffer(|buffer| {
            format_into(buffer, format_args!("{value}"));
            self.0.field(field, ValueRef::Str(buffer));
            self.0.error(field, buffer, value);
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        with_buffer(|buffer| {
            format_into(buffer, format_args!("{value:?}"));
            self.0.field(field, ValueRef::Str(buffer));
        });
    }
}

/// Fields that were copied, to be used where no code of the user's may run. Its buffers are used again.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    list: Vec<(&'static str, Stored)>,
    text: String,
    /// What did not fit.
    pub(crate) dropped: u32,
}

#[derive(Clone, Copy, Debug)]
enum Stored {
    Str(usize, usize),
    I64(i64),
    F64(f64),
    Bool(bool),
}

impl Fields {
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.text.clear();
        self.text.shrink_to(TEXT);
        self.dropped = 0;
    }

    /// Keeps a value; of equal keys the last.
    pub(crate) fn set(&mut self, key: &'static str, value: ValueRef<'_>) {
        if let ValueRef::Str(text) = value
            && self.text.len() + text.len() > TEXT
        {
            self.reclaim(key);
        }
        let stored = match value {
            ValueRef::Str(text) => {
                let from = self.text.len();
                let fitting = fitting(text, TEXT - from.min(TEXT));
                self.dropped += u32::from(fitting.len() < text.len());
                self.text.push_str(fitting);
                Stored::Str(from, self.text.len())
            }
            ValueRef::I64(value) => Stored::I64(value),
            ValueRef::F64(value) => Stored::F64(value),
            ValueRef::Bool(value) => Stored::Bool(value),
            // `tracing` has no arrays.
            _ => return,
        };
        match self.list.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = stored,
            None => self.list.push((key, stored)),
        }
    }

    /// Gives back the room of texts that later ones took the place of, and of the key's own, which is about to be replaced.
    #[cold]
    fn reclaim(&mut self, key: &str) {
        let old = std::mem::take(&mut self.text);
        for (known, stored) in &mut self.list {
            if let Stored::Str(from, to) = stored {
                let kept = if *known == key { "" } else { old.get(*from..*to).unwrap_or_default() };
                *from = self.text.len();
                self.text.push_str(kept);
                *to = self.text.len();
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, ValueRef<'_>)> {
        self.list.iter().map(|(key, stored)| {
            let value = match *stored {
                Stored::Str(from, to) => ValueRef::Str(self.text.get(from..to).unwrap_or_default()),
                Stored::I64(value) => ValueRef::I64(value),
                Stored::F64(value) => ValueRef::F64(value),
                Stored::Bool(value) => ValueRef::Bool(value),
            };
            (*key, value)
        })
    }

    pub(crate) fn get(&self, key: &str) -> Option<ValueRef<'_>> {
        self.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }
}

impl Sink for Fields {
    fn field(&mut self, field: &Field, value: ValueRef<'_>) {
        self.set(field.name(), value);
    }
}

/// As much of a text as fits into so many bytes.
pub(crate) fn fitting(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_fields_with_one_key_the_last_is_kept_and_text_has_a_bound() {
        let mut fields = Fields::default();
        fields.set("a", ValueRef::I64(1));
        fields.set("b", ValueRef::Str("x"));
        fields.set("a", ValueRef::Str("é"));
        let all: Vec<_> = fields.iter().map(|(key, value)| (key, format!("{value:?}"))).collect();
        assert_eq!(all, [("a", "Str(\"é\")".to_owned()), ("b", "Str(\"x\")".to_owned())]);
        for _ in 0..3 {
            fields.set("long", ValueRef::Str(&"é".repeat(TEXT)));
        }
        assert!(fields.text.len() <= TEXT);
        assert_eq!(fields.dropped, 3);
        fields.clear();
        assert_eq!((fields.iter().count(), fields.dropped), (0, 0));
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(fitting("aé", 2), "a");
        assert_eq!(fitting("aé", 3), "aé");
        assert_eq!(fitting("é", 0), "");
    }
}
