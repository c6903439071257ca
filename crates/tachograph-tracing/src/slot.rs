//! Where a span lives between its creation and its close.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceFlags, TraceId, TraceState};
use tachograph_sdk::trace::{LiveSpan, Parent};
use tracing::Metadata;

use crate::fields::Fields;
use crate::site::Site;
use crate::special::Special;
use crate::timing::Timing;

/// The span's parent is in another process.
pub(crate) const REMOTE: u32 = 1 << 8;
/// The engine records it.
pub(crate) const RECORDING: u32 = 1 << 9;
/// It has a trace state, to be read under the lock.
pub(crate) const HAS_STATE: u32 = 1 << 10;
/// It has a context that is attached whenever it is entered.
pub(crate) const ATTACH: u32 = 1 << 11;
/// The ids are an ancestor's: the engine never started it.
pub(crate) const BORROWED: u32 = 1 << 12;
/// What is recorded is held, in case that another parent makes the span one that is recorded.
pub(crate) const HELD: u32 = 1 << 13;

/// The console shows it around what happens in it.
pub(crate) const SHOWN: u32 = 1 << 14;

const SAMPLED: u32 = 1;

/// Who a span is, to those that are made under it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    /// The trace flags in the low byte, and the constants above.
    pub(crate) bits: u32,
}

impl Identity {
    pub(crate) fn of(context: &SpanContext) -> Self {
        Identity {
            trace_id: u128::from_be_bytes(context.trace_id().to_bytes()),
            span_id: u64::from_be_bytes(context.span_id().to_bytes()),
            bits: u32::from(context.trace_flags().to_u8()) | if context.is_remote() { REMOTE } else { 0 },
        }
    }

    pub(crate) fn is_valid(self) -> bool {
        self.trace_id != 0 && self.span_id != 0
    }

    pub(crate) fn is_sampled(self) -> bool {
        self.bits & SAMPLED != 0
    }

    pub(crate) fn has(self, bit: u32) -> bool {
        self.bits & bit != 0
    }

    pub(crate) fn trace_id(self) -> TraceId {
        TraceId::from(self.trace_id)
    }

    pub(crate) fn span_id(self) -> SpanId {
        SpanId::from(self.span_id)
    }

    pub(crate) fn as_parent(self, trace_state: Option<&TraceState>) -> Parent<'_> {
        Parent {
            trace_id: self.trace_id(),
            span_id: self.span_id(),
            trace_flags: TraceFlags::new(self.bits as u8),
            is_remote: self.has(REMOTE),
            trace_state,
        }
    }
}

/// One span.
///
/// The lock guards what is recorded. A new child and the entering of a span need only the identity, which is read
/// without it: the writer, who has the lock, makes the version odd while it writes, and a reader that sees an odd version or
/// another one afterwards reads again. All parts are atomics, so that a torn read is merely useless.
///
/// What is read without the lock is one line of the processor's cache, in front.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Slot {
    /// Handles to the span. Who has the only one may close it without a write: nobody else is there to make another.
    handles: AtomicUsize,
    /// How often it was given back; part of its number.
    generation: AtomicU32,
    /// Which callsite the span is of.
    site: AtomicU32,
    version: AtomicU32,
    bits: AtomicU32,
    trace: [AtomicU64; 2],
    span: AtomicU64,
    /// The slot that events in this span are recorded in: its own, or that of the nearest span that was started.
    events: AtomicU64,
    /// The `tracing` parent's number, for the console.
    parent: AtomicU64,
    inner: Mutex<Inner>,
}

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) live: LiveSpan,
    /// The span as foreign code sees it.
    pub(crate) context: Option<Context>,
    pub(crate) kind: SpanKind,
    /// When it started, where the engine does not know.
    pub(crate) start: u64,
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
    /// What was recorded though the sampler dropped the span; see [`HELD`].
    pub(crate) held: Fields,
    /// The fields as the console prints them.
    pub(crate) printed: String,
}

impl Default for Inner {
    fn default() -> Self {
        Inner {
            live: LiveSpan::new(),
            context: None,
            kind: SpanKind::Internal,
            start: 0,
            holds: false,
            timing: Timing::default(),
            has_extras: false,
            extras: Extras::default(),
        }
    }
}

impl Slot {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes it a span's, with one handle.
    #[inline]
    pub(crate) fn begin(&self, identity: &Identity, events: u64, site: Site) {
        self.handles.store(1, Ordering::Relaxed);
        self.events.store(events, Ordering::Relaxed);
        self.site.store(site.bits(), Ordering::Relaxed);
        self.set_identity(*identity);
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
        Site::kept(self.site.load(Ordering::Relaxed)).metadata()
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
        self.bits.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn identity(&self) -> Identity {
        loop {
            let version = self.version.load(Ordering::Acquire);
            let high = u128::from(self.trace[0].load(Ordering::Relaxed));
            let low = u128::from(self.trace[1].load(Ordering::Relaxed));
            let identity = Identity {
                trace_id: high << 64 | low,
                span_id: self.span.load(Ordering::Relaxed),
                bits: self.bits.load(Ordering::Relaxed),
            };
            fence(Ordering::Acquire);
            if version.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == version {
                return identity;
            }
            std::thread::yield_now();
        }
    }

    /// Only for who has the lock, or made the slot and has told nobody yet.
    #[inline]
    pub(crate) fn set_identity(&self, identity: Identity) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        self.trace[0].store((identity.trace_id >> 64) as u64, Ordering::Relaxed);
        self.trace[1].store(identity.trace_id as u64, Ordering::Relaxed);
        self.span.store(identity.span_id, Ordering::Relaxed);
        self.bits.store(identity.bits, Ordering::Relaxed);
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }
}

impl Inner {
    /// To put something in.
    pub(crate) fn extras(&mut self) -> &mut Extras {
        self.has_extras = true;
        &mut self.extras
    }

    /// Empties it, but for the buffers.
    #[inline]
    pub(crate) fn forget(&mut self) {
        if std::mem::take(&mut self.has_extras) {
            self.extras.special.clear();
            self.extras.held.clear();
            self.extras.printed.clear();
        }
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
        Identity {
            trace_id: u128::from_be_bytes(live.trace_id().to_bytes()),
            span_id: u64::from_be_bytes(live.span_id().to_bytes()),
            bits,
        }
    }
}
