//! Spans over OTLP: what encoding costs, and what a process pays from the span to the wire.
//!
//! End to end, each contender is a process of its own, a copy of this program, and so is the receiver, which counts spans
//! and keeps nothing. Spans have four attributes, in traces of a root and ten children; queues (2,048) and batches
//! (512) are the default, and all go over HTTP in protobuf to this machine. The CPU is that of all of the contender's
//! threads, its caller's included; how the caller makes spans is through the API, and for ours also the way in that
//! the `tracing` subscriber takes.

use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use prost::Message as _;
use tachograph_otlp::{OtlpConfig, OtlpSpanExporter, SpanRequests};
use tachograph_sdk::ValueRef;
use tachograph_sdk::pipeline::{Batch, BatchConfig, Deadline, ExportOutcome, Exporter};
use tachograph_sdk::trace::{LiveSpan, SpanStart, Spans, TracerProvider};

use crate::bars::{Bars, Unit};
use crate::copy::Copy;
use crate::groups::spans::traces;
use crate::harness::{Contender, Effort, Role, Row, Table, compare, cpu_nanos};

const OURS: &str = "tachograph-otlp";
const OURS_API: &str = "tachograph, through the API";
const OURS_DIRECT: &str = "tachograph, the engine's own way in";
const PEER: &str = "opentelemetry_sdk and opentelemetry-otlp";
const SINK: &str = "otlp/sink";
const CHILDREN: usize = 10;
const BATCH: usize = 512;
/// Spans per second at which CPU is compared.
const RATE: usize = 110_000;
/// How often the pace is looked after.
const TICK: Duration = Duration::from_millis(4);

/// The same traces in slots of one's own.
pub(super) fn direct_traces(tracer: &tachograph_sdk::trace::Tracer, n: usize) -> usize {
    let copied = black_box(String::from("4711-0815"));
    let four = [
        ("http.request.method", ValueRef::Str("GET")),
        ("order.id", ValueRef::Str(&copied)),
        ("http.response.status_code", ValueRef::I64(200)),
        ("order.items", ValueRef::I64(3)),
    ];
    let start = |name: &'static str| SpanStart::new(name).with_attributes(&four);
    let (mut root, mut child) = (LiveSpan::new(), LiveSpan::new());
    let traces = n.div_ceil(1 + CHILDREN);
    for _ in 0..traces {
        tracer.start_span(&mut root, start("root"));
        for _ in 0..CHILDREN {
            tracer.start_span(&mut child, start("child").with_parent(root.as_parent()));
            tracer.end_span(&mut child, None);
        }
        tracer.end_span(&mut root, None);
    }
    traces * (1 + CHILDREN)
}

/// Encodes each batch so many times, and keeps how long that took.
#[derive(Clone, Debug, Default)]
struct Encode {
    rounds: Arc<AtomicUsize>,
    nanos: Arc<AtomicU64>,
}

impl Encode {
    fn time(&self, mut encode: impl FnMut() -> usize) {
        let start = Instant::now();
        for _ in 0..self.rounds.load(Ordering::Relaxed) {
            black_box(encode());
        }
        self.nanos.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }
}

impl Exporter<Spans> for Encode {
    fn export(&mut self, batch: Batch<'_, Spans>, _: Deadline) -> ExportOutcome {
        let mut out = Vec::new();
        self.time(|| {
            let mut requests = SpanRequests::new(batch, usize::MAX);
            requests.encode_next(&mut out);
            out.len()
        });
        ExportOutcome::done()
    }
}

impl SpanExporter for Encode {
    async fn export(&self, batch: Vec<SpanData>) -> opentelemetry_sdk::error::OTelSdkResult {
        use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
        use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
        use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
        let resource = ResourceAttributesWithSchema::default();
        // What its exporter does with a batch; that it consumes the spans is not made it pay for.
        let rounds = self.rounds.load(Ordering::Relaxed);
        let mut copies: Vec<_> = (0..rounds).map(|_| batch.clone()).collect();
        self.time(|| {
            let spans = copies.pop().unwrap_or_default();
            let resource_spans = group_spans_by_resource_and_scope(spans, &resource);
            ExportTraceServiceRequest { resource_spans }.encode_to_vec().len()
        });
        Ok(())
    }
}

