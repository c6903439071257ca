//! An OTLP receiver that decodes what it gets with the generated types, and fails in every way it is told to.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a receiver does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Takes it.
    Take,
    /// Takes it, but for so many spans, and says something.
    Partial(i64, &'static str),
    /// Answers with a status, headers and a body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Closes the connection before it reads anything.
    CloseAtOnce,
    /// Reads the request and closes the connection.
    CloseAfterRequest,
    /// Reads half of the request's body and closes the connection.
    CloseInRequest,
    /// Closes the connection in the middle of its answer's head.
    HalfHead,
    /// Closes the connection in the middle of its answer's body.
    HalfBody,
    /// Answers with what is not HTTP.
    Garbage,
    /// Answers with a success whose body is so long.
    Long(usize),
    /// Answers with a success whose body is so long once it is unpacked.
    LongPacked(usize),
    /// Reads the request slowly, for about so long, and takes it.
    ReadSlowly(Duration),
    /// Takes it, and answers byte by byte, over about so long.
    AnswerSlowly(Duration),
    /// Reads it and never answers.
    Hang,
    /// Takes it, and then closes the connection although it said that it would stay.
    TakeAndClose,
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    /// The length of the body as it was sent.
    pub(crate) sent_bytes: usize,
    /// The length of the body, unpacked.
    pub(crate) bytes: usize,
    pub(crate) request: ExportTraceServiceRequest,
    /// Unpacked.
    pub(crate) body: Vec<u8>,
    pub(crate) at: Instant,
    /// The number of its connection.
    pub(crate) connection: usize,
}

impl Received {
    pub(crate) fn spans(&self) -> Vec<Span> {
        let scopes = self.request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }
}

#[derive(Default)]
struct State {
    acts: Mutex<VecDeque<Act>>,
    received: Mutex<Vec<Received>>,
    connections: AtomicUsize,
}

/// A receiver on a port of its own. Its threads end with the process.
pub(crate) struct Receiver {
    address: SocketAddr,
    scheme: &'static str,
    state: Arc<State>,
}

trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

impl Receiver {
    /// Does these acts, one for each request (or connection that it closes at once), and then takes everything.
    pub(crate) fn start(acts: impl IntoIterator<Item = Act>) -> Self {
        Self::listen(acts, None)
    }

    /// The same, secured.
    pub(crate) fn start_secured(acts: impl IntoIterator<Item = Act>, tls: Arc<ServerConfig>) -> Self {
        Self::listen(acts, Some(tls))
    }

    fn listen(acts: impl IntoIterator<Item = Act>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        Self::listen_on(listener, acts, tls)
    }

    /// As [`start`](Self::start), at an address that a test has chosen.
    pub(crate) fn start_at(address: SocketAddr) -> Self {
        Self::listen_on(TcpListener::bind(address).expect("the port is still free"), [], None)
    }

    fn listen_on(
        listener: TcpListener,
        acts: impl IntoIterator<Item = Act>,
        tls: Option<Arc<ServerConfig>>,
    ) -> Self {
        let address = listener.local_addr().expect("a port");
        let state = Arc::new(State { acts: Mutex::new(acts.into_iter().collect()), ..State::default() });
        let shared = Arc::clone(&state);
        let scheme = if tls.is_some() { "https" } else { "http" };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                thread::spawn(move || {
                    let number = state.connections.fetch_add(1, Ordering::Relaxed);
                    // Whatever ends a connection is for the exporter to deal with.
                    let _ = match tls {
                        None => serve(&state, number, stream),
                        Some(config) => ServerConnection::new(config)
                            .map_err(io::Error::other)
                            .and_then(|tls| serve(&state, number, StreamOwned::new(tls, stream))),
                    };
                });
            }
        });
        Receiver { address, scheme, state }
    }

    /// Its URL, without a path.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// What came in so far, whole requests only.
    pub(crate) fn received(&self) -> Vec<Received> {
        lock(&self.state.received).clone()
    }

    /// The spans of the requests that were taken or not, in order.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.received().iter().flat_map(Received::spans).collect()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(state: &State, number: usize, stream: impl Duplex) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    if matches!(lock(&state.acts).front(), Some(Act::CloseAtOnce)) {
        lock(&state.acts).pop_front();
        return Ok(());
    }
    loop {
        let Some((line, headers)) = head(&mut stream)? else { return Ok(()) };
        let act = lock(&state.acts).pop_front().unwrap_or(Act::Take);
        let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        match act {
            Act::CloseInRequest => {
                stream.read_exact(&mut body[..length / 2])?;
                return Ok(());
            }
            Act::ReadSlowly(whole) => {
                for part in body.chunks_mut(length.div_ceil(10).max(1)) {
                    stream.read_exact(part)?;
                    thread::sleep(whole / 10);
                }
            }
            _ => stream.read_exact(&mut body)?,
        }
        let unpacked = match headers.get("content-encoding").map(String::as_str) {
            Some("gzip") => {
                let mut unpacked = Vec::new();
                flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut unpacked)?;
                unpacked
            }
            _ => body.clone(),
        };
        let request = ExportTraceServiceRequest::decode(unpacked.as_slice()).expect("OTLP in protobuf");
        lock(&state.received).push(Received {
            line,
            headers,
            sent_bytes: body.len(),
            bytes: unpacked.len(),
            request,
            body: unpacked,
            at: Instant::now(),
            connection: number,
        });
        if !answer(stream.get_mut(), &act)? {
            return Ok(());
        }
    }
}

