use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use opentelemetry::trace::{SpanBuilder, SpanContext, SpanKind, TraceContextExt, TraceState};
use opentelemetry::{Context, InstrumentationScope};

use super::core::Core;
use super::engine;
use super::live::{LiveSpan, has_members};
use super::local;
use super::parent::Parent;
use super::record::kind_code;
use super::span::{Span, add_event};
use super::start::{AttributeWriter, SpanAttributes, SpanStart, StartTime};
use super::thread::SpanThread;
use super::time::Moment;
use super::unix_nanos;
use crate::pipeline::is_inside;

/// Starts spans of one scope: the API's tracer, and the engine's own way in.
///
/// Through the API a span is a [`Span`]. Code that keeps spans in places of its own, such as a `tracing` subscriber,
/// uses [`start_span`](Self::start_span) and [`end_span`](Self::end_span) with a [`LiveSpan`]. Clones are handles to the
/// same tracer; a tracer outlives its provider, and then starts nothing that records.
#[derive(Clone)]
pub struct Tracer {
    core: Arc<Core>,
    scope: u32,
}

impl Tracer {
    pub(crate) fn new(core: Arc<Core>, scope: u32) -> Self {
        Tracer { core, scope }
    }

    /// The scope that its spans are of.
    pub fn scope(&self) -> &InstrumentationScope {
        self.core.shared.scope(self.scope)
    }

    /// What this thread keeps for the provider's spans; `None` where the thread is being destroyed. For
    /// [`start_child_on`](Self::start_child_on) and [`end_child_on`](Self::end_child_on).
    pub fn thread(&self) -> Option<SpanThread> {
        local::of(&self.core).map(SpanThread)
    }

    /// Makes `live` a span: asks the sampler, gives it ids, and starts recording if it is to be recorded. Says
    /// whether it is.
    ///
    /// Whatever `live` was before is forgotten; one that still records is ended first. Suppression
    /// ([`is_suppressed`](crate::pipeline::is_suppressed)) is the caller's to respect. After the provider's shutdown nothing records, and `live`
    /// takes the parent's place, ids and all, so that context still passes through.
    pub fn start_span(&self, live: &mut LiveSpan, start: SpanStart<'_>) -> bool {
        if live.recording {
            self.end_span(live, None);
        }
        if self.core.is_stopped() {
            live.become_parent(start.parent);
            return false;
        }
        let local = local::of(&self.core);
        let verdict = engine::decide(&self.core, local.as_deref(), &start);
        engine::begin(&self.core, live, self.scope, &start, verdict);
        live.recording
    }

    /// Starts a span as most are, for less: of kind internal, now, under a parent of this process that is sampled and without a
    /// trace state, where the sampler follows such parents and nobody hears of starts. Its attributes are
    /// [set afterwards](LiveSpan::attributes). Says no, and has done nothing, where it is not so simple; then there is
    /// [`start_span`](Self::start_span). It is compiled into its caller.
    #[inline(always)]
    pub fn start_child_on(
        &self,
        thread: &SpanThread,
        live: &mut LiveSpan,
        name: &str,
        parent: Parent<'_>,
    ) -> bool {
        match thread.of(&self.core) {
            Some(local) => engine::start_child(&self.core, local, live, self.scope, name, parent),
            None => false,
        }
    }

    /// As [`start_child_on`](Self::start_child_on), for a span without a parent, where the sampler
    /// [samples all of those](super::Sampler::root_decision).
    #[inline(always)]
    pub fn start_root_on(&self, thread: &SpanThread, live: &mut LiveSpan, name: &str) -> bool {
        match thread.of(&self.core) {
            Some(local) => engine::start_root(&self.core, local, live, self.scope, name),
            None => false,
        }
    }

    /// As [`start_root_on`](Self::start_root_on), where the sampler [drops all of those](super::Sampler::root_decision): the span gets
    /// its ids, and records nothing.
    #[inline(always)]
    pub fn drop_root_on(&self, thread: &SpanThread, live: &mut LiveSpan) -> bool {
        thread.of(&self.core).is_some_and(|local| engine::drop_root(&self.core, local, live))
    }

