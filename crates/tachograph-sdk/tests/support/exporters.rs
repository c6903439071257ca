//! Exporters that do what tests want.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tachograph_sdk::Resource;
use tachograph_sdk::pipeline::{Batch, BatchConfig, Deadline, ExportOutcome, Exporter, Ledger};
use tachograph_sdk::trace::{
    LiveSpan, SpanStart, Spans, TraceAccount, TracerProvider, TracerProviderBuilder,
};

/// A deadline that is only reached when something hangs.
pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

/// An exporter made of a function.
pub(crate) struct By<F>(pub(crate) F);

impl<F: FnMut(Batch<'_, Spans>, Deadline) -> ExportOutcome + Send + 'static> Exporter<Spans> for By<F> {
    fn export(&mut self, batch: Batch<'_, Spans>, deadline: Deadline) -> ExportOutcome {
        (self.0)(batch, deadline)
    }
}

/// What an exporter saw: the size of each batch.
pub(crate) type Sizes = Arc<Mutex<Vec<usize>>>;

/// An exporter that notes sizes.
pub(crate) fn noting() -> (Sizes, impl Exporter<Spans>) {
    let sizes = Sizes::default();
    let noted = Arc::clone(&sizes);
    let exporter = By(move |batch: Batch<'_, Spans>, _| {
        assert_eq!(batch.len(), batch.iter().count());
        noted.lock().unwrap().push(batch.len());
        ExportOutcome::done()
    });
    (sizes, exporter)
}

/// Holds exporters up until it is opened.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<(bool, usize)>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        self.0.0.lock().unwrap().0 = true;
        self.0.1.notify_all();
    }

    /// Waits until an exporter stands at the gate.
    pub(crate) fn wait_for_exporter(&self) {
        let (state, changed) = &*self.0;
        let state = state.lock().unwrap();
        let (_state, timeout) =
            changed.wait_timeout_while(state, Duration::from_secs(20), |(_, waiting)| *waiting == 0).unwrap();
        assert!(!timeout.timed_out(), "no export began");
    }

    pub(crate) fn exporter(&self) -> impl Exporter<Spans> + use<> {
        let gate = self.clone();
        By(move |_: Batch<'_, Spans>, _| {
            let (state, changed) = &*gate.0;
            let mut state = state.lock().unwrap();
            state.1 += 1;
            changed.notify_all();
            let mut state = changed.wait_while(state, |(open, _)| !*open).unwrap();
            state.1 -= 1;
            ExportOutcome::done()
        })
    }
}

/// A provider without a resource, which is quicker to make.
pub(crate) fn bare() -> TracerProviderBuilder {
    TracerProvider::builder().with_resource(Resource::builder_empty().build())
}

pub(crate) fn batched(exporter: impl Exporter<Spans>, config: BatchConfig) -> TracerProvider {
    bare().with_batch_exporter(exporter, config).build()
}

/// One whose exporter panics when it is called for the second time; each span is a batch, or each flush.
pub(crate) fn whose_second_export_panics(each_span: bool) -> TracerProvider {
    let calls = AtomicUsize::new(0);
    let exporter = By(move |_: Batch<'_, Spans>, _| match calls.fetch_add(1, Ordering::Relaxed) {
        1 => panic!("this test's own"),
        _ => ExportOutcome::done(),
    });
    match each_span {
        true => bare().with_simple_exporter(exporter).build(),
        false => batched(exporter, unscheduled()),
    }
}

/// A schedule that a test does not live to see.
pub(crate) fn unscheduled() -> BatchConfig {
    BatchConfig::spans().with_schedule_delay(Duration::from_secs(3_600))
}

/// Starts and ends spans.
pub(crate) fn record(provider: &TracerProvider, spans: usize) {
    let tracer = provider.tracer("test");
    let mut live = LiveSpan::new();
    for _ in 0..spans {
        assert!(tracer.start_span(&mut live, SpanStart::new("span")));
        tracer.end_span(&mut live, None);
    }
}

/// The account of a provider's only exporter; it is balanced.
#[track_caller]
pub(crate) fn ledger(account: &TraceAccount) -> &Ledger {
    let [(_, ledger)] = &account.exports[..] else { panic!("one exporter: {account}") };
    assert!(ledger.is_balanced(), "{account}");
    ledger
}
