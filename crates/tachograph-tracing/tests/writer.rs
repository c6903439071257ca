//! A console's writer that logs itself, in a process whose subscriber is set for good: only there does it hear itself. A program of its
//! own, for that.
#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;

use tachograph_sdk::trace::TracerProvider;
use tachograph_tracing::{Console, TelemetrySubscriber};
use tracing::{dispatcher, info};

struct Logs;

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        info!("from the writer");
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_a_writer_logs_itself_is_lost_and_blocks_nothing() {
    let provider = TracerProvider::builder().build();
    let console = Console::pretty().with_writer(Logs);
    let subscriber = TelemetrySubscriber::builder(provider.tracer("test")).with_console(console).build();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let (done, finished) = mpsc::channel();
    // On a thread of its own, so that a deadlock is a failure and not a test that hangs.
    std::thread::spawn(move || {
        info!("one");
        info!("two");
        done.send(()).unwrap();
    });
    assert!(finished.recv_timeout(Duration::from_secs(20)).is_ok(), "blocked");
    let lost = dispatcher::get_default(|dispatch| {
        dispatch.downcast_ref::<TelemetrySubscriber>().map(TelemetrySubscriber::lost_lines)
    });
    assert_eq!(lost, Some(2));
}
