use std::cell::Cell;
use std::fmt;

use opentelemetry::trace::{SpanId, TraceId};

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
        GENERATOR.set(UNSEEDED);
    }
}

impl IdGenerator for RandomIds {
    #[inline]
    fn new_trace_id(&self) -> TraceId {
        TraceId::from(u128::from(next()) << 64 | u128::from(next_but_zero()))
    }

    #[inline(always)]
    fn new_span_id(&self) -> SpanId {
        SpanId::from(next_but_zero())
    }

    fn trace_ids_are_random(&self) -> bool {
        true
    }
}

/// The one state that the generator never has.
const UNSEEDED: [u64; 4] = [0; 4];

thread_local! {
    /// The generator's state. Without a destructor, so that it works in those of others, and without a borrow to look after.
    static GENERATOR: Cell<[u64; 4]> = const { Cell::new(UNSEEDED) };
}

#[inline(always)]
fn next_but_zero() -> u64 {
    // One number in 2^64; the other is not drawn again.
    next().max(1)
}

/// The next random number of this thread.
#[inline(always)]
pub(crate) fn next() -> u64 {
    let state = GENERATOR.get();
    // Half of it tells: that this is zero otherwise happens once in 2^128 numbers, and does no harm.
    if state[0] | state[1] == 0 {
        return first();
    }
    let (number, next) = step(state);
    GENERATOR.set(next);
    number
}

/// The number that a generator begins with.
#[cold]
#[inline(never)]
fn first() -> u64 {
    let (number, next) = step(seeded());
    GENERATOR.set(next);
    number
}

/// One step of xoshiro256++ 1.0, by David Blackman and Sebastiano Vigna, who gave it to the public domain.
#[inline(always)]
fn step([s0, s1, s2, s3]: [u64; 4]) -> (u64, [u64; 4]) {
    let (t2, t3) = (s2 ^ s0, s3 ^ s1);
    let number = s0.wrapping_add(s3).rotate_left(23).wrapping_add(s0);
    (number, [s0 ^ t3, s1 ^ t2, t2 ^ s1 << 17, t3.rotate_left(45)])
}

fn seeded() -> [u64; 4] {
    // Version-4 UUIDs are 122 bits from the operating system each, which is more than enough of them.
    let [a, b] = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(|uuid| uuid.as_u64_pair());
    [a.0, a.1, b.0, b.1]
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
        let copy = GENERATOR.get();
        let fork = || GENERATOR.set(copy);
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
    fn the_generator_makes_the_numbers_of_its_definition() {
        let mut state = [1, 2, 3, 4];
        let numbers: Vec<_> = (0..6)
            .map(|_| {
                let number;
                (number, state) = step(state);
                number
            })
            .collect();
        let expected = [
            41943041,
            58720359,
            3588806011781223,
            3591011842654386,
            9228616714210784205,
            9973669472204895162,
        ];
        assert_eq!(numbers, expected);
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
