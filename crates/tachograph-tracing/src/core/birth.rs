//! How a span is made.

use std::cell::Cell;

use opentelemetry::Context;
use opentelemetry::trace::{SpanKind, TraceState};
use tachograph_sdk::ValueRef;
use tachograph_sdk::trace::{AttributeKey, AttributeWriter, SpanAttributes, SpanStart};
use tracing::field::Field;
use tracing::span::Attributes;

use super::held::lock;
use super::{Asked, Core, Place, SILENT};
use crate::attach::{self, Exceptions};
use crate::fields::{self, Fields, Sink, Visitor};
use crate::identity::{ATTACH, BORROWED, HAS_STATE, HELD, Identity, RECORDING, REMOTE, SHOWN};
use crate::local::{self, Local};
use crate::options::{ContextMode, SpanOptions};
use crate::site::Site;
use crate::slot::{Extras, Inner, Slot};
use crate::special::{self, Special};
use crate::table;

/// A span that is about to start.
struct New<'a> {
    number: u64,
    attributes: &'a Attributes<'a>,
    site: Site,
    parent: Identity,
    asked: Asked,
    place: Place,
}

impl Core {
    /// Makes a span, of the engine's if it is `traced`, and returns its number.
    pub(crate) fn new_span(&self, attributes: &Attributes<'_>, asked: Asked, traced: bool) -> u64 {
        local::with(|local| self.new_span_of_any_kind(local, attributes, asked, traced))
    }

    /// Has the console show a span around what happens in it. For who has just made the span, and told nobody of it yet.
    ///
    /// Its fields are read where they were recorded, when there is a line to be printed. Of a span that is not recorded they are held.
    pub(crate) fn show(&self, number: u64, attributes: &Attributes<'_>) {
        let Some(slot) = self.table.get(number) else {
            return;
        };
        let is_kept = slot.bits() & (RECORDING | HELD) != 0 || attributes.metadata().fields().is_empty();
        if !is_kept {
            let inner = &mut *slot.lock();
            inner.start = None;
            Held::in_extras(inner.extras()).take_all(attributes);
        }
        slot.add_bits(if is_kept { SHOWN } else { SHOWN | HELD });
    }

    /// Does what the options ask for, and returns what they add to the span's identity.
    #[inline(never)]
    pub(super) fn add_options(
        &self,
        inner: &mut Inner,
        number: u64,
        site: Site,
        attributes: &Attributes<'_>,
    ) -> u32 {
        if !site.has_fields() && self.options.has_extras() {
            self.write_fields(inner, site, attributes);
        }
        if self.options.mode == ContextMode::Lazy {
            return 0;
        }
        // In its place at once: a context that is moved is read back before its parts have been written.
        Context::map_current(|current| self.set_context(inner, number, current));
        ATTACH
    }

    #[inline(never)]
    pub(super) fn write_fields(&self, inner: &mut Inner, site: Site, attributes: &Attributes<'_>) {
        let mut errors = false;
        if let Some(out) = inner.live.attributes() {
            let mut direct = Direct { out, keys: site.keys(), next: 0, errors };
            attributes.record(&mut Visitor(&mut direct));
            errors = direct.errors;
            if self.options.has_extras() {
                let fields =
                    SpanFields { attributes, site, options: &self.options, errors: Cell::new(false) };
                fields.extras(&mut |key, value| direct.out.set(key, value));
            }
        }
        if errors | self.options.busy_idle {
            self.started(inner, attributes, site, true, errors);
        }
    }

    /// Makes a span, whatever it is; without `local` where the thread is being destroyed.
    #[inline(never)]
    fn new_span_of_any_kind(
        &self,
        local: Option<&Local>,
        attributes: &Attributes<'_>,
        asked: Asked,
        traced: bool,
    ) -> u64 {
        let place = self.place(local, asked);
        let mut above = None;
        let parent = match place {
            Place::In(number) => {
                above = self.table.get(number).map(|slot| (number, slot));
                above.map_or(Identity::default(), |(_, slot)| slot.identity())
            }
            Place::Nowhere => Identity::default(),
            Place::Foreign => Identity::of(&local::current_span_context()),
            Place::Silent => return SILENT,
            Place::Refused => return self.refuse(),
        };
        let Some(index) = self.take(local) else {
            return self.refuse();
        };
        let Some(slot) = self.table.slot(index) else {
            return self.refuse();
        };
        let number = table::number(index, slot);
        let site = Site::of(attributes.metadata());
        slot.set_parent(above.map_or(0, |(number, _)| number));
        if !traced || self.skips(&parent, site) {
            slot.borrow(parent, above.map_or(0, |(_, slot)| slot.events()), site);
            if place == Place::Foreign && parent.has(HAS_STATE) {
                slot.lock().extras().state = self.state(place).unwrap_or_default();
                slot.set_events(number);
            }
        } else {
            self.start(slot, &New { number, attributes, site, parent, asked, place });
        }
        number
    }

