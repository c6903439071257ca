//! What both products do with spans.

use std::cell::Cell;
use std::sync::{Arc, MutexGuard};
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceContextExt, TraceId, TraceState};
use tachograph_sdk::trace::{LiveSpan, Slots, SpanAttributes, SpanStart, Tracer};
use tachograph_sdk::{ValueRef, diag};
use tracing::field::Field;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata};
use tracing_core::span::Current;

use crate::console::{Chain, Console, Link};
use crate::event::{self, Exceptions};
use crate::fields::{self, Sink, Visitor};
use crate::foreign::{self, ForeignSpan};
use crate::options::{ContextMode, SpanOptions};
use crate::slot::{ATTACH, BORROWED, HAS_STATE, HELD, Identity, Inner, RECORDING, REMOTE, Slot};
use crate::special;
use crate::stack::{self, Peek, Top};

/// The number of spans that were made while telemetry was suppressed. What is made under them is silent as well,
/// on whatever thread.
pub(crate) const SILENT: u64 = u64::MAX;

/// The number of spans that there was no room for.
pub(crate) const REFUSED: u64 = u64::MAX - 1;

/// How long the fields of a span on the console become before no more are added.
const PRINTED: usize = 16 * 1024;

/// Numbers cores from one.
static CORES: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The slot, if any, whose lock this thread holds while it runs code of a sampler or a processor. What such code reports
    /// about the same span is not recorded there, for it would wait for itself.
    static HELD_HERE: Cell<u64> = const { Cell::new(0) };
}

/// Which parent a span or an event asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked {
    Root,
    Contextual,
    Explicit(u64),
}

impl Asked {
    pub(crate) fn by(attributes: &Attributes<'_>, number: impl FnOnce(&Id) -> u64) -> Self {
        match attributes.parent() {
            Some(parent) => Asked::Explicit(number(parent)),
            None if attributes.is_contextual() => Asked::Contextual,
            None => Asked::Root,
        }
    }

    pub(crate) fn by_event(event: &Event<'_>, number: impl FnOnce(&Id) -> u64) -> Self {
        match event.parent() {
            Some(parent) => Asked::Explicit(number(parent)),
            None if event.is_contextual() => Asked::Contextual,
            None => Asked::Root,
        }
    }
}

/// What a span or an event is in.
pub(crate) enum Place {
    Nowhere,
    Silent,
    Refused,
    In(u64),
    /// A span of the `opentelemetry` API, by its context.
    Foreign(SpanContext),
}

/// A span that is about to start.
struct New<'a> {
    number: u64,
    attributes: &'a Attributes<'a>,
    /// Whether there may be special fields.
    special: bool,
    parent: Identity,
    state: Option<&'a TraceState>,
    asked: Asked,
    base: Option<Context>,
}

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) id: u64,
    pub(crate) tracer: Tracer,
    pub(crate) slots: Slots<Slot>,
    pub(crate) options: SpanOptions,
    pub(crate) refused: AtomicU64,
}

/// How a span is to be made.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// As a span of the engine.
    pub(crate) traced: bool,
    /// With its fields on this console.
    pub(crate) print: Option<&'a Console>,
}

impl Core {
    pub(crate) fn new(tracer: Tracer, options: SpanOptions) -> Arc<Self> {
        let core = Arc::new(Core {
            id: CORES.fetch_add(1, Ordering::Relaxed),
            tracer,
            slots: Slots::new(options.max_spans),
            options,
            refused: AtomicU64::new(0),
        });
        foreign::enlist(&core);
        core
    }

    /// Finds what something is in, by the rule that is documented at the crate.
    #[inline]
    pub(crate) fn place(&self, asked: Asked) -> Place {
        let (top, peek): (Option<Top>, Peek) = stack::here(self.id);
        match peek.suppressed {
            true => Place::Silent,
            false => self.place_in(asked, top, peek),
        }
    }

