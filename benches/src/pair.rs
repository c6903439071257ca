//! Two threads on the same thing at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Runs `n` operations.
pub(crate) type Operation = Arc<dyn Fn(usize) + Send + Sync>;

/// A second thread that lives as long as its contender, so that what a thread sets up once
/// (a page of cells, a cache) is set up once.
pub(crate) struct Pair {
    operation: Operation,
    arrived: Arc<AtomicUsize>,
    orders: Option<Sender<usize>>,
    times: Receiver<Duration>,
    worker: Option<JoinHandle<()>>,
}

impl Pair {
    pub(crate) fn new(operation: Operation) -> Self {
        let arrived = Arc::new(AtomicUsize::new(0));
        let (orders, received) = channel::<usize>();
        let (report, times) = channel();
        let (worker_operation, worker_arrived) = (operation.clone(), arrived.clone());
        let worker = thread::spawn(move || {
            while let Ok(n) = received.recv() {
                if report.send(run(&worker_operation, &worker_arrived, n)).is_err() {
                    return;
                }
            }
        });
        Self { operation, arrived, orders: Some(orders), times, worker: Some(worker) }
    }

    /// Both threads run `n` operations, starting together; the mean of the times they took.
    pub(crate) fn run(&mut self, n: usize) -> Duration {
        self.arrived.store(0, Ordering::Release);
        if let Some(orders) = &self.orders {
            // A worker that is gone leaves the figure of one thread; it cannot be, short of a panic there.
            let _ = orders.send(n);
        }
        let own = run(&self.operation, &self.arrived, n);
        (own + self.times.recv().unwrap_or(own)) / 2
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

/// Warms up, waits for the other by spinning (so that both are on a processor when it starts), measures.
fn run(operation: &Operation, arrived: &AtomicUsize, n: usize) -> Duration {
    operation(n / 8 + 1);
    arrived.fetch_add(1, Ordering::AcqRel);
    while arrived.load(Ordering::Acquire) < 2 {
        std::hint::spin_loop();
    }
    let start = Instant::now();
    operation(n);
    start.elapsed()
}
