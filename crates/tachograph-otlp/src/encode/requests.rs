//! A batch as one `ExportTraceServiceRequest`, or as several where one would be too long.

use std::fmt;

use opentelemetry::InstrumentationScope;
use tachograph_sdk::pipeline::{Batch, Records};
use tachograph_sdk::trace::{SpanRecord, SpanShared, Spans};
use tachograph_sdk::{AttributeSet, Resource};

use super::span::span;
use super::value::api_attribute;
use super::wire::{Open, close, open, text};

mod field {
    pub(super) const RESOURCE_SPANS: u32 = 1;
    pub(super) const RESOURCE: u32 = 1;
    pub(super) const SCOPE_SPANS: u32 = 2;
    pub(super) const SCOPE: u32 = 1;
    pub(super) const SPANS: u32 = 2;
    /// Of `ResourceSpans` and of `ScopeSpans`.
    pub(super) const SCHEMA_URL: u32 = 3;
    pub(super) const RESOURCE_ATTRIBUTES: u32 = 1;
    pub(super) const SCOPE_NAME: u32 = 1;
    pub(super) const SCOPE_VERSION: u32 = 2;
    pub(super) const SCOPE_ATTRIBUTES: u32 = 3;
}

/// By how many bytes at most closing a request and a scope in it moves what is in them.
const MOVED: usize = 10;

/// The spans of a batch, scope by scope: those of the first span's scope as they come, and then the others. So a
/// batch of one scope, as most are, is read once and nothing is kept of it.
struct Source<'a> {
    records: Records<'a, Spans>,
    first: Option<u32>,
    others: Vec<SpanRecord<'a>>,
    sorted: std::vec::IntoIter<SpanRecord<'a>>,
}

impl<'a> Iterator for Source<'a> {
    type Item = SpanRecord<'a>;

    #[inline]
    fn next(&mut self) -> Option<SpanRecord<'a>> {
        for record in self.records.by_ref() {
            let scope = record.scope_index();
            if *self.first.get_or_insert(scope) == scope {
                return Some(record);
            }
            self.others.push(record);
        }
        if !self.others.is_empty() {
            let mut others = std::mem::take(&mut self.others);
            // Stable, so that a scope's spans stay in order.
            others.sort_by_key(SpanRecord::scope_index);
            self.sorted = others.into_iter();
        }
        self.sorted.next()
    }
}

/// A batch of spans as OTLP's protobuf: one `ExportTraceServiceRequest`, or several where one would be too long.
///
/// For whoever has a way of their own to send or keep them; [`OtlpSpanExporter`](crate::OtlpSpanExporter) does it
/// over HTTP. Encoding reads the engine's records and writes the request's bytes, and allocates nothing but what
/// the buffer needs to grow, and a list of the spans where they are of several scopes.
///
/// ```
/// use tachograph_otlp::SpanRequests;
/// use tachograph_sdk::pipeline::{Batch, Deadline, ExportOutcome, Exporter};
/// use tachograph_sdk::trace::Spans;
///
/// struct Keep(Vec<Vec<u8>>);
///
/// impl Exporter<Spans> for Keep {
///     fn export(&mut self, batch: Batch<'_, Spans>, _: Deadline) -> ExportOutcome {
///         let mut requests = SpanRequests::new(batch, 1 << 20);
///         let mut bytes = Vec::new();
///         while requests.encode_next(&mut bytes) > 0 {
///             self.0.push(bytes.clone());
///         }
///         ExportOutcome::rejected(requests.too_large(), "too_large")
///     }
/// }
/// ```
pub struct SpanRequests<'a> {
    spans: Source<'a>,
    /// The first of those that are left, where it did not fit into the request before.
    next: Option<SpanRecord<'a>>,
    shared: &'a SpanShared,
    max_bytes: usize,
    expected_bytes: usize,
    too_large: usize,
}

impl<'a> SpanRequests<'a> {
    /// Requests of at most `max_bytes` each.
    pub fn new(batch: Batch<'a, Spans>, max_bytes: usize) -> Self {
        let spans =
            Source { records: batch.iter(), first: None, others: Vec::new(), sorted: Vec::new().into_iter() };
        let expected_bytes = batch.bytes().min(max_bytes);
        SpanRequests { spans, next: None, shared: batch.shared(), max_bytes, expected_bytes, too_large: 0 }
    }

    /// Writes the next request into `out`, which is emptied first, and says how many spans it has: none when there
    /// are no more, and then nothing is written, since a request without spans must not be sent.
    pub fn encode_next(&mut self, out: &mut Vec<u8>) -> usize {
        out.clear();
        let request = open(out, field::RESOURCE_SPANS, self.expected_bytes);
        resource(out, self.shared.resource());
        let mut spans = 0;
        let mut scope: Option<(u32, Open)> = None;
        while let Some(record) = self.next.take().or_else(|| self.spans.next()) {
            let index = record.scope_index();
            if let Some((open, message)) = scope
                && open != index
            {
                close(out, message);
                scope = None;
            }
            let before = out.len();
            let message = match scope {
                Some((_, message)) => message,
                None => open_scope(out, self.shared.scope(index), self.expected_bytes),
            };
            span(out, field::SPANS, &record);
            if out.len().saturating_add(MOVED) <= self.max_bytes {
                scope = Some((index, message));
                spans += 1;
                continue;
            }
            out.truncate(before);
            if spans == 0 {
                self.too_large += 1;
                continue;
            }
            self.next = Some(record);
            break;
        }
        if let Some((_, message)) = scope {
            close(out, message);
        }
        close(out, request);
        if spans == 0 {
            out.clear();
        }
        spans
    }

    /// How many spans were left out so far because a request with nothing else would have been too long.
    pub fn too_large(&self) -> usize {
        self.too_large
    }
}

/// What comes before the spans of a resource. The schema's URL is among it, so that nothing is left to be
/// written when the request is full; readers take fields in any order.
fn resource(out: &mut Vec<u8>, resource: &Resource) {
    let message = open(out, field::RESOURCE, 0x80);
    for (key, value) in resource.attributes().iter() {
        api_attribute(out, field::RESOURCE_ATTRIBUTES, key.as_str(), value);
    }
    close(out, message);
    text(out, field::SCHEMA_URL, resource.schema_url().unwrap_or_default());
}

/// Begins the spans of a scope, as [`resource`] does those of a resource.
fn open_scope(out: &mut Vec<u8>, scope: &InstrumentationScope, expected_bytes: usize) -> Open {
    let spans = open(out, field::SCOPE_SPANS, expected_bytes);
    let message = open(out, field::SCOPE, 1);
    text(out, field::SCOPE_NAME, scope.name());
    text(out, field::SCOPE_VERSION, scope.version().unwrap_or_default());
    if scope.attributes().next().is_some() {
        // The API lets a key be there twice; here the last one counts, as everywhere.
        let attributes: Vec<_> = scope.attributes().cloned().collect();
        for (key, value) in AttributeSet::new(attributes.as_slice()).iter() {
            api_attribute(out, field::SCOPE_ATTRIBUTES, key.as_str(), value);
        }
    }
    close(out, message);
    text(out, field::SCHEMA_URL, scope.schema_url().unwrap_or_default());
    spans
}

impl fmt::Debug for SpanRequests<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanRequests")
            .field("max_bytes", &self.max_bytes)
            .field("too_large", &self.too_large)
            .finish_non_exhaustive()
    }
}
