//! When the process is asked to end: SIGTERM or Ctrl-C.

use std::io;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use tachograph_sdk::diag;
use tokio::runtime;
use tokio::sync::watch;

use crate::telemetry::Telemetry;

impl Telemetry {
    /// Completes when the process is asked to end: by SIGTERM (what a container's engine and systemd
    /// send) or Ctrl-C; on Windows by Ctrl-C. Give it to `axum::serve(..).with_graceful_shutdown(..)`.
    ///
    /// From the first call on the process does not end by these signals themselves any more, for as long
    /// as it runs, even if the future is dropped. Whoever sends a second one, half a second or more after the
    /// first, does not want to wait: it ends the process at once, with status 130 for Ctrl-C and 143 for
    /// SIGTERM. (Some programs send the same signal twice in a row; that counts as one.)
    ///
    /// Works in any runtime: the signals are listened to on a thread of its own, one for the process. All
    /// futures complete by the first signal, those asked for later at once.
    pub fn drain_signal(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut asked = watcher();
        async move {
            if asked.wait_for(|asked| *asked).await.is_err() {
                // Nobody listens, as was reported; the service goes on.
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Signals within this time of the first are the same request.
const SAME: Duration = Duration::from_millis(500);

/// Becomes true with the first signal; closed where signals cannot be listened to.
fn watcher() -> watch::Receiver<bool> {
    static ASKED: OnceLock<watch::Receiver<bool>> = OnceLock::new();
    ASKED.get_or_init(listen).clone()
}

fn listen() -> watch::Receiver<bool> {
    let (ask, asked) = watch::channel(false);
    let (ready, is_ready) = std::sync::mpsc::channel();
    let spawned = thread::Builder::new().name("tachograph-signal".to_owned()).spawn(move || {
        let runtime = match runtime::Builder::new_current_thread().enable_io().build() {
            Ok(runtime) => runtime,
            Err(error) => return report(&error),
        };
        let end = runtime.block_on(async {
            let mut signals = Signals::new()?;
            // From here on no signal is missed.
            let _ = ready.send(());
            signals.next().await;
            ask.send_replace(true);
            let first = Instant::now();
            loop {
                let status = signals.next().await;
                if first.elapsed() >= SAME {
                    return io::Result::Ok(status);
                }
            }
        });
        match end {
            Ok(status) => {
                diag::report("signal.second", "", "asked to end for the second time: ending at once");
                std::process::exit(status);
            }
            Err(error) => report(&error),
        }
    });
    if let Err(error) = spawned {
        report(&error);
    }
    // An error means that the thread has reported why it cannot listen.
    let _ = is_ready.recv();
    asked
}

fn report(error: &io::Error) {
    diag::report(
        "signal",
        "",
        format_args!(
            "SIGTERM and Ctrl-C cannot be listened to, so the service does not drain by them: {error}"
        ),
    );
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for a signal, and says with which status a process ends that dies of it.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => 143,
            _ = self.interrupt.recv() => 130,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Signals)
    }

    async fn next(&mut self) -> i32 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        130
    }
}
