use std::convert::Infallible;
use std::io;
use std::net;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tachograph_sdk::diag;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::Answer;

/// Connections at a time over all addresses; further ones wait in the system's queue. A handful of
/// servers scrape a service, seldom at the same moment.
const CONNECTIONS: usize = 32;

/// Pages made at a time. They run user code (callbacks), which may block.
const PAGES: usize = 2;

/// How long a client may take to say what it wants.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may last, from its acceptance to the last byte of its one response. A server's
/// own default is to give up after 10 s.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// How long responses that are being written may take once the port is to stop.
const GRACE: Duration = Duration::from_secs(1);

/// How long to wait when a connection cannot be accepted: mostly because files ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Starts the thread; returns when it serves.
pub(super) fn spawn(
    listeners: Vec<net::TcpListener>,
    answer: Answer,
    stop: watch::Receiver<bool>,
    done: watch::Sender<bool>,
) -> io::Result<thread::JoinHandle<()>> {
    let (ready, is_ready) = mpsc::channel();
    let thread = thread::Builder::new().name("tachograph-port".to_owned()).spawn(move || {
        // Made here, since a runtime must not be dropped in a task of another.
        match start(listeners) {
            Ok((runtime, listeners)) => {
                let _ = ready.send(Ok(()));
                runtime.block_on(run(listeners, &answer, &stop));
                // A page that is stuck in a callback must not hold up the stop.
                runtime.shutdown_background();
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        }
        done.send_replace(true);
    })?;
    match is_ready.recv() {
        Ok(Ok(())) => Ok(thread),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(io::Error::other("the port's thread ended before it served")),
    }
}

fn start(listeners: Vec<net::TcpListener>) -> io::Result<(runtime::Runtime, Vec<TcpListener>)> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(PAGES)
        .thread_name("tachograph-page")
        .build()?;
    let entered = runtime.enter();
    let listeners = listeners
        .into_iter()
        .map(|listener| {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        })
        .collect::<io::Result<Vec<_>>>()?;
    drop(entered);
    Ok((runtime, listeners))
}

async fn run(listeners: Vec<TcpListener>, answer: &Answer, stop: &watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut tasks = JoinSet::new();
    for listener in listeners {
        tasks.spawn(accept(listener, Arc::clone(&slots), Arc::clone(answer), stop.clone()));
    }
    while tasks.join_next().await.is_some() {}
}

async fn accept(
    listener: TcpListener,
    slots: Arc<Semaphore>,
    answer: Answer,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        // The slot first: who cannot be served is not accepted.
        let slot = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            slot = Arc::clone(&slots).acquire_owned() => slot,
        };
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (answer, stop) = (Arc::clone(&answer), stop.clone());
                connections.spawn(async move {
                    let _slot = slot;
                    // Whatever is wrong with a connection is its client's to notice.
                    let _ = timeout(CONNECTION_TIMEOUT, connection(stream, answer, stop)).await;
                });
            }
            Err(error) => {
                diag::report(
                    "prometheus.accept",
                    "",
                    format_args!("the port for Prometheus cannot accept connections at the moment: {error}"),
                );
                sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let _ = timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody holds the port any more.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn connection(stream: TcpStream, answer: Answer, mut stop: watch::Receiver<bool>) {
    let service = service_fn(move |request| respond(request, Arc::clone(&answer)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        // One response for each connection, so that one time-out bounds it. A scrape is seldom.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stopped(&mut stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn respond(request: Request<Incoming>, answer: Answer) -> Result<Response<Full<Bytes>>, Infallible> {
    let response = match request.uri().path() {
        "/metrics" => {
            let (head, _) = request.into_parts();
            let request = Request::from_parts(head, ());
            let page = spawn_blocking(move || answer(&request)).await;
            page.unwrap_or_else(|_| text(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be made\n"))
        }
        _ if !matches!(*request.method(), Method::GET | Method::HEAD) => {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "the metrics are at GET /metrics\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        }
        "/" => text(StatusCode::OK, "tachograph: the metrics are at /metrics\n"),
        _ => text(StatusCode::NOT_FOUND, "the metrics are at /metrics\n"),
    };
    Ok(response.map(Full::new))
}

fn text(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
