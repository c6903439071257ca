use std::cell::Cell;

use opentelemetry::Context;

thread_local! {
    /// Whether this thread is in an exporter.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Says that this thread is in an exporter, until it is dropped.
///
/// Not a suppressed context: a span may end, and be exported, while the API holds this thread's context borrowed
/// (in `get_active_span`, in a sampler), and attaching one would panic.
pub(super) struct Inside;

impl Inside {
    /// `None` where the thread is in one already.
    pub(super) fn enter() -> Option<Self> {
        (!INSIDE.replace(true)).then(|| Inside)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}

/// Whether what this thread does now is not to be traced, because it is in an exporter of this SDK.
#[inline]
pub(crate) fn is_inside() -> bool {
    INSIDE.get()
}

/// Whether telemetry made on this thread now is to be thrown away: the thread is in an exporter, or its context says
/// so. Whoever makes telemetry without the API's context asks this.
#[inline]
pub fn is_suppressed() -> bool {
    is_inside() || Context::is_current_telemetry_suppressed()
}
