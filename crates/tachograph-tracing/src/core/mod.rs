//! What both products do with spans.

mod birth;
mod held;
mod life;
mod parent;
mod quick;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceId};
use tachograph_sdk::diag;
use tachograph_sdk::trace::{LiveSpan, Tracer};
use tracing::Event;
use tracing::span::{Attributes, Id};
use tracing_core::span::Current;

pub(crate) use held::lock;

use crate::foreign::{self, ForeignSpan, Keeper};
use crate::identity::{ATTACH, BORROWED, Identity};
use crate::local::{self, Local, Own, Peek, Top};
use crate::options::{ContextMode, SpanOptions};
use crate::slot::Slot;
use crate::table::{Depot, Table};

/// The number of spans that were made while telemetry was suppressed. What is made under them is silent as well,
/// on whatever thread.
pub(crate) const SILENT: u64 = u64::MAX;

/// The number of spans that there was no room for.
pub(crate) const REFUSED: u64 = u64::MAX - 1;

/// Numbers cores from one.
static CORES: AtomicU64 = AtomicU64::new(1);

/// Which parent a span or an event asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked {
    Root,
    Contextual,
    Explicit(u64),
}

impl Asked {
    #[inline]
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    Nowhere,
    Silent,
    Refused,
    In(u64),
    /// The current context's span, which is of the `opentelemetry` API.
    Foreign,
}

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) id: u64,
    pub(crate) tracer: Tracer,
    /// The slots: here, and not behind another pointer.
    pub(crate) table: Table,
    /// This core, for threads' lists of free slots.
    depot: Weak<dyn Depot>,
    pub(crate) options: SpanOptions,
    /// Spans have fields alone, and nobody looks at their contexts: nothing of the options applies.
    is_lean: bool,
    /// What a span's bits have where more is to be done than to put it on the thread's stack when it is entered.
    enters_otherwise: u32,
    refused: AtomicU64,
}

impl Core {
    pub(crate) fn new(tracer: Tracer, options: SpanOptions) -> Arc<Self> {
        let id = CORES.fetch_add(1, Ordering::Relaxed);
        // Spread over all there are: a span that is named as a parent may be of another subscriber.
        let generation = (id as u32).wrapping_mul(0x9e37_79b9);
        let core = Arc::new_cyclic(|core: &Weak<Core>| Core {
            id,
            tracer,
            table: Table::new(options.max_spans, generation),
            depot: Weak::<Core>::clone(core),
            is_lean: options.mode == ContextMode::Lazy && !options.has_extras(),
            enters_otherwise: match options.mode {
                _ if options.busy_idle => u32::MAX,
                ContextMode::Full => ATTACH | BORROWED,
                ContextMode::Lazy => ATTACH,
            },
            options,
            refused: AtomicU64::new(0),
        });
        let keeper: Arc<dyn Keeper> = Arc::clone(&core) as _;
        foreign::enlist(core.id, &keeper);
        core
    }

    /// Whether this thread keeps something for this core, by now.
    fn has_own(&self, local: &Local) -> bool {
        let make = || Some(Own::new(self.id, Weak::clone(&self.depot), self.tracer.thread()?));
        local.has_own(self.id, make)
    }

    /// Finds what something is in, by the rule that is documented at the crate.
    #[inline(always)]
    pub(crate) fn place(&self, local: Option<&Local>, asked: Asked) -> Place {
        let Some(local) = local else {
            return self.place_in(asked, None, Peek::default());
        };
        let peek = local.peek();
        match peek.suppressed {
            true => Place::Silent,
            false => self.place_in(asked, local.top(self.id), peek),
        }
    }

    /// As [`place`](Self::place), for the console: what happens while telemetry is suppressed is printed.
    pub(crate) fn place_even_if_suppressed(&self, asked: Asked) -> Place {
        let (top, peek) =
            local::with(|local| local.map(|local| (local.top(self.id), local.peek())).unwrap_or_default());
        self.place_in(asked, top, peek)
    }

    #[inline(always)]
    fn place_in(&self, asked: Asked, top: Option<Top>, peek: Peek) -> Place {
        let number = match asked {
            Asked::Contextual => match top {
                Some(top) if peek.span == 0 || peek.span == top.seen => top.number,
                None if peek.span == 0 => return Place::Nowhere,
                _ => return Place::Foreign,
            },
            Asked::Root => return Place::Nowhere,
            Asked::Explicit(number) => number,
        };
        match number {
            SILENT => Place::Silent,
            REFUSED => Place::Refused,
            number => Place::In(number),
        }
    }

