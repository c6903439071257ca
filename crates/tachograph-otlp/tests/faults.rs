//! Receivers that fail in every way: what is tried again, what is dropped, and that it is counted.

mod support;

use std::time::{Duration, Instant, SystemTime};

use flate2::write::GzEncoder;
use support::receiver::{Act, Receiver, deaf, nobody, status_body};
use support::{LONG, account, config, make_spans, provider, run};
use tachograph_sdk::pipeline::Deadline;

fn answer(status: u16) -> Act {
    Act::Answer(status, vec![], vec![])
}

fn after(status: u16, wait: impl Into<String>) -> Act {
    Act::Answer(status, vec![("retry-after", wait.into())], vec![])
}

#[test]
fn what_may_be_taken_later_is_sent_again_until_it_is() {
    for act in [
        answer(429),
        answer(502),
        answer(503),
        answer(504),
        Act::CloseAtOnce,
        Act::CloseAfterRequest,
        Act::CloseInRequest,
        Act::HalfHead,
        Act::HalfBody,
    ] {
        let receiver = Receiver::start([act.clone()]);
        let ledger = run(config(&receiver.url()), 3);
        assert_eq!((ledger.exported, ledger.dropped.total()), (3, 0), "{act:?}: {ledger}");
        let last = receiver.received().pop().expect("a request");
        assert_eq!(last.spans().len(), 3, "{act:?}");
    }
}

#[test]
fn nothing_else_is_sent_again() {
    for (act, reason) in [
        (answer(301), "redirected"),
        (Act::Answer(307, vec![("location", "http://elsewhere/".into())], vec![]), "redirected"),
        (answer(400), "400"),
        (answer(401), "401"),
        (answer(403), "403"),
        (answer(404), "404"),
        (answer(408), "4xx"),
        (answer(413), "413"),
        (answer(500), "500"),
        (answer(501), "501"),
        (answer(505), "5xx"),
        (after(500, "0"), "500"),
        (Act::Garbage, "bad_response"),
        (Act::Long((4 << 20) + 1), "response_too_large"),
        (Act::LongPacked((4 << 20) + 1), "response_too_large"),
        (Act::Answer(200, vec![("content-encoding", "gzip".into())], b"no gzip".to_vec()), "bad_response"),
        (Act::Answer(200, vec![("content-encoding", "zstd".into())], b"?".to_vec()), "bad_response"),
    ] {
        let receiver = Receiver::start([act.clone()]);
        let ledger = run(config(&receiver.url()), 3);
        assert_eq!((ledger.exported, ledger.dropped.of(reason)), (0, 3), "{act:?}: {ledger}");
        assert_eq!(receiver.received().len(), 1, "{act:?}");
    }
}

#[test]
fn after_a_failure_the_next_export_works() {
    for act in [Act::Garbage, Act::Long(5 << 20), answer(400), Act::HalfBody] {
        let receiver = Receiver::start([act.clone()]);
        let provider = provider(config(&receiver.url()));
        make_spans(&provider, 1);
        let _ = provider.flush(Deadline::after(LONG));
        make_spans(&provider, 2);
        let ledger = account(&provider, Deadline::after(LONG));
        assert!(ledger.exported >= 2, "{act:?}: {ledger}");
    }
}

#[test]
fn a_long_answer_that_keeps_to_the_limit_is_a_success() {
    for act in [Act::Long(4 << 20), Act::LongPacked(4 << 20), Act::AnswerSlowly(Duration::from_millis(300))] {
        let receiver = Receiver::start([act.clone()]);
        assert_eq!(run(config(&receiver.url()), 1).exported, 1, "{act:?}");
    }
}

#[test]
fn an_answer_may_name_its_coding_in_any_case_and_be_empty() {
    let packed = GzEncoder::new(Vec::new(), flate2::Compression::fast()).finish().expect("in memory");
    for (coding, body) in
        [("GZIP", packed.clone()), ("x-gzip", packed), ("gzip", vec![]), ("Identity", vec![])]
    {
        let act = Act::Answer(200, vec![("content-encoding", coding.into())], body);
        let receiver = Receiver::start([act.clone()]);
        assert_eq!(run(config(&receiver.url()), 1).exported, 1, "{act:?}");
    }
}

#[test]
fn tries_are_apart_by_growing_waits() {
    let receiver = Receiver::start([answer(503), answer(503), answer(503)]);
    assert_eq!(run(config(&receiver.url()), 1).exported, 1);
    let at: Vec<Instant> = receiver.received().iter().map(|received| received.at).collect();
    let waits: Vec<Duration> = at.windows(2).map(|two| two[1] - two[0]).collect();
    assert_eq!(waits.len(), 3);
    for (wait, least) in waits.iter().zip([250, 500, 1_000]) {
        assert!(*wait >= Duration::from_millis(least), "{waits:?}");
    }
    assert_eq!(receiver.connections(), 1, "an answer does not end a connection");
}

