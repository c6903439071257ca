//! What happens when a span starts and ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use opentelemetry::Context;
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, TraceFlags, TraceId, TraceState};

use super::core::Core;
use super::counters::{ParentOrigin, SamplingOutcome};
use super::guest;
use super::id::{IdGenerator, RandomIds};
use super::live::{LiveSpan, has_members};
use super::local::{self, Local};
use super::parent::Parent;
use super::processor::FinishedSpan;
use super::processors::Processors;
use super::record::{kind_code, kind_of};
use super::sampler::{Decision, Sampler, Sampling, SamplingInput};
use super::start::{AttributeWriter, SpanStart, StartTime};
use super::time::SpanClock;
use crate::diag;

const IDS: &str = "the generator of ids";
const SO_RANDOM: &str = "the id is a random one";

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
pub(crate) fn decide(core: &Core, local: Option<&Local>, start: &SpanStart<'_>) -> Verdict {
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
        None => {
            settled = core.sampler.root_decision();
            core.root_trace_id(start.ids)
        }
    };
    let span_id = match start.ids {
        Some((_, span_id)) => span_id,
        None => core.new_span_id(),
    };
    let sampling = match settled {
        Some(decision) => Sampling::of(decision),
        None => ask(core, local, start, trace_id),
    };
    let (outcome, sampled) = match sampling.decision() {
        Decision::Drop => (SamplingOutcome::Drop, 0),
        Decision::RecordOnly => (SamplingOutcome::RecordOnly, 0),
        Decision::RecordAndSample => (SamplingOutcome::RecordAndSample, SAMPLED),
    };
    match local {
        Some(local) => local.counters.started(outcome, origin),
        None => core.counters.started_elsewhere(outcome, origin),
    }
    Verdict { trace_id, span_id, flags: TraceFlags::new(inherited | sampled), sampling }
}

/// Asks the sampler about a span that is about to start.
#[inline(never)]
fn ask(core: &Core, local: Option<&Local>, start: &SpanStart<'_>, trace_id: TraceId) -> Sampling {
    let input = SamplingInput {
        parent: start.parent,
        trace_id,
        name: start.name,
        kind: start.kind,
        attributes: start.attributes,
        links: start.links,
        context: start.context,
    };
    sample(core, local, &input)
}

