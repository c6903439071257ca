use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceId};

use super::TailSampling;
use super::account::TailAccount;
use super::fate::TraceFate;
use super::held::{Held, HeldTrace};
use super::quantile::RunningQuantile;
use crate::pipeline::{Deadline, FlushError, Ledger, PipelineState, length, reason};
use crate::sync::{Mutex, lock};
use crate::trace::live::LiveSpan;
use crate::trace::processor::{FinishedSpan, SpanProcessor};
use crate::trace::processors::{flush_all, shut_down_all};
use crate::trace::record::{RecordValue, SpanShared, SpanStatus};
use crate::trace::sampler::TraceIdRatio;

/// Holds sampled spans until their trace is over, and hands those of kept traces to other processors.
///
/// One lock for all traces: it is held for as long as it takes to append a record, and for no call of a processor.
pub(crate) struct TailProcessor {
    config: TailSampling,
    ratio: TraceIdRatio,
    inner: Vec<Box<dyn SpanProcessor>>,
    shared: SpanShared,
    state: Mutex<State>,
}

struct State {
    held: Held,
    quantile: Option<RunningQuantile>,
    account: TailAccount,
    closed: bool,
}

/// A trace that was decided to be kept, and is still to be handed on.
type Kept = Vec<Vec<u8>>;

/// What to do with a span that has just ended.
enum Fate {
    /// It is held, or was dropped.
    Done,
    /// Its trace was kept before.
    HandOn,
}

impl TailProcessor {
    pub(crate) fn new(config: TailSampling, inner: Vec<Box<dyn SpanProcessor>>, shared: SpanShared) -> Self {
        TailProcessor {
            ratio: TraceIdRatio::new(config.ratio),
            state: Mutex::new(State {
                held: Held::new(config.max_traces, config.max_bytes),
                quantile: config.quantile.map(RunningQuantile::new),
                account: TailAccount::default(),
                closed: false,
            }),
            config,
            inner,
            shared,
        }
    }

    /// Marks a trace that is held, or says what was decided about one that is over.
    pub(crate) fn keep(&self, trace: TraceId) -> TraceFate {
        let trace = number(trace);
        let mut state = lock(&self.state);
        match state.held.get(trace) {
            Some(held) => {
                held.marked = true;
                TraceFate::Kept
            }
            None => TraceFate::of_decision(state.held.decision(trace)),
        }
    }

    /// Holds a trace from when its first local root starts.
    fn begin(&self, span: &LiveSpan) {
        if !span.is_sampled() || !(span.parent_span_id() == SpanId::INVALID || span.parent_is_remote()) {
            return;
        }
        let mut kept = Kept::new();
        {
            let mut state = lock(&self.state);
            let trace = number(span.trace_id());
            // Another local root of a trace that was decided shares its fate.
            if state.closed || state.held.decision(trace).is_some() {
                return;
            }
            state.held.hold(trace).open_roots += 1;
            self.make_room(&mut state, &mut kept);
        }
        self.hand_on(kept);
    }

    /// A span that lives has another parent, and may be a local root now; if it was one, of `from`, that trace may be over.
    pub(crate) fn moved(&self, from: Option<TraceId>, span: &LiveSpan) {
        // First, so that a root that stays in its trace does not end it.
        if span.is_recording() {
            self.begin(span);
        }
        let Some(from) = from else {
            return;
        };
        let mut kept = Kept::new();
        {
            let mut state = lock(&self.state);
            let from = number(from);
            if let Some(held) = state.held.get(from) {
                held.open_roots = held.open_roots.saturating_sub(1);
                if held.open_roots == 0
                    && let Some(held) = state.held.take(from)
                    && held.spans > 0
                {
                    self.decide(&mut state, from, held, false, &mut kept);
                }
            }
        }
        self.hand_on(kept);
    }

    pub(crate) fn account(&self) -> TailAccount {
        let state = lock(&self.state);
        let mut account = state.account.clone();
        let Ledger { created, exported, dropped, .. } = &account.spans;
        account.spans.queued = created - exported - dropped.total();
        (account.held_traces, account.held_bytes) = state.held.size();
        account
    }

    fn hand_on(&self, kept: Kept) {
        for records in kept {
            let mut rest = &records[..];
            while let Some((record, others)) =
                rest.split_at_checked(length(rest)).filter(|(one, _)| !one.is_empty())
            {
                rest = others;
                let span = FinishedSpan::of_record(record, &self.shared);
                self.inner.iter().for_each(|processor| processor.on_end(&span));
            }
        }
    }