    /// Ends a span as most are, for less: one that records, now, with nobody but a batch exporter to be told of it, so that no code
    /// but the engine's runs. Says no, and has done nothing, where it is not so simple; then there is
    /// [`end_span`](Self::end_span). It is compiled into its caller.
    #[inline(always)]
    pub fn end_child_on(&self, thread: &SpanThread, live: &mut LiveSpan) -> bool {
        thread.of(&self.core).is_some_and(|local| engine::end_simply(&self.core, local, live))
    }

    /// Ends a span, now or at a time in nanoseconds since the Unix epoch, and hands it to the processors. A `live`
    /// that does not record is left as it is, so that ending twice counts once.
    pub fn end_span(&self, live: &mut LiveSpan, unix_nanos: Option<u64>) {
        if live.recording {
            engine::end(&self.core, local::of(&self.core).as_deref(), live, unix_nanos);
        }
    }

    /// Gives a span that lives another parent, and asks the sampler about that. Says whether it records.
    ///
    /// It becomes part of the parent's trace, with its own id; children that it has already stay in the trace they
    /// started in. The sampler sees the name, the kind and the attributes that the span has by now, as they were recorded
    /// (within the limits), but neither links nor a context; attributes that it adds are set where the span has none of that key.
    /// If it drops the span now, what was recorded is forgotten. If it does not record, because it was
    /// dropped before, nothing happens but that it gets the ids: start it again, with [`SpanStart::with_ids`] and
    /// [`SpanStart::with_start_moment`], if it is to record.
    pub fn set_parent(&self, live: &mut LiveSpan, parent: Parent<'_>) -> bool {
        if !parent.is_valid() || self.core.is_stopped() {
            return live.recording;
        }
        engine::set_parent(&self.core, live, parent);
        live.recording
    }

    /// Whether a span under a parent of this process that is not sampled is never recorded: then there is no need to
    /// start one. It may change with the sampler; asking costs a load.
    #[inline]
    pub fn skips_under_unsampled(&self) -> bool {
        self.core.sampler.follows_unsampled_parent()
    }

    /// Whether a sampler or a processor may look at the context in which a span starts under a parent of this process, so
    /// that [`SpanStart::with_context`] is worth its price. Costs a load.
    #[inline]
    pub fn shows_context(&self, parent_is_sampled: bool) -> bool {
        self.core.starts_are_heard || self.core.sampler.settled(parent_is_sampled).is_none()
    }

    /// Now, as events of a span have it: nanoseconds since the Unix epoch, not before the span's start, whatever became of
    /// the system's clock meanwhile. Of a span that records; otherwise there is no trace that it could be a time of, see
    /// [`moment`](Self::moment).
    #[inline]
    pub fn event_time(&self, live: &LiveSpan) -> u64 {
        self.core.clock.now(live.epoch)
    }

    /// Now, for a span that is not recorded, and may be after all when it is known which trace it is part of.
    #[inline]
    pub fn moment(&self) -> Moment {
        self.core.clock.moment()
    }

    /// A time that somebody else read from the system's clock, as events of a span have it: where that clock was set
    /// since the span's trace began, the time goes by the trace's timeline. Nanoseconds since the Unix epoch.
    pub fn given_time(&self, live: &LiveSpan, time: SystemTime) -> u64 {
        self.core.clock.given(time, live.epoch, live.head.start)
    }

