//! A port of its own for `/metrics`: a small HTTP/1 server on its own thread, with its own runtime.
//!
//! So it works beside any runtime of the user's, or none, and answers while theirs is busy or blocked.
//! Everything is bounded: connections, the time each may take, and the time that stopping takes.

mod answer;
mod bind;
mod builder;
mod connections;
mod credentials;
mod error;
mod limits;
mod serve;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::{self, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::PrometheusExporter;
use answer::Pages;
use credentials::Credentials;
use limits::Limits;

pub use builder::ServerBuilder;
pub use error::ServerError;

/// Serves an exporter's pages on a port of its own: `GET /metrics` over HTTP/1.
///
/// For a service that has no HTTP server, or that keeps its metrics off the one it has. It needs no
/// runtime and disturbs none: it has a thread and a small runtime to itself. **Dropping it stops it**,
/// without waiting for responses that are being written; [`shutdown`](Self::shutdown) waits.
///
/// ```
/// use tachograph_prometheus::{PrometheusExporter, Server};
/// use tachograph_sdk::MeterProvider;
///
/// let provider = MeterProvider::builder().build();
/// let server = Server::bind(PrometheusExporter::new(provider.reader()), "localhost:0")?;
/// for address in server.addresses() {
///     println!("metrics at http://{address}/metrics");
/// }
/// // ... until the service ends:
/// server.shutdown_blocking();
/// # Ok::<(), tachograph_prometheus::ServerError>(())
/// ```
///
/// # What it answers
///
/// `/metrics` is answered as [`PrometheusExporter::respond_streaming`] does. Any other path is told, by 404 (`/` by
/// 200), where the metrics are. Pages are begun on threads that may block, since that runs the callbacks
/// of observable instruments; they are made while they are sent, piece by piece.
///
/// # Limits
///
/// Clients cannot make it grow, nor keep others out for long:
///
/// | what | limit | beyond it |
/// |---|---|---|
/// | connections at a time, over all addresses | 64, or [as set](ServerBuilder::with_max_connections) | the one that has read and written nothing for longest, and for 250 ms at least, is closed; not one whose page is still to be begun |
/// | requests on a connection | 1 | the connection is closed after its response |
/// | pages begun at a time | 2 | wait, within their connection's time |
/// | a request's head | 5 s after the connection was accepted | the connection is closed |
/// | a connection, to the last byte of its response | 30 s | the connection is closed |
/// | responses that are being written when it stops | 1 s | their connections are closed |
///
/// It has no TLS. Unless it is [built](Server::builder) with a token or a password it asks nobody who they are:
/// whoever reaches its address reads the metrics. Who lacks them gets 401, is counted, and reported at most
/// once a minute.
#[must_use = "dropping a Server stops it: keep it for as long as it is to serve"]
pub struct Server {
    addresses: Vec<SocketAddr>,
    pages: Arc<Pages>,
    stop: watch::Sender<bool>,
    /// Becomes true when the thread is done, or closed if it died.
    done: watch::Receiver<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Server {
    /// Listens at `host:port`, and serves there from its return on.
    ///
    /// The host is a name or an address, an IPv6 one in brackets: `0.0.0.0:9464` is reachable from
    /// outside over IPv4, `[::]:9464` over IPv6 (on most systems over both). Every address that a name
    /// stands for is bound, since clients differ in which they try; one whose family this host does not
    /// have is left out while there is another. Port 0 is any that is free, the same for all addresses
    /// where that can be had. To look up a name may block.
    ///
    /// # Errors
    ///
    /// If `address` is none, if one of the addresses is in use, if none can be bound, or if the system
    /// has no thread to spare. See [`ServerError`].
    pub fn bind(exporter: PrometheusExporter, address: &str) -> Result<Self, ServerError> {
        Self::builder(exporter).bind(address)
    }

    /// Begins a server that asks who its clients are, or has other limits.
    pub fn builder(exporter: PrometheusExporter) -> ServerBuilder {
        ServerBuilder::new(exporter)
    }

    fn within(
        limits: Limits,
        credentials: Vec<Credentials>,
        exporter: PrometheusExporter,
        address: &str,
    ) -> io::Result<Self> {
        let listeners = bind::bind(address)?;
        let addresses = listeners.iter().map(net::TcpListener::local_addr).collect::<io::Result<Vec<_>>>()?;
        let pages = Arc::new(Pages::new(exporter, credentials, limits.pages));
        let (stop, stopped) = watch::channel(false);
        let (done, is_done) = watch::channel(false);
        let thread = serve::spawn(listeners, limits, Arc::clone(&pages), stopped, done)?;
        Ok(Server { addresses, pages, stop, done: is_done, thread: Mutex::new(Some(thread)) })
    }

    /// Where it listens: one address or, where a name stands for several, more. Ports are those that
    /// were got, never 0.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// How many scrapes have been answered with a page so far; `HEAD` counts, refused methods do not.
    pub fn scrapes(&self) -> u64 {
        self.pages.answered()
    }

    /// How many requests for the metrics have been refused so far, for want of credentials.
    pub fn refused(&self) -> u64 {
        self.pages.refused()
    }

    /// Stops it: nothing is accepted any more, and responses that are being written may finish, for at
    /// most a second. Returns when that is done and the addresses are free again; so do further calls.
    ///
    /// Works in any runtime. It stops also if this future is dropped once it was polled.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        let mut done = self.done.clone();
        // An error means that the thread is gone, which is what is waited for.
        let _ = done.wait_for(|done| *done).await;
    }

    /// The same as [`shutdown`](Self::shutdown), for a thread that may block for a second.
    pub fn shutdown_blocking(&self) {
        self.stop.send_replace(true);
        // The lock is held meanwhile, so that a second caller waits as well.
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // An error is a panic of the thread, which has been told already.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
