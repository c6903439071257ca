use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceFlags, TraceId, TraceState};

use super::limits::SpanLimits;
use super::parent::Parent;
use super::record::{Body, Head, RecordAttributes, SpanStatus, kind_code};
use super::start::AttributeWriter;
use crate::attributes::ValueRef;

/// A span while it lives: what records it.
///
/// It is a value to be kept and used again: [`Tracer::start_span`](super::Tracer::start_span) makes it a span,
/// [`Tracer::end_span`](super::Tracer::end_span) hands the span on and leaves it empty, with its buffers. So it belongs
/// into a slot of whoever keeps spans, and after the first few spans recording allocates nothing. It is not tied to
/// a thread: it may be started on one, changed on another and ended on a third; who shares it brings the lock.
///
/// While it is not recording (before it starts, after it ended, not sampled) what is set on it goes nowhere, and
/// costs a test. One that is dropped without being ended is lost, and counts as living for ever: the API's
/// [`Span`](super::Span) ends itself, a keeper of slots must.
#[derive(Debug, Default)]
pub struct LiveSpan {
    pub(crate) recording: bool,
    pub(crate) head: Head,
    trace_state: TraceState,
    /// Whether there is anything in it.
    pub(crate) has_trace_state: bool,
    /// Which of the clock's timelines its times are on.
    pub(crate) epoch: u32,
    pub(crate) body: Body,
    /// Those of the engine of this number.
    pub(crate) limits: SpanLimits,
    pub(crate) engine: u64,
}

/// Whether there is anything in a trace state.
#[inline]
pub(crate) fn has_members(state: &TraceState) -> bool {
    state.into_iter().len() > 0
}

impl LiveSpan {
    /// One that is no span yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an engine's limits.
    #[cold]
    pub(crate) fn belong_to(&mut self, engine: u64, limits: SpanLimits) {
        self.engine = engine;
        self.limits = limits;
    }

    /// Takes a trace state over; copies it only where there is one.
    #[inline(always)]
    pub(crate) fn set_trace_state(&mut self, state: Option<&TraceState>) {
        if state.is_some() || self.has_trace_state {
            self.exchange_trace_state(state);
        }
    }

    #[inline(never)]
    fn exchange_trace_state(&mut self, state: Option<&TraceState>) {
        let state = state.filter(|state| has_members(state));
        if state.is_some() || self.has_trace_state {
            self.trace_state = state.cloned().unwrap_or_default();
            self.has_trace_state = state.is_some();
        }
    }

    /// Puts the trace state into what is recorded.
    #[cold]
    pub(crate) fn record_trace_state(&mut self) {
        self.body.set_trace_state(&self.trace_state);
    }

    /// Takes a parent's ids, without recording.
    pub(crate) fn become_parent(&mut self, parent: Option<Parent<'_>>) {
        self.head = Head::default();
        self.set_trace_state(None);
        if let Some(parent) = parent {
            self.head.set_trace_id(u128::from_be_bytes(parent.trace_id.to_bytes()));
            self.head.span_id = u64::from_be_bytes(parent.span_id.to_bytes());
            self.head.flags = parent.trace_flags.to_u8();
            self.set_trace_state(parent.trace_state);
        }
    }

    /// Whether what is set on it is kept.
    #[inline]
    pub fn is_recording(&self) -> bool {
        self.recording
    }

    /// The trace it is part of. Ids are those of the span that was started last, recorded or not.
    #[inline]
    pub fn trace_id(&self) -> TraceId {
        TraceId::from(self.head.trace_id())
    }

    /// Its own id.
    #[inline]
    pub fn span_id(&self) -> SpanId {
        SpanId::from(self.head.span_id)
    }

    /// Its parent's id; invalid for a root.
    pub fn parent_span_id(&self) -> SpanId {
        SpanId::from(self.head.parent_id)
    }

    /// Whether its parent is in another process.
    pub fn parent_is_remote(&self) -> bool {
        self.head.parent_is_remote
    }

    /// Its W3C trace flags.
    #[inline]
    pub fn trace_flags(&self) -> TraceFlags {
        TraceFlags::new(self.head.flags)
    }

    /// Whether it is to be exported.
    #[inline]
    pub fn is_sampled(&self) -> bool {
        self.trace_flags().is_sampled()
    }

    /// The trace state.
    pub fn trace_state(&self) -> &TraceState {
        &self.trace_state
    }

