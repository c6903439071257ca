use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::trace::{SpanId, SpanKind, TraceFlags, TraceId};
use opentelemetry::{KeyValue, Value};

use crate::pipeline::{Batch, Deadline, ExportOutcome, Exporter};
use crate::trace::{RecordAttributes, SpanRecord, SpanStatus, Spans};

/// Keeps the spans it is given. Clones are the same exporter.
#[derive(Clone, Debug, Default)]
pub struct InMemorySpanExporter {
    spans: Arc<Mutex<Vec<SpanSnapshot>>>,
}

impl InMemorySpanExporter {
    /// One without spans.
    pub fn new() -> Self {
        Self::default()
    }

    /// The spans so far, in the order in which they were exported.
    pub fn spans(&self) -> Vec<SpanSnapshot> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the spans so far.
    pub fn reset(&self) {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Exporter<Spans> for InMemorySpanExporter {
    fn export(&mut self, batch: Batch<'_, Spans>, _: Deadline) -> ExportOutcome {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.extend(batch.iter().map(|span| SpanSnapshot::of(&span)));
        ExportOutcome::done()
    }

    fn component_type(&self) -> &'static str {
        "in_memory_span_exporter"
    }
}

/// A span as it was exported.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SpanSnapshot {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// Its parent; `None` for a root.
    pub parent_span_id: Option<SpanId>,
    /// Whether its parent is in another process.
    pub parent_is_remote: bool,
    /// Its W3C trace flags.
    pub trace_flags: TraceFlags,
    /// The trace state, as the header has it.
    pub trace_state: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: SpanKind,
    /// When it started: nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// When it ended.
    pub end_unix_nanos: u64,
    /// Its status.
    pub status: StatusSnapshot,
    /// Its attributes.
    pub attributes: Vec<KeyValue>,
    /// Its events.
    pub events: Vec<EventSnapshot>,
    /// Its links.
    pub links: Vec<LinkSnapshot>,
    /// What was beyond the limits: attributes, events, links.
    pub dropped: [u32; 3],
    /// Texts that were cut for want of room.
    pub truncated: u32,
    /// The name of its scope.
    pub scope: String,
}

/// A status as it was exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StatusSnapshot {
    /// Not set.
    #[default]
    Unset,
    /// An error, and its description.
    Error(String),
    /// Ok.
    Ok,
}

/// An event as it was exported.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EventSnapshot {
    /// Its name.
    pub name: String,
    /// When it happened: nanoseconds since the Unix epoch.
    pub unix_nanos: u64,
    /// Its attributes.
    pub attributes: Vec<KeyValue>,
    /// Attributes beyond the limit.
    pub dropped_attributes: u32,
}

/// A link as it was exported.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LinkSnapshot {
    /// The other span's trace.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
    /// Its flags.
    pub trace_flags: TraceFlags,
    /// Whether it is in another process.
    pub is_remote: bool,
    /// Its trace state, as the header has it.
    pub trace_state: String,
    /// What is said of the relation.
    pub attributes: Vec<KeyValue>,
    /// Attributes beyond the limit.
    pub dropped_attributes: u32,
}

impl SpanSnapshot {
    /// Copies a record.
    pub fn of(span: &SpanRecord<'_>) -> Self {
        SpanSnapshot {
            trace_id: span.trace_id(),
            span_id: span.span_id(),
            parent_span_id: span.parent_span_id(),
            parent_is_remote: span.parent_is_remote(),
            trace_flags: span.trace_flags(),
            trace_state: span.trace_state().to_owned(),
            name: span.name().to_owned(),
            kind: span.kind(),
            start_unix_nanos: span.start_unix_nanos(),
            end_unix_nanos: span.end_unix_nanos(),
            status: match span.status() {
                SpanStatus::Unset => StatusSnapshot::Unset,
                SpanStatus::Error(description) => StatusSnapshot::Error(description.to_owned()),
                SpanStatus::Ok => StatusSnapshot::Ok,
            },
            attributes: pairs(span.attributes()),
            events: span
                .events()
                .map(|event| EventSnapshot {
                    name: event.name().to_owned(),
                    unix_nanos: event.unix_nanos(),
                    attributes: pairs(event.attributes()),
                    dropped_attributes: event.dropped_attributes(),
                })
                .collect(),
            links: span
                .links()
                .map(|link| LinkSnapshot {
                    trace_id: link.trace_id(),
                    span_id: link.span_id(),
                    trace_flags: link.trace_flags(),
                    is_remote: link.is_remote(),
                    trace_state: link.trace_state().to_owned(),
                    attributes: pairs(link.attributes()),
                    dropped_attributes: link.dropped_attributes(),
                })
                .collect(),
            dropped: [span.dropped_attributes(), span.dropped_events(), span.dropped_links()],
            truncated: span.truncated(),
            scope: span.scope().name().to_owned(),
        }
    }

    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.iter().find(|pair| pair.key.as_str() == key).map(|pair| &pair.value)
    }
}

fn pairs(attributes: RecordAttributes<'_>) -> Vec<KeyValue> {
    attributes.map(|(key, value)| KeyValue::new(key.to_owned(), value.to_value())).collect()
}
