//! Which traces are exported, decided when they are over.

mod account;
mod fate;
mod held;
mod processor;
mod quantile;

use std::borrow::Cow;
use std::time::Duration;

pub use account::TailAccount;
pub use fate::TraceFate;
pub(crate) use processor::TailProcessor;

/// Local tail sampling: what of each trace happens in this process is held until it is over here, and exported whole if it
/// turned out to be worth it.
///
/// A trace is kept if any of its spans has an error, if it was slow, if it was marked, and otherwise by a ratio. *Slow*
/// is by the duration of its local root (the span without a parent in this process); it is over when its last open local root
/// has ended. Spans that end later share its fate.
///
/// ```
/// use std::time::Duration;
/// use tachograph_sdk::trace::{TailSampling, TracerProvider};
///
/// let provider = TracerProvider::builder()
///     .with_tail_sampling(TailSampling::new(0.05).keep_slow(Duration::from_millis(500)).keep_slowest(0.99))
///     .build();
/// # let _ = provider;
/// ```
///
/// # What others see
///
/// The sampled flag is sent downstream while the trace still runs, so that it says what the sampler decided at the start:
/// services that are called record and export their parts, whatever is decided here later. A trace that is dropped
/// here, then, may show up at the collector without this process's part; each process decides for itself, unless all use the
/// same ratio and nothing else. Sample at the head what must be whole everywhere.
///
/// # Flushing
///
/// A [flush](super::TracerProvider::flush) does not decide anything: spans of traces that are not over stay held, and are
/// not exported by it. A [shutdown](super::TracerProvider::shutdown) decides all of them with what is known by then.
///
/// # Bounds
///
/// So many traces and so many bytes are held, and no more. The oldest trace makes room: it is decided with what is
/// known of it, and its later spans share that decision.
#[derive(Clone, Debug)]
pub struct TailSampling {
    pub(crate) ratio: f64,
    pub(crate) slow: Option<Duration>,
    pub(crate) quantile: Option<f64>,
    pub(crate) mark: Cow<'static, str>,
    pub(crate) max_bytes: usize,
    pub(crate) max_traces: usize,
}

impl TailSampling {
    /// Keeps traces with errors, marked ones, and a share of all others: from 0 to 1, by the trace's id.
    ///
    /// It looks at the same bits as [`TraceIdRatio`](super::TraceIdRatio), so that services decide alike. So the share is of all traces,
    /// not of those that a ratio at the head has left: under one of 0.1, a ratio of 0.1 or more keeps all of these, and 0.05 half.
    pub fn new(ratio_of_others: f64) -> Self {
        TailSampling {
            ratio: ratio_of_others,
            slow: None,
            quantile: None,
            mark: Cow::Borrowed("sampling.keep"),
            max_bytes: 16 << 20,
            max_traces: 10_000,
        }
    }

    /// Keeps traces that take at least so long.
    #[must_use]
    pub fn keep_slow(mut self, threshold: Duration) -> Self {
        self.slow = Some(threshold);
        self
    }

    /// Keeps traces that take longer than such a share of those before them, of which the later count more: 0.99 keeps the
    /// slowest of a hundred. Begins after a hundred traces.
    #[must_use]
    pub fn keep_slowest(mut self, quantile: f64) -> Self {
        self.quantile = Some(quantile.clamp(0.0, 1.0)).filter(|quantile| !quantile.is_nan());
        self
    }

    /// The attribute that marks a trace, on any of its spans, with the value `true`; `sampling.keep` unless set. Code that
    /// has no span at hand marks by [`TracerProvider::keep_trace`](super::TracerProvider::keep_trace).
    #[must_use]
    pub fn with_mark(mut self, key: impl Into<Cow<'static, str>>) -> Self {
        self.mark = key.into();
        self
    }

    /// How many bytes the buffers of held spans take at most, what they could still take in included; 16 MiB. A span is
    /// taken in first and room made then, so that for a moment it is more by as much as the buffer of its trace grows. What is kept
    /// of each trace beside its spans, a few hundred bytes, is bounded by [`with_max_traces`](Self::with_max_traces).
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How many traces are held, and of how many the decision is remembered for spans that end late; 10,000.
    #[must_use]
    pub fn with_max_traces(mut self, traces: usize) -> Self {
        self.max_traces = traces.max(1);
        self
    }
}
