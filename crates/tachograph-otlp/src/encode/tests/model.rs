//! Spans to record, and what they are in the generated types.

use std::ops::Range;

use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, TraceFlags, TraceId, TraceState};
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::trace::v1 as proto;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use proptest::prelude::*;
use tachograph_sdk::trace::{LiveSpan, Parent, SpanStart, SpanStatus, Tracer};

/// A span that is to be recorded.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) scope: String,
    name: String,
    kind: SpanKind,
    ids: (TraceId, SpanId),
    parent: Option<SpanContext>,
    times: (u64, u64),
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) events: Vec<(String, u64, Vec<KeyValue>)>,
    links: Vec<Link>,
    status: Option<Option<String>>,
}

impl Input {
    pub(crate) fn plain(name: &str) -> Self {
        Input {
            scope: "scope".to_owned(),
            name: name.to_owned(),
            kind: SpanKind::Internal,
            ids: (TraceId::from(1), SpanId::from(2)),
            parent: None,
            times: (3, 4),
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            status: None,
        }
    }

    pub(crate) fn add_link(&mut self, id: u64, attributes: Vec<KeyValue>) {
        let to = SpanContext::new(
            TraceId::from(u128::from(id)),
            SpanId::from(id),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        self.links.push(Link::new(to, attributes, 0));
    }

    /// Records it, and gives what is to be decoded.
    pub(crate) fn record(&self, tracer: &Tracer) -> proto::Span {
        let mut live = LiveSpan::new();
        let start = SpanStart::new(&self.name)
            .with_kind(&self.kind)
            .with_parent(self.parent.as_ref().map(Parent::from))
            .with_attributes(&self.attributes)
            .with_links(&self.links)
            .with_start_time(self.times.0)
            .with_ids(self.ids.0, self.ids.1);
        assert!(tracer.start_span(&mut live, start));
        for (name, time, attributes) in &self.events {
            let mut event = live.add_event(name, *time);
            for pair in attributes {
                event.set_attribute(pair.key.as_str(), &pair.value);
            }
        }
        match &self.status {
            None => {}
            Some(None) => live.set_status(SpanStatus::Ok),
            Some(Some(text)) => live.set_status(SpanStatus::Error(text)),
        }
        let expected = self.expected(&live);
        tracer.end_span(&mut live, Some(self.times.1));
        expected
    }

    fn expected(&self, live: &LiveSpan) -> proto::Span {
        let remote = self.parent.as_ref().is_some_and(SpanContext::is_remote);
        proto::Span {
            trace_id: live.trace_id().to_bytes().to_vec(),
            span_id: live.span_id().to_bytes().to_vec(),
            trace_state: live.trace_state().header(),
            parent_span_id: self
                .parent
                .as_ref()
                .map_or(vec![], |parent| parent.span_id().to_bytes().to_vec()),
            flags: u32::from(live.trace_flags().to_u8()) | 0x100 | if remote { 0x200 } else { 0 },
            name: self.name.clone(),
            kind: match self.kind {
                SpanKind::Internal => proto::span::SpanKind::Internal,
                SpanKind::Server => proto::span::SpanKind::Server,
                SpanKind::Client => proto::span::SpanKind::Client,
                SpanKind::Producer => proto::span::SpanKind::Producer,
                SpanKind::Consumer => proto::span::SpanKind::Consumer,
            }
            .into(),
            start_time_unix_nano: self.times.0,
            end_time_unix_nano: self.times.1,
            attributes: proto_attributes(&self.attributes),
            dropped_attributes_count: 0,
            events: self
                .events
                .iter()
                .map(|(name, time, attributes)| proto::span::Event {
                    time_unix_nano: *time,
                    name: name.clone(),
                    attributes: proto_attributes(attributes),
                    dropped_attributes_count: 0,
                })
                .collect(),
            dropped_events_count: 0,
            links: self.links.iter().map(expected_link).collect(),
            dropped_links_count: 0,
            status: self.status.as_ref().map(|status| proto::Status {
                message: status.clone().unwrap_or_default(),
                code: if status.is_some() { StatusCode::Error.into() } else { StatusCode::Ok.into() },
            }),
        }
    }
}

fn expected_link(link: &Link) -> proto::span::Link {
    let to = &link.span_context;
    proto::span::Link {
        trace_id: to.trace_id().to_bytes().to_vec(),
        span_id: to.span_id().to_bytes().to_vec(),
        trace_state: to.trace_state().header(),
        attributes: proto_attributes(&link.attributes),
        dropped_attributes_count: link.dropped_attributes_count,
        flags: u32::from(to.trace_flags().to_u8()) | 0x100 | if to.is_remote() { 0x200 } else { 0 },
    }
}

/// Attributes in the generated types.
pub(crate) fn proto_attributes(attributes: &[KeyValue]) -> Vec<common::KeyValue> {
    let pair = |pair: &KeyValue| common::KeyValue {
        key: pair.key.to_string(),
        value: Some(proto_value(&pair.value)),
        ..common::KeyValue::default()
    };
    attributes.iter().map(pair).collect()
}

fn proto_value(value: &Value) -> common::AnyValue {
    use common::any_value::Value as Any;
    let plain = |value| common::AnyValue { value: Some(value) };
    let array = |values| plain(Any::ArrayValue(common::ArrayValue { values }));
    match value {
        Value::Bool(value) => plain(Any::BoolValue(*value)),
        Value::I64(value) => plain(Any::IntValue(*value)),
        Value::F64(value) => plain(Any::DoubleValue(*value)),
        Value::String(value) => plain(Any::StringValue(value.to_string())),
        Value::Array(Array::Bool(values)) => {
            array(values.iter().map(|v| plain(Any::BoolValue(*v))).collect())
        }
        Value::Array(Array::I64(values)) => array(values.iter().map(|v| plain(Any::IntValue(*v))).collect()),
        Value::Array(Array::F64(values)) => {
            array(values.iter().map(|v| plain(Any::DoubleValue(*v))).collect())
        }
        Value::Array(Array::String(values)) => {
            array(values.iter().map(|v| plain(Any::StringValue(v.to_string()))).collect())
        }
        other => panic!("a value that no test makes: {other:?}"),
    }
}

fn text() -> impl Strategy<Value = String> {
    // Short ones, and those around where lengths get another digit.
    let long =
        |letter: &'static str, lengths: Range<usize>| lengths.prop_map(move |length| letter.repeat(length));
    prop_oneof![4 => ".{0,12}", 1 => long("a", 100..141), 1 => long("é", 8190..8201)]
}

/// A value of any type.
pub(crate) fn attribute() -> impl Strategy<Value = Value> {
    let strings = prop::collection::vec(text(), 0..4)
        .prop_map(|texts| Value::Array(Array::String(texts.into_iter().map(StringValue::from).collect())));
    prop_oneof![
        text().prop_map(Value::from),
        any::<i64>().prop_map(Value::I64),
        // Around where they get another digit, and where the shorter ways of writing them end.
        (0_i64..0x5000).prop_map(Value::I64),
        any::<bool>().prop_map(Value::Bool),
        any::<f64>().prop_map(Value::F64),
        strings,
        prop::collection::vec(any::<i64>(), 0..40).prop_map(|values| Value::Array(Array::I64(values))),
        prop::collection::vec(any::<bool>(), 0..4).prop_map(|values| Value::Array(Array::Bool(values))),
        prop::collection::vec(any::<f64>(), 0..4).prop_map(|values| Value::Array(Array::F64(values))),
    ]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    // Each key once: which value wins is the engine's affair.
    prop::collection::btree_map(
        prop_oneof![6 => ".{1,12}", 2 => (110_usize..131).prop_map(|length| "k".repeat(length))],
        attribute(),
        0..5,
    )
    .prop_map(|map| map.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect())
}

fn span_context() -> impl Strategy<Value = SpanContext> {
    let state = prop_oneof![
        Just(TraceState::NONE),
        ("[a-z]{1,5}", "[a-z0-9]{1,9}")
            .prop_map(|pair| TraceState::from_key_value([pair]).expect("a state of the test's own"))
    ];
    (1_u128.., 1_u64.., any::<bool>(), any::<bool>(), state).prop_map(
        |(trace, span, random, remote, state)| {
            let flags = TraceFlags::new(if random { 3 } else { 1 });
            SpanContext::new(trace.into(), span.into(), flags, remote, state)
        },
    )
}

/// A span of any content, in one of a few scopes.
pub(crate) fn input() -> impl Strategy<Value = Input> {
    let kind = prop_oneof![
        Just(SpanKind::Internal),
        Just(SpanKind::Server),
        Just(SpanKind::Client),
        Just(SpanKind::Producer),
        Just(SpanKind::Consumer)
    ];
    let event = (text(), any::<u64>(), attributes());
    let link = (span_context(), attributes(), 0_u32..300)
        .prop_map(|(to, attributes, dropped)| Link::new(to, attributes, dropped));
    let status = prop::option::of(prop::option::of(text()));
    (
        ("[abc]", text(), kind),
        (1_u128.., 1_u64.., prop::option::of(span_context())),
        (any::<u32>(), any::<u32>()),
        attributes(),
        prop::collection::vec(event, 0..3),
        prop::collection::vec(link, 0..3),
        status,
    )
        .prop_map(
            |((scope, name, kind), (trace, span, parent), times, attributes, events, links, status)| {
                let (start, took) = (u64::from(times.0) << 30, u64::from(times.1));
                let trace = parent.as_ref().map_or(TraceId::from(trace), SpanContext::trace_id);
                let (ids, times) = ((trace, SpanId::from(span)), (start, start + took));
                Input { scope, name, kind, ids, parent, times, attributes, events, links, status }
            },
        )
}
