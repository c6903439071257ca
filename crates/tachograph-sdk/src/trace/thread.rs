use std::fmt;
use std::rc::Rc;

use super::core::Core;
use super::local::Local;

/// What a thread keeps for the spans of one provider: their counts, the sampler in force, the buffer of those that ended.
///
/// A [`Tracer`](super::Tracer) looks it up whenever a span starts or ends. Code that has a place of the thread's own anyway, as
/// a `tracing` subscriber does, asks for it once ([`Tracer::thread`](super::Tracer::thread)), keeps it there, and gives it to
/// [`Tracer::start_child_on`](super::Tracer::start_child_on) and [`Tracer::end_child_on`](super::Tracer::end_child_on). It keeps
/// nothing of the provider alive but the thread's counters and its last sampler.
#[derive(Clone)]
pub struct SpanThread(pub(super) Rc<Local>);

impl SpanThread {
    /// What is kept, if it is of this engine.
    #[inline(always)]
    pub(super) fn of(&self, core: &Core) -> Option<&Local> {
        (self.0.engine == core.id).then_some(&*self.0)
    }
}

impl fmt::Debug for SpanThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanThread").field("engine", &self.0.engine).finish_non_exhaustive()
    }
}