/// Asks the sampler in force.
fn sample(core: &Core, local: Option<&Local>, input: &SamplingInput<'_>) -> Sampling {
    let so = "the span that it was asked about is not recorded";
    let ask =
        |sampler: &dyn Sampler| guest::call("the sampler", so, || sampler.sample(input), || Sampling::DROP);
    match local {
        Some(local) => local.with_sampler(core, ask),
        None => ask(&*core.sampler.get().1),
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
    begin_record(core, live, scope, start.name);
    live.head.kind = kind_code(start.kind);
    let starts_here = live.head.parent_id == 0 || live.head.parent_is_remote;
    (live.epoch, live.head.start) = match start.time {
        StartTime::Now => core.clock.start(live.head.trace_id(), starts_here),
        StartTime::Unix(time) => (core.clock.epoch(live.head.trace_id(), starts_here), time),
        StartTime::Moment(moment) => {
            let epoch = core.clock.epoch(live.head.trace_id(), starts_here);
            (epoch, core.clock.at(moment, epoch))
        }
    };
    if live.has_trace_state {
        live.record_trace_state();
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

/// Empties a span for its record.
#[inline(always)]
fn begin_record(core: &Core, live: &mut LiveSpan, scope: u32, name: &str) {
    if live.engine != core.id {
        live.belong_to(core.id, core.limits);
    }
    live.body.start(name, &live.limits);
    live.head.scope = scope;
    live.head.status = 0;
}

/// Starts a span as most are: under a sampled one of this process, which settles that it is sampled too, of kind internal, now,
/// without attributes yet. All of it is compiled into its caller, and nothing is passed on through memory. Says no where anything
/// else is to be asked or told, and has done nothing then.
#[inline(always)]
pub(crate) fn start_child(
    core: &Core,
    local: &Local,
    live: &mut LiveSpan,
    scope: u32,
    name: &str,
    parent: Parent<'_>,
) -> bool {
    let is_simple = parent.is_valid() && parent.is_sampled() && !parent.is_remote;
    if !is_simple || parent.trace_state.is_some() || !core.sampler.has_simple_children() || live.recording {
        return false;
    }
    local.counters.started(SamplingOutcome::RecordAndSample, ParentOrigin::Local);
    let head = &mut live.head;
    head.set_trace_id(u128::from_be_bytes(parent.trace_id.to_bytes()));
    head.parent_id = u64::from_be_bytes(parent.span_id.to_bytes());
    head.flags = parent.trace_flags.to_u8() & RANDOM | SAMPLED;
    start_simply(core, live, scope, name, false);
    true
}

/// As [`start_child`], for a span without a parent.
#[inline(always)]
pub(crate) fn start_root(core: &Core, local: &Local, live: &mut LiveSpan, scope: u32, name: &str) -> bool {
    if !core.sampler.has_simple_roots() || live.recording {
        return false;
    }
    local.counters.started(SamplingOutcome::RecordAndSample, ParentOrigin::None);
    let head = &mut live.head;
    head.set_trace_id(u128::from_be_bytes(RandomIds.new_trace_id().to_bytes()));
    head.parent_id = 0;
    head.flags = RANDOM | SAMPLED;
    start_simply(core, live, scope, name, true);
    true
}

/// As [`start_root`], where that is for the few.
#[inline(never)]
pub(crate) fn start_root_out_of_line(
    core: &Core,
    local: &Local,
    live: &mut LiveSpan,
    scope: u32,
    name: &str,
) -> bool {
    start_root(core, local, live, scope, name)
}

/// As [`start_root`], where the sampler drops all of those: the span has ids, and records nothing.
#[inline(always)]
pub(crate) fn drop_root(core: &Core, local: &Local, live: &mut LiveSpan) -> bool {
    if !core.sampler.drops_simple_roots() || live.recording {
        return false;
    }
    local.counters.started(SamplingOutcome::Drop, ParentOrigin::None);
    set_context(live, RandomIds.new_trace_id(), RandomIds.new_span_id(), TraceFlags::new(RANDOM), None);
    live.set_trace_state(None);
    true
}

/// The rest of the start of a span that is simple, and has its trace.
#[inline(always)]
fn start_simply(core: &Core, live: &mut LiveSpan, scope: u32, name: &str, is_root: bool) {
    let head = &mut live.head;
    head.span_id = u64::from_be_bytes(RandomIds.new_span_id().to_bytes());
    head.parent_is_remote = false;
    head.kind = kind_code(&SpanKind::Internal);
    live.set_trace_state(None);
    live.recording = true;
    begin_record(core, live, scope, name);
    (live.epoch, live.head.start) = SpanClock::Process.start(live.head.trace_id(), is_root);
}

/// Starts a span that the sampler says beforehand it drops, and gives its context: one under a span of this process that is not
/// sampled and has no trace state, or one without a parent. `None`, and nothing has happened, where it is not so simple.
#[inline(always)]
pub(crate) fn drop_simply(core: &Core, parent: &SpanContext) -> Option<SpanContext> {
    let is_child = parent.is_valid();
    let is_known = match is_child {
        true => !parent.is_sampled() && !parent.is_remote() && core.sampler.drops_simple_children(),
        false => core.sampler.drops_simple_roots(),
    };
    if !is_known || has_members(parent.trace_state()) {
        return None;
    }
    let origin = if is_child { ParentOrigin::Local } else { ParentOrigin::None };
    local::with_known(core.id, |local| local.counters.started(SamplingOutcome::Drop, origin))?;
    let (trace_id, flags) = match is_child {
        true => (parent.trace_id(), parent.trace_flags().to_u8() & RANDOM),
        false => (RandomIds.new_trace_id(), RANDOM),
    };
    let flags = TraceFlags::new(flags);
    Some(SpanContext::new(trace_id, RandomIds.new_span_id(), flags, false, TraceState::NONE))
}

/// Ends a span as most are: one that is sampled, now, in an engine that has nobody but its batch processor to tell of it. Says no,
/// and has done nothing, where it is not so simple.
#[inline(always)]
pub(crate) fn end_simply(core: &Core, local: &Local, live: &mut LiveSpan) -> bool {
    let Processors::Batch(batch) = &core.processors else {
        return false;
    };
    if !live.recording || !live.is_sampled() || !core.is_plain || live.body.has_losses() {
        return false;
    }
    live.recording = false;
    live.head.end = SpanClock::Process.now(live.epoch);
    local.counters.ended(SamplingOutcome::RecordAndSample);
    batch.take_sampled(&live.head, &live.body, &local.lane);
    true
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
    for processor in core.processors.iter() {
        processor.on_start(live, context);
    }
}

#[inline(always)]
fn set_context(
    live: &mut LiveSpan,
    trace_id: TraceId,
    span_id: SpanId,
    flags: TraceFlags,
    parent: Option<&Parent<'_>>,
) {
    live.head.set_trace_id(u128::from_be_bytes(trace_id.to_bytes()));
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
        let sampling = sample(core, local::of(core).as_deref(), &input);
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
        live.record_trace_state();
    }
    if let Some(tail) = &core.tail {
        tail.moved(left, live);
    }
}

/// Ends a span that records, at a time or now, counts it, and hands it to the processors.
#[inline]
pub(crate) fn end(core: &Core, local: Option<&Local>, live: &mut LiveSpan, unix_nanos: Option<u64>) {
    live.recording = false;
    live.head.end = match unix_nanos {
        Some(time) => time,
        None => core.clock.now(live.epoch),
    };
    let outcome = SamplingOutcome::recorded(live.is_sampled());
    match local {
        Some(local) => local.counters.ended(outcome),
        None => core.counters.ended_elsewhere(outcome),
    }
    if live.body.has_losses() {
        core.count_losses(live);
    }
    match (&core.processors, local) {
        (Processors::Batch(batch), Some(local)) => batch.take(&live.head, &live.body, &local.lane),
        _ => tell_of_end(core, live),
    }
}

#[inline(never)]
fn tell_of_end(core: &Core, live: &LiveSpan) {
    let span = FinishedSpan::new(&live.head, &live.body, &core.shared);
    for processor in core.processors.iter() {
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
            None => (RandomIds.new_trace_id(), RANDOM),
            Some(ids) => {
                let make = || (ids.new_trace_id(), if ids.trace_ids_are_random() { RANDOM } else { 0 });
                guest::call(IDS, SO_RANDOM, make, || (RandomIds.new_trace_id(), RANDOM))
            }
        }
    }

    #[inline(always)]
    fn new_span_id(&self) -> SpanId {
        match &self.ids {
            None => RandomIds.new_span_id(),
            Some(ids) => guest::call(IDS, SO_RANDOM, || ids.new_span_id(), || RandomIds.new_span_id()),
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
