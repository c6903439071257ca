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
///
/// # After a fork
///
/// A `fork` copies the generator of the thread that calls it, so that parent and child go on with the same ids. It is not
/// looked for, since asking for the process's number at every id is a system call. [`reseed`](Self::reseed) in the child sets it
/// right; building a [`TracerProvider`](super::TracerProvider), as a child must to export at all, does that as well.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl RandomIds {
    /// Has this thread's generator seeded anew by the operating system, before its next id. For the child of a `fork`, which has
    /// one thread. Costs nothing now, and one seeding later.
    pub fn reseed() {
        GENERATOR.with_borrow_mut(|generator| *generator = None);
    }
}

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
    use crate::{Resource, trace::TracerProvider};
    use std::collections::HashSet;

    #[test]
    fn a_thread_that_was_copied_by_a_fork_makes_ids_of_its_own_once_it_is_seeded_anew() {
        let ids = || (RandomIds.new_trace_id(), RandomIds.new_span_id());
        ids();
        let copy = GENERATOR.with_borrow(|generator| generator.clone());
        let fork = || GENERATOR.with_borrow_mut(|generator| *generator = copy.clone());
        let parents = ids();
        fork();
        assert_eq!(ids(), parents, "what a fork does");
        fork();
        RandomIds::reseed();
        let (trace, span) = ids();
        assert!(trace != parents.0 && span != parents.1);
        fork();
        let _provider = TracerProvider::builder().with_resource(Resource::builder_empty().build()).build();
        let (trace, span) = ids();
        assert!(trace != parents.0 && span != parents.1, "a provider is made in the child");
    }

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