    /// As [`place`](Self::place), for the console: what happens while telemetry is suppressed is printed.
    pub(crate) fn place_even_if_suppressed(&self, asked: Asked) -> Place {
        let (top, peek) = stack::here(self.id);
        self.place_in(asked, top, peek)
    }

    #[inline]
    fn place_in(&self, asked: Asked, top: Option<Top>, peek: Peek) -> Place {
        let number = match asked {
            Asked::Root => return Place::Nowhere,
            Asked::Explicit(number) => number,
            Asked::Contextual => match top {
                Some(top) if peek.span == 0 || peek.span == top.seen => top.number,
                None if peek.span == 0 => return Place::Nowhere,
                _ => return Place::Foreign(stack::current_span_context()),
            },
        };
        match number {
            SILENT => Place::Silent,
            REFUSED => Place::Refused,
            number => Place::In(number),
        }
    }

    /// Makes a span and returns its number.
    pub(crate) fn new_span(&self, attributes: &Attributes<'_>, asked: Asked, wanted: Wanted<'_>) -> u64 {
        let place = self.place(asked);
        let (parent, identity, state) = match &place {
            Place::Silent => return SILENT,
            Place::Refused => return self.refuse(),
            Place::Nowhere => (0, Identity::default(), None),
            Place::Foreign(context) => (0, Identity::of(context), Some(context.trace_state().clone())),
            Place::In(number) => match self.slots.get(*number) {
                Some(slot) => {
                    let identity = slot.identity();
                    (*number, identity, state_of(*number, slot, identity))
                }
                // An explicit parent that is closed already.
                None => (0, Identity::default(), None),
            },
        };
        let Some(number) = self.slots.insert(|_| ()) else {
            return self.refuse();
        };
        let number = number.get();
        let Some(slot) = self.slots.get(number) else {
            return self.refuse();
        };
        let metadata = attributes.metadata();
        let special = special::may_have(metadata);
        let skip = identity.is_valid()
            && !identity.is_sampled()
            && !identity.has(REMOTE)
            && !special
            && self.tracer.skips_under_unsampled();
        let base = match self.options.mode {
            ContextMode::Full if wanted.traced && !skip => Some(self.base_context(asked)),
            _ => None,
        };
        let inner = &mut *slot.lock();
        (inner.metadata, inner.parent) = (Some(metadata), parent);
        if skip || !wanted.traced {
            let events = self.slots.get(parent).map_or(0, Slot::events);
            let bits = identity.bits & !(ATTACH | HELD | RECORDING) | BORROWED;
            slot.begin(Identity { bits, ..identity }, events);
        } else {
            let new =
                New { number, attributes, special, parent: identity, state: state.as_ref(), asked, base };
            let identity = self.start(inner, new);
            slot.begin(identity, number);
        }
        inner.printed.clear();
        inner.shown = wanted.print.is_some();
        if let Some(console) = wanted.print {
            console.print_span(&mut inner.printed, attributes);
        }
        number
    }

    #[cold]
    fn refuse(&self) -> u64 {
        if self.refused.fetch_add(1, Ordering::Relaxed) == 0 {
            diag::report(
                "tracing.spans",
                self.tracer.scope().name(),
                format_args!(
                    "{} spans live at once, which is the limit; further ones, and what is made under them, are \
                     not recorded; are spans kept somewhere that should have been dropped? \
                     SpanOptions::with_max_spans sets the limit",
                    self.options.max_spans
                ),
            );
        }
        REFUSED
    }

