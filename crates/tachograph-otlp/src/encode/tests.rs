//! What the generated types decode from what is encoded is what was recorded.

mod model;

use std::sync::{Arc, Mutex};

use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span};
use proptest::prelude::*;
use prost::Message;
use tachograph_sdk::Resource;
use tachograph_sdk::pipeline::{Batch, BatchConfig, Deadline, ExportOutcome, Exporter};
use tachograph_sdk::trace::{SpanLimits, Spans, TracerProvider};

use self::model::{Input, attribute, input, proto_attributes};
use super::SpanRequests;

/// What an exporter would have sent.
#[derive(Clone, Default)]
struct Sent {
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Spans as they were counted, and those left out.
    counts: Arc<Mutex<(usize, usize)>>,
}

struct Encoder {
    max_bytes: usize,
    sent: Sent,
}

impl Exporter<Spans> for Encoder {
    fn export(&mut self, batch: Batch<'_, Spans>, _: Deadline) -> ExportOutcome {
        let mut requests = SpanRequests::new(batch, self.max_bytes);
        let mut out = Vec::new();
        let mut counts = self.sent.counts.lock().unwrap();
        loop {
            let spans = requests.encode_next(&mut out);
            if spans == 0 {
                assert!(out.is_empty(), "no empty envelope");
                break;
            }
            counts.0 += spans;
            self.sent.requests.lock().unwrap().push(out.clone());
        }
        counts.1 += requests.too_large();
        ExportOutcome::done()
    }
}

impl Sent {
    fn requests(&self) -> Vec<Vec<u8>> {
        self.requests.lock().unwrap().clone()
    }

    /// The spans of all requests with the name of their scope.
    fn spans(&self) -> Vec<(String, Span)> {
        let mut spans = Vec::new();
        for request in self.requests() {
            let request = Request::decode(request.as_slice()).expect("it is OTLP");
            for scope in request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans) {
                assert!(!scope.spans.is_empty(), "no empty scope");
                let name = scope.scope.expect("a scope").name;
                spans.extend(scope.spans.into_iter().map(|span| (name.clone(), span)));
            }
        }
        spans
    }
}

fn provider(max_bytes: usize, resource: Resource, limits: SpanLimits) -> (TracerProvider, Sent) {
    let sent = Sent::default();
    let encoder = Encoder { max_bytes, sent: sent.clone() };
    let provider = TracerProvider::builder()
        .with_resource(resource)
        .with_limits(limits)
        .with_batch_exporter(
            encoder,
            BatchConfig::spans().with_max_bytes(1 << 30).with_thread_bytes(256 << 20),
        )
        .build();
    (provider, sent)
}

/// Limits that no test reaches by accident.
fn wide() -> SpanLimits {
    let mut limits = SpanLimits::default();
    limits.bytes = 64 << 20;
    limits
}

fn bare() -> Resource {
    Resource::builder_empty().build()
}

