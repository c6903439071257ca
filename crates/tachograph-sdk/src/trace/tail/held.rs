//! The traces that are held, and what was decided about the last ones.

use std::collections::{HashMap, VecDeque};

/// What happened of a trace in this process so far.
#[derive(Debug, Default)]
pub(super) struct HeldTrace {
    /// Records of spans that have ended, one after the other.
    pub(super) records: Vec<u8>,
    pub(super) spans: usize,
    /// Local roots that have not ended.
    pub(super) open_roots: usize,
    pub(super) erroneous: bool,
    pub(super) marked: bool,
    /// The longest local root, in nanoseconds.
    pub(super) duration: u64,
}

/// All of them, within bounds of count and bytes.
#[derive(Debug)]
pub(super) struct Held {
    traces: HashMap<u128, HeldTrace>,
    /// Traces by age; some of them have been decided since.
    order: VecDeque<u128>,
    /// What was decided, and when in the order of decisions.
    decided: HashMap<u128, (bool, u64)>,
    decisions: VecDeque<(u128, u64)>,
    next: u64,
    bytes: usize,
    max_bytes: usize,
    max_traces: usize,
}

impl Held {
    pub(super) fn new(max_traces: usize, max_bytes: usize) -> Self {
        Held {
            traces: HashMap::new(),
            order: VecDeque::new(),
            decided: HashMap::new(),
            decisions: VecDeque::new(),
            next: 0,
            bytes: 0,
            max_bytes,
            max_traces,
        }
    }

    /// How many traces there are, and the bytes of their buffers.
    pub(super) fn size(&self) -> (u64, u64) {
        (self.traces.len() as u64, self.bytes as u64)
    }

    pub(super) fn get(&mut self, trace: u128) -> Option<&mut HeldTrace> {
        self.traces.get_mut(&trace)
    }

    /// The trace, held from now on if it was not.
    pub(super) fn hold(&mut self, trace: u128) -> &mut HeldTrace {
        let Held { traces, order, .. } = self;
        traces.entry(trace).or_insert_with(|| {
            order.push_back(trace);
            HeldTrace::default()
        })
    }

    /// Counts bytes that the buffer of a trace's records has grown by: its capacity, for that is the memory it takes.
    pub(super) fn grown_by(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Takes a trace out.
    pub(super) fn take(&mut self, trace: u128) -> Option<HeldTrace> {
        let held = self.traces.remove(&trace)?;
        self.bytes -= held.records.capacity();
        Some(held)
    }

    /// The oldest trace, where there is more than is allowed.
    pub(super) fn take_beyond_bounds(&mut self) -> Option<(u128, HeldTrace)> {
        // Traces that have gone are let go of in the order too, before they outnumber those that are there.
        if self.order.len() > 2 * self.traces.len() + 64 {
            let traces = &self.traces;
            self.order.retain(|trace| traces.contains_key(trace));
        }
        if self.traces.len() <= self.max_traces && self.bytes <= self.max_bytes {
            return None;
        }
        self.take_oldest()
    }

    /// The oldest trace.
    pub(super) fn take_oldest(&mut self) -> Option<(u128, HeldTrace)> {
        while let Some(trace) = self.order.pop_front() {
            if let Some(held) = self.take(trace) {
                return Some((trace, held));
            }
        }
        None
    }

    /// What was decided about a trace, while that is remembered.
    pub(super) fn decision(&self, trace: u128) -> Option<bool> {
        self.decided.get(&trace).map(|(kept, _)| *kept)
    }

    /// Remembers a decision, and forgets the oldest beyond the bound.
    pub(super) fn remember(&mut self, trace: u128, kept: bool) {
        self.next += 1;
        self.decided.insert(trace, (kept, self.next));
        self.decisions.push_back((trace, self.next));
        while self.decisions.len() > self.max_traces {
            if let Some((old, when)) = self.decisions.pop_front()
                && self.decided.get(&old).is_some_and(|(_, last)| *last == when)
            {
                self.decided.remove(&old);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(held: &mut Held, trace: u128, len: usize) {
        let records = &mut held.hold(trace).records;
        let before = records.capacity();
        records.extend((0..len).map(|_| 0));
        let grown = records.capacity() - before;
        held.grown_by(grown);
    }

    #[test]
    fn the_bound_is_of_the_memory_that_buffers_take_and_not_of_what_is_in_them() {
        let mut held = Held::new(1_000, 1_000);
        for trace in 1..=10 {
            (0..3).for_each(|_| append(&mut held, trace, 33));
            while held.take_beyond_bounds().is_some() {}
            let memory: usize = held.traces.values().map(|trace| trace.records.capacity()).sum();
            assert!(memory <= 1_000, "{memory}");
            assert_eq!(held.size().1, memory as u64);
        }
        assert!(held.traces.len() < 10, "their lengths are 990 together");
    }

    #[test]
    fn the_oldest_trace_goes_first_and_nothing_grows_beyond_its_bound() {
        let mut held = Held::new(2, 100);
        for trace in 1..=3 {
            append(&mut held, trace, 10);
        }
        assert_eq!(held.take_beyond_bounds().map(|(trace, _)| trace), Some(1));
        assert!(held.take_beyond_bounds().is_none());
        append(&mut held, 2, 90);
        assert_eq!(held.take_beyond_bounds().map(|(trace, _)| trace), Some(2));
        assert!(held.take_beyond_bounds().is_none());
        for trace in 10..10_000 {
            held.hold(trace);
            held.take(trace);
            held.remember(trace, trace % 2 == 0);
            assert!(held.take_beyond_bounds().is_none());
        }
        assert!(held.order.len() < 100 && held.decisions.len() <= 2 && held.decided.len() <= 2);
        assert_eq!(
            (held.decision(9_999), held.decision(9_998), held.decision(9_000)),
            (Some(false), Some(true), None)
        );
    }
}
