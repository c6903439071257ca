//! Decoders that share no code with this one or with Rust's read the same from the bytes.

mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use support::peers::program;
use support::receiver::Receiver;
use support::{LONG, account, config, provider};
use tachograph_sdk::pipeline::Deadline;

/// Reads a request and prints what is in it, a line each.
const SCRIPT: &str = r#"
import sys
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
request = ExportTraceServiceRequest.FromString(sys.stdin.buffer.read())
def value(v):
    kind = v.WhichOneof("value")
    if kind == "array_value":
        return [value(e) for e in v.array_value.values]
    return (kind, getattr(v, kind))
def pairs(attributes):
    return [(a.key, value(a.value)) for a in attributes]
for resource in request.resource_spans:
    print("resource", pairs(resource.resource.attributes))
    for scope in resource.scope_spans:
        print("scope", scope.scope.name)
        for s in scope.spans:
            print("span", s.name, s.trace_id.hex(), s.span_id.hex(), s.parent_span_id.hex(), s.kind, s.flags,
                  s.start_time_unix_nano, s.end_time_unix_nano, s.trace_state)
            print("attributes", pairs(s.attributes))
            for e in s.events:
                print("event", e.name, e.time_unix_nano, pairs(e.attributes))
            for l in s.links:
                print("link", l.trace_id.hex(), l.span_id.hex(), l.flags, pairs(l.attributes))
            print("status", s.status.code, s.status.message)
"#;

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn python_decodes_a_request_to_what_was_recorded() {
    use opentelemetry::trace::{
        Event, Link, Span as _, SpanContext, SpanKind, Status, TraceFlags, TraceState, Tracer as _,
    };
    use opentelemetry::{Array, KeyValue, Value};

    let receiver = Receiver::start([]);
    let provider = provider(config(&receiver.url()));
    let tracer = provider.tracer("scope");
    let at = |nanos| std::time::UNIX_EPOCH + std::time::Duration::from_nanos(nanos);
    let to = SpanContext::new(0xab_u128.into(), 0xcd_u64.into(), TraceFlags::SAMPLED, true, TraceState::NONE);
    let mut span = tracer
        .span_builder("nämë")
        .with_kind(SpanKind::Server)
        .with_start_time(at(5))
        .with_attributes([
            KeyValue::new("s", "x"),
            KeyValue::new("i", -1),
            KeyValue::new("f", -0.5),
            KeyValue::new("b", false),
            KeyValue::new("a", Value::Array(Array::F64(vec![1.5, 2.0]))),
        ])
        .with_events(vec![Event::new("e", at(7), vec![KeyValue::new("k", i64::MAX)], 0)])
        .with_links(vec![Link::new(to, vec![KeyValue::new("l", "m")], 0)])
        .start(&tracer);
    let context = span.span_context().clone();
    span.set_status(Status::error("bad"));
    span.end_with_timestamp(at(9));
    assert_eq!(account(&provider, Deadline::after(LONG)).exported, 1);

    let body = receiver.received().remove(0).body;
    let mut python = Command::new(program("python/bin/python"))
        .args(["-c", SCRIPT])
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    python.stdin.take().expect("its input").write_all(&body).expect("it reads");
    let output = python.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let flags = u32::from(context.trace_flags().to_u8()) | 0x100;
    let expected = format!(
        "resource [('service.name', ('string_value', 'test'))]\n\
         scope scope\n\
         span nämë {:032x} {:016x}  2 {flags} 5 9 \n\
         attributes [('s', ('string_value', 'x')), ('i', ('int_value', -1)), ('f', ('double_value', -0.5)), \
         ('b', ('bool_value', False)), ('a', [('double_value', 1.5), ('double_value', 2.0)])]\n\
         event e 7 [('k', ('int_value', {}))]\n\
         link 000000000000000000000000000000ab 00000000000000cd 769 [('l', ('string_value', 'm'))]\n\
         status 2 bad\n",
        context.trace_id(),
        context.span_id(),
        i64::MAX
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n"), expected);
}
