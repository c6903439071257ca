//! A port of its own for `/metrics`: a small HTTP/1 server on its own thread, with its own runtime.
//!
//! So it works beside any runtime of the user's, or none, and answers while theirs is busy or blocked.
//! Everything is bounded: connections, the time each may take, and the time that stopping takes.

mod bind;
mod serve;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::watch;

/// Answers a request for `/metrics`; may block.
pub(crate) type Answer = Arc<dyn Fn(&http::Request<()>) -> http::Response<Bytes> + Send + Sync>;

/// An open port. Dropping it stops it, without waiting.
pub(crate) struct Port {
    addresses: Vec<SocketAddr>,
    stop: watch::Sender<bool>,
    /// Becomes true when the thread is done, or closed if it died.
    done: watch::Receiver<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Port {
    /// Opens the port at `host:port` and serves there. Every address that the host's name stands for is
    /// bound, since clients differ in which they try; port 0 is any that is free.
    pub(crate) fn open(asked: &str, answer: Answer) -> io::Result<Self> {
        let listeners = bind::bind(asked)?;
        let addresses =
            listeners.iter().map(std::net::TcpListener::local_addr).collect::<io::Result<Vec<_>>>()?;
        let (stop, stopped) = watch::channel(false);
        let (done, is_done) = watch::channel(false);
        let thread = serve::spawn(listeners, answer, stopped, done)?;
        Ok(Port { addresses, stop, done: is_done, thread: Mutex::new(Some(thread)) })
    }

    /// Where it listens.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops it: nothing is accepted any more, responses that are being written may finish in the time
    /// that [`serve`] gives them. Returns when that is done; the second call and later ones do, too.
    pub(crate) async fn stop(&self) {
        self.stop.send_replace(true);
        let mut done = self.done.clone();
        // An error means that the thread is gone, which is what is waited for.
        let _ = done.wait_for(|done| *done).await;
    }

    /// The same for a thread that may block.
    pub(crate) fn stop_blocking(&self) {
        self.stop.send_replace(true);
        // The lock is held meanwhile, so that a second caller waits as well.
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // An error is a panic of the thread, which has been told already.
            let _ = thread.join();
        }
    }
}
