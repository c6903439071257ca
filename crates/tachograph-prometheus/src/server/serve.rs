use std::io;
use std::net::{self, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tachograph_sdk::diag;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::answer::{Pages, answer};
use super::connections::{Connections, Watched};
use super::limits::Limits;

/// How long to wait when a connection cannot be accepted: mostly because files ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Starts the thread; returns when it serves.
pub(super) fn spawn(
    listeners: Vec<net::TcpListener>,
    limits: Limits,
    pages: Arc<Pages>,
    stop: watch::Receiver<bool>,
    done: watch::Sender<bool>,
) -> io::Result<thread::JoinHandle<()>> {
    let (ready, is_ready) = mpsc::channel();
    let thread = thread::Builder::new().name("tachograph-port".to_owned()).spawn(move || {
        // Made here, since a runtime must not be dropped in a task of another.
        match start(listeners, limits) {
            Ok((runtime, listeners)) => {
                let _ = ready.send(Ok(()));
                runtime.block_on(run(listeners, limits, &pages, &stop));
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
        Err(_) => Err(io::Error::other("the server's thread ended before it served")),
    }
}

fn start(
    listeners: Vec<net::TcpListener>,
    limits: Limits,
) -> io::Result<(runtime::Runtime, Vec<TcpListener>)> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(limits.pages)
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

async fn run(listeners: Vec<TcpListener>, limits: Limits, pages: &Arc<Pages>, stop: &watch::Receiver<bool>) {
    let connections = Arc::new(Connections::new(limits.connections, limits.patience));
    let mut tasks = JoinSet::new();
    for listener in listeners {
        tasks.spawn(accept(listener, limits, Arc::clone(&connections), Arc::clone(pages), stop.clone()));
    }
    while tasks.join_next().await.is_some() {}
}

async fn accept(
    listener: TcpListener,
    limits: Limits,
    open: Arc<Connections>,
    pages: Arc<Pages>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => {
                let slot = tokio::select! {
                    biased;
                    () = stopped(&mut stop) => break,
                    slot = open.slot() => slot,
                };
                let progress = open.progress();
                let stream = Watched { stream, progress: progress.clone() };
                let served = connection(stream, client, limits, Arc::clone(&pages), stop.clone());
                let task = connections.spawn(async move {
                    let _slot = slot;
                    // Whatever is wrong with a connection is its client's to notice.
                    let _ = timeout(limits.connection, served).await;
                });
                open.enter(progress, task);
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
    let _ = timeout(limits.grace, async { while connections.join_next().await.is_some() {} }).await;
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody holds the server any more.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn connection(
    stream: Watched<TcpStream>,
    client: SocketAddr,
    limits: Limits,
    pages: Arc<Pages>,
    mut stop: watch::Receiver<bool>,
) {
    let progress = stream.progress.clone();
    let service = service_fn(move |request| {
        let (progress, pages) = (progress.clone(), Arc::clone(&pages));
        async move { answer(request, client, &progress, pages).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        // Beside what the system keeps, no more than a piece of the page waits for a slow client.
        .max_buf_size(64 << 10)
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