    /// Counts a span that its caller could not start because too many live, in the provider's account. For code that keeps spans in
    /// places of its own.
    pub fn count_refused(&self) {
        self.core.counters.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the provider has been shut down.
    pub fn is_shut_down(&self) -> bool {
        self.core.is_stopped()
    }

    /// Starts a span of the API's as most are: now, under a span of this process or as a root, where nobody is asked or told of
    /// it. `None`, and nothing has happened, where it is not so simple.
    #[inline(always)]
    fn start_simply(&self, builder: &SpanBuilder, parent: &SpanContext) -> Option<Span> {
        let core = &self.core;
        let is_child = parent.is_valid();
        let is_plain = builder.start_time.is_none() && builder.links.is_none() && builder.events.is_none();
        if !is_plain || parent.is_remote() || has_members(parent.trace_state()) {
            return None;
        }
        let may = match is_child {
            true => parent.is_sampled() && core.sampler.has_simple_children(),
            false => core.sampler.has_simple_roots(),
        };
        if !may {
            return None;
        }
        let parent = Parent { trace_state: None, ..Parent::from(parent) };
        let local = local::known(core.id)?;
        let mut recording = local.recording(core);
        let live = &mut recording.live;
        let starts = match is_child {
            true => engine::start_child(core, &local, live, self.scope, &builder.name, parent),
            false => engine::start_root_out_of_line(core, &local, live, self.scope, &builder.name),
        };
        if !starts {
            return local.keep(recording).and(None);
        }
        if let Some(kind) = &builder.span_kind {
            live.head.kind = kind_code(kind);
        }
        if let Some(attributes) = &builder.attributes {
            attributes.write(&mut AttributeWriter::new(&mut live.body, &live.limits, false));
        }
        let flags = live.trace_flags();
        let context = SpanContext::new(live.trace_id(), live.span_id(), flags, false, TraceState::NONE);
        Some(Span::new(context, Some(recording)))
    }

    /// Starts a span of the API's that the sampler says beforehand it drops, whatever is in the builder. `None`, and nothing has
    /// happened, where it is not so simple.
    #[inline(always)]
    fn drop_simply(&self, parent_cx: &Context) -> Option<SpanContext> {
        if parent_cx.is_telemetry_suppressed() || is_inside() {
            return None;
        }
        engine::drop_simply(&self.core, parent_cx.span().span_context())
    }

    /// As the API starts a span. What is in the builder is looked at where it is: moving it out would cost as much as it is worth.
    fn start(&self, builder: &SpanBuilder, parent_cx: &Context) -> Span {
        let parent_span = parent_cx.span();
        let parent = parent_span.span_context();
        if parent_cx.is_telemetry_suppressed() || is_inside() {
            return Span::new(SpanContext::NONE, None);
        }
        if self.core.is_stopped() {
            return Span::new(parent.clone(), None);
        }
        if let Some(span) = self.start_simply(builder, parent) {
            return span;
        }
        let mut start = SpanStart {
            time: builder.start_time.map_or(StartTime::Now, |time| StartTime::Unix(unix_nanos(time))),
            ..SpanStart::new(&builder.name)
                .with_kind(builder.span_kind.as_ref().unwrap_or(&SpanKind::Internal))
                .with_parent(Parent::from(parent))
                .with_links(builder.links.as_deref().unwrap_or_default())
                .with_context(parent_cx)
        };
        if let Some(attributes) = &builder.attributes {
            start.attributes = attributes;
        }
        let core = &self.core;
        let local = local::of(core);
        let verdict = engine::decide(core, local.as_deref(), &start);
        let inherited = if start.parent.is_some() { Some(parent.trace_state()) } else { None };
        let trace_state = match verdict.sampling.trace_state().or(inherited) {
            Some(state) if has_members(state) => state.clone(),
            _ => TraceState::NONE,
        };
        let context = SpanContext::new(verdict.trace_id, verdict.span_id, verdict.flags, false, trace_state);
        if verdict.sampling.decision() == super::sampler::Decision::Drop {
            return Span::new(context, None);
        }
        let mut recording = match &local {
            Some(local) => local.recording(core),
            None => Box::new(super::core::Recording { core: Some(Arc::clone(core)), ..Default::default() }),
        };
        let live = &mut recording.live;
        engine::begin(&self.core, live, self.scope, &start, verdict);
        for event in builder.events.iter().flatten() {
            let time = unix_nanos(event.timestamp);
            add_event(live, &event.name, time, &event.attributes, event.dropped_attributes_count);
        }
        Span::new(context, Some(recording))
    }
}

impl opentelemetry::trace::Tracer for Tracer {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent_cx: &Context) -> Span {
        let span = match self.drop_simply(parent_cx) {
            Some(context) => Span::new(context, None),
            None => self.start(&builder, parent_cx),
        };
        let SpanBuilder { name, attributes, events, links, .. } = &builder;
        if matches!(name, Cow::Borrowed(_)) && attributes.is_none() && events.is_none() && links.is_none() {
            // Nothing of it is on the heap, and looking for that once takes less than dropping its parts.
            std::mem::forget(builder);
        }
        span
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer").field("scope", self.scope()).finish_non_exhaustive()
    }
}
