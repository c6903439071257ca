//! What headers are read from and written to: the API's carriers, and `http::HeaderMap`.
//!
//! Each format is written once, over these two traits, and compiled for both.

use opentelemetry::propagation::{Extractor, Injector};

/// A header that some format reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    TraceParent,
    TraceState,
    Baggage,
    B3,
    B3TraceId,
    B3SpanId,
    B3ParentSpanId,
    B3Sampled,
    B3Flags,
    UberTraceId,
}

impl Field {
    /// The name, in lower case: HTTP's names have no case, and those of HTTP/2 and gRPC must be so.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Field::TraceParent => "traceparent",
            Field::TraceState => "tracestate",
            Field::Baggage => "baggage",
            Field::B3 => "b3",
            Field::B3TraceId => "x-b3-traceid",
            Field::B3SpanId => "x-b3-spanid",
            Field::B3ParentSpanId => "x-b3-parentspanid",
            Field::B3Sampled => "x-b3-sampled",
            Field::B3Flags => "x-b3-flags",
            Field::UberTraceId => "uber-trace-id",
        }
    }

    /// The name as its specification spells it, where that is not in lower case: what carriers that
    /// know no headers, and so compare letter by letter, may have.
    const fn spelt_with_capitals(self) -> Option<&'static str> {
        match self {
            Field::B3TraceId => Some("X-B3-TraceId"),
            Field::B3SpanId => Some("X-B3-SpanId"),
            Field::B3ParentSpanId => Some("X-B3-ParentSpanId"),
            Field::B3Sampled => Some("X-B3-Sampled"),
            Field::B3Flags => Some("X-B3-Flags"),
            _ => None,
        }
    }
}

/// The value of a header that must not be repeated.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Single<'a> {
    Absent,
    /// Without white space around it.
    Value(&'a [u8]),
    /// There are several, and no telling which one is meant.
    Repeated,
}

impl<'a> Single<'a> {
    pub(crate) fn of(first: Option<&'a [u8]>, another: bool) -> Self {
        match first {
            None => Single::Absent,
            Some(_) if another => Single::Repeated,
            Some(value) => Single::Value(trimmed(value)),
        }
    }

    /// The value, if it is there once.
    pub(crate) fn value(self) -> Option<&'a [u8]> {
        match self {
            Single::Value(value) => Some(value),
            Single::Absent | Single::Repeated => None,
        }
    }
}

/// A header's value: text where that is known without a look at each character, and bytes where it is not, or
/// where some are not ASCII.
pub(crate) type Text<'a> = Result<&'a str, &'a [u8]>;

/// What is read from.
pub(crate) trait Source {
    /// The value of a header that must not be repeated.
    fn single(&self, field: Field) -> Single<'_>;

    /// Each value of a header that may be repeated, in their order.
    fn each(&self, field: Field) -> impl Iterator<Item = Text<'_>>;

    /// Shows each header whose name starts with `prefix` (in lower case): the rest of the name, and the value.
    fn each_with_prefix<'a>(&'a self, prefix: &str, visit: &mut dyn FnMut(&'a str, &'a [u8]));
}

/// What is written to. Values are ASCII without control characters.
pub(crate) trait Sink {
    /// Sets the header in place of any that the carrier has.
    fn set(&mut self, field: Field, value: &[u8]);

    /// As [`set`](Sink::set), with a value that is already on the heap.
    fn set_owned(&mut self, field: Field, value: Vec<u8>);

    /// Sets a header whose name is not known beforehand; nothing happens if it cannot be one's name.
    fn set_named(&mut self, name: String, value: Vec<u8>);

    /// Removes what would contradict what was set, if the carrier can.
    fn remove(&mut self, field: Field);
}

/// Without the white space that HTTP allows around a value: spaces and tabs, nothing else.
pub(crate) fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// As [`trimmed`], of text.
pub(crate) fn trimmed_text(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

/// The API's extractor as a source. A wrapper, because the trait object's lifetime is not `'static`.
pub(crate) struct Extracting<'e>(pub(crate) &'e dyn Extractor);

impl Extracting<'_> {
    fn all(&self, field: Field) -> Vec<&str> {
        let named = |name| self.0.get_all(name).filter(|values| !values.is_empty());
        named(field.name()).or_else(|| named(field.spelt_with_capitals()?)).unwrap_or_default()
    }
}

impl Source for Extracting<'_> {
    fn single(&self, field: Field) -> Single<'_> {
        let values = self.all(field);
        Single::of(values.first().map(|value| value.as_bytes()), values.len() > 1)
    }

    fn each(&self, field: Field) -> impl Iterator<Item = Text<'_>> {
        self.all(field).into_iter().map(Ok)
    }

    fn each_with_prefix<'a>(&'a self, prefix: &str, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        for name in self.0.keys() {
            let Some((start, rest)) = name.split_at_checked(prefix.len()) else { continue };
            if start.eq_ignore_ascii_case(prefix)
                && let Some(value) = self.0.get(name)
            {
                visit(rest, value.as_bytes());
            }
        }
    }
}

/// The API's injector as a sink.
pub(crate) struct Injecting<'i>(pub(crate) &'i mut dyn Injector);

impl Sink for Injecting<'_> {
    fn set(&mut self, field: Field, value: &[u8]) {
        self.0.set(field.name(), String::from_utf8_lossy(value).into_owned());
    }

    fn set_owned(&mut self, field: Field, value: Vec<u8>) {
        self.0.set(field.name(), text(value));
    }

    fn set_named(&mut self, name: String, value: Vec<u8>) {
        self.0.set(&name, text(value));
    }

    /// The API's injectors cannot; callers who use a carrier again clear it of `fields()` before.
    fn remove(&mut self, _: Field) {}
}

/// The bytes as text; lossless, since values are ASCII.
fn text(value: Vec<u8>) -> String {
    String::from_utf8(value).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_tabs_around_a_value_are_no_part_of_it() {
        assert_eq!(trimmed(b" \t a b\t "), b"a b");
        assert_eq!(trimmed(b" \t "), b"");
        assert_eq!(trimmed(b"\na"), b"\na");
    }
}