    fn take(&self, local: Option<&Local>) -> Option<u32> {
        if let Some(local) = local
            && self.has_own(local)
            && let Some(taken) = local::with_own(self.id, |_, free| free.take(&self.table))
        {
            return taken;
        }
        let mut list = Vec::new();
        self.table.refill(&mut list);
        let index = list.pop();
        self.table.give_back(list.drain(..));
        index
    }

    /// Whether a span need not be started: its parent is of this process and not sampled, and the sampler says that this
    /// settles it. Not where special fields may tell that it is to get another parent soon, as a consumer's is.
    #[inline(always)]
    fn skips(&self, parent: &Identity, site: Site) -> bool {
        parent.is_valid()
            && !parent.is_sampled()
            && !parent.has(REMOTE)
            && !site.may_be_special()
            && self.tracer.skips_under_unsampled()
    }

    /// Starts a span in a slot that nobody else knows yet.
    fn start(&self, slot: &Slot, new: &New<'_>) {
        let inner = &mut *slot.lock();
        let plain = !new.site.may_be_special() && !new.parent.has(HAS_STATE) && new.place != Place::Foreign;
        if plain && self.options.mode == ContextMode::Lazy {
            let fields = SpanFields::of(self, new);
            self.start_plain(inner, new, &fields, fields.start(&new.parent, &SpanKind::Internal));
        } else if plain {
            self.start_attached(inner, new);
        } else {
            self.start_special(inner, new);
        }
        let mut identity = inner.identity();
        if inner.holds {
            identity.bits |= HELD;
        }
        slot.begin(&identity, new.number, new.site);
    }

    /// Starts a span with whatever it starts with, and then what is rare.
    fn start_plain(&self, inner: &mut Inner, new: &New<'_>, fields: &SpanFields<'_>, start: SpanStart<'_>) {
        let recording = self.tracer.start_span(&mut inner.live, start);
        inner.kind = SpanKind::Internal;
        inner.holds = false;
        if !recording || fields.errors.get() || self.options.busy_idle {
            self.started(inner, new.attributes, new.site, new.parent.is_valid(), fields.errors.get());
        }
    }

    /// As [`start_plain`](Self::start_plain), where every span has a context.
    fn start_attached(&self, inner: &mut Inner, new: &New<'_>) {
        let fields = SpanFields::of(self, new);
        let base = self.base_context(new.asked);
        let start = fields.start(&new.parent, &SpanKind::Internal).with_context(&base);
        self.start_plain(inner, new, &fields, start);
        self.set_context(inner, new.number, &base);
    }

    /// Makes the span's context.
    #[inline(never)]
    pub(super) fn set_context(&self, inner: &mut Inner, number: u64, base: &Context) {
        inner.context = Some(self.context_of(number, inner.live.span_context(), base));
    }

    /// As [`start_plain`](Self::start_plain), where fields may be special, or the parent has a trace state.
    #[inline(never)]
    fn start_special(&self, inner: &mut Inner, new: &New<'_>) {
        let full = self.options.mode == ContextMode::Full;
        let base = full.then(|| self.base_context(new.asked));
        let has_state = new.parent.has(HAS_STATE) || new.place == Place::Foreign;
        let state = if has_state { self.state(new.place) } else { None };
        let fields = SpanFields::of(self, new);
        if new.site.may_be_special() {
            new.attributes.record(&mut Visitor(&mut Specials(&mut inner.extras().special)));
        }
        let kind = inner.extras.special.kind.clone().unwrap_or(SpanKind::Internal);
        let mut start = fields.start(&Identity::default(), &kind);
        start = start.with_parent(Some(new.parent.as_parent(state.as_ref())));
        if !inner.extras.special.name.is_empty() {
            start = start.with_name(&inner.extras.special.name);
        }
        if let Some(base) = &base {
            start = start.with_context(base);
        }
        let recording = self.tracer.start_span(&mut inner.live, start);
        if recording {
            inner.extras.special.apply(&mut inner.live);
        }
        inner.holds = false;
        self.started(inner, new.attributes, new.site, new.parent.is_valid(), fields.errors.get());
        if full || kind != SpanKind::Internal {
            let base = base.unwrap_or_else(|| self.base_context(new.asked));
            self.set_context(inner, new.number, &base);
        }
        inner.kind = kind;
    }

