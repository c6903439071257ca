//! Spans that are taken: how they arrive, and over what.

mod support;

use support::receiver::{Act, Receiver};
use support::{account, config, make_spans, provider, run};
use tachograph_otlp::Compression;
use tachograph_sdk::pipeline::Deadline;

#[test]
fn spans_arrive_with_their_scope_and_resource() {
    let receiver = Receiver::start([]);
    let ledger = run(config(&receiver.url()).with_header("x-tenant", "shop"), 3);
    assert_eq!((ledger.created, ledger.exported), (3, 3), "{ledger}");
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    let got = &received[0];
    assert_eq!(got.line, "POST /v1/traces HTTP/1.1");
    assert_eq!(got.headers["content-type"], "application/x-protobuf");
    assert_eq!(got.headers["user-agent"], concat!("OTel-OTLP-Exporter-Rust/", env!("CARGO_PKG_VERSION")));
    assert_eq!(got.headers["host"], receiver.address());
    assert_eq!(got.headers["x-tenant"], "shop");
    assert!(!got.headers.contains_key("content-encoding"));
    let names: Vec<_> = got.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["span 0", "span 1", "span 2"]);
    let resource = &got.request.resource_spans[0];
    assert_eq!(resource.resource.as_ref().expect("a resource").attributes[0].key, "service.name");
    assert_eq!(resource.scope_spans[0].scope.as_ref().expect("a scope").name, "scope");
}

#[test]
fn gzip_makes_requests_smaller() {
    let receiver = Receiver::start([]);
    let ledger = run(config(&receiver.url()).with_compression(Compression::Gzip), 200);
    assert_eq!(ledger.exported, 200, "{ledger}");
    assert_eq!(receiver.spans().len(), 200);
    let got = &receiver.received()[0];
    assert_eq!(got.headers["content-encoding"], "gzip");
    assert!(got.sent_bytes * 4 < got.bytes * 3, "{} of {}", got.sent_bytes, got.bytes);
}

#[test]
fn a_connection_is_kept_from_export_to_export() {
    let receiver = Receiver::start([]);
    let provider = provider(config(&receiver.url()));
    for _ in 0..5 {
        make_spans(&provider, 10);
        provider.flush(Deadline::after(support::LONG)).expect("flushed");
    }
    assert_eq!(account(&provider, Deadline::NEVER).exported, 50);
    assert_eq!((receiver.received().len(), receiver.connections()), (5, 1));
}

#[test]
fn a_connection_that_the_receiver_closed_meanwhile_is_replaced_without_a_wait() {
    let receiver = Receiver::start([Act::TakeAndClose, Act::TakeAndClose, Act::TakeAndClose]);
    let provider = provider(config(&receiver.url()));
    let start = std::time::Instant::now();
    for _ in 0..4 {
        make_spans(&provider, 1);
        provider.flush(Deadline::after(support::LONG)).expect("flushed");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(account(&provider, Deadline::NEVER).exported, 4);
    assert!(start.elapsed().as_millis() < 700, "{:?}: no backoff", start.elapsed());
    assert_eq!(receiver.connections(), 4);
}

#[test]
fn a_batch_that_is_too_long_goes_out_as_several_requests() {
    let receiver = Receiver::start([]);
    let ledger = run(config(&receiver.url()).with_max_request_bytes(2_000), 300);
    assert_eq!(ledger.exported, 300, "{ledger}");
    let received = receiver.received();
    assert!(received.len() > 10, "{}", received.len());
    assert!(received.iter().all(|got| got.bytes <= 2_000 && !got.spans().is_empty()));
    let names: Vec<_> = receiver.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, (0..300).map(|n| format!("span {n}")).collect::<Vec<_>>());
}

#[test]
fn a_provider_that_records_nothing_sends_nothing() {
    let receiver = Receiver::start([]);
    assert_eq!(run(config(&receiver.url()), 0).created, 0);
    assert_eq!(receiver.connections(), 0);
}