    /// Starts a span in a slot that nobody else knows yet.
    fn start(&self, inner: &mut Inner, new: New<'_>) -> Identity {
        let New { number, attributes, special, parent, state, asked, base } = new;
        inner.special.clear();
        if special {
            attributes.record(&mut Visitor(&mut Specials(&mut inner.special)));
        }
        inner.kind = inner.special.kind.clone().unwrap_or(SpanKind::Internal);
        let name = match inner.special.name.as_str() {
            "" => attributes.metadata().name(),
            name => name,
        };
        let fields = SpanFields { attributes, options: &self.options, errors: Cell::new(false) };
        let mut start = SpanStart::new(name)
            .with_kind(&inner.kind)
            .with_parent(Some(parent.as_parent(state)))
            .with_attributes(&fields);
        if let Some(base) = &base {
            start = start.with_context(base);
        }
        let recording = self.tracer.start_span(&mut inner.live, start);
        if recording {
            if special {
                inner.special.apply(&mut inner.live);
            }
            if fields.errors.get() {
                let time = inner.live.start_unix_nanos();
                attributes.record(&mut Visitor(&mut Exceptions { live: &mut inner.live, time }));
            }
        }
        if self.options.busy_idle {
            inner.timing.start();
        }
        let hold = !recording && (special || !parent.is_valid());
        if hold {
            inner.held.clear();
            attributes.record(&mut Visitor(&mut Held(inner)));
            inner.start = self.tracer.event_time(&inner.live);
        }
        inner.context = match base {
            Some(base) => Some(self.context_of(number, inner, &base)),
            None if inner.kind != SpanKind::Internal => {
                Some(self.context_of(number, inner, &self.base_context(asked)))
            }
            None => None,
        };
        let mut identity = inner.identity();
        if hold {
            identity.bits |= HELD;
        }
        identity
    }

    /// The context that a new span's is made from: its parent's, for baggage and other values.
    fn base_context(&self, asked: Asked) -> Context {
        if let Asked::Explicit(number) = asked
            && let Some(slot) = self.slots.get(number)
            && let Some(inner) = lock(number, slot)
            && let Some(context) = &inner.context
        {
            return context.clone();
        }
        stack::current_context()
    }

    /// A context with the span in it.
    fn context_of(&self, number: u64, inner: &Inner, base: &Context) -> Context {
        base.with_span(ForeignSpan { core: self.id, number, context: inner.live.span_context() })
    }

    pub(crate) fn add_handle(&self, number: u64) {
        if let Some(slot) = self.slots.get(number) {
            slot.add_handle();
        }
    }

    /// Gives a handle back; ends the span with the last one, and says whether it was.
    pub(crate) fn close(&self, number: u64) -> bool {
        let Some(slot) = self.slots.get(number) else {
            return false;
        };
        if !slot.drop_handle() {
            return false;
        }
        self.end(number, slot);
        true
    }

    pub(crate) fn end(&self, number: u64, slot: &Slot) {
        let context = if slot.bits() & BORROWED == 0 {
            let inner = &mut *slot.lock();
            if self.options.busy_idle && inner.live.is_recording() {
                let (busy, idle) = inner.timing.finish();
                inner.live.set_attribute("busy_ns", busy);
                inner.live.set_attribute("idle_ns", idle);
            }
            guarded(number, || self.tracer.end_span(&mut inner.live, None));
            inner.context.take()
        } else {
            None
        };
        self.slots.remove(number);
        // Here, where no lock is held: what is in it may be the user's.
        drop(context);
    }

    #[inline]
    pub(crate) fn enter(&self, number: u64) {
        let Some(slot) = self.slots.get(number) else {
            return self.enter_nothing(number);
        };
        let bits = slot.bits();
        if bits & ATTACH != 0 {
            self.enter_attached(number, slot);
        } else if bits & BORROWED != 0 && self.options.mode == ContextMode::Full {
            self.enter_borrowed(number, slot);
        } else {
            stack::push(self.id, number);
        }
        if self.options.busy_idle
            && let Some(mut inner) = lock(number, slot)
        {
            inner.timing.enter();
        }
    }

    fn enter_attached(&self, number: u64, slot: &Slot) {
        let context = lock(number, slot).and_then(|inner| inner.context.clone());
        match context {
            Some(context) => stack::push_attached(self.id, number, slot.identity().span_id, context),
            None => stack::push(self.id, number),
        }
    }

