use std::cell::RefCell;
use std::fmt;

use opentelemetry::trace::{SpanId, TraceId};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Makes the ids of traces and spans.
pub trait IdGenerator: fmt::Debug + Send + Sync {
    /// The id of a new trace; it must not be zero.
    fn new_trace_id(&self) -> TraceId;

    /// The id of a new span; it must not be zero.
    fn new_span_id(&self) -> SpanId;

    /// Whether the last seven bytes of trace ids are random, so that others may sample by them: new traces then carry
    /// the W3C random flag. No, unless overridden.
    fn trace_ids_are_random(&self) -> bool {
        false
    }
}

/// Ids from a generator per thread, seeded by the operating system.
///
/// The generator is xoshiro256++: fast and well distributed, not unpredictable. Ids are no secrets.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl IdGenerator for RandomIds {
    #[inline]
    fn new_trace_id(&self) -> TraceId {
        TraceId::from(u128::from(next()) << 64 | u128::from(next_but_zero()))
    }

    #[inline]
    fn new_span_id(&self) -> SpanId {
        SpanId::from(next_but_zero())
    }

    fn trace_ids_are_random(&self) -> bool {
        true
    }
}

thread_local! {
    /// `None` until it is seeded. Without a destructor, so that it works in those of others.
    static GENERATOR: RefCell<Option<Xoshiro256PlusPlus>> = const { RefCell::new(None) };
}

#[inline]
fn next_but_zero() -> u64 {
    match next() {
        0 => 1,
        id => id,
    }
}

/// The next random number of this thread.
#[inline]
pub(crate) fn next() -> u64 {
    // Nothing that is called while it is borrowed comes here again.
    GENERATOR.with_borrow_mut(|generator| generator.get_or_insert_with(seeded).next_u64())
}

#[cold]
#[inline(never)]
fn seeded() -> Xoshiro256PlusPlus {
    // Version-4 UUIDs are 122 bits from the operating system each, which is more than enough of them.
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    seed[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    Xoshiro256PlusPlus::from_seed(seed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_differ_between_calls_and_between_threads() {
        let make =
            || (0..1_000).map(|_| (RandomIds.new_trace_id(), RandomIds.new_span_id())).collect::<Vec<_>>();
        let other = std::thread::spawn(make);
        let mut all = make();
        all.extend(other.join().unwrap());
        let traces: HashSet<_> = all.iter().map(|(trace, _)| *trace).collect();
        let spans: HashSet<_> = all.iter().map(|(_, span)| *span).collect();
        assert_eq!((traces.len(), spans.len()), (2_000, 2_000));
        assert!(!traces.contains(&TraceId::INVALID) && !spans.contains(&SpanId::INVALID));
    }
}