/// Runs `rounds` encodings of a batch of 512 spans, and gives the time of one span.
fn encoding(role: Role, attributes: bool) -> Contender<'static> {
    let encode = Encode::default();
    let made: Box<dyn Fn()> = match role {
        Role::Ours => {
            let provider =
                TracerProvider::builder().with_batch_exporter(encode.clone(), BatchConfig::spans()).build();
            Box::new(move || {
                traces(&provider.tracer("bench"), attributes, BATCH);
                let _ = provider.flush(Deadline::NEVER);
            })
        }
        _ => {
            let provider = SdkTracerProvider::builder().with_batch_exporter(encode.clone()).build();
            Box::new(move || {
                traces(&provider.tracer("bench"), attributes, BATCH);
                let _ = provider.force_flush();
            })
        }
    };
    let name = if role == Role::Ours { OURS } else { PEER };
    Contender::timed(role, name, move |n| {
        let per_round = BATCH.div_ceil(1 + CHILDREN) * (1 + CHILDREN);
        let rounds = n.div_ceil(per_round).min(64);
        encode.rounds.store(rounds, Ordering::Relaxed);
        encode.nanos.store(0, Ordering::Relaxed);
        made();
        let nanos = encode.nanos.load(Ordering::Relaxed) as f64 / (rounds * per_round) as f64;
        Duration::from_nanos((nanos * n as f64) as u64)
    })
}

pub(crate) fn contenders() -> Vec<Contender<'static>> {
    let mut contender = encoding(Role::Ours, true);
    contender.name = "encoding".to_owned();
    vec![contender]
}

/// What a copy of this program is to be; says whether it was this group's.
pub(crate) fn serve(label: &str) -> bool {
    if label == SINK {
        sink();
    } else if let Some(url) = label.strip_prefix("otlp/api ") {
        let provider = ours(url);
        let tracer = provider.tracer("bench");
        send(|n| traces(&tracer, true, n), || provider.flush(Deadline::NEVER).is_ok());
    } else if let Some(url) = label.strip_prefix("otlp/direct ") {
        let provider = ours(url);
        let tracer = provider.tracer("bench");
        send(|n| direct_traces(&tracer, n), || provider.flush(Deadline::NEVER).is_ok());
    } else if let Some(url) = label.strip_prefix("otlp/theirs ") {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{url}/v1/traces"))
            .build()
            .expect("the bench's own URL");
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
        let tracer = provider.tracer("bench");
        send(|n| traces(&tracer, true, n), || provider.force_flush().is_ok());
    } else {
        return false;
    }
    true
}

fn ours(url: &str) -> TracerProvider {
    let config = OtlpConfig::traces().with_endpoint(url);
    let exporter = OtlpSpanExporter::new(config).expect("the bench's own URL");
    TracerProvider::builder().with_batch_exporter(exporter, BatchConfig::spans()).build()
}

/// Answers each line: `paced` and milliseconds with spans made and nanoseconds of CPU; `flat` and milliseconds with
/// spans made and nanoseconds that they and the flush took.
fn send(make: impl Fn(usize) -> usize + Sync, flush: impl Fn() -> bool) {
    for line in std::io::stdin().lines() {
        let Some((command, millis)) = line.as_deref().ok().and_then(|line| line.split_once(' ')) else {
            return;
        };
        let time = Duration::from_millis(millis.parse().unwrap_or(0));
        let start = Instant::now();
        let (made, nanos) = if command == "paced" {
            let before = cpu_nanos();
            let mut made = 0;
            while start.elapsed() < time {
                let due = (start.elapsed().as_secs_f64() * RATE as f64) as usize;
                made += make(due.saturating_sub(made));
                std::thread::sleep(TICK);
            }
            let _ = flush();
            (made, cpu_nanos().saturating_sub(before))
        } else {
            let made = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        while start.elapsed() < time {
                            made.fetch_add(make(1_100), Ordering::Relaxed);
                        }
                    });
                }
            });
            let _ = flush();
            (made.into_inner(), start.elapsed().as_nanos())
        };
        println!("{made} {nanos}");
    }
}

/// Receives requests, and answers each line with how many spans came in since the last.
fn sink() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    println!("http://{}", listener.local_addr().expect("a port"));
    let spans = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&spans);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let spans = Arc::clone(&counted);
            std::thread::spawn(move || receive(stream, &spans));
        }
    });
    for line in std::io::stdin().lines() {
        if line.is_err() {
            return;
        }
        println!("{}", spans.swap(0, Ordering::Relaxed));
    }
}

fn receive(stream: TcpStream, spans: &AtomicUsize) {
    let mut stream = BufReader::with_capacity(64 << 10, stream);
    let mut body = Vec::new();
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line.trim_end().is_empty() {
                break;
            }
        }
        body.resize(length, 0);
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        spans.fetch_add(count(&body), Ordering::Relaxed);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        if stream.get_mut().write_all(answer).is_err() {
            return;
        }
    }
}