    /// Foreign code in a span that was never started is to see the ancestor that was; where that is not attached
    /// already, as on another thread, it is attached here.
    fn enter_borrowed(&self, number: u64, slot: &Slot) {
        let identity = slot.identity();
        if !identity.is_valid() || stack::peek().span == identity.span_id {
            return stack::push(self.id, number);
        }
        let context = identity.as_parent(None).to_span_context();
        let context = stack::current_context().with_remote_span_context(context);
        stack::push_attached(self.id, number, identity.span_id, context);
    }

    #[cold]
    fn enter_nothing(&self, number: u64) {
        let peek = stack::peek();
        match number {
            // Suppression goes where the span goes.
            SILENT if !peek.suppressed => {
                let context = stack::current_context().with_telemetry_suppressed();
                stack::push_attached(self.id, number, peek.span, context);
            }
            SILENT | REFUSED => stack::push(self.id, number),
            _ => {}
        }
    }

    #[inline]
    pub(crate) fn exit(&self, number: u64) {
        if stack::pop(self.id, number)
            && self.options.busy_idle
            && let Some(slot) = self.slots.get(number)
            && let Some(mut inner) = lock(number, slot)
        {
            inner.timing.exit();
        }
    }

    pub(crate) fn record(&self, number: u64, values: &Record<'_>) {
        let Some(slot) = self.slots.get(number) else {
            return;
        };
        if slot.bits() & (RECORDING | HELD) != 0 {
            values.record(&mut Visitor(&mut Late { core: self, number, slot }));
        }
    }

    pub(crate) fn follows_from(&self, number: u64, follows: u64) {
        let Some(other) = self.slots.get(follows) else {
            return;
        };
        let identity = other.identity();
        let state = state_of(follows, other, identity);
        if identity.is_valid() {
            self.with_live(number, |live| drop(live.add_link(identity.as_parent(state.as_ref()))));
        }
    }

    /// The innermost span of this thread.
    pub(crate) fn current(&self) -> Current {
        let Some(top) = stack::top(self.id) else {
            return Current::none();
        };
        let metadata = self.slots.get(top.number).and_then(|slot| lock(top.number, slot)?.metadata);
        match metadata {
            Some(metadata) => Current::new(Id::from_u64(top.number), metadata),
            None => Current::none(),
        }
    }

    pub(crate) fn identity(&self, number: u64) -> Option<Identity> {
        self.slots.get(number).map(Slot::identity)
    }

    /// Collects a span and those around it, as long as they live.
    pub(crate) fn chain(&self, number: u64, most: usize, chain: &mut Chain) {
        let mut next = number;
        while chain.0.len() < most
            && !is_held_here(next)
            && let Some(slot) = self.slots.get(next)
        {
            let inner = slot.lock();
            if let Some(metadata) = inner.metadata.filter(|_| inner.shown) {
                chain.0.push(Link { name: metadata.name(), printed: inner.printed.clone() });
            }
            next = inner.parent;
        }
    }

    /// Adds fields that were recorded late to what the console prints of a span.
    pub(crate) fn print_record(&self, number: u64, values: &Record<'_>, console: &Console) {
        let Some(slot) = self.slots.get(number) else {
            return;
        };
        if is_held_here(number) || !slot.lock().shown {
            return;
        }
        // Taken out, so that what is formatted may log.
        let mut printed = std::mem::take(&mut slot.lock().printed);
        if printed.len() < PRINTED {
            console.print_more(&mut printed, values);
        }
        slot.lock().printed = printed;
    }

