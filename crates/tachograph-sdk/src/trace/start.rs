use opentelemetry::trace::{Link, SpanId, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};

use super::limits::SpanLimits;
use super::parent::Parent;
use super::record::{AttributeKey, Body, RecordAttributes, RecordValue, ShortLimits};
use super::time::Moment;
use crate::attributes::ValueRef;

/// The attributes that a span starts with, wherever they are.
///
/// They are visited by samplers that look at attributes, and once more to record them. A span that is not recorded
/// never copies them.
pub trait SpanAttributes {
    /// Yields each pair, in order. Of equal keys the last wins.
    fn visit(&self, visitor: &mut dyn FnMut(&str, ValueRef<'_>));

    /// Sets them on a span that records. What is [visited](Self::visit), unless overridden by who knows more of the keys or
    /// can do with fewer steps.
    fn write(&self, out: &mut AttributeWriter<'_>) {
        self.visit(&mut |key, value| out.set(key, value));
    }
}

/// Takes the attributes that a span starts with.
#[derive(Debug)]
pub struct AttributeWriter<'a> {
    body: &'a mut Body,
    limits: &'a SpanLimits,
    /// What goes the short way: so many attributes, texts of so many bytes.
    short: ShortLimits,
    /// Whether the span has attributes that are not of this writer.
    had_some: bool,
}

impl<'a> AttributeWriter<'a> {
    #[inline(always)]
    pub(crate) fn new(body: &'a mut Body, limits: &'a SpanLimits, had_some: bool) -> Self {
        let attributes = if had_some { 0 } else { limits.attributes };
        AttributeWriter { body, limits, short: ShortLimits::new(attributes, limits.value_length), had_some }
    }

    /// A writer to the same span, for who keeps it beside other things and would go by way of this one otherwise.
    #[inline(always)]
    pub fn again(&mut self) -> AttributeWriter<'_> {
        AttributeWriter { body: self.body, limits: self.limits, short: self.short, had_some: self.had_some }
    }

    /// Sets an attribute; of one key the last value wins. An empty key is refused, and counted as dropped.
    #[inline]
    pub fn set<'v>(&mut self, key: &str, value: impl Into<ValueRef<'v>>) {
        self.body.set_attribute(key, value.into(), self.limits);
    }

    /// As [`set`](Self::set), for a key that was not set here before: it need not be looked for. A key that was is in the span
    /// twice.
    #[inline(always)]
    pub fn add<'v>(&mut self, key: &str, value: impl Into<ValueRef<'v>>) {
        if self.had_some {
            self.set(key, value);
        } else {
            self.body.add_attribute(key, value.into(), self.limits);
        }
    }

    /// As [`add`](Self::add), for a key that was made before there was a value, for less.
    #[inline(always)]
    pub fn add_key<'v>(&mut self, key: &AttributeKey, value: impl Into<ValueRef<'v>>) {
        // What is not done is passed on by its parts: a value that is handed on whole has to be in memory from the start.
        match value.into() {
            ValueRef::Str(text) => {
                if !self.body.add_short_text(key, text, self.short) {
                    self.add_otherwise(key, text);
                }
            }
            ValueRef::I64(value) => {
                if !self.body.add_short_i64(key, value, self.short) {
                    self.add_otherwise(key, value);
                }
            }
            ValueRef::F64(value) => self.add_otherwise(key, value),
            ValueRef::Bool(value) => self.add_otherwise(key, value),
            ValueRef::Array(array) => self.add(key.text(), ValueRef::Array(array)),
        }
    }

    #[inline(never)]
    fn add_otherwise<'v>(&mut self, key: &AttributeKey, value: impl Into<ValueRef<'v>>) {
        self.add(key.text(), value);
    }
}

