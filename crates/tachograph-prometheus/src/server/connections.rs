//! How many connections there are at a time, and which of them makes room for another.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tachograph_sdk::diag;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// The connections of a server, over all its addresses.
///
/// When there are as many as there may be, the one that has made no progress for the longest time is closed for the
/// next: so that clients that are slow, or silent, or gone, keep nobody out, however many they are. One that
/// made progress just now, or that waits for its page to be begun, is never closed.
pub(super) struct Connections {
    slots: Arc<Semaphore>,
    limit: usize,
    /// How long a connection is left alone that makes no progress.
    patience: Duration,
    began: Instant,
    open: Mutex<Vec<Open>>,
}

struct Open {
    progress: Progress,
    task: AbortHandle,
}

/// When a connection last read or wrote something: milliseconds since the server began, or [`AT_WORK`].
#[derive(Clone)]
pub(super) struct Progress {
    began: Instant,
    last: Arc<AtomicU64>,
}

/// In the place of a time: the server is at work for it, so that its client cannot be idle.
const AT_WORK: u64 = u64::MAX;

impl Progress {
    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// The connection has come on.
    pub(super) fn note(&self) {
        self.last.store(self.now(), Ordering::Relaxed);
    }

    /// It waits for the server, until it is [noted](Self::note) next.
    pub(super) fn wait_for_server(&self) {
        self.last.store(AT_WORK, Ordering::Relaxed);
    }

    fn idle(&self) -> Duration {
        Duration::from_millis(self.now().saturating_sub(self.last.load(Ordering::Relaxed)))
    }
}

impl Connections {
    pub(super) fn new(limit: usize, patience: Duration) -> Self {
        Connections {
            slots: Arc::new(Semaphore::new(limit)),
            limit,
            patience,
            began: Instant::now(),
            open: Mutex::default(),
        }
    }

    /// What a new connection reports its progress to.
    pub(super) fn progress(&self) -> Progress {
        let progress = Progress { began: self.began, last: Arc::default() };
        progress.note();
        progress
    }

    /// Waits for a place, and makes one where nobody leaves.
    pub(super) async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
                return Some(slot);
            }
            let pause = self.make_room();
            // Whoever was closed leaves when its task runs next.
            if let Ok(slot) = timeout(pause, Arc::clone(&self.slots).acquire_owned()).await {
                return slot.ok();
            }
        }
    }

    /// Closes the connection that has been idle for the longest time, if that is long enough; returns how long to
    /// wait for a place.
    fn make_room(&self) -> Duration {
        let mut open = self.lock();
        open.retain(|connection| !connection.task.is_finished());
        let slowest = open.iter().enumerate().max_by_key(|(_, connection)| connection.progress.idle());
        let Some((at, idle)) = slowest.map(|(at, connection)| (at, connection.progress.idle())) else {
            return self.patience;
        };
        if idle < self.patience {
            return self.patience - idle;
        }
        open.swap_remove(at).task.abort();
        drop(open);
        diag::report(
            "prometheus.connections",
            "",
            format_args!(
                "the port for Prometheus has {} connections, as many as it may: the one that had been idle for longest \
                 ({idle:?}) was closed to make room; look at who connects to it",
                self.limit
            ),
        );
        self.patience
    }

    /// Enters a connection that is served by a task.
    pub(super) fn enter(&self, progress: Progress, task: AbortHandle) {
        let mut open = self.lock();
        open.retain(|connection| !connection.task.is_finished());
        open.push(Open { progress, task });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that notes its progress.
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) progress: Progress,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if polled.is_ready() && buffer.filled().len() > before {
            self.progress.note();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if matches!(polled, Poll::Ready(Ok(written)) if written > 0) {
            self.progress.note();
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        if matches!(polled, Poll::Ready(Ok(written)) if written > 0) {
            self.progress.note();
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
