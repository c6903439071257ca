//! What clients may take, by limits that a test can wait for.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tachograph_sdk::MeterProvider;

use super::Server;
use super::limits::Limits;
use crate::PrometheusExporter;

/// Longer than anything takes that does not hang, also on a loaded machine.
const LONG: Duration = Duration::from_secs(30);

fn patient() -> Limits {
    Limits { header: LONG, connection: LONG, grace: LONG, ..Limits::default() }
}

/// A server, and the callback of an instrument of its pages: it says when it has begun, and waits to be
/// told to go on.
struct Fixture {
    server: Server,
    begun: Receiver<()>,
    go_on: Sender<()>,
    _provider: MeterProvider,
}

impl Fixture {
    fn new(limits: Limits) -> Self {
        let provider = MeterProvider::builder().build();
        let server =
            Server::within(limits, Vec::new(), PrometheusExporter::new(provider.reader()), "127.0.0.1:0");
        let (begins, begun) = channel();
        let (go_on, may_go_on) = channel();
        let callback = Mutex::new((begins, may_go_on));
        let _gauge = provider
            .meter("test")
            .as_otel()
            .u64_observable_gauge("slow")
            .with_callback(move |slow| {
                let callback = callback.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = callback.0.send(());
                let _ = callback.1.recv();
                slow.observe(1, &[]);
            })
            .build();
        Fixture { server: server.expect("a free port"), begun, go_on, _provider: provider }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.server.addresses()[0]).expect("it listens");
        // Sooner than the limits of `patient`, so that it is told which limit ended a connection.
        stream.set_read_timeout(Some(LONG / 2)).expect("a time-out can be set");
        stream
    }

    /// Asks for a page, and does not wait for it.
    fn ask(&self, path: &str) -> TcpStream {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").expect("it reads");
        stream
    }

    fn wait_until_a_page_is_begun(&self) {
        self.begun.recv_timeout(LONG).expect("a page is begun");
    }
}

/// What comes until the server closes the connection.
fn answer(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer);
    // Closed with bytes unread, a connection is reset, which is no time-out.
    let hung = ended.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    assert!(!hung, "the connection is still open");
    String::from_utf8(answer).expect("text")
}

#[test]
fn a_client_that_does_not_end_its_head_is_let_go() {
    let header = Duration::from_millis(200);
    let fixture = Fixture::new(Limits { header, ..patient() });
    let began = Instant::now();
    let mut stream = fixture.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: te").expect("it reads");
    assert!(!answer(stream).contains("200 OK"));
    assert!(began.elapsed() >= header);
}

#[test]
fn silent_clients_keep_others_out_no_longer_than_their_time() {
    let header = Duration::from_millis(200);
    let fixture = Fixture::new(Limits { connections: 2, header, ..patient() });
    let began = Instant::now();
    let silent = [fixture.connect(), fixture.connect()];
    assert!(answer(fixture.ask("/")).contains("200 OK"));
    assert!(began.elapsed() >= header, "it was served beside the silent ones");
    drop(silent);
}

#[test]
fn a_connection_ends_in_its_time_though_its_page_is_not_made() {
    let connection = Duration::from_millis(200);
    let fixture = Fixture::new(Limits { connection, ..patient() });
    let began = Instant::now();
    assert_eq!(answer(fixture.ask("/metrics")), "");
    assert!(began.elapsed() >= connection);
}

#[test]
fn a_page_that_nobody_waits_for_any_more_is_not_begun() {
    let fixture = Fixture::new(Limits { pages: 1, connection: Duration::from_secs(1), ..patient() });
    let first = fixture.ask("/metrics");
    fixture.wait_until_a_page_is_begun();
    for stream in (0..5).map(|_| fixture.ask("/metrics")).collect::<Vec<_>>() {
        assert_eq!(answer(stream), "");
    }
    assert_eq!(answer(first), "");
    // Three pages may go on, but only the first and this one were waited for: the next is this one's.
    for _ in 0..3 {
        fixture.go_on.send(()).expect("the callback is there");
    }
    assert!(answer(fixture.ask("/metrics")).contains("slow{"));
    fixture.wait_until_a_page_is_begun();
    assert!(fixture.begun.try_recv().is_err());
    assert_eq!(fixture.server.scrapes(), 2);
}

#[test]
fn what_needs_no_page_is_answered_while_pages_hang() {
    let fixture = Fixture::new(Limits { pages: 1, ..patient() });
    let stuck = fixture.ask("/metrics");
    fixture.wait_until_a_page_is_begun();
    assert!(answer(fixture.ask("/")).contains("/metrics"));
    drop((fixture, stuck));
}

#[test]
fn a_page_that_is_being_made_when_it_stops_may_be_finished() {
    let fixture = Fixture::new(patient());
    let stream = fixture.ask("/metrics");
    fixture.wait_until_a_page_is_begun();
    thread::scope(|scope| {
        let stopping = scope.spawn(|| fixture.server.shutdown_blocking());
        // It has stopped to listen when it refuses.
        let address = fixture.server.addresses()[0];
        while TcpStream::connect(address).is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(!stopping.is_finished());
        fixture.go_on.send(()).expect("the callback is there");
        stopping.join().expect("no panic");
    });
    assert!(answer(stream).contains("slow{"));
}

#[test]
fn a_page_that_takes_longer_than_the_grace_is_given_up() {
    let fixture = Fixture::new(Limits { grace: Duration::from_millis(50), ..patient() });
    let stream = fixture.ask("/metrics");
    fixture.wait_until_a_page_is_begun();
    let began = Instant::now();
    fixture.server.shutdown_blocking();
    assert!(began.elapsed() < LONG / 2);
    assert_eq!(answer(stream), "");
}
