use std::fmt;

use opentelemetry::trace::{SpanId, SpanKind, TraceFlags, TraceId};
use opentelemetry::{InstrumentationScope, KeyValue};

use super::attributes::RecordAttributes;
use super::events::{EventRecord, Events, LinkRecord, Links};
use super::layout::{at, bytes_at, rest, u32_at, u64_at, u128_at};
use super::shared::SpanShared;
use super::span_kind::kind_of;
use super::text::text;
use crate::pipeline::{Record, sealed};
use crate::resource::Resource;

/// Spans, as a kind of record that pipelines carry.
#[derive(Debug)]
pub enum Spans {}

impl sealed::Sealed for Spans {}

impl Record for Spans {
    type Shared = SpanShared;
    type View<'a> = SpanRecord<'a>;
    const NAME: &'static str = "span";

    #[inline]
    fn view<'a>(bytes: &'a [u8], shared: &'a SpanShared) -> SpanRecord<'a> {
        SpanRecord { bytes, shared }
    }
}

/// A span that has ended, read in place.
///
/// Copying it is free, and nothing that it returns allocates. Each method reads a few bytes; those that return
/// iterators walk the record once.
#[derive(Clone, Copy)]
pub struct SpanRecord<'a> {
    bytes: &'a [u8],
    shared: &'a SpanShared,
}

/// How a span ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpanStatus<'a> {
    /// Nobody said.
    #[default]
    Unset,
    /// With an error, and what was said of it.
    Error(&'a str),
    /// Well, says somebody who knows.
    Ok,
}

impl<'a> SpanRecord<'a> {
    /// A record that was taken out of a buffer.
    pub(crate) fn new(bytes: &'a [u8], shared: &'a SpanShared) -> Self {
        SpanRecord { bytes, shared }
    }

    /// The trace that it is part of.
    #[inline]
    pub fn trace_id(&self) -> TraceId {
        TraceId::from(u128_at(self.bytes, at::TRACE_ID))
    }

    /// Its own id.
    #[inline]
    pub fn span_id(&self) -> SpanId {
        SpanId::from(u64_at(self.bytes, at::SPAN_ID))
    }

    /// Its parent's id; `None` for a root.
    #[inline]
    pub fn parent_span_id(&self) -> Option<SpanId> {
        Some(SpanId::from(u64_at(self.bytes, at::PARENT_ID))).filter(|id| *id != SpanId::INVALID)
    }

    /// Whether its parent is in another process.
    #[inline]
    pub fn parent_is_remote(&self) -> bool {
        self.byte(at::PARENT_IS_REMOTE) != 0
    }

    /// Its own W3C trace flags: sampled, random.
    #[inline]
    pub fn trace_flags(&self) -> TraceFlags {
        TraceFlags::new(self.byte(at::FLAGS))
    }

    /// The flags as OTLP has them in `Span.flags`: the trace flags, and whether the parent is remote (bit 9), which is
    /// known (bit 8).
    #[inline]
    pub fn otlp_flags(&self) -> u32 {
        u32::from(self.byte(at::FLAGS)) | 0x100 | u32::from(self.parent_is_remote()) << 9
    }

