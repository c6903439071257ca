//! Two processes in two network namespaces, one calling the other over HTTP: one trace.
//!
//! The test starts this program twice more, once in each namespace, with a role in the environment;
//! a process plays its role and prints its spans, which the test then puts together.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![allow(clippy::print_stdout, reason = "it is how the processes report")]
#![cfg(target_os = "linux")]

mod support;

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{Span, SpanKind, TraceContextExt, Tracer};
use support::traced::{Traced, text};
use support::{Script, get as request};
use tachograph_propagation::Propagator;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, ServiceExt, service_fn};

const ROLE: &str = "TACHOGRAPH_TEST_ROLE";
const TEST: &str = "two_processes_in_two_namespaces_make_one_trace_with_the_baggage_intact";
const FRONT: &str = "10.213.0.1";
const BACK: &str = "10.213.0.2";
const PORT: u16 = 8080;
/// What a client of the front service sends: characters that must be encoded, and a property.
const SENT: &str = "tenant=a%20%25%2C%C3%A9;ttl=3,region=eu";

#[test]
#[ignore = "needs root and two network namespaces: cargo xtask ci"]
fn two_processes_in_two_namespaces_make_one_trace_with_the_baggage_intact() {
    match std::env::var(ROLE).as_deref() {
        Ok("back") => runtime().block_on(back()),
        Ok(_) => runtime().block_on(front()),
        Err(_) => {
            let namespaces = Namespaces::new();
            let mut back = namespaces.start(&namespaces.back, "back");
            let mut back_lines = BufReader::new(back.0.stdout.take().unwrap()).lines();
            assert!(back_lines.any(|line| line.unwrap().ends_with("listening")), "it never listened");
            let front = namespaces.start(&namespaces.front, "front").lines();
            let back = back_lines.map(Result::unwrap).collect();
            assert_one_trace(&Report(front), &Report(back));
        }
    }
}