    #[cold]
    fn refuse(&self) -> u64 {
        self.tracer.count_refused();
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

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn enter(&self, number: u64) {
        if let Some(slot) = self.table.get(number)
            && slot.bits() & self.enters_otherwise == 0
            && let Some(seen) = local::seen()
            && local::push_near(self.id, number, seen)
        {
            return;
        }
        self.enter_otherwise(number);
    }

    #[inline(never)]
    fn enter_otherwise(&self, number: u64) {
        let _ = local::try_with(|local| match self.table.get(number) {
            Some(slot) => self.enter_slot(local, number, slot),
            None => self.enter_nothing(local, number),
        });
    }

    fn enter_slot(&self, local: &Local, number: u64, slot: &Slot) {
        let bits = slot.bits();
        if bits & ATTACH != 0 {
            self.enter_attached(local, number, slot);
        } else if bits & BORROWED != 0 && self.options.mode == ContextMode::Full {
            self.enter_borrowed(local, number, slot);
        } else {
            local.push(self.id, number);
        }
        if self.options.busy_idle {
            self.count_enter(number, slot);
        }
    }

    #[cold]
    fn count_enter(&self, number: u64, slot: &Slot) {
        if let Some(mut inner) = lock(number, slot) {
            inner.timing.enter();
        }
    }

    fn enter_attached(&self, local: &Local, number: u64, slot: &Slot) {
        if let Some(inner) = lock(number, slot)
            && let Some(context) = &inner.context
        {
            let context = context.clone();
            drop(inner);
            local.push_attached(self.id, number, slot.identity().span_id, context);
        } else {
            local.push(self.id, number);
        }
    }

    /// Foreign code in a span that was never started is to see the ancestor that was; where that is not attached
    /// already, as on another thread, it is attached here.
    fn enter_borrowed(&self, local: &Local, number: u64, slot: &Slot) {
        let identity = slot.identity();
        let seen = local.peek().span;
        if !identity.is_valid() || seen == identity.span_id {
            return local.push_seen(self.id, number, seen);
        }
        let context = self.context_of_borrowed(number, slot, &identity, &Context::current());
        local.push_attached(self.id, number, identity.span_id, context);
    }

    /// A context with the span in it whose ids a span has that was never started.
    fn context_of_borrowed(&self, number: u64, slot: &Slot, identity: &Identity, base: &Context) -> Context {
        let state = self.state_of(number, slot);
        base.with_remote_span_context(identity.as_parent(state.as_ref()).to_span_context())
    }

    #[cold]
    fn enter_nothing(&self, local: &Local, number: u64) {
        let peek = local.peek();
        match number {
            // Suppression goes where the span goes.
            SILENT if !peek.suppressed => {
                let context = Context::current().with_telemetry_suppressed();
                local.push_attached(self.id, number, peek.span, context);
            }
            SILENT | REFUSED => local.push(self.id, number),
            _ => {}
        }
    }

    #[inline(always)]
    pub(crate) fn exit(&self, number: u64) {
        match self.options.busy_idle {
            true => self.exit_and_count(number),
            false => drop(local::pop(self.id, number)),
        }
    }

    #[cold]
    #[inline(never)]
    fn exit_and_count(&self, number: u64) {
        if local::pop(self.id, number)
            && let Some(slot) = self.table.get(number)
            && let Some(mut inner) = lock(number, slot)
        {
            inner.timing.exit();
        }
    }

    /// The innermost span of this thread.
    pub(crate) fn current(&self) -> Current {
        let Some(top) = local::top(self.id) else {
            return Current::none();
        };
        match self.table.get(top.number).and_then(Slot::metadata) {
            Some(metadata) => Current::new(Id::from_u64(top.number), metadata),
            None => Current::none(),
        }
    }

    pub(crate) fn identity(&self, number: u64) -> Option<Identity> {
        self.table.get(number).map(Slot::identity)
    }

    pub(crate) fn ids(&self, number: u64) -> Option<(TraceId, SpanId)> {
        let identity = self.identity(number)?;
        identity.is_valid().then(|| (identity.trace_id(), identity.span_id()))
    }

    /// A context with the span in it.
    fn context_of(&self, number: u64, context: SpanContext, base: &Context) -> Context {
        base.with_span(ForeignSpan { core: self.id, number, context })
    }
}

impl Depot for Core {
    fn table(&self) -> &Table {
        &self.table
    }
}

impl Keeper for Core {
    fn with_live(&self, number: u64, change: &mut dyn FnMut(&Tracer, &mut LiveSpan)) {
        Core::with_live(self, number, |live| change(&self.tracer, live));
    }
}