    /// The trace state, as the header has it; empty where there is none.
    pub fn trace_state(&self) -> &'a str {
        text(self.rest_section(1))
    }

    /// The role in a call.
    #[inline]
    pub fn kind(&self) -> SpanKind {
        kind_of(self.byte(at::KIND))
    }

    /// The name.
    #[inline]
    pub fn name(&self) -> &'a str {
        text(self.between(at::HEADER, self.attributes_at()))
    }

    /// When it started: nanoseconds since the Unix epoch.
    #[inline]
    pub fn start_unix_nanos(&self) -> u64 {
        u64_at(self.bytes, at::START)
    }

    /// When it ended: nanoseconds since the Unix epoch.
    #[inline]
    pub fn end_unix_nanos(&self) -> u64 {
        u64_at(self.bytes, at::END)
    }

    /// The status, with its description.
    pub fn status(&self) -> SpanStatus<'a> {
        match self.byte(at::STATUS) {
            1 => SpanStatus::Ok,
            2 => SpanStatus::Error(text(self.rest_section(0))),
            _ => SpanStatus::Unset,
        }
    }

    /// The attributes, in the order in which they were first set, each key once.
    #[inline]
    pub fn attributes(&self) -> RecordAttributes<'a> {
        let attributes = self.between(self.attributes_at(), self.rest_at());
        RecordAttributes::new(attributes, u32_at(self.bytes, at::ATTRIBUTES))
    }

    /// The events, in the order in which they were added.
    #[inline]
    pub fn events(&self) -> Events<'a> {
        Events::new(self.rest_section(2), self.rest_number(rest::EVENTS))
    }

    /// The links, in the order in which they were added.
    #[inline]
    pub fn links(&self) -> Links<'a> {
        Links::new(self.rest_section(3), self.rest_number(rest::LINKS))
    }

    /// Attributes that were beyond the limit, or had no room.
    pub fn dropped_attributes(&self) -> u32 {
        self.rest_number(rest::DROPPED_ATTRIBUTES)
    }

    /// Events that were beyond the limit, or had no room.
    pub fn dropped_events(&self) -> u32 {
        self.rest_number(rest::DROPPED_EVENTS)
    }

    /// Links that were beyond the limit, or had no room.
    pub fn dropped_links(&self) -> u32 {
        self.rest_number(rest::DROPPED_LINKS)
    }

    /// Texts that were cut because the span had no room for all of them.
    pub fn truncated(&self) -> u32 {
        self.rest_number(rest::TRUNCATED)
    }

    /// Who instrumented it.
    pub fn scope(&self) -> &'a InstrumentationScope {
        self.shared.scope(self.scope_index())
    }

    /// The scope's number: spans of one provider have equal scopes exactly when their numbers are equal, and
    /// numbers are small and dense, for tables by scope.
    #[inline]
    pub fn scope_index(&self) -> u32 {
        u32_at(self.bytes, at::SCOPE)
    }

    /// What it is about.
    pub fn resource(&self) -> &'a Resource {
        self.shared.resource()
    }

    #[inline(always)]
    fn byte(&self, at: usize) -> u8 {
        let [byte] = bytes_at(self.bytes, at);
        byte
    }

    #[inline(always)]
    fn between(&self, from: usize, to: usize) -> &'a [u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }

    #[inline(always)]
    fn attributes_at(&self) -> usize {
        at::HEADER + u32_at(self.bytes, at::NAME_LEN) as usize
    }

    #[inline(always)]
    fn rest_at(&self) -> usize {
        u32_at(self.bytes, at::REST) as usize
    }

    /// A number in the header of the rest; zero where there is none.
    #[inline(always)]
    fn rest_number(&self, at: usize) -> u32 {
        u32_at(self.bytes, self.rest_at() + at)
    }

    /// A section of the rest: status description, trace state, events, links; empty where there is none.
    #[inline(always)]
    fn rest_section(&self, number: usize) -> &'a [u8] {
        let mut from = self.rest_at() + rest::HEADER;
        for before in 0..number {
            from += self.rest_number(rest::STATUS_LEN + 4 * before) as usize;
        }
        let to = match number {
            3 => self.bytes.len(),
            _ => from + self.rest_number(rest::STATUS_LEN + 4 * number) as usize,
        };
        self.between(from, to)
    }
}

impl fmt::Debug for SpanRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanRecord")
            .field("name", &self.name())
            .field("trace_id", &self.trace_id())
            .field("span_id", &self.span_id())
            .field("parent_span_id", &self.parent_span_id())
            .field("kind", &self.kind())
            .field("start_unix_nanos", &self.start_unix_nanos())
            .field("end_unix_nanos", &self.end_unix_nanos())
            .field("status", &self.status())
            .field("attributes", &self.attributes())
            .field("events", &self.events().collect::<Vec<EventRecord<'_>>>())
            .field("links", &self.links().collect::<Vec<LinkRecord<'_>>>())
            .finish_non_exhaustive()
    }
}

/// The API's own pairs, for those who need to keep them.
impl From<&RecordAttributes<'_>> for Vec<KeyValue> {
    fn from(attributes: &RecordAttributes<'_>) -> Self {
        attributes.clone().map(|(key, value)| KeyValue::new(key.to_owned(), value.to_value())).collect()
    }
}