    /// It as the parent of another, or what another is linked to.
    #[inline]
    pub fn as_parent(&self) -> Parent<'_> {
        Parent {
            trace_id: self.trace_id(),
            span_id: self.span_id(),
            trace_flags: self.trace_flags(),
            is_remote: false,
            trace_state: Some(&self.trace_state),
        }
    }

    /// Its span context. Copies the trace state, where there is one.
    pub fn span_context(&self) -> SpanContext {
        self.as_parent().to_span_context()
    }

    /// When it started: nanoseconds since the Unix epoch.
    pub fn start_unix_nanos(&self) -> u64 {
        self.head.start
    }

    /// Its name; empty while it is not recording.
    pub fn name(&self) -> &str {
        if self.recording { self.body.name() } else { "" }
    }

    /// Changes its name. The sampler is not asked again.
    pub fn set_name(&mut self, name: &str) {
        if self.recording {
            self.body.set_name(name);
        }
    }

    /// Counts values that were cut before they came here.
    pub fn count_truncated(&mut self, values: u32) {
        if self.recording {
            self.body.count_truncated(values);
        }
    }

    /// Changes its kind.
    pub fn set_kind(&mut self, kind: &SpanKind) {
        if self.recording {
            self.head.kind = kind_code(kind);
        }
    }

    /// Sets an attribute; of one key the last value wins. An empty key is refused, and counted as dropped.
    #[inline]
    pub fn set_attribute<'v>(&mut self, key: &str, value: impl Into<ValueRef<'v>>) {
        if self.recording {
            self.body.set_attribute(key, value.into(), &self.limits);
        }
    }

    /// Sets an attribute of the API's form.
    #[inline]
    pub fn set_key_value(&mut self, pair: &KeyValue) {
        self.set_attribute(pair.key.as_str(), &pair.value);
    }

    /// Takes the attributes of a span that has just started and has none yet; `None` while it does not record.
    #[inline(always)]
    pub fn attributes(&mut self) -> Option<AttributeWriter<'_>> {
        self.recording.then(|| AttributeWriter::new(&mut self.body, &self.limits, false))
    }

    /// The attributes that it has by now, in the order in which they were first set; none while it does not record.
    pub fn recorded_attributes(&self) -> RecordAttributes<'_> {
        if self.recording { self.body.attributes() } else { RecordAttributes::NONE }
    }

    /// Sets the status, by the API's rules: ok is final, an error overrides unset, unset overrides nothing.
    pub fn set_status(&mut self, status: SpanStatus<'_>) {
        const OK: u8 = 1;
        const ERROR: u8 = 2;
        if !self.recording || self.head.status == OK {
            return;
        }
        match status {
            SpanStatus::Unset => {}
            SpanStatus::Error(description) => {
                self.head.status = ERROR;
                self.body.set_status_description(description);
            }
            SpanStatus::Ok => {
                self.head.status = OK;
                self.body.set_status_description("");
            }
        }
    }

    /// Whether the status is an error.
    pub fn is_error(&self) -> bool {
        self.recording && self.head.status == 2
    }

    /// Adds an event that happened at a time, in nanoseconds since the Unix epoch; see
    /// [`Tracer::event_time`](super::Tracer::event_time) for now. What is returned takes its attributes; the event is
    /// there when that is dropped.
    pub fn add_event<'a>(&'a mut self, name: &'a str, unix_nanos: u64) -> EventWriter<'a> {
        let open = self.recording && self.body.begin_event(&self.limits);
        EventWriter { live: self, name, unix_nanos, open }
    }

    /// Adds a link. What is returned takes its attributes; the link is there when that is dropped.
    pub fn add_link<'a>(&'a mut self, to: Parent<'a>) -> LinkWriter<'a> {
        let open = self.recording && self.body.begin_link(&self.limits);
        LinkWriter { live: self, to, open }
    }
}

/// An event that is being written; dropping it ends it.
#[derive(Debug)]
pub struct EventWriter<'a> {
    live: &'a mut LiveSpan,
    name: &'a str,
    unix_nanos: u64,
    open: bool,
}

impl EventWriter<'_> {
    /// Whether the event is kept: the span records, and may have one more.
    pub fn is_recording(&self) -> bool {
        self.open
    }

    /// Gives the event another name.
    pub fn set_name(&mut self, name: &'static str) {
        self.name = name;
    }

    /// Sets an attribute of the event.
    pub fn set_attribute<'v>(&mut self, key: &str, value: impl Into<ValueRef<'v>>) {
        if self.open {
            let LiveSpan { body, limits, .. } = &mut *self.live;
            body.set_inner(key, value.into(), limits.attributes_per_event, limits);
        }
    }

    /// Says that attributes were dropped before they came here.
    pub(crate) fn drop_attributes(&mut self, count: u32) {
        if self.open {
            self.live.body.drop_inner(count);
        }
    }
}

impl Drop for EventWriter<'_> {
    fn drop(&mut self) {
        if self.open {
            self.live.body.end_event(self.name, self.unix_nanos);
        }
    }
}

/// A link that is being written; dropping it ends it.
#[derive(Debug)]
pub struct LinkWriter<'a> {
    live: &'a mut LiveSpan,
    to: Parent<'a>,
    open: bool,
}

impl LinkWriter<'_> {
    /// Sets an attribute of the link.
    pub fn set_attribute<'v>(&mut self, key: &str, value: impl Into<ValueRef<'v>>) {
        if self.open {
            let LiveSpan { body, limits, .. } = &mut *self.live;
            body.set_inner(key, value.into(), limits.attributes_per_link, limits);
        }
    }

    /// Says that attributes were dropped before they came here.
    pub(crate) fn drop_attributes(&mut self, count: u32) {
        if self.open {
            self.live.body.drop_inner(count);
        }
    }
}

impl Drop for LinkWriter<'_> {
    fn drop(&mut self) {
        if self.open {
            let Parent { trace_id, span_id, trace_flags, is_remote, trace_state } = self.to;
            self.live.body.end_link(
                u128::from_be_bytes(trace_id.to_bytes()),
                u64::from_be_bytes(span_id.to_bytes()),
                trace_flags.to_u8(),
                is_remote,
                trace_state.unwrap_or(&TraceState::NONE),
            );
        }
    }
}
