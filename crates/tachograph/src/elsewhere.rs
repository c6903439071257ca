//! Work that blocks, awaited: in whatever runtime, and in none.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use futures_channel::oneshot;

/// Runs something on a thread of its own, or on this one if there is none to be had.
///
/// It runs to its end whether or not anybody waits. `None` if it panicked.
pub(crate) async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = oneshot::channel();
    // Where this thread finds it again if the other does not start.
    let once = Arc::new(Mutex::new(Some((work, sender))));
    let run = {
        let once = Arc::clone(&once);
        move || run_once(&once)
    };
    if thread::Builder::new().name("tachograph-shutdown".to_owned()).spawn(run).is_err() {
        run_once(&once);
    }
    drop(once);
    receiver.await.ok()
}

/// What is to be run, and who waits for it.
type Once<W, T> = Mutex<Option<(W, oneshot::Sender<T>)>>;

fn run_once<W: FnOnce() -> T, T>(once: &Once<W, T>) {
    let taken = once.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((work, sender)) = taken {
        // Nobody waits any more where the future was dropped.
        let _ = sender.send(work());
    }
}