#[test]
fn retry_after_is_honoured_in_seconds_and_as_a_date() {
    // A date has no fractions of seconds.
    let date = || httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3));
    for (wait, least) in [(None, 2_000), (Some(date), 1_500)] {
        let wait = wait.map_or("2".to_owned(), |date| date());
        let receiver = Receiver::start([after(429, wait.clone())]);
        assert_eq!(run(config(&receiver.url()), 1).exported, 1);
        let received = receiver.received();
        let waited = received[1].at - received[0].at;
        assert!(waited >= Duration::from_millis(least), "{wait}: {waited:?}");
    }
}

#[test]
fn a_retry_after_beyond_the_time_out_is_not_waited_for() {
    let receiver = Receiver::start([after(503, "60")]);
    let start = Instant::now();
    let provider = provider(config(&receiver.url()));
    make_spans(&provider, 1);
    provider.flush(Deadline::after(LONG)).expect("flushed");
    make_spans(&provider, 2);
    let ledger = account(&provider, Deadline::after(LONG));
    // What comes while the receiver wants to be left alone does not disturb it.
    assert_eq!((ledger.dropped.of("503"), ledger.dropped.of("throttled")), (1, 2), "{ledger}");
    assert_eq!(receiver.received().len(), 1);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn what_a_partial_success_refuses_is_counted_and_not_sent_again() {
    let receiver = Receiver::start([Act::Partial(2, "too old")]);
    let ledger = run(config(&receiver.url()), 5);
    assert_eq!((ledger.exported, ledger.dropped.of("rejected")), (3, 2), "{ledger}");
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn spans_of_one_batch_are_counted_each_by_the_reason_of_its_own_request() {
    let refusal = |status| Act::Answer(status, vec![], vec![]);
    let receiver = Receiver::start([refusal(400), Act::Partial(1, "too old"), refusal(413)]);
    let ledger = run(config(&receiver.url()).with_max_request_bytes(2_000), 300);
    let received = receiver.received();
    let sent = |request: usize| received[request].spans().len() as u64;
    let dropped: Vec<_> = ledger.dropped.iter().collect();
    assert_eq!(dropped, [("400", sent(0)), ("rejected", 1), ("413", sent(2))], "{ledger}");
    assert_eq!(ledger.exported, 300 - sent(0) - 1 - sent(2), "{ledger}");
}

#[test]
fn a_partial_success_cannot_refuse_more_than_there_was() {
    let receiver = Receiver::start([Act::Partial(i64::MAX, "")]);
    let ledger = run(config(&receiver.url()), 5);
    assert_eq!((ledger.exported, ledger.dropped.of("rejected")), (0, 5), "{ledger}");
    let receiver = Receiver::start([Act::Partial(-7, "")]);
    assert_eq!(run(config(&receiver.url()), 5).exported, 5);
}

#[test]
fn a_status_of_failure_with_a_broken_body_counts_by_its_status() {
    let body = vec![0xff; 100];
    let headers = vec![("content-type", "application/x-protobuf".to_owned())];
    let receiver = Receiver::start([Act::Answer(400, headers, body)]);
    assert_eq!(run(config(&receiver.url()), 1).dropped.of("400"), 1);
    let receiver = Receiver::start([Act::Answer(403, vec![], vec![b'x'; 5 << 20])]);
    assert_eq!(run(config(&receiver.url()), 1).dropped.of("403"), 1);
    let receiver = Receiver::start([Act::Answer(400, vec![], status_body("why"))]);
    assert_eq!(run(config(&receiver.url()), 1).dropped.of("400"), 1);
}

#[test]
fn with_nobody_listening_spans_are_dropped_in_time_and_counted() {
    let start = Instant::now();
    let short = Duration::from_secs(1);
    let ledger = run(config(&format!("http://{}", nobody())).with_timeout(short), 7);
    assert_eq!(ledger.dropped.of("connect_failed"), 7, "{ledger}");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[test]
fn with_nobody_listening_a_shutdown_waits_for_nobody() {
    for while_trying in [false, true] {
        // No time-out of its own: it would try for ever.
        let provider = provider(config(&format!("http://{}", nobody())).with_timeout(Duration::ZERO));
        make_spans(&provider, 3);
        if while_trying {
            // By the third try the waits are at least a second.
            let flushed = provider.flush(Deadline::after(Duration::from_millis(1_600)));
            assert!(flushed.is_err(), "it is still tried");
            make_spans(&provider, 2_000);
        }
        let start = Instant::now();
        let ledger = account(&provider, Deadline::after(LONG));
        let took = start.elapsed();
        assert!(took < Duration::from_secs(5), "{while_trying}: {took:?}");
        assert_eq!((ledger.exported, ledger.queued), (0, 0), "{ledger}");
        assert_eq!(ledger.dropped.of("connect_failed"), ledger.created, "{ledger}");
    }
}

#[test]
fn a_receiver_that_comes_back_in_time_still_gets_what_is_left_at_the_shutdown() {
    let receiver = Receiver::start([answer(503), Act::CloseAfterRequest, answer(429)]);
    let provider = provider(config(&receiver.url()));
    make_spans(&provider, 3);
    assert_eq!(account(&provider, Deadline::after(LONG)).exported, 3);
    assert_eq!(receiver.received().len(), 4);
}

#[test]
fn a_receiver_that_comes_up_while_an_export_is_tried_again_gets_it() {
    let address = nobody();
    let provider = provider(config(&format!("http://{address}")));
    make_spans(&provider, 3);
    let flushing = std::thread::spawn({
        let provider = provider.clone();
        move || provider.flush(Deadline::after(LONG))
    });
    std::thread::sleep(Duration::from_millis(700));
    let receiver = Receiver::start_at(address);
    flushing.join().expect("no panic").expect("flushed");
    assert_eq!(account(&provider, Deadline::NEVER).exported, 3);
    assert_eq!(receiver.spans().len(), 3);
}

#[test]
fn a_name_that_has_no_address_is_a_failed_connection() {
    let short = Duration::from_millis(700);
    let ledger = run(config("http://nobody.invalid:4318").with_timeout(short), 1);
    assert_eq!(ledger.dropped.of("connect_failed") + ledger.dropped.of("timeout"), 1, "{ledger}");
}

#[test]
fn the_time_out_bounds_receivers_that_hang_or_are_slow() {
    let short = Duration::from_millis(600);
    let long = Duration::from_secs(20);
    for act in [Act::Hang, Act::ReadSlowly(long), Act::AnswerSlowly(long)] {
        let receiver = Receiver::start([act.clone()]);
        let start = Instant::now();
        let ledger = run(config(&receiver.url()).with_timeout(short), 2);
        assert_eq!(ledger.dropped.of("timeout"), 2, "{act:?}: {ledger}");
        assert!(start.elapsed() < Duration::from_secs(5), "{act:?}: {:?}", start.elapsed());
    }
    let (address, _listener) = deaf();
    let ledger = run(config(&format!("http://{address}")).with_timeout(short), 2);
    assert_eq!(ledger.dropped.of("timeout"), 2, "{ledger}");
}

#[test]
fn the_deadline_of_a_shutdown_bounds_everything() {
    let receivers = [
        Receiver::start(vec![Act::Hang]),
        Receiver::start(vec![answer(503); 100]),
        Receiver::start(vec![after(503, "9"); 100]),
        Receiver::start(vec![Act::CloseAtOnce; 100]),
    ];
    let urls = receivers.iter().map(Receiver::url).chain([format!("http://{}", nobody())]);
    for url in urls {
        // No time-out of its own.
        let provider = provider(config(&url).with_timeout(Duration::ZERO));
        make_spans(&provider, 1_000);
        let start = Instant::now();
        let ledger = account(&provider, Deadline::after(Duration::from_millis(1_500)));
        let took = start.elapsed();
        assert!(took < Duration::from_millis(2_500), "{url}: {took:?}");
        assert_eq!(ledger.exported, 0, "{url}: {ledger}");
    }
}

#[test]
fn a_span_that_no_request_can_hold_is_dropped_and_the_others_are_sent() {
    let receiver = Receiver::start([]);
    let provider = provider(config(&receiver.url()).with_max_request_bytes(4_000));
    make_spans(&provider, 2);
    {
        use opentelemetry::trace::{Span as _, Tracer as _};
        let mut span = provider.tracer("scope").start("large");
        span.set_attribute(opentelemetry::KeyValue::new("text", "x".repeat(5_000)));
        span.end();
    }
    make_spans(&provider, 2);
    let ledger = account(&provider, Deadline::after(LONG));
    assert_eq!((ledger.exported, ledger.dropped.of("too_large")), (4, 1), "{ledger}");
    assert_eq!(receiver.spans().len(), 4);
}
