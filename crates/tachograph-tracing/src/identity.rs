//! Who a span is, read without a lock.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use tachograph_sdk::trace::Parent;

use crate::sync::{AtomicU32, AtomicU64, Ordering, fence, yield_now};

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

/// A span under it that the engine need not start may have its ids as they are: they are valid, of this process, not sampled, and
/// without a trace state.
pub(crate) const LENDS: u32 = 1 << 15;

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
        Identity::new(
            u128::from_be_bytes(context.trace_id().to_bytes()),
            u64::from_be_bytes(context.span_id().to_bytes()),
            u32::from(context.trace_flags().to_u8())
                | if context.is_remote() { REMOTE } else { 0 }
                | if *context.trace_state() == TraceState::NONE { 0 } else { HAS_STATE },
        )
    }

    /// With the bit that says what spans under it may do, which follows from the others.
    pub(crate) fn new(trace_id: u128, span_id: u64, bits: u32) -> Self {
        let lends = trace_id != 0 && span_id != 0 && bits & (SAMPLED | REMOTE | HAS_STATE) == 0;
        Identity { trace_id, span_id, bits: bits & !LENDS | if lends { LENDS } else { 0 } }
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

/// An identity that is read without a lock while its one writer replaces it.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct IdentityCell {
    /// # Protocol
    ///
    /// The writer, of whom there is one at a time, makes the version odd before it writes, and even again after (release). A
    /// reader that sees an odd version, or another one after it has read, reads again. All parts are atomics, so that a torn
    /// read is merely useless.
    version: AtomicU32,
    bits: AtomicU32,
    trace: [AtomicU64; 2],
    span: AtomicU64,
}

impl IdentityCell {
    #[inline]
    pub(crate) fn bits(&self) -> u32 {
        self.bits.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> Identity {
        loop {
            if let Some(identity) = self.try_get() {
                return identity;
            }
            wait();
        }
    }

    #[inline(always)]
    fn try_get(&self) -> Option<Identity> {
        let version = self.version.load(Ordering::Acquire);
        let high = u128::from(self.trace[0].load(Ordering::Relaxed));
        let low = u128::from(self.trace[1].load(Ordering::Relaxed));
        let identity = Identity {
            trace_id: high << 64 | low,
            span_id: self.span.load(Ordering::Relaxed),
            bits: self.bits.load(Ordering::Relaxed),
        };
        // The second version is read after the parts.
        fence(Ordering::Acquire);
        let is_whole = version.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == version;
        is_whole.then_some(identity)
    }

    /// Adds to the bits of a span that nobody else knows yet.
    #[inline]
    pub(crate) fn add_bits(&self, bits: u32) {
        self.bits.store(self.bits() | bits, Ordering::Relaxed);
    }

    /// For one writer at a time.
    #[inline(always)]
    pub(crate) fn set(&self, identity: Identity) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        // The odd version is visible before anything of the new identity.
        fence(Ordering::Release);
        self.trace[0].store((identity.trace_id >> 64) as u64, Ordering::Relaxed);
        self.trace[1].store(identity.trace_id as u64, Ordering::Relaxed);
        self.span.store(identity.span_id, Ordering::Relaxed);
        self.bits.store(identity.bits, Ordering::Relaxed);
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }
}

/// Lets the writer go on. Out of line, so that nothing is prepared for it.
#[cold]
#[inline(never)]
fn wait() {
    yield_now();
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;
    use tachograph_sdk::explore;

    use super::*;

    #[test]
    fn an_identity_is_read_whole_while_it_is_replaced() {
        explore(None, || {
            let of = |n: u64| Identity {
                trace_id: u128::from(n) << 64 | u128::from(n),
                span_id: n,
                bits: n as u32,
            };
            let cell = Arc::new(IdentityCell::default());
            cell.set(of(1));
            let other = Arc::clone(&cell);
            let reader = thread::spawn(move || {
                let seen = other.get();
                assert!(seen == of(1) || seen == of(2), "{seen:?}");
            });
            cell.set(of(2));
            reader.join().unwrap();
            assert_eq!(cell.get(), of(2));
        });
    }
}
