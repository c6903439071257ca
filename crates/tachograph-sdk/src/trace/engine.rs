//! What happens when a span starts and ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use opentelemetry::Context;
use opentelemetry::trace::{Link, SpanId, TraceFlags, TraceId};

use super::core::Core;
use super::counters::{ParentOrigin, SamplingOutcome};
use super::live::{LiveSpan, has_members};
use super::local;
use super::parent::Parent;
use super::processor::FinishedSpan;
use super::record::{kind_code, kind_of};
use super::sampler::{Decision, Sampling, SamplingInput};
use super::start::{AttributeWriter, SpanStart};
use crate::diag;

const SAMPLED: u8 = 1;
const RANDOM: u8 = 2;

/// The ids and the decision of a span that is about to start.
pub(crate) struct Verdict {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) flags: TraceFlags,
    pub(crate) sampling: Sampling,
}

/// Decides, by asking the sampler where nothing settles it, and counts the span.
#[inline]
pub(crate) fn decide(core: &Arc<Core>, start: &SpanStart<'_>) -> Verdict {
    let mut settled = None;
    let mut origin = ParentOrigin::None;
    let (trace_id, inherited) = match &start.parent {
        Some(parent) => {
            if parent.is_remote {
                origin = ParentOrigin::Remote;
            } else {
                origin = ParentOrigin::Local;
                settled = core.sampler.settled(parent.trace_flags.is_sampled());
            }
            (parent.trace_id, parent.trace_flags.to_u8() & RANDOM)
        }
        None => core.root_trace_id(start.ids),
    };
    let span_id = match start.ids {
        Some((_, span_id)) => span_id,
        None => core.new_span_id(),
    };
    let sampling = match settled {
        Some(decision) => Sampling::of(decision),
        None => ask(core, start, trace_id),
    };
    let (outcome, sampled) = match sampling.decision() {
        Decision::Drop => (SamplingOutcome::Drop, 0),
        Decision::RecordOnly => (SamplingOutcome::RecordOnly, 0),
        Decision::RecordAndSample => (SamplingOutcome::RecordAndSample, SAMPLED),
    };
    local::count_start(core, outcome, origin);
    Verdict { trace_id, span_id, flags: TraceFlags::new(inherited | sampled), sampling }
}

/// Asks the sampler about a span that is about to start.
#[inline(never)]
fn ask(core: &Arc<Core>, start: &SpanStart<'_>, trace_id: TraceId) -> Sampling {
    let input = SamplingInput {
        parent: start.parent,
        trace_id,
        name: start.name,
        kind: start.kind,
        attributes: start.attributes,
        links: start.links,
        context: start.context,
    };
    sample(core, &input)
}

/// Asks the sampler in force.
fn sample(core: &Arc<Core>, input: &SamplingInput<'_>) -> Sampling {
    match local::of(core) {
        Some(local) => local.with_sampler(core, |sampler| sampler.sample(input)),
        None => core.sampler.get().1.sample(input),
    }
}

/// Makes `live` the span that was decided about; it records if the decision says so.
#[inline]
pub(crate) fn begin(core: &Core, live: &mut LiveSpan, scope: u32, start: &SpanStart<'_>, verdict: Verdict) {
    let Verdict { trace_id, span_id, flags, sampling } = verdict;
    set_context(live, trace_id, span_id, flags, start.parent.as_ref());
    let inherited = start.parent.as_ref().and_then(|parent| parent.trace_state);
    live.set_trace_state(sampling.trace_state().or(inherited));
    live.recording = sampling.decision() != Decision::Drop;
    if !live.recording {
        return;
    }
    if live.engine != core.id {
        live.belong_to(core.id, core.limits);
    }
    live.body.start(start.name, &live.limits);
    live.head.scope = scope;
    live.head.kind = kind_code(start.kind);
    live.head.status = 0;
    let starts_here = live.head.parent_id == 0 || live.head.parent_is_remote;
    (live.epoch, live.head.start) = match start.unix_nanos {
        None => core.clock.start(live.head.trace_id, starts_here),
        Some(time) => (core.clock.epoch(live.head.trace_id, starts_here), time),
    };
    if has_members(&live.trace_state) {
        live.body.set_trace_state(&live.trace_state);
    }
    let added = sampling.attributes();
    for pair in added {
        live.set_key_value(pair);
    }
    start.attributes.write(&mut AttributeWriter::new(&mut live.body, &live.limits, !added.is_empty()));
    if !start.links.is_empty() {
        link(live, start.links);
    }
    if core.starts_are_heard {
        tell_of_start(core, live, start.context);
    }
}

#[cold]
fn link(live: &mut LiveSpan, links: &[Link]) {
    for link in links {
        let mut writer = live.add_link(Parent::from(&link.span_context));
        for pair in &link.attributes {
            writer.set_attribute(pair.key.as_str(), &pair.value);
        }
        writer.drop_attributes(link.dropped_attributes_count);
    }
}

#[inline(never)]
fn tell_of_start(core: &Core, live: &mut LiveSpan, context: Option<&Context>) {
    for processor in &core.processors {
        processor.on_start(live, context);
    }
}

