//! The exporter's own runtime: one thread's worth, on whichever thread exports.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{fmt, io, thread};

use opentelemetry::Context;
use tokio::runtime::{Builder, Handle, Runtime};

/// Threads that look names up. One that hangs must not keep the next from being looked up.
const LOOKUPS: usize = 2;

/// A runtime that is made when it is needed, and made anew when what ran on it has panicked.
#[derive(Default)]
pub(crate) struct OwnRuntime(Option<Runtime>);

/// Why something did not run to its end.
pub(crate) enum Broken {
    Panicked(Box<dyn Any + Send>),
    /// The system had no thread, or no file, for it.
    System(io::Error),
}

impl OwnRuntime {
    /// Runs a future to its end, and blocks meanwhile.
    ///
    /// A thread that a runtime owns must not block on another; what is called on such a thread works on one of its
    /// own, for which the caller waits all the same.
    pub(crate) fn block_on<F>(&mut self, future: F) -> Result<F::Output, Broken>
    where
        F: Future + Send,
        F::Output: Send,
    {
        let runtime = match self.0.take() {
            Some(runtime) => runtime,
            None => Builder::new_current_thread()
                .enable_io()
                .enable_time()
                .max_blocking_threads(LOOKUPS)
                .thread_name("tachograph-lookup")
                .build()
                .map_err(Broken::System)?,
        };
        let run = || catch_unwind(AssertUnwindSafe(|| runtime.block_on(future)));
        let foreign = Handle::try_current().map_or_else(|error| !error.is_missing_context(), |_| true);
        let result = match foreign {
            true => elsewhere(run),
            false => Ok(run()),
        };
        match result {
            Ok(Ok(output)) => {
                self.0 = Some(runtime);
                Ok(output)
            }
            Ok(Err(panic)) => {
                // Who knows what it left behind.
                runtime.shutdown_background();
                Err(Broken::Panicked(panic))
            }
            Err(error) => {
                self.0 = Some(runtime);
                Err(Broken::System(error))
            }
        }
    }
}

/// Runs something on a thread of its own, on which telemetry is suppressed as it is on this one.
fn elsewhere<T: Send>(run: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let named = thread::Builder::new().name("tachograph-otlp".to_owned());
        let thread = named.spawn_scoped(scope, || {
            let _suppressed = Context::enter_telemetry_suppressed_scope();
            run()
        })?;
        thread.join().map_err(|_| io::Error::other("the thread ended early"))
    })
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        // An ordinary drop waits for a name that is being looked up, and panics in somebody else's task.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for OwnRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnRuntime").field(&self.0.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_that_panicked_is_made_anew() {
        let mut runtime = OwnRuntime::default();
        let broken = runtime.block_on(async { panic!("a test's panic") });
        assert!(matches!(broken, Err::<(), _>(Broken::Panicked(_))));
        assert!(runtime.block_on(async { tokio::task::yield_now().await }).is_ok());
    }

    #[test]
    fn it_works_on_a_thread_of_any_other_runtime_and_is_dropped_there() {
        let builders = [Builder::new_current_thread(), Builder::new_multi_thread()];
        for mut builder in builders {
            builder.build().unwrap().block_on(async {
                let mut runtime = OwnRuntime::default();
                let suppressed = runtime.block_on(async {
                    tokio::task::yield_now().await;
                    Context::is_current_telemetry_suppressed()
                });
                assert!(suppressed.is_ok_and(|suppressed| suppressed));
            });
        }
    }
}