/// How many spans a request has: field 2 of field 2 of field 1. Everything else is skipped.
fn count(request: &[u8]) -> usize {
    messages(request, 1)
        .flat_map(|resource| messages(resource, 2))
        .map(|scope| messages(scope, 2).count())
        .sum()
}

/// The messages of a field, in a message that has nothing but such fields.
fn messages(mut bytes: &[u8], field: u8) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        loop {
            let (tag, rest) = bytes.split_first()?;
            let (mut len, mut shift, mut rest) = (0, 0, rest);
            loop {
                let (digit, others) = rest.split_first()?;
                rest = others;
                len |= usize::from(digit & 0x7f) << shift;
                shift += 7;
                if digit & 0x80 == 0 {
                    break;
                }
            }
            let (message, others) = rest.split_at_checked(len)?;
            bytes = others;
            if *tag == field << 3 | 2 {
                return Some(message);
            }
        }
    })
}

/// Figures of one contender, over all rounds.
struct Figures {
    cpu: Vec<f64>,
    delivered: Vec<f64>,
    lost: Vec<f64>,
    lost_paced: Vec<f64>,
}

impl Figures {
    const fn new() -> Self {
        Figures { cpu: Vec::new(), delivered: Vec::new(), lost: Vec::new(), lost_paced: Vec::new() }
    }
}

const CONTENDERS: [(Role, &str, &str); 3] =
    [(Role::Ours, OURS_API, "api"), (Role::Ours, OURS_DIRECT, "direct"), (Role::Peer, PEER, "theirs")];

fn end_to_end(effort: Effort) -> [Figures; 3] {
    let (rounds, millis) = (effort.of(5, 1), effort.of(2_000, 50));
    let mut sink = Copy::of(SINK);
    let url = sink.line();
    let mut copies = CONTENDERS.map(|(_, _, label)| Copy::of(&format!("otlp/{label} {url}")));
    let mut figures = [const { Figures::new() }; 3];
    for round in 0..rounds {
        for turn in 0..copies.len() {
            let index = (round + turn) % copies.len();
            let figures = &mut figures[index];
            for command in ["paced", "flat"] {
                sink.ask("count");
                let answer = copies[index].ask(&format!("{command} {millis}"));
                let arrived = sink.ask("count").first().copied().unwrap_or(f64::NAN);
                let [made, nanos] = answer[..] else { continue };
                if command == "paced" {
                    figures.cpu.push(nanos / made);
                    figures.lost_paced.push(100.0 * (1.0 - arrived / made));
                } else {
                    figures.delivered.push(arrived / (nanos / 1e9));
                    figures.lost.push(100.0 * (1.0 - arrived / made));
                }
            }
        }
    }
    figures
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    for (attributes, what) in [(false, "no attributes"), (true, "four attributes")] {
        let rounds = Effort { rounds: effort.of(100, 1), ..effort };
        let contenders = vec![encoding(Role::Ours, attributes), encoding(Role::Peer, attributes)];
        let table = Table::new(format!("Encode spans of {what}"), "ns per span", compare(rounds, contenders));
        table.print();
    }
    let figures = end_to_end(effort);
    let table = |title: &str, unit, of: fn(&Figures) -> &Vec<f64>| {
        let rows = CONTENDERS.iter().zip(&figures);
        let rows =
            rows.map(|((role, name, _), figures)| Row::of(*role, *name, of(figures).clone())).collect();
        let table = Table::new(title, unit, rows);
        table.print();
        table
    };
    let title = format!("To OTLP over HTTP at {RATE} spans/s: the process' CPU");
    let cpu = table(&title, "ns per span", |figures| &figures.cpu);
    table("At that rate, lost", "% of spans", |figures| &figures.lost_paced);
    let flat = table("Flat out on two threads: delivered", "spans/s", |figures| &figures.delivered);
    table("Flat out, lost (and counted, where it is ours)", "% of spans", |figures| &figures.lost);
    for (name, how) in [(OURS_API, "through the API"), (OURS_DIRECT, "the engine's own way in")] {
        let what = format!("CPU per span to OTLP over HTTP, four attributes, {how}");
        bars.ratio(0.25, cpu.median(name), cpu.median(PEER), &what, PEER);
        let what = format!("delivered flat out, {how}: theirs to ours");
        bars.at_most(0.25, Unit::Times, flat.median(PEER) / flat.median(name), &what, PEER);
    }
}