impl SpanAttributes for () {
    fn visit(&self, _: &mut dyn FnMut(&str, ValueRef<'_>)) {}

    fn write(&self, _: &mut AttributeWriter<'_>) {}
}

/// One bit of 64 for a key: those of different bits differ.
#[inline(always)]
fn mark(key: &str) -> u64 {
    let last = key.as_bytes().last().copied().unwrap_or_default();
    1 << ((key.len() as u8).wrapping_add(last.wrapping_mul(7)) & 63)
}

/// Sets pairs on a span. Most keys are told from those before by their marks; otherwise the first few are compared with each other,
/// which takes less than looking for them among what was written.
#[inline]
fn write_each<T>(
    pairs: &[T],
    out: &mut AttributeWriter<'_>,
    key: impl Fn(&T) -> &str,
    value: impl for<'v> Fn(&'v T) -> ValueRef<'v>,
) {
    const FEW: usize = 8;
    let mut seen = 0;
    for (index, pair) in pairs.iter().enumerate() {
        let wanted = key(pair);
        let mark = mark(wanted);
        let is_new =
            seen & mark == 0 || index < FEW && pairs.iter().take(index).all(|before| key(before) != wanted);
        seen |= mark;
        if is_new {
            out.add(wanted, value(pair));
        } else {
            out.set(wanted, value(pair));
        }
    }
}

impl SpanAttributes for [KeyValue] {
    fn visit(&self, visitor: &mut dyn FnMut(&str, ValueRef<'_>)) {
        for pair in self {
            visitor(pair.key.as_str(), ValueRef::from(&pair.value));
        }
    }

    fn write(&self, out: &mut AttributeWriter<'_>) {
        write_each(self, out, |pair| pair.key.as_str(), |pair| ValueRef::from(&pair.value));
    }
}

impl SpanAttributes for Vec<KeyValue> {
    fn visit(&self, visitor: &mut dyn FnMut(&str, ValueRef<'_>)) {
        self.as_slice().visit(visitor);
    }

    fn write(&self, out: &mut AttributeWriter<'_>) {
        self.as_slice().write(out);
    }
}

impl<const N: usize> SpanAttributes for [(&str, ValueRef<'_>); N] {
    fn visit(&self, visitor: &mut dyn FnMut(&str, ValueRef<'_>)) {
        for (key, value) in self {
            visitor(key, *value);
        }
    }

    fn write(&self, out: &mut AttributeWriter<'_>) {
        write_each(self, out, |(key, _)| key, |(_, value)| *value);
    }
}

/// Those of a span that is recorded already. Arrays are copied into the API's form.
impl SpanAttributes for RecordAttributes<'_> {
    fn visit(&self, visitor: &mut dyn FnMut(&str, ValueRef<'_>)) {
        for (key, value) in self.clone() {
            match value {
                RecordValue::Str(value) => visitor(key, ValueRef::Str(value)),
                RecordValue::I64(value) => visitor(key, ValueRef::I64(value)),
                RecordValue::Bool(value) => visitor(key, ValueRef::Bool(value)),
                RecordValue::F64(value) => visitor(key, ValueRef::F64(value)),
                RecordValue::Array(array) => visitor(key, ValueRef::Array(&array.to_array())),
            }
        }
    }
}

/// When a span starts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StartTime {
    Now,
    /// Nanoseconds since the Unix epoch.
    Unix(u64),
    Moment(Moment),
}

/// What a span starts as; see [`Tracer::start_span`](super::Tracer::start_span).
#[derive(Clone, Copy)]
pub struct SpanStart<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a SpanKind,
    pub(crate) parent: Option<Parent<'a>>,
    pub(crate) attributes: &'a dyn SpanAttributes,
    pub(crate) links: &'a [Link],
    pub(crate) time: StartTime,
    pub(crate) ids: Option<(TraceId, SpanId)>,
    pub(crate) context: Option<&'a Context>,
}

impl<'a> SpanStart<'a> {
    /// A root of kind internal, that starts now, without attributes.
    #[inline]
    pub fn new(name: &'a str) -> Self {
        SpanStart {
            name,
            kind: &SpanKind::Internal,
            parent: None,
            attributes: &(),
            links: &[],
            time: StartTime::Now,
            ids: None,
            context: None,
        }
    }

    /// Another name.
    #[inline]
    #[must_use]
    pub fn with_name(mut self, name: &'a str) -> Self {
        self.name = name;
        self
    }

    /// Its kind.
    #[inline]
    #[must_use]
    pub fn with_kind(mut self, kind: &'a SpanKind) -> Self {
        self.kind = kind;
        self
    }

    /// Its parent, in this process or another; one that is not valid is as good as none.
    #[inline]
    #[must_use]
    pub fn with_parent(mut self, parent: impl Into<Option<Parent<'a>>>) -> Self {
        self.parent = parent.into().filter(Parent::is_valid);
        self
    }

    /// The attributes that it starts with.
    #[inline]
    #[must_use]
    pub fn with_attributes(mut self, attributes: &'a dyn SpanAttributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// The links that it starts with, which samplers see.
    #[inline]
    #[must_use]
    pub fn with_links(mut self, links: &'a [Link]) -> Self {
        self.links = links;
        self
    }

    /// When it started, if that was not now: nanoseconds since the Unix epoch.
    #[inline]
    #[must_use]
    pub fn with_start_time(mut self, unix_nanos: u64) -> Self {
        self.time = StartTime::Unix(unix_nanos);
        self
    }

    /// When it started, if that was not now, where the clock was read before anybody knew which trace it is part of.
    #[inline]
    #[must_use]
    pub fn with_start_moment(mut self, moment: Moment) -> Self {
        self.time = StartTime::Moment(moment);
        self
    }

    /// The ids that it has already, for a span that is started a second time with another parent; the trace id
    /// counts only where there is no parent.
    #[inline]
    #[must_use]
    pub fn with_ids(mut self, trace_id: TraceId, span_id: SpanId) -> Self {
        self.ids = Some((trace_id, span_id));
        self
    }

    /// The context that it is started in, for samplers and processors that look at more than its span.
    #[inline]
    #[must_use]
    pub fn with_context(mut self, context: &'a Context) -> Self {
        self.context = Some(context);
        self
    }
}

impl std::fmt::Debug for SpanStart<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpanStart")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("parent", &self.parent)
            .finish_non_exhaustive()
    }
}