fn assert_one_trace(front: &Report, back: &Report) {
    let (root, client) = (front.span("GET /orders"), front.span("call"));
    let (server, work) = (back.span("GET /stock/{item}"), back.span("look up"));
    assert_eq!((root.parent.as_str(), root.remote), ("-", false));
    assert_eq!((&client.parent, client.remote), (&root.id, false));
    assert_eq!((&server.parent, server.remote), (&client.id, true));
    assert_eq!((&work.parent, work.remote), (&server.id, false));
    assert!([&client, &server, &work].iter().all(|span| span.trace == root.trace), "one trace");
    assert_eq!((root.peer.as_str(), server.peer.as_str()), ("-", FRONT), "it came over the wire");
    for side in [front, back] {
        assert_eq!(side.line("baggage"), r#"region=eu;, tenant=a %,é;ttl=3"#);
    }
    assert_eq!(front.line("answer"), "17 in stock");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Says what baggage is current.
fn print_baggage() {
    let mut members: Vec<_> = Context::map_current(|cx| {
        cx.baggage().iter().map(|(key, (value, rest))| format!("{key}={value};{rest}")).collect()
    });
    members.sort();
    println!("\nbaggage|{}", members.join(", "));
}

fn print_spans(traced: &Traced) {
    for span in traced.spans() {
        let parent = span.parent_span_id.map_or("-".to_owned(), |id| id.to_string());
        let peer = text(&span, "network.peer.address").unwrap_or("-".to_owned());
        let (trace, id, remote) = (span.trace_id, span.span_id, span.parent_is_remote);
        println!("\nspan|{}|{trace}|{id}|{parent}|{remote}|{peer}", span.name);
    }
}

/// The service that is called: answers one request.
async fn back() {
    let traced = Traced::new();
    let tracer = traced.tracer();
    let (done, mut answered) = tokio::sync::mpsc::channel::<()>(1);
    let handler = async move |Path(item): Path<String>| {
        print_baggage();
        tracer.start("look up").end();
        done.send(()).await.unwrap();
        format!("{item} in stock")
    };
    let app = Router::new().route("/stock/{item}", get(handler)).layer(traced.layer());
    let listener = TcpListener::bind((BACK, PORT)).await.unwrap();
    println!("\nlistening");
    axum::serve(listener, app.into_make_service_with_connect_info::<std::net::SocketAddr>())
        .with_graceful_shutdown(async move { answered.recv().await.unwrap() })
        .await
        .unwrap();
    print_spans(&traced);
}

/// The service that calls it while it handles a request of its own.
async fn front() {
    let traced = Traced::new();
    let tracer = traced.tracer();
    let service =
        traced.layer().with_route(|_| Some("/orders")).layer(service_fn(move |_: Request<Script>| {
            print_baggage();
            let span = tracer.span_builder("call").with_kind(SpanKind::Client).start(&tracer);
            let client = Context::current_with_span(span);
            let mut headers = HeaderMap::new();
            Propagator::default().inject_headers(&client, &mut headers);
            async move {
                let answer = fetch("/stock/17", &headers).await;
                client.span().end();
                Ok::<_, Infallible>(Response::new(answer))
            }
        }));
    let mut request = request("/orders");
    request.headers_mut().insert("baggage", SENT.parse().unwrap());
    let answer = service.oneshot(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    println!("\nanswer|{}", String::from_utf8_lossy(&answer));
    print_spans(&traced);
}

/// The body of what the other service answers.
async fn fetch(path: &str, headers: &HeaderMap) -> String {
    let mut connection = TcpStream::connect((BACK, PORT)).await.unwrap();
    let mut text = format!("GET {path} HTTP/1.1\r\nhost: {BACK}\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    connection.write_all(format!("{text}\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// What a process printed.
#[derive(Debug)]
struct Report(Vec<String>);

struct PrintedSpan {
    trace: String,
    id: String,
    parent: String,
    remote: bool,
    peer: String,
}

impl Report {
    /// The rest of the only line of that kind.
    fn line(&self, kind: &str) -> &str {
        let found: Vec<_> =
            self.0.iter().filter_map(|line| line.strip_prefix(kind)?.strip_prefix('|')).collect();
        assert_eq!(found.len(), 1, "{kind:?} in {self:#?}");
        found[0]
    }

    fn span(&self, name: &str) -> PrintedSpan {
        let fields: Vec<_> = self.line(&format!("span|{name}")).split('|').map(str::to_owned).collect();
        let [trace, id, parent, remote, peer] = fields.try_into().unwrap();
        PrintedSpan { trace, id, parent, remote: remote == "true", peer }
    }
}

/// Two namespaces with a cable between them, gone when this is dropped.
struct Namespaces {
    front: String,
    back: String,
}

impl Namespaces {
    fn new() -> Self {
        let id = std::process::id();
        let made = Self { front: format!("tg{id}f"), back: format!("tg{id}b") };
        let (front, back) = (made.front.as_str(), made.back.as_str());
        ip(&["netns", "add", front]);
        ip(&["netns", "add", back]);
        ip(&["link", "add", front, "netns", front, "type", "veth", "peer", "name", back, "netns", back]);
        for (name, address) in [(front, FRONT), (back, BACK)] {
            ip(&["-n", name, "address", "add", &format!("{address}/24"), "dev", name]);
            ip(&["-n", name, "link", "set", name, "up"]);
        }
        made
    }

    /// This program in a namespace.
    fn start(&self, namespace: &str, role: &str) -> Process {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(program);
        command.args(["--ignored", "--exact", TEST, "--nocapture"]).env(ROLE, role);
        Process(command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in [&self.front, &self.back] {
            // It may not have come so far.
            drop(Command::new("ip").args(["netns", "delete", name]).output());
        }
    }
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().expect("`ip` of iproute2 is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {}: {said}(needs root)", arguments.join(" "));
}

/// A process that does not outlive the test.
struct Process(Child);

impl Process {
    /// All that it prints until it ends.
    fn lines(mut self) -> Vec<String> {
        let mut text = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        assert!(self.0.wait().unwrap().success(), "{text}");
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