    /// Takes a span in; says what is to be done with it, and which traces are to be handed on first.
    fn take_in(&self, span: &FinishedSpan<'_>, kept: &mut Kept) -> Fate {
        let trace = number(span.trace_id());
        let is_root = span.is_local_root();
        let facts = self.facts(span);
        let mut state = lock(&self.state);
        let state = &mut *state;
        state.account.spans.created += 1;
        if state.held.get(trace).is_none() {
            // Its trace is over, or was never seen: it was too old, or it started before there was a provider.
            if state.held.decision(trace).unwrap_or(true) {
                state.account.spans.exported += 1;
                return Fate::HandOn;
            }
            state.account.spans.dropped.add(reason::NOT_KEPT, 1);
            return Fate::Done;
        }
        let held = state.held.hold(trace);
        let before = held.records.capacity();
        span.append_to(&mut held.records);
        held.spans += 1;
        held.erroneous |= facts.erroneous;
        held.marked |= facts.marked;
        if is_root {
            held.open_roots = held.open_roots.saturating_sub(1);
            held.duration = held.duration.max(facts.duration);
        }
        let (is_over, grown) = (held.open_roots == 0, held.records.capacity() - before);
        state.held.grown_by(grown);
        if is_over && let Some(held) = state.held.take(trace) {
            self.decide(state, trace, held, false, kept);
        }
        self.make_room(state, kept);
        Fate::Done
    }

    fn facts(&self, span: &FinishedSpan<'_>) -> Facts {
        let record = span.record();
        let mark = record.attributes().get(&self.config.mark);
        Facts {
            erroneous: matches!(record.status(), SpanStatus::Error(_)),
            marked: mark == Some(RecordValue::Bool(true)),
            duration: record.end_unix_nanos().saturating_sub(record.start_unix_nanos()),
        }
    }

    fn make_room(&self, state: &mut State, kept: &mut Kept) {
        while let Some((trace, held)) = state.held.take_beyond_bounds() {
            self.decide(state, trace, held, true, kept);
        }
    }

    /// The end: decides about all traces that are held, and holds none from now on.
    fn decide_all(&self) {
        let mut kept = Kept::new();
        {
            let mut state = lock(&self.state);
            state.closed = true;
            while let Some((trace, held)) = state.held.take_oldest() {
                self.decide(&mut state, trace, held, true, &mut kept);
            }
        }
        self.hand_on(kept);
    }

    fn decide(&self, state: &mut State, trace: u128, held: HeldTrace, early: bool, kept: &mut Kept) {
        let State { quantile, account, .. } = state;
        let threshold = self.config.slow.map(|slow| u64::try_from(slow.as_nanos()).unwrap_or(u64::MAX));
        // One that is not over has no duration to compare others with.
        let slowest = !early && quantile.as_mut().is_some_and(|quantile| quantile.is_slow(held.duration));
        let slow = slowest || threshold.is_some_and(|threshold| held.duration >= threshold);
        let (count, keep) = if held.erroneous {
            (&mut account.erroneous, true)
        } else if slow {
            (&mut account.slow, true)
        } else if held.marked {
            (&mut account.marked, true)
        } else if self.ratio.samples(TraceId::from(trace)) {
            (&mut account.by_ratio, true)
        } else {
            (&mut account.dropped, false)
        };
        *count += 1;
        account.early += u64::from(early);
        if keep {
            account.spans.exported += held.spans as u64;
            kept.push(held.records);
        } else {
            account.spans.dropped.add(reason::NOT_KEPT, held.spans as u64);
        }
        state.held.remember(trace, keep);
    }
}

/// What a span says about its trace.
struct Facts {
    erroneous: bool,
    marked: bool,
    duration: u64,
}

fn number(trace: TraceId) -> u128 {
    u128::from_be_bytes(trace.to_bytes())
}

impl SpanProcessor for TailProcessor {
    fn on_start(&self, span: &mut LiveSpan, parent: Option<&Context>) {
        self.inner.iter().for_each(|processor| processor.on_start(span, parent));
        self.begin(span);
    }

    fn on_end(&self, span: &FinishedSpan<'_>) {
        let mut kept = Kept::new();
        let fate = if span.is_sampled() { self.take_in(span, &mut kept) } else { Fate::HandOn };
        self.hand_on(kept);
        if let Fate::HandOn = fate {
            self.inner.iter().for_each(|processor| processor.on_end(span));
        }
    }

    fn begin_flush(&self) {
        self.inner.iter().for_each(|processor| processor.begin_flush());
    }

    fn flush(&self, deadline: Deadline) -> Result<(), FlushError> {
        flush_all(self.inner.iter().map(AsRef::as_ref), deadline)
    }

    fn begin_shutdown(&self, deadline: Deadline) {
        self.decide_all();
        self.inner.iter().for_each(|processor| processor.begin_shutdown(deadline));
    }

    fn shutdown(&self, deadline: Deadline) {
        self.decide_all();
        shut_down_all(self.inner.iter().map(AsRef::as_ref), deadline);
    }

    fn states(&self) -> Vec<PipelineState> {
        self.inner.iter().flat_map(|processor| processor.states()).collect()
    }
}

impl fmt::Debug for TailProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TailProcessor")
            .field("config", &self.config)
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