    pub(crate) fn ids(&self, number: u64) -> Option<(TraceId, SpanId)> {
        let identity = self.slots.get(number)?.identity();
        identity.is_valid().then(|| (identity.trace_id(), identity.span_id()))
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Changes what the engine records, unless this thread is doing so already.
    pub(crate) fn with_live(&self, number: u64, change: impl FnOnce(&mut LiveSpan)) {
        if let Some(slot) = self.slots.get(number)
            && slot.bits() & RECORDING != 0
            && !is_held_here(number)
        {
            change(&mut slot.lock().live);
        }
    }

    /// The span's context, which from now on is attached when it is entered.
    pub(crate) fn context(&self, number: u64) -> Context {
        let Some(slot) = self.slots.get(number) else {
            return stack::current_context();
        };
        let identity = slot.identity();
        if identity.has(BORROWED) {
            let context = stack::current_context();
            return match identity.is_valid() && stack::peek().span != identity.span_id {
                true => context.with_remote_span_context(identity.as_parent(None).to_span_context()),
                false => context,
            };
        }
        if is_held_here(number) {
            return stack::current_context();
        }
        let base = stack::current_context();
        let inner = &mut *slot.lock();
        let context = match inner.context.take() {
            Some(context) => context,
            None => self.context_of(number, inner, &base),
        };
        inner.context = Some(context.clone());
        slot.set_identity(Identity { bits: identity.bits | ATTACH, ..identity });
        context
    }

    /// Gives a span another parent, at any time in its life.
    pub(crate) fn set_parent(&self, number: u64, to: &Context) {
        let parent = to.span().span_context().clone();
        let (Some(slot), true) = (self.slots.get(number), parent.is_valid()) else {
            return;
        };
        if is_held_here(number) {
            return;
        }
        let before = {
            let inner = &mut *slot.lock();
            let bits = slot.bits();
            guarded(number, || self.adopt(inner, bits, &parent));
            slot.set_events(number);
            let attach = self.options.mode == ContextMode::Full
                || inner.kind != SpanKind::Internal
                || bits & ATTACH != 0;
            // In lazy mode too the values of the context are kept, for who asks for the span's.
            let before = inner.context.replace(self.context_of(number, inner, to));
            let mut identity = inner.identity();
            if !attach {
                identity.bits &= !ATTACH;
            }
            if !identity.has(RECORDING) {
                identity.bits |= bits & HELD;
            }
            slot.set_identity(identity);
            before
        };
        drop(before);
        let identity = slot.identity();
        if identity.has(ATTACH) {
            let context = slot.lock().context.clone();
            if let Some(context) = context {
                stack::reattach(self.id, number, identity.span_id, context);
            }
        }
    }

    fn adopt(&self, inner: &mut Inner, bits: u32, parent: &SpanContext) {
        if bits & RECORDING != 0 {
            self.tracer.set_parent(&mut inner.live, parent.into());
            return;
        }
        // It was not recorded, and may be now. What was held is recorded then; ids that are its own stay.
        if bits & HELD == 0 {
            inner.held.clear();
        }
        if bits & BORROWED != 0 {
            inner.special.clear();
            inner.kind = SpanKind::Internal;
        }
        let Inner { live, held, special, kind, metadata, start, .. } = inner;
        let name = match special.name.as_str() {
            "" => metadata.map_or("", Metadata::name),
            name => name,
        };
        let held = HeldFields(held);
        let mut again =
            SpanStart::new(name).with_kind(kind).with_parent(Some(parent.into())).with_attributes(&held);
        if bits & BORROWED == 0 {
            again = again.with_ids(live.trace_id(), live.span_id());
        }
        if bits & HELD != 0 {
            again = again.with_start_time(*start);
        }
        if self.tracer.start_span(live, again) {
            special.apply(live);
        }
    }
}

/// The lock of a slot, unless this thread has it already.
fn lock(number: u64, slot: &Slot) -> Option<MutexGuard<'_, Inner>> {
    (!is_held_here(number)).then(|| slot.lock())
}

/// A slot's trace state, where there is one.
fn state_of(number: u64, slot: &Slot, identity: Identity) -> Option<TraceState> {
    match identity.has(HAS_STATE) {
        true => Some(lock(number, slot)?.live.trace_state().clone()),
        false => None,
    }
}