    /// What few spans need that have just started.
    #[cold]
    pub(super) fn started(
        &self,
        inner: &mut Inner,
        attributes: &Attributes<'_>,
        site: Site,
        has_parent: bool,
        errors: bool,
    ) {
        let recording = inner.live.is_recording();
        if recording && errors {
            let time = inner.live.start_unix_nanos();
            let _ = inner.extras();
            let Inner { live, extras, .. } = inner;
            attributes.record(&mut Visitor(&mut Exceptions { live, time, causes: &mut extras.causes }));
        }
        if self.options.busy_idle {
            inner.timing.start();
        }
        if !recording && (site.may_be_special() || !has_parent) {
            self.hold(inner, site, attributes);
        }
    }

    /// Holds what is recorded of a span that the sampler dropped, in case that another parent makes it one that is recorded.
    #[inline(always)]
    pub(super) fn hold(&self, inner: &mut Inner, site: Site, attributes: &Attributes<'_>) {
        if site.has_fields() {
            Held::in_extras(inner.extras()).take_all(attributes);
        }
        inner.start = Some(self.tracer.moment());
        inner.holds = true;
    }

    /// The trace state of a span's parent.
    #[cold]
    fn state(&self, place: Place) -> Option<TraceState> {
        match place {
            Place::Foreign => Some(local::current_span_context().trace_state().clone()),
            Place::In(number) => self.state_of(number, self.table.get(number)?),
            Place::Nowhere | Place::Silent | Place::Refused => None,
        }
    }

    /// A span's trace state, where it has one: that of the span whose ids it has.
    #[cold]
    pub(super) fn state_of(&self, number: u64, slot: &Slot) -> Option<TraceState> {
        match slot.bits() {
            bits if bits & HAS_STATE == 0 => None,
            // What was recorded in the slot before is another span's.
            bits if bits & BORROWED != 0 => {
                let started = slot.events();
                let slot = self.table.get(started)?;
                let inner = lock(started, slot)?;
                // The outermost of those that are under a span of the API was not started either.
                let is_foreign = slot.bits() & BORROWED != 0;
                Some(if is_foreign { &inner.extras.state } else { inner.live.trace_state() }.clone())
            }
            _ => Some(lock(number, slot)?.live.trace_state().clone()),
        }
    }

    /// The context that a new span's is made from: its parent's, for baggage and other values.
    pub(super) fn base_context(&self, asked: Asked) -> Context {
        if let Asked::Explicit(number) = asked
            && let Some(slot) = self.table.get(number)
            && let Some(inner) = lock(number, slot)
            && let Some(context) = &inner.context
        {
            return context.clone();
        }
        local::current_context()
    }
}

/// The fields that a span is made with.
struct SpanFields<'a> {
    attributes: &'a Attributes<'a>,
    site: Site,
    options: &'a SpanOptions,
    /// Whether there was an error among them.
    errors: Cell<bool>,
}

impl<'a> SpanFields<'a> {
    #[inline(always)]
    fn of(core: &'a Core, new: &New<'a>) -> Self {
        let New { attributes, site, .. } = *new;
        SpanFields { attributes, site, options: &core.options, errors: Cell::new(false) }
    }

    /// What a span with these fields starts as.
    #[inline(always)]
    fn start<'s>(&'s self, parent: &Identity, kind: &'s SpanKind) -> SpanStart<'s> {
        let start = SpanStart::new(self.attributes.metadata().name())
            .with_kind(kind)
            .with_parent(Some(parent.as_parent(None)));
        match self.site.has_fields() || self.options.has_extras() {
            true => start.with_attributes(self),
            false => start,
        }
    }
}

impl SpanAttributes for SpanFields<'_> {
    fn visit(&self, visitor: &mut dyn FnMut(&str, ValueRef<'_>)) {
        let plain = Plain { visitor: &mut *visitor, errors: &self.errors };
        if self.site.may_be_special() {
            self.attributes.record(&mut Visitor(&mut NotSpecial(plain)));
        } else {
            self.attributes.record(&mut Visitor(&mut { plain }));
        }
        if self.options.has_extras() {
            self.extras(visitor);
        }
    }

    #[inline(always)]
    fn write(&self, out: &mut AttributeWriter<'_>) {
        let direct = Direct { out: out.again(), keys: self.site.keys(), next: 0, errors: false };
        let mut fields = NotSpecial(direct);
        if self.site.may_be_special() {
            self.attributes.record(&mut Visitor(&mut fields));
        } else {
            self.attributes.record(&mut Visitor(&mut fields.0));
        }
        if fields.0.errors {
            self.errors.set(true);
        }
        if self.options.has_extras() {
            self.extras(&mut |key, value| out.set(key, value));
        }
    }
}