fn head(stream: &mut impl BufRead) -> io::Result<Option<(String, BTreeMap<String, String>)>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers = lines.iter().skip(1).filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
    Ok(Some((lines.first().cloned().unwrap_or_default(), headers)))
}

/// Answers, and says whether the connection goes on.
fn answer(stream: &mut impl Write, act: &Act) -> io::Result<bool> {
    let ok = |body: &[u8]| whole(200, &[("content-type", "application/x-protobuf".to_owned())], body);
    let packed = |len| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&vec![0; len]).expect("it is packed");
        encoder.finish().expect("it is packed")
    };
    let (bytes, goes_on) = match act {
        Act::Take | Act::ReadSlowly(_) => (ok(b""), true),
        Act::TakeAndClose => (ok(b""), false),
        Act::Partial(rejected_spans, message) => {
            let partial = ExportTracePartialSuccess {
                rejected_spans: *rejected_spans,
                error_message: (*message).into(),
            };
            (ok(&ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec()), true)
        }
        Act::Answer(status, headers, body) => (whole(*status, headers, body), true),
        Act::CloseAtOnce | Act::CloseAfterRequest | Act::CloseInRequest => (Vec::new(), false),
        Act::HalfHead => (b"HTTP/1.1 200 OK\r\ncontent-le".to_vec(), false),
        Act::HalfBody => (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec(), false),
        Act::Garbage => (b"\x00\x01SSH-2.0 what is this?\r\n\r\n".to_vec(), false),
        Act::Long(len) => (ok(&vec![0; *len]), true),
        Act::LongPacked(len) => (whole(200, &[("content-encoding", "gzip".to_owned())], &packed(*len)), true),
        Act::AnswerSlowly(all) => {
            let bytes = ok(b"");
            for byte in &bytes {
                stream.write_all(&[*byte])?;
                stream.flush()?;
                thread::sleep(*all / bytes.len() as u32);
            }
            return Ok(true);
        }
        Act::Hang => {
            thread::sleep(Duration::from_secs(600));
            return Ok(false);
        }
    };
    stream.write_all(&bytes)?;
    stream.flush()?;
    Ok(goes_on)
}

fn whole(status: u16, headers: &[(&str, String)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n", body.len()).into_bytes();
    for (name, value) in headers {
        bytes.extend(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

/// A `google.rpc.Status` as a body.
pub(crate) fn status_body(message: &str) -> Vec<u8> {
    let mut body = vec![8, 3, 0x12, u8::try_from(message.len()).expect("a short text")];
    body.extend(message.as_bytes());
    body
}

/// A port on which nothing listens, and which nothing else is given for a while.
pub(crate) fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a port")
}

/// Something that listens and takes connections, but never reads or answers.
pub(crate) fn deaf() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    (listener.local_addr().expect("a port"), listener)
}

/// Never used but to see that plain text is not sent: gives the first bytes of the first connection.
pub(crate) fn first_bytes() -> (SocketAddr, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a port");
    let thread = thread::spawn(move || {
        let (mut stream, _): (TcpStream, _) = listener.accept().expect("a connection");
        let mut bytes = [0; 64];
        let len = stream.read(&mut bytes).unwrap_or(0);
        bytes[..len].to_vec()
    });
    (address, thread)
}
