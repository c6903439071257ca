//! Fields that are not attributes: `otel.name` and its like.

use opentelemetry::trace::SpanKind;
use tachograph_sdk::ValueRef;
use tachograph_sdk::trace::{LiveSpan, SpanStatus};
use tracing::Metadata;

/// The prefix of all of them.
const PREFIX: &str = "otel.";

/// What the special fields of a span said so far.
#[derive(Debug, Default)]
pub(crate) struct Special {
    pub(crate) name: String,
    pub(crate) kind: Option<SpanKind>,
    status: Option<Status>,
    description: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Status {
    Error,
    Ok,
}

/// Whether a span of this callsite may have special fields.
#[inline]
pub(crate) fn may_have(metadata: &Metadata<'_>) -> bool {
    metadata.fields().iter().any(|field| field.name().starts_with(PREFIX))
}

impl Special {
    pub(crate) fn clear(&mut self) {
        self.name.clear();
        self.description.clear();
        (self.kind, self.status) = (None, None);
    }

    /// Takes a field if it is special, and says whether it is.
    #[inline]
    pub(crate) fn take(&mut self, key: &str, value: ValueRef<'_>) -> bool {
        match read(key, value) {
            Some(said) => {
                self.hear(said);
                true
            }
            None => false,
        }
    }

    #[cold]
    fn hear(&mut self, said: Said<'_>) {
        match said {
            Said::Name(text) => {
                self.name.clear();
                self.name.push_str(text);
            }
            Said::Kind(kind) => self.kind = Some(kind),
            Said::Status(status) => self.status = status,
            Said::Description(text) => {
                self.description.clear();
                self.description.push_str(text);
                self.status = self.status.or(Some(Status::Error));
            }
        }
    }

    /// Applies what was said of a span that lives.
    pub(crate) fn apply(&self, live: &mut LiveSpan) {
        self.apply_name(live);
        self.apply_kind(live);
        self.apply_status(live);
    }

    /// Takes a field of a span that lives, and applies it. What was said before is not said again: others may have said something
    /// else since.
    pub(crate) fn take_late(&mut self, said: Said<'_>, live: &mut LiveSpan) {
        let apply = match said {
            Said::Name(_) => Special::apply_name,
            Said::Kind(_) => Special::apply_kind,
            Said::Status(_) | Said::Description(_) => Special::apply_status,
        };
        self.hear(said);
        apply(self, live);
    }

    /// What was said, as fields.
    pub(crate) fn visit(&self, visitor: &mut dyn FnMut(&str, &str)) {
        let kind = self.kind.as_ref().map(kind_text);
        let status = self.status.map(|status| if status == Status::Ok { "ok" } else { "error" });
        let texts = [("otel.name", &*self.name), ("otel.status_description", &*self.description)];
        let texts = texts.into_iter().filter(|(_, text)| !text.is_empty());
        let chosen = kind.map(|kind| ("otel.kind", kind)).into_iter();
        let chosen = chosen.chain(status.map(|status| ("otel.status_code", status)));
        chosen.chain(texts).for_each(|(key, text)| visitor(key, text));
    }

    fn apply_name(&self, live: &mut LiveSpan) {
        if !self.name.is_empty() {
            live.set_name(&self.name);
        }
    }

    fn apply_kind(&self, live: &mut LiveSpan) {
        if let Some(kind) = &self.kind {
            live.set_kind(kind);
        }
    }

    fn apply_status(&self, live: &mut LiveSpan) {
        match self.status {
            Some(Status::Ok) => live.set_status(SpanStatus::Ok),
            Some(Status::Error) => live.set_status(SpanStatus::Error(&self.description)),
            None => {}
        }
    }

    /// Whether a status was set by a field.
    pub(crate) fn has_status(&self) -> bool {
        self.status.is_some()
    }
}

/// What a special field says.
pub(crate) enum Said<'a> {
    Name(&'a str),
    Kind(SpanKind),
    Status(Option<Status>),
    Description(&'a str),
}

/// Reads a field, if it is special. What is not understood is an attribute like any other.
#[inline]
pub(crate) fn read<'a>(key: &str, value: ValueRef<'a>) -> Option<Said<'a>> {
    read_rest(key.strip_prefix(PREFIX)?, value)
}

#[cold]
fn read_rest<'a>(key: &str, value: ValueRef<'a>) -> Option<Said<'a>> {
    let ValueRef::Str(text) = value else {
        return None;
    };
    match key {
        "name" => Some(Said::Name(text)),
        "kind" => kind(text).map(Said::Kind),
        "status_code" if text.eq_ignore_ascii_case("ok") => Some(Said::Status(Some(Status::Ok))),
        "status_code" if text.eq_ignore_ascii_case("error") => Some(Said::Status(Some(Status::Error))),
        "status_code" if text.eq_ignore_ascii_case("unset") => Some(Said::Status(None)),
        // The second is how tracing-opentelemetry once called it.
        "status_description" | "status_message" => Some(Said::Description(text)),
        _ => None,
    }
}

fn kind(text: &str) -> Option<SpanKind> {
    let kinds =
        [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];
    kinds.into_iter().find(|kind| text.eq_ignore_ascii_case(kind_text(kind)))
}

fn kind_text(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_stays_an_attribute() {
        let mut special = Special::default();
        for (key, value) in
            [("otel.kind", "sever"), ("otel.status_code", "fine"), ("otel.scope", "x"), ("name", "x")]
        {
            assert!(!special.take(key, ValueRef::Str(value)), "{key}");
        }
        assert!(!special.take("otel.name", ValueRef::I64(1)));
        assert!(special.take("otel.kind", ValueRef::Str("SERVER")));
        assert_eq!(special.kind, Some(SpanKind::Server));
    }
}