/// Records inputs, each in the scope that it names, and gives what is expected by scope.
fn record(provider: &TracerProvider, inputs: &[Input]) -> Vec<(String, Span)> {
    let mut expected: Vec<(String, Span)> = Vec::new();
    for input in inputs {
        let tracer = provider.tracer(input.scope.clone());
        expected.push((input.scope.clone(), input.record(&tracer)));
    }
    // Scopes are in the order in which they first came up.
    let mut scopes: Vec<String> = Vec::new();
    for (scope, _) in &expected {
        if !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    expected.sort_by_key(|(scope, _)| scopes.iter().position(|known| known == scope));
    expected
}

/// Bytes, so that not-a-number equals itself.
fn bytes(spans: &[(String, Span)]) -> Vec<(&str, Vec<u8>)> {
    spans.iter().map(|(scope, span)| (scope.as_str(), span.encode_to_vec())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_spans_decode_to_what_was_recorded(inputs in prop::collection::vec(input(), 1..12)) {
        let (provider, sent) = provider(usize::MAX, bare(), wide());
        let expected = record(&provider, &inputs);
        provider.shutdown(Deadline::NEVER);
        let spans = sent.spans();
        prop_assert_eq!(bytes(&spans), bytes(&expected), "{:#?}\n{:#?}", spans, expected);
        prop_assert_eq!(sent.requests().len(), 1);
    }

    #[test]
    fn requests_keep_to_their_limit_and_lose_only_what_is_too_large_for_any(
        inputs in prop::collection::vec(input(), 1..12),
        max_bytes in 60_usize..3_000,
    ) {
        let (provider, sent) = provider(max_bytes, bare(), wide());
        let expected = record(&provider, &inputs);
        provider.shutdown(Deadline::NEVER);
        let (counted, too_large) = *sent.counts.lock().unwrap();
        prop_assert!(sent.requests().iter().all(|request| request.len() <= max_bytes));
        let spans = sent.spans();
        prop_assert_eq!(spans.len(), counted);
        prop_assert_eq!(counted + too_large, inputs.len());
        // In order, with some left out: and those are really too large.
        let mut left = bytes(&spans).into_iter().peekable();
        for span in bytes(&expected) {
            if left.peek() == Some(&span) {
                left.next();
            } else {
                let around = 60 + span.0.len();
                prop_assert!(span.1.len() + around > max_bytes, "{} bytes of {max_bytes}", span.1.len());
            }
        }
        prop_assert!(left.peek().is_none());
    }

    #[test]
    fn resources_and_scopes_decode_to_what_they_are(
        resource in prop::collection::btree_map("[a-z.]{1,8}", attribute(), 0..6),
        scope in prop::collection::btree_map("[a-z.]{1,8}", attribute(), 0..6),
        texts in prop::array::uniform4(".{0,8}"),
    ) {
        let pairs = |map: &std::collections::BTreeMap<String, Value>| -> Vec<KeyValue> {
            map.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect()
        };
        let [name, version, scope_url, resource_url] = texts;
        let built = Resource::builder_empty()
            .with_attributes(pairs(&resource))
            .with_schema_url(resource_url.clone())
            .build();
        let (provider, sent) = provider(usize::MAX, built, wide());
        let instrumentation = InstrumentationScope::builder(name.clone())
            .with_version(version.clone())
            .with_schema_url(scope_url.clone())
            .with_attributes(pairs(&scope))
            .build();
        Input::plain("x").record(&provider.tracer_with_scope(instrumentation));
        provider.shutdown(Deadline::NEVER);
        let mut request = Request::decode(sent.requests()[0].as_slice()).expect("it is OTLP");
        let spans = &mut request.resource_spans[0];
        prop_assert_eq!(&spans.schema_url, &resource_url);
        let mut attributes = spans.resource.take().expect("a resource").attributes;
        attributes.sort_by(|a, b| a.key.cmp(&b.key));
        prop_assert_eq!(format!("{attributes:?}"), format!("{:?}", proto_attributes(&pairs(&resource))));
        let ScopeSpans { scope: got, schema_url, .. } = &spans.scope_spans[0];
        let mut got = got.clone().expect("a scope");
        got.attributes.sort_by(|a, b| a.key.cmp(&b.key));
        prop_assert_eq!((&got.name, &got.version, schema_url), (&name, &version, &scope_url));
        prop_assert_eq!(format!("{:?}", got.attributes), format!("{:?}", proto_attributes(&pairs(&scope))));
    }
}

#[test]
fn what_was_beyond_the_limits_is_counted_in_what_is_sent() {
    let mut limits = SpanLimits::default();
    (limits.attributes, limits.events, limits.links) = (1, 1, 1);
    (limits.attributes_per_event, limits.attributes_per_link) = (0, 0);
    let (provider, sent) = provider(usize::MAX, bare(), limits);
    let mut input = Input::plain("full");
    input.attributes = vec![KeyValue::new("a", 1), KeyValue::new("b", 2), KeyValue::new("c", 3)];
    input.events = vec![("e".into(), 5, vec![KeyValue::new("x", 1)]), ("f".into(), 6, vec![])];
    input.add_link(7, vec![KeyValue::new("y", 1), KeyValue::new("z", 1)]);
    input.add_link(8, vec![]);
    input.add_link(9, vec![]);
    input.record(&provider.tracer("scope"));
    provider.shutdown(Deadline::NEVER);
    let (_, span) = sent.spans().remove(0);
    assert_eq!((span.attributes.len(), span.dropped_attributes_count), (1, 2));
    assert_eq!((span.events.len(), span.dropped_events_count), (1, 1));
    assert_eq!((span.events[0].attributes.len(), span.events[0].dropped_attributes_count), (0, 1));
    assert_eq!((span.links.len(), span.dropped_links_count), (1, 2));
    assert_eq!((span.links[0].attributes.len(), span.links[0].dropped_attributes_count), (0, 2));
}

#[test]
fn a_scopes_attribute_that_is_there_twice_is_sent_once_with_the_last_value() {
    let (provider, sent) = provider(usize::MAX, bare(), wide());
    let twice = [KeyValue::new("k", 1), KeyValue::new("k", 2)];
    let scope = InstrumentationScope::builder("s").with_attributes(twice).build();
    Input::plain("x").record(&provider.tracer_with_scope(scope));
    provider.shutdown(Deadline::NEVER);
    let request = Request::decode(sent.requests()[0].as_slice()).expect("it is OTLP");
    let scope = request.resource_spans[0].scope_spans[0].scope.clone().expect("a scope");
    assert_eq!(
        format!("{:?}", scope.attributes),
        format!("{:?}", proto_attributes(&[KeyValue::new("k", 2)]))
    );
}

#[test]
fn a_request_of_many_spans_is_what_the_generated_types_would_write_but_for_the_order_of_fields() {
    let (provider, sent) = provider(usize::MAX, bare(), wide());
    let tracer = provider.tracer("scope");
    for n in 0..500 {
        Input::plain(&format!("{n}").repeat(n % 50 + 1)).record(&tracer);
    }
    provider.shutdown(Deadline::NEVER);
    for request in sent.requests() {
        let decoded = Request::decode(request.as_slice()).expect("it is OTLP");
        assert_eq!(decoded.encode_to_vec(), request);
    }
}

#[test]
fn keys_and_values_of_every_length_around_the_limits_of_short_ones_are_what_the_generated_types_write() {
    let (provider, sent) = provider(usize::MAX, bare(), wide());
    let tracer = provider.tracer("scope");
    let mut expected = Vec::new();
    for key in (1..4).chain(60..64).chain(110..130) {
        let mut input = Input::plain("x");
        let keys = (0_u8..).map(|n| char::from(b'a' + n % 26).to_string().repeat(key) + &n.to_string());
        let values = [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, -1].map(Value::I64);
        let texts = (55..70).chain(110..130).map(|len| Value::from("v".repeat(len)));
        input.attributes =
            keys.zip(values.into_iter().chain(texts)).map(|(key, value)| KeyValue::new(key, value)).collect();
        expected.push(("scope".to_owned(), input.record(&tracer)));
    }
    provider.shutdown(Deadline::NEVER);
    assert_eq!(bytes(&sent.spans()), bytes(&expected));
}