/// Whether this thread holds the slot's lock already.
pub(crate) fn is_held_here(number: u64) -> bool {
    HELD_HERE.try_with(Cell::get).is_ok_and(|held| held == number)
}

/// Runs code of samplers or processors while a slot's lock is held.
#[inline]
fn guarded(number: u64, run: impl FnOnce()) {
    struct Reset(u64);
    impl Drop for Reset {
        fn drop(&mut self) {
            let _ = HELD_HERE.try_with(|held| held.set(self.0));
        }
    }
    let _reset = Reset(HELD_HERE.try_with(|held| held.replace(number)).unwrap_or_default());
    run();
}

/// The fields that a span is made with.
struct SpanFields<'a> {
    attributes: &'a Attributes<'a>,
    options: &'a SpanOptions,
    /// Whether there was an error among them.
    errors: Cell<bool>,
}

impl SpanAttributes for SpanFields<'_> {
    fn visit(&self, visitor: &mut dyn FnMut(&str, ValueRef<'_>)) {
        self.attributes.record(&mut Visitor(&mut Plain { visitor: &mut *visitor, errors: &self.errors }));
        let metadata = self.attributes.metadata();
        if self.options.location {
            event::location(metadata, &mut *visitor);
        }
        if self.options.target {
            visitor("target", ValueRef::Str(metadata.target()));
        }
        if self.options.threads {
            event::thread(&mut *visitor);
        }
    }
}

struct Plain<'a> {
    visitor: &'a mut dyn FnMut(&str, ValueRef<'_>),
    errors: &'a Cell<bool>,
}

impl Sink for Plain<'_> {
    #[inline]
    fn field(&mut self, field: &Field, value: ValueRef<'_>) {
        let key = field.name();
        if special::read(key, value).is_none() {
            (self.visitor)(key, value);
        }
    }

    fn error(&mut self, _: &Field, _: &str, _: &(dyn std::error::Error + 'static)) {
        self.errors.set(true);
    }
}

/// Takes special fields only.
struct Specials<'a>(&'a mut special::Special);

impl Sink for Specials<'_> {
    fn field(&mut self, field: &Field, value: ValueRef<'_>) {
        self.0.take(field.name(), value);
    }
}

/// Holds what is not special.
struct Held<'a>(&'a mut Inner);

impl Sink for Held<'_> {
    fn field(&mut self, field: &Field, value: ValueRef<'_>) {
        if !self.0.special.take(field.name(), value) {
            self.0.held.set(field.name(), value);
        }
    }
}

struct HeldFields<'a>(&'a fields::Fields);

impl SpanAttributes for HeldFields<'_> {
    fn visit(&self, visitor: &mut dyn FnMut(&str, ValueRef<'_>)) {
        self.0.iter().for_each(|(key, value)| visitor(key, value));
    }
}

/// Records fields of a span that lives. The lock is taken for each: a value's `Debug` runs before, without it.
struct Late<'a> {
    core: &'a Core,
    number: u64,
    slot: &'a Slot,
}

impl Sink for Late<'_> {
    fn field(&mut self, field: &Field, value: ValueRef<'_>) {
        if is_held_here(self.number) {
            return;
        }
        let inner = &mut *self.slot.lock();
        let key = field.name();
        if !inner.live.is_recording() {
            if self.slot.bits() & HELD != 0 {
                Held(inner).field(field, value);
            }
        } else if inner.special.take(key, value) {
            inner.special.apply(&mut inner.live);
        } else {
            inner.live.set_attribute(key, value);
        }
    }

    fn error(&mut self, field: &Field, message: &str, error: &(dyn std::error::Error + 'static)) {
        fields::with_buffer(|sources| {
            fields::format_sources(sources, error);
            self.core.with_live(self.number, |live| {
                let time = self.core.tracer.event_time(live);
                event::exception(live, time, message, sources);
            });
        });
        let _ = field;
    }
}