impl SpanFields<'_> {
    #[cold]
    fn extras(&self, visitor: &mut dyn FnMut(&str, ValueRef<'_>)) {
        let metadata = self.attributes.metadata();
        if self.options.location {
            attach::location(metadata, &mut *visitor);
        }
        if self.options.target {
            visitor("target", ValueRef::Str(metadata.target()));
        }
        if self.options.threads {
            attach::thread(&mut *visitor);
        }
    }
}

/// Takes all fields. Their values are made where they are passed on, and not copied: a copy of what has just been written
/// in parts waits for the parts.
struct Plain<'a> {
    visitor: &'a mut dyn FnMut(&str, ValueRef<'_>),
    errors: &'a Cell<bool>,
}

impl Sink for Plain<'_> {
    #[inline(always)]
    fn field(&mut self, field: &Field, value: ValueRef<'_>) {
        (self.visitor)(field.name(), value);
    }

    fn error(&mut self, _: &Field, _: &str, _: &(dyn std::error::Error + 'static)) {
        self.errors.set(true);
    }
}

/// Takes all fields, for the span itself. Keys are not looked for: a callsite's fields differ, and each comes once, unless
/// somebody puts values together by hand.
struct Direct<'a> {
    out: AttributeWriter<'a>,
    /// Of the fields, by index.
    keys: &'static [AttributeKey],
    /// Fields from this one on did not come yet.
    next: usize,
    /// Whether there was an error among them.
    errors: bool,
}

impl Sink for Direct<'_> {
    #[inline(always)]
    fn field(&mut self, field: &Field, value: ValueRef<'_>) {
        // By its parts, so that the value is never put together in memory.
        match value {
            ValueRef::Str(value) => self.put(field, value),
            ValueRef::I64(value) => self.put(field, value),
            ValueRef::F64(value) => self.put(field, value),
            ValueRef::Bool(value) => self.put(field, value),
            // `tracing` has no arrays.
            _ => {}
        }
    }

    fn error(&mut self, _: &Field, _: &str, _: &(dyn std::error::Error + 'static)) {
        self.errors = true;
    }
}

impl Direct<'_> {
    #[inline(always)]
    fn put<'v>(&mut self, field: &Field, value: impl Into<ValueRef<'v>>) {
        let index = field.index();
        match self.keys.get(index) {
            Some(key) if index >= self.next => {
                self.next = index + 1;
                self.out.add_key(key, value);
            }
            _ => self.set(field, value),
        }
    }

    #[cold]
    #[inline(never)]
    fn set<'v>(&mut self, field: &Field, value: impl Into<ValueRef<'v>>) {
        self.out.set(field.name(), value);
    }
}

/// Takes what is not special.
struct NotSpecial<S>(S);

impl<S: Sink> Sink for NotSpecial<S> {
    fn field(&mut self, field: &Field, value: ValueRef<'_>) {
        if special::read(field.name(), value).is_none() {
            self.0.field(field, value);
        }
    }

    fn error(&mut self, field: &Field, message: &str, error: &(dyn std::error::Error + 'static)) {
        self.0.error(field, message, error);
    }
}

/// Takes special fields only.
struct Specials<'a>(&'a mut Special);

impl Sink for Specials<'_> {
    fn field(&mut self, field: &Field, value: ValueRef<'_>) {
        self.0.take(field.name(), value);
    }
}

/// Holds what is recorded of a span that the engine does not record, or not yet.
pub(super) struct Held<'a> {
    special: &'a mut Special,
    held: &'a mut Fields,
    causes: &'a mut Fields,
}

impl<'a> Held<'a> {
    pub(super) fn in_extras(extras: &'a mut Extras) -> Self {
        let Extras { special, held, causes, .. } = extras;
        Held { special, held, causes }
    }

    fn take_all(&mut self, attributes: &Attributes<'_>) {
        attributes.record(&mut Visitor(self));
    }
}

impl Sink for Held<'_> {
    fn field(&mut self, field: &Field, value: ValueRef<'_>) {
        if !self.special.take(field.name(), value) {
            self.held.set(field.name(), value);
        }
    }

    fn error(&mut self, field: &Field, _: &str, error: &(dyn std::error::Error + 'static)) {
        fields::with_buffer(|causes| {
            fields::format_sources(causes, error);
            self.causes.set(field.name(), ValueRef::Str(causes));
        });
    }
}
