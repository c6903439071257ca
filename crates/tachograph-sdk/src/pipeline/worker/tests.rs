#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::pipeline::{BatchConfig, ExportOutcome, Ledger, sealed};

/// Records of a number each.
struct Numbers;

impl sealed::Sealed for Numbers {}

impl Record for Numbers {
    type Shared = ();
    type View<'a> = u8;
    const NAME: &'static str = "number";

    fn view<'a>(bytes: &'a [u8], (): &'a ()) -> u8 {
        bytes.get(4).copied().unwrap_or_default()
    }
}

struct Keeps(Arc<Mutex<Vec<u8>>>);

impl Exporter<Numbers> for Keeps {
    fn export(&mut self, batch: Batch<'_, Numbers>, _: Deadline) -> ExportOutcome {
        self.0.lock().unwrap().extend(batch.iter());
        ExportOutcome::done()
    }
}

fn push(queue: &Queue, number: u8) -> bool {
    queue.push(5, |place| {
        place[..4].copy_from_slice(&5_u32.to_ne_bytes());
        place[4] = number;
    })
}

/// Runs a worker with a fault over ten numbers in batches of three, each of which is wanted at once; what was exported, and the ledger.
fn run(fault: fn(&Queue)) -> (Vec<u8>, Ledger) {
    let config =
        BatchConfig::spans().with_max_export_batch_size(3).with_schedule_delay(Duration::from_secs(3_600));
    let queue = Arc::new(Queue::new(config.in_range()));
    let kept = Arc::<Mutex<Vec<u8>>>::default();
    let mut worker =
        Worker::<Numbers>::new(Arc::clone(&queue), Arc::new(()), Box::new(Keeps(Arc::clone(&kept))));
    worker.fault = Some(fault);
    (0..10).for_each(|number| assert!(push(&queue, number)));
    {
        let mut inner = lock(&queue.inner);
        inner.flushes_wanted = 1;
    }
    let thread = thread::spawn(move || worker.run());
    let mut inner = lock(&queue.inner);
    while inner.flushes_done < 1 {
        let (again, timeout) =
            queue.done.wait_timeout(inner, Duration::from_secs(20)).unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "the flush does not return");
        inner = again;
    }
    if !inner.finished {
        drop(inner);
        assert!(push(&queue, 10));
        queue.close();
        inner = lock(&queue.inner);
        inner.shutdown = Some(Deadline::NEVER);
    }
    queue.wake(inner);
    thread.join().unwrap();
    assert_eq!(lock(&queue.inner).in_flight, 0);
    assert!(!push(&queue, 11), "it is closed");
    let kept = kept.lock().unwrap().clone();
    (kept, queue.ledger())
}

#[test]
fn a_panic_of_the_worker_costs_the_batch_in_flight_and_no_other() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let (kept, ledger) = run(|_| assert_ne!(CALLS.fetch_add(1, Ordering::Relaxed), 1, "this test's own"));
    assert_eq!(kept, [0, 1, 2, 6, 7, 8, 9, 10]);
    assert_eq!((ledger.created, ledger.exported, ledger.queued), (12, 8, 0), "{ledger}");
    assert_eq!(ledger.dropped.of(reason::WORKER_PANICKED), 3, "{ledger}");
}

#[test]
fn a_panic_with_a_lock_held_does_no_more_harm() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let (kept, ledger) = run(|queue| {
        let _inner = lock(&queue.inner);
        assert_ne!(CALLS.fetch_add(1, Ordering::Relaxed), 0, "this test's own");
    });
    assert_eq!(kept, [3, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(
        (ledger.exported, ledger.dropped.of(reason::WORKER_PANICKED), ledger.queued),
        (8, 3, 0),
        "{ledger}"
    );
}

#[test]
fn a_worker_that_panics_every_time_closes_the_pipeline_and_counts_what_it_had() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let (kept, ledger) = run(|queue| {
        // There is more for as long as it is asked.
        push(queue, 100);
        CALLS.fetch_add(1, Ordering::Relaxed);
        panic!("this test's own");
    });
    assert_eq!((kept.len(), CALLS.load(Ordering::Relaxed)), (0, PANICS as usize));
    assert_eq!((ledger.exported, ledger.queued), (0, 0), "{ledger}");
    assert_eq!(ledger.dropped.of(reason::WORKER_PANICKED), 20, "{ledger}");
    assert_eq!(ledger.dropped.of(reason::ALREADY_SHUTDOWN), 1, "{ledger}");
}
