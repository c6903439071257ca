//! Where a span lives between its creation and its close.

use opentelemetry::Context;
use opentelemetry::trace::{SpanKind, TraceState};
use tachograph_sdk::trace::{LiveSpan, Moment};
use tachograph_sdk::{QuickGuard, QuickLock};
use tracing::Metadata;

use crate::fields::Fields;
use crate::identity::{ATTACH, BORROWED, HAS_STATE, HELD, Identity, IdentityCell, RECORDING, SHOWN};
use crate::site::Site;
use crate::special::Special;
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use crate::timing::Timing;

/// One span.
///
/// The lock guards what is recorded. A new child and the entering of a span need only the identity, which is read
/// without it. What is read without the lock is one line of the processor's cache, in front.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Slot {
    /// Handles to the span. Who has the only one may close it without a write: nobody else is there to make another.
    handles: AtomicUsize,
    /// How often it was given back; part of its number.
    generation: AtomicU32,
    /// Which callsite the span is of.
    site: AtomicU32,
    /// Written by who has the lock, or made the slot and has told nobody yet.
    identity: IdentityCell,
    /// The slot that events in this span are recorded in: its own, or that of the nearest span that was started.
    events: AtomicU64,
    /// The `tracing` parent's number, for the console.
    parent: AtomicU64,
    inner: QuickLock<Inner>,
}

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) live: LiveSpan,
    /// The span as foreign code sees it.
    pub(crate) context: Option<Context>,
    pub(crate) kind: SpanKind,
    /// When it started, where the engine does not know and somebody looked at the clock.
    pub(crate) start: Option<Moment>,
    /// See [`HELD`]; of when the span was made.
    pub(crate) holds: bool,
    pub(crate) timing: Timing,
    /// Whether there is anything in the next.
    has_extras: bool,
    pub(crate) extras: Extras,
}

/// What few spans have. Empty when a slot is taken.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// `otel.name` and the like.
    pub(crate) special: Special,
    /// The trace state of a span that has the ids of one of the `opentelemetry` API.
    pub(crate) state: TraceState,
    /// What was recorded though the sampler dropped the span; see [`HELD`].
    pub(crate) held: Fields,
    /// What is said of the errors below those that were recorded, by field. For the console: the engine has it in events.
    pub(crate) causes: Fields,
}

impl Default for Inner {
    fn default() -> Self {
        Inner {
            live: LiveSpan::new(),
            context: None,
            kind: SpanKind::Internal,
            start: None,
            holds: false,
            timing: Timing::default(),
            has_extras: false,
            extras: Extras::default(),
        }
    }
}

impl Slot {
    /// One that was not used yet.
    pub(crate) fn of_generation(generation: u32) -> Self {
        Slot { generation: AtomicU32::new(generation), ..Slot::default() }
    }

    /// For who makes the span, or has its last handle; for others there is [`lock`](crate::core::lock), which looks whether it is still
    /// the one that they mean.
    #[inline(always)]
    pub(crate) fn lock(&self) -> QuickGuard<'_, Inner> {
        self.inner.lock()
    }

    /// Makes it a span's, with one handle.
    #[inline(always)]
    pub(crate) fn begin(&self, identity: &Identity, events: u64, site: Site) {
        self.handles.store(1, Ordering::Relaxed);
        self.events.store(events, Ordering::Relaxed);
        self.site.store(site.bits(), Ordering::Relaxed);
        self.set_identity(*identity);
    }

    /// As [`begin`](Self::begin), for a span that the engine does not start: it has the ids of the one above.
    #[inline(always)]
    pub(crate) fn borrow(&self, parent: Identity, events: u64, site: Site) {
        let bits = parent.bits & !(ATTACH | HELD | RECORDING | SHOWN) | BORROWED;
        self.begin(&Identity { bits, ..parent }, events, site);
    }

    #[inline]
    pub(crate) fn generation(&self) -> u32 {
        self.generation.load(Ordering::Acquire)
    }

    /// Ends its present use. Only for who had the last handle: nobody else changes the generation.
    #[inline]
    pub(crate) fn retire(&self) {
        self.generation.store(self.generation.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    pub(crate) fn parent(&self) -> u64 {
        self.parent.load(Ordering::Relaxed)
    }

    pub(crate) fn set_parent(&self, number: u64) {
        self.parent.store(number, Ordering::Relaxed);
    }

    /// The metadata of the span's callsite.
    pub(crate) fn metadata(&self) -> Option<&'static Metadata<'static>> {
        Site::kept(self.site.load(Ordering::Relaxed)).map(Site::metadata)
    }

    #[inline]
    pub(crate) fn add_handle(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// Says whether that was the last.
    #[inline]
    pub(crate) fn drop_handle(&self) -> bool {
        self.handles.load(Ordering::Acquire) == 1 || self.handles.fetch_sub(1, Ordering::AcqRel) == 1
    }

    #[inline]
    pub(crate) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    pub(crate) fn set_events(&self, number: u64) {
        self.events.store(number, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn bits(&self) -> u32 {
        self.identity.bits()
    }

    /// As [`set_identity`](Self::set_identity), for who made the slot and has told nobody yet.
    #[inline]
    pub(crate) fn add_bits(&self, bits: u32) {
        self.identity.add_bits(bits);
    }

    #[inline]
    pub(crate) fn identity(&self) -> Identity {
        self.identity.get()
    }

    /// Only for who has the lock, or made the slot and has told nobody yet.
    #[inline]
    pub(crate) fn set_identity(&self, identity: Identity) {
        self.identity.set(identity);
    }
}

impl Inner {
    /// To put something in.
    pub(crate) fn extras(&mut self) -> &mut Extras {
        self.has_extras = true;
        &mut self.extras
    }

    /// Empties it, but for the buffers.
    #[inline(always)]
    pub(crate) fn forget(&mut self) {
        if self.has_extras {
            self.forget_extras();
        }
    }

    #[inline(never)]
    fn forget_extras(&mut self) {
        self.has_extras = false;
        self.extras.special.clear();
        self.extras.state = TraceState::NONE;
        self.extras.held.clear();
        self.extras.causes.clear();
    }

    /// The identity of what the engine started.
    pub(crate) fn identity(&self) -> Identity {
        let live = &self.live;
        let mut bits = u32::from(live.trace_flags().to_u8());
        if live.is_recording() {
            bits |= RECORDING;
        }
        if *live.trace_state() != TraceState::NONE {
            bits |= HAS_STATE;
        }
        if self.context.is_some() {
            bits |= ATTACH;
        }
        let trace_id = u128::from_be_bytes(live.trace_id().to_bytes());
        Identity::new(trace_id, u64::from_be_bytes(live.span_id().to_bytes()), bits)
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;
    use tachograph_sdk::explore;

    use super::*;

    #[test]
    fn the_last_of_the_handles_is_one_whoever_takes_and_drops_them() {
        explore(None, || {
            let slot = Arc::new(Slot::default());
            slot.handles.store(2, Ordering::Relaxed);
            let other = Arc::clone(&slot);
            let closer = thread::spawn(move || usize::from(other.drop_handle()));
            slot.add_handle();
            let last = usize::from(slot.drop_handle()) + usize::from(slot.drop_handle());
            assert_eq!(last + closer.join().unwrap(), 1);
        });
    }
}