#[inline]
fn set_context(
    live: &mut LiveSpan,
    trace_id: TraceId,
    span_id: SpanId,
    flags: TraceFlags,
    parent: Option<&Parent<'_>>,
) {
    live.head.trace_id = u128::from_be_bytes(trace_id.to_bytes());
    live.head.span_id = u64::from_be_bytes(span_id.to_bytes());
    live.head.flags = flags.to_u8();
    live.head.parent_id = parent.map_or(0, |parent| u64::from_be_bytes(parent.span_id.to_bytes()));
    live.head.parent_is_remote = parent.is_some_and(|parent| parent.is_remote);
}

/// Moves a span under a parent, and decides anew whether it records.
pub(crate) fn set_parent(core: &Arc<Core>, live: &mut LiveSpan, parent: Parent<'_>) {
    let flags = parent.trace_flags.to_u8() & RANDOM;
    let mut sampled = 0;
    let was_root = live.head.parent_id == 0 || live.head.parent_is_remote;
    let left = (live.recording && live.is_sampled() && was_root).then(|| live.trace_id());
    if live.recording {
        let input = SamplingInput {
            parent: Some(parent),
            name: live.body.name(),
            kind: &kind_of(live.head.kind),
            attributes: &live.body.attributes(),
            ..SamplingInput::root(parent.trace_id, "")
        };
        let sampling = sample(core, &input);
        match sampling.decision() {
            Decision::Drop => {
                // It started recorded, and is over as far as that is concerned.
                live.recording = false;
                core.counters.ended_elsewhere(SamplingOutcome::recorded(live.is_sampled()));
            }
            Decision::RecordOnly => {}
            Decision::RecordAndSample => sampled = SAMPLED,
        }
        live.set_trace_state(sampling.trace_state().or(parent.trace_state));
        for pair in sampling.attributes() {
            // What the span has wins, as when it starts.
            if live.body.attributes().get(pair.key.as_str()).is_none() {
                live.set_key_value(pair);
            }
        }
    } else {
        live.set_trace_state(parent.trace_state);
    }
    set_context(live, parent.trace_id, live.span_id(), TraceFlags::new(flags | sampled), Some(&parent));
    if live.recording {
        live.body.set_trace_state(&live.trace_state);
    }
    if let Some(tail) = &core.tail {
        tail.moved(left, live);
    }
}

/// Ends a span that records, at a time or now, has it counted, and hands it to the processors. `count` is the caller's, who may
/// have the thread's counters at hand: finding them again is felt.
#[inline]
pub(crate) fn end(
    core: &Core,
    live: &mut LiveSpan,
    unix_nanos: Option<u64>,
    count: impl FnOnce(SamplingOutcome),
) {
    if !std::mem::take(&mut live.recording) {
        return;
    }
    live.head.end = unix_nanos.unwrap_or_else(|| core.clock.now(live.epoch));
    count(SamplingOutcome::recorded(live.is_sampled()));
    if live.body.has_losses() {
        core.count_losses(live);
    }
    let span = FinishedSpan::new(&live.head, &live.body, &core.shared);
    for processor in &core.processors {
        processor.on_end(&span);
    }
}

impl Core {
    fn ids_are_random(&self) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.trace_ids_are_random())
    }

    /// The trace id of a span without a parent, which may be given, and its flags.
    #[inline(never)]
    fn root_trace_id(&self, given: Option<(TraceId, SpanId)>) -> (TraceId, u8) {
        match given {
            Some((trace_id, _)) => (trace_id, if self.ids_are_random() { RANDOM } else { 0 }),
            None => self.new_trace_id(),
        }
    }

    /// A new trace's id, and its flags.
    fn new_trace_id(&self) -> (TraceId, u8) {
        match &self.ids {
            None => (super::id::IdGenerator::new_trace_id(&super::id::RandomIds), RANDOM),
            Some(ids) => (ids.new_trace_id(), if ids.trace_ids_are_random() { RANDOM } else { 0 }),
        }
    }

    #[inline]
    fn new_span_id(&self) -> SpanId {
        match &self.ids {
            None => super::id::IdGenerator::new_span_id(&super::id::RandomIds),
            Some(ids) => ids.new_span_id(),
        }
    }

    /// Counts what a span's limits took, and says so of the first such span.
    #[cold]
    #[inline(never)]
    fn count_losses(&self, live: &LiveSpan) {
        let [attributes, events, links, values] = live.body.losses();
        self.counters.truncated.fetch_add(u64::from(values), Ordering::Relaxed);
        if !self.losses_are_reported.swap(true, Ordering::Relaxed) {
            let (name, scope) = (live.body.name(), self.shared.scope(live.head.scope).name());
            diag::report(
                "span.limits",
                name,
                format_args!(
                    "a span {name:?} of scope {scope:?} was more than its limits allow: {attributes} attributes, {events} events and \
                     {links} links were dropped, and {values} values cut; SpanLimits and OTEL_SPAN_*_LIMIT set them; each span says \
                     what it lost, and this is said once"
                ),
            );
        }
    }

    /// Counts a call on a span that has ended.
    #[cold]
    pub(crate) fn after_end(&self) {
        self.counters.after_end.fetch_add(1, Ordering::Relaxed);
    }
}
